# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""B4: two engines, root, intermediate, URLs, revocation lists, ten roles, policies and AppRoles; first and again."""

from __future__ import annotations

import json
import typing as t

from cryptography import x509

from tests.benchmarks.contenders import Run, Task
from tests.benchmarks.session import Session
from tests.benchmarks.verify import Void
from tests.rigs.vault_api import VaultApi

UPPER, LOWER, APPROLE = "prov_root", "prov_int", "prov_approle"
DAY = 86400
LIVES = {UPPER: 3650 * DAY, LOWER: 1825 * DAY}
NUMBERS = range(10)
#: 3 mounts, 2 authorities, 2 URLs, 2 revocation lists, 10 roles, 10 policies, 10 AppRoles.
OBJECTS = 39
OURS_TASKS = 1


def _urls(mount: str) -> dict[str, list[str]]:
    base = f"http://pki.bench.example/v1/{mount}"
    return {"issuing_certificates": [f"{base}/ca"], "crl_distribution_points": [f"{base}/crl"]}


def _rules(number: int) -> str:
    return f'path "{LOWER}/sign/svc-{number}" {{\n  capabilities = ["update"]\n}}\n'


def ours(session: Session) -> Run:
    """One task with a section per kind of object."""
    sections: Task = {
        "mounts": [
            *({"path": path, "type": "pki", "max_lease_ttl": life} for path, life in LIVES.items()),
            {"path": APPROLE, "category": "auth", "type": "approle"},
        ],
        "engines": [{"mount": mount, "urls": _urls(mount), "crl": {"expiry": "72h"}} for mount in LIVES],
        "issuers": _issuers(),
        "pki_roles": [{"name": f"svc-{n}", "mount": LOWER, **_role(n)} for n in NUMBERS],
        "policies": [{"name": f"prov-{n}", "rules": _rules(n)} for n in NUMBERS],
        "approles": [{"name": f"svc-{n}", "mount": APPROLE, **_approle(n)} for n in NUMBERS],
    }
    options = {**session.estate.connection, **sections}
    tasks: list[Task] = [{"name": "Provision", "trustmesh.security.vault_stack": options}]
    assert len(tasks) == OURS_TASKS
    return session.bench.playbook("ours-provision", tasks), _environment(session), ""


def _issuers() -> list[Task]:
    common = {"key_type": "ec", "default": True}
    root = {"name": "root", "mount": UPPER, "type": "root", "common_name": "Prov Root", "ttl": "3650d"}
    issuing = {"name": "issuing", "mount": LOWER, "type": "intermediate", "common_name": "Prov Issuing", "ttl": "1825d"}
    return [{**root, **common}, {**issuing, **common, "signed_by": {"mount": UPPER, "issuer": "root"}}]


def _role(number: int) -> Task:
    return {
        "allowed_domains": [f"svc-{number}.bench.example"],
        "allow_subdomains": True,
        "key_type": "ec",
        "key_bits": 256,
        "ttl": "720h",
        "max_ttl": "2160h",
    }


def _approle(number: int) -> Task:
    return {"token_policies": [f"prov-{number}"], "token_ttl": "1h", "token_max_ttl": "4h"}


def _environment(session: Session) -> dict[str, str]:
    return session.bench.environment({"VAULT_TOKEN": session.estate.server.root_token})


def hashivault(session: Session) -> Run:
    """Fourteen tasks, three of them loops, as the examples of the modules show."""
    numbers = {"loop": list(NUMBERS)}
    role = {**_role(0), "allowed_domains": ["svc-{{ item }}.bench.example"]}
    approle = {"token_policies": ["prov-{{ item }}"], "token_ttl": "3600", "token_max_ttl": "14400"}
    rules = _rules(0).replace("svc-0", "svc-{{ item }}")
    tasks: list[Task] = [
        *(
            {"hashivault_secret_engine": {"name": path, "backend": "pki", "config": {"max_lease_ttl": life}}}
            for path, life in LIVES.items()
        ),
        {"hashivault_auth_method": {"method_type": "approle", "mount_point": APPROLE}},
        *({"hashivault_pki_url": {"mount_point": mount, **_urls(mount)}} for mount in LIVES),
        *({"hashivault_pki_crl": {"mount_point": mount, "expiry": "72h"}} for mount in LIVES),
        *_hashivault_authorities(),
        {"hashivault_pki_role": {"mount_point": LOWER, "name": "svc-{{ item }}", "config": role}, **numbers},
        {"hashivault_policy": {"name": "prov-{{ item }}", "rules": rules}, **numbers},
        {"hashivault_approle_role": {"mount_point": APPROLE, "name": "svc-{{ item }}", **approle}, **numbers},
    ]
    for task in tasks:
        module = next(name for name in task if name.startswith("hashivault"))
        task[module] = {**session.estate.connection, **task[module]}
    return session.bench.playbook("hashivault-provision", tasks), _environment(session), ""


def _hashivault_authorities() -> list[Task]:
    key = {"key_type": "ec", "key_bits": 256}
    lower = {"mount_point": LOWER, "common_name": "Prov Issuing"}
    signing: Task = {"mount_point": UPPER, "type": "intermediate", "csr": "{{ request.data.csr }}"}
    signing.update(common_name="Prov Issuing", extra_params={"ttl": "43800h"})
    return [
        {"hashivault_pki_ca": {"mount_point": UPPER, "common_name": "Prov Root", "config": {**key, "ttl": "87600h"}}},
        {"hashivault_pki_ca": {**lower, "kind": "intermediate", "config": key}, "register": "request"},
        {"hashivault_pki_cert_sign": signing, "register": "signed", "when": "request is changed"},
        {
            "hashivault_pki_set_signed": {"mount_point": LOWER, "certificate": "{{ signed.data.certificate }}"},
            "when": "request is changed",
        },
    ]


def script(session: Session) -> Run:
    """The same by a plain program that reads, compares and writes."""
    key = {"key_type": "ec", "key_bits": 256}
    seconds = {"ttl": 720 * 3600, "max_ttl": 2160 * 3600}
    wanted = {
        "mounts": {path: {"type": "pki", "config": {"max_lease_ttl": f"{life}s"}} for path, life in LIVES.items()},
        "auth": {APPROLE: {"type": "approle"}},
        "urls": {f"{mount}/config/urls": _urls(mount) for mount in LIVES},
        "crl": {f"{mount}/config/crl": {"expiry": "72h"} for mount in LIVES},
        "root": {"mount": UPPER, "body": {"common_name": "Prov Root", "ttl": "87600h", **key}},
        "intermediate": {
            "mount": LOWER,
            "body": {"common_name": "Prov Issuing", **key},
            "signing": {"common_name": "Prov Issuing", "ttl": "43800h"},
        },
        "roles": {f"{LOWER}/roles/svc-{n}": {**_role(n), **seconds} for n in NUMBERS},
        "policies": {f"sys/policies/acl/prov-{n}": _rules(n) for n in NUMBERS},
        "approles": {
            f"auth/{APPROLE}/role/svc-{n}": {**_approle(n), "token_ttl": 3600, "token_max_ttl": 14400} for n in NUMBERS
        },
    }
    given = json.dumps({**session.estate.connection, "wanted": wanted})
    return session.bench.script("provision"), _environment(session), given


CONTENDERS: dict[str, t.Callable[[Session], Run]] = {"ours": ours, "script": script, "hashivault": hashivault}


def provisioning(session: Session, *, peers: bool) -> None:
    """B4 first on a server that has nothing of it, then again."""
    api = session.estate.server.api
    for name, command in CONTENDERS.items():
        if name == "hashivault" and not peers:
            continue
        repeats = session.schedule.peer_repeats if name == "hashivault" else session.schedule.repeats
        for _repetition in range(repeats):
            _reset(api)
            for bench in ("B4 first", "B4 again"):
                session.take(bench, name, OBJECTS, command(session), check=lambda _done: _verify(api))
    _reset(api)


def _reset(api: VaultApi) -> None:
    """Remove everything; disabling what is not there is fine with the server."""
    for path in (f"sys/mounts/{UPPER}", f"sys/mounts/{LOWER}", f"sys/auth/{APPROLE}"):
        api.delete(path)
    for number in NUMBERS:
        api.delete(f"sys/policies/acl/prov-{number}")


def _verify(api: VaultApi) -> None:
    """Read everything back; raise Void at the first object that is not as declared."""
    for number in NUMBERS:
        role = {**_role(number), "ttl": 720 * 3600, "max_ttl": 2160 * 3600}
        _expect(api, f"{LOWER}/roles/svc-{number}", role)
        _expect(api, f"sys/policies/acl/prov-{number}", {"policy": _rules(number)})
        approle = {**_approle(number), "token_ttl": 3600, "token_max_ttl": 14400}
        _expect(api, f"auth/{APPROLE}/role/svc-{number}", approle)
    for mount, life in LIVES.items():
        _expect(api, f"{mount}/config/urls", _urls(mount))
        _expect(api, f"{mount}/config/crl", {"expiry": "72h"})
        _expect(api, f"sys/mounts/{mount}/tune", {"max_lease_ttl": life})
    upper, lower = (_authority(api, mount) for mount in LIVES)
    try:
        lower.verify_directly_issued_by(upper)
    except ValueError as error:
        raise Void(f"the intermediate is not issued by the root: {error}") from None


def _expect(api: VaultApi, path: str, fields: Task) -> None:
    held = api.read(path) or {}
    for name, value in fields.items():
        found = held.get(name)
        if isinstance(value, str) and isinstance(found, str):
            value, found = value.strip(), found.strip()
        if name == "expiry" and found == str(3 * DAY):
            continue
        if found != value:
            raise Void(f"{path}: {name} is {found!r}, not {value!r}")


def _authority(api: VaultApi, mount: str) -> x509.Certificate:
    content = (api.read(f"{mount}/cert/ca") or {}).get("certificate", "")
    if not content:
        raise Void(f"{mount} has no authority")
    return x509.load_pem_x509_certificate(content.encode())
