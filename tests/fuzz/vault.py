# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a server says of an object, its reader says what is wrong; every object with a right answer."""

from __future__ import annotations

import datetime
import json
import types
import typing as t

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._vault import info, pki_role, role_rules
from plugins.module_utils._vault.answer import Fields
from plugins.module_utils._vault.approle import AppRoleState
from plugins.module_utils._vault.kv_survey import KvSurvey
from plugins.module_utils._vault.kv_values import KvValues
from plugins.module_utils._vault.mount import MountState
from plugins.module_utils._vault.pki_config import CrlState
from plugins.module_utils._vault.pki_issued import issued_to
from plugins.module_utils._vault.pki_issuer_state import Held
from plugins.module_utils._vault.pki_mount import PkiMount
from plugins.module_utils._vault.pki_revocation import Revocation
from plugins.module_utils._vault.pki_revocation import Target as Revoked
from plugins.module_utils._vault.port import Vault
from plugins.module_utils._vault.revoked import RevokedCertificates
from plugins.module_utils._vault.session import Session
from plugins.module_utils._vault.signer import VaultSigner
from plugins.module_utils._vault.transit import TransitKey
from plugins.module_utils._vault.transit_holder import TransitHolder
from plugins.module_utils._vault.transit_key import TransitKeyState
from tests.unit.vault.test_role_rules import _wanted as wanted
from tests.unit.vault.test_states import RECORDED, answer_of

from . import pki
from .feeding import Target

NOW: t.Final = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)


class _Parrot:
    """The transport of a port that answers everything with one object, and tells that it is a key-value engine."""

    token: str | None = "t"
    base_uri = "https://vault.example:8200"

    def __init__(self, given: t.Any) -> None:
        self._given = given

    def request(self, method: str, url: str, **_options: t.Any) -> t.Any:
        """Return it."""
        body: t.Any = {"data": self._given}
        if "/ui/mounts/" in url:
            body = {"data": {"type": "kv", "path": "kv/", "options": {"version": "2"}}}
        elif method == "list":
            body = {"data": {"keys": ["01:02"], "key_info": {"01:02": self._given}}}
        elif url.endswith(("seal-status", "health")):
            body = self._given
        content = json.dumps(body).encode("utf-8", "surrogatepass")
        return types.SimpleNamespace(status_code=200, headers={}, content=content)


def _port(given: t.Any) -> Vault:
    return Vault(t.cast(t.Any, _Parrot(given)), retries=0, sleep=lambda _seconds: None)


def _states(given: t.Any) -> object:
    data = _port(given).read("any/object")
    assert data is not None
    readers: tuple[t.Callable[[], object], ...] = (
        lambda: MountState.from_entry(data),
        lambda: TransitKeyState.of(data),
        lambda: pki_role.RoleState.observed(data),
        lambda: CrlState.observed(data),
        lambda: AppRoleState.observed(data).shown(),
        lambda: role_rules.well_formed(Fields.of(data, "the role")),
        lambda: list(role_rules.objections(role_rules.well_formed(data), "web", _WANTED)),
        lambda: PkiMount(_port(given), "pki").ceiling,
        lambda: Session(_port(given), "/nowhere", None)._ask(t.cast(t.Any, _TOKEN)),
        lambda: info.gather_server(_port(given)),
        lambda: info.gather_mounts(_port(given)),
    )
    return _outcomes(readers)


_WANTED: t.Final = wanted(dns_names=["*.a.example"], ip_addresses=["10.0.0.1"], uris=["a://b"], emails=["m@a.example"])
_TOKEN: t.Final = types.SimpleNamespace(reveal=lambda: "t")


def _outcomes(readers: t.Iterable[t.Callable[[], object]]) -> tuple[str, ...]:
    said = []
    for read in readers:
        try:
            said.append(type(read()).__name__)
        except TrustmeshError as error:
            said.append(f"{type(error).__name__} {error.field}")
    return tuple(said)


def _secrets(given: t.Any) -> object:
    port = _port(given)
    readers: tuple[t.Callable[[], object], ...] = (
        lambda: KvSurvey(port, "kv", "", lambda _text, _name: [], NOW)._look("a", True),
        lambda: KvValues(lambda: port)("kv", "a", "k"),
        lambda: TransitKey(port, "transit", "k").newest,
        lambda: TransitKey(port, "transit", "k").wrap([b"0" * 32]),
        lambda: TransitKey(port, "transit", "k").unwrap(["vault:v1:QUJD"]),
        lambda: TransitHolder(port, "transit").public_pem("k"),
        *(_signing(port, algorithm) for algorithm in ("ES256", "RS256")),
    )
    return _outcomes(readers)


def _signing(port: Vault, algorithm: str) -> t.Callable[[], object]:
    return lambda: TransitHolder(port, "transit").sign("k", b"data", algorithm)


def _engines(given: t.Any) -> object:
    port = _port(given)
    data = port.read_or_nothing("any/object")
    leaf = pki.certificates()[1].certificate
    revoked = RevokedCertificates(port, "pki")
    readers: tuple[t.Callable[[], object], ...] = (
        lambda: Held.of(data).state(None, "x", {}),
        lambda: Held.of(data).shown(Held.of(data).state(None, "x", {})),
        lambda: issued_to(port, "pki", ["a.example"], NOW),
        lambda: revoked.standing(leaf),
        lambda: revoked._by_list(leaf, "default"),
        lambda: Revocation(PkiMount(port, "pki"), Revoked("01:02")).read(),
        lambda: VaultSigner(port, "pki", "web", None, revoked).chain(),
    )
    return _outcomes(readers)


def _kept() -> list[t.Any]:
    answers: list[t.Any] = [answer_of(entry) for entry in RECORDED]
    answers.append({"allow_ip_sans": True, "allowed_ip_sans_cidr": ["10.0.0.0/8"], "allowed_domains": ["a*.example"]})
    key = {"latest_version": 1, "keys": {"1": {"creation_time": "2026-01-01T00:00:00.5Z", "public_key": "x"}}}
    mount = {"type": "kv", "options": {"version": "2"}, "config": {"max_lease_ttl": 1}, "accessor": "a"}
    token = {"ttl": 1, "expire_time": "2026-01-01T00:00:00Z", "path": "auth/x", "policies": ["a"], "num_uses": 1}
    health = {"initialized": True, "sealed": False, "type": "shamir", "n": 1, "t": 1, "version": "2", "progress": 0}
    return [*answers, key, mount, token, health, {"kv/": mount}]


def _held() -> list[t.Any]:
    version = {"created_time": "2026-01-01T00:00:00.5Z", "deletion_time": "", "destroyed": False}
    return [
        {"current_version": 1, "versions": {"1": version}, "data": {"k": "v"}, "metadata": {"version": 1}},
        {"type": "aes256-gcm96", "latest_version": 1, "batch_results": [{"ciphertext": "vault:v1:QUJD"}]},
        {"keys": {"1": {"public_key": "QUJD", "name": "ed25519"}}, "signature": "vault:v1:QUJD"},
    ]


def _issuers() -> list[t.Any]:
    root, leaf, _other = pki.certificates()
    chain = [root.pem.decode()]
    issuer = {"certificate": chain[0], "ca_chain": chain, "issuer_id": "i", "key_id": "k", "manual_chain": ["i"]}
    entry = {
        "certificate": leaf.pem.decode(),
        "revocation_time": 0,
        "common_name": "a",
        "not_after": "2026-01-01T00:00:00Z",
    }
    return [issuer, entry, {"crl": pki.crls()[0].decode(), "certificate": chain[0]}]


TARGETS: t.Final = (
    Target("vault_objects", _states, _kept, share=0.3),
    Target("vault_secrets", _secrets, _held, share=0.3),
    Target("vault_engines", _engines, _issuers, share=0.2),
)
