# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each module has to be able to do with the policy that the guide prints for it.

A trial prepares objects as root and lists the runs of the module: everything that its policy is for, from making over
changing to removing. Names are those of the guide; the world gives each trial its own instead.
"""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.rigs.openbao import OpenBao
from tests.rigs.postgres import Postgres
from tests.rigs.runner import ModuleResult
from tests.rigs.vault_api import VaultApi

Args = dict[str, t.Any]
YEAR: t.Final = 365 * 24 * 3600
RULES: t.Final = 'path "hub/*" {\n  capabilities = ["read"]\n}\n'


@dataclass(frozen=True)
class World:
    """A server, names of the trial's own for those of the guide, and a directory."""

    server: OpenBao
    names: Mapping[str, str]
    directory: pathlib.Path
    #: Starts a database when it is first asked for.
    database: Callable[[], Postgres]

    @property
    def api(self) -> VaultApi:
        """The server as root."""
        return self.server.api

    @property
    def postgres(self) -> Postgres:
        """A database server."""
        return self.database()

    def __getitem__(self, name: str) -> str:
        return self.names[name]

    def mount(self, name: str, kind: str, *, tuned: bool = True, **fields: t.Any) -> str:
        """Enable an engine under the trial's name and return that; untuned it has the limits of the system."""
        config = {"max_lease_ttl": f"{10 * YEAR}s"} if tuned else {}
        self.api.write(f"sys/mounts/{self[name]}", type=kind, config=config, **fields)
        return self[name]

    def limits_are_public(self, mount: str) -> bool:
        """Tell whether the limits of the system are shown beside an untuned mount; OpenBao shows them to operators."""
        shown = self.api.read(f"sys/internal/ui/mounts/{self[mount]}") or {}
        return bool(shown["config"]["max_lease_ttl"])

    def authority(self) -> None:
        """Make a root in `pki_root` and a second CA, with the role `mesh`, in `pki_int`."""
        for mount, issuer in (("pki_root", "root-2026"), ("pki_int", "mesh-2026")):
            self.mount(mount, "pki")
            body = {"common_name": issuer, "key_type": "ec", "ttl": f"{5 * YEAR}s", "issuer_name": issuer}
            self.api.write(f"{self[mount]}/root/generate/internal", **body)
        role = {"allowed_domains": ["hub.example"], "allow_subdomains": True, "key_type": "ec", "max_ttl": "720h"}
        self.api.write(f"{self['pki_int']}/roles/mesh", **role)

    def approle(self, **fields: t.Any) -> None:
        """Enable the AppRole method with the role `issuer`."""
        self.api.write(f"sys/auth/{self['approle']}", type="approle")
        self.api.write(f"auth/{self['approle']}/role/issuer", **fields)


Run = Callable[[Args], ModuleResult]


def _by_token(world: World, rules: str) -> Args:
    """Log in with a token that has these rules and no others."""
    return {"token": world.server.make_token(rules=rules, no_default_policy=True)}


def _by_approle(world: World, rules: str) -> Args:
    """Log in by AppRole, so that the token that is obtained has these rules and no others."""
    policy = world["hub-read"]
    world.api.write(f"sys/policies/acl/{policy}", policy=rules)
    world.approle(token_policies=[policy], token_no_default_policy=True, token_ttl="20m")
    role = f"auth/{world['approle']}/role/issuer"
    role_id = (world.api.read(f"{role}/role-id") or {})["role_id"]
    secret_id = world.api.write(f"{role}/secret-id").data["secret_id"]
    return {"auth_method": "approle", "auth_mount": world["approle"], "role_id": role_id, "secret_id": secret_id}


@dataclass(frozen=True)
class Trial:
    """What a module does with its policy."""

    module: str
    #: Everything that the policy is for; each run has to succeed with it.
    runs: Callable[[World], Iterable[Args]]
    prepare: Callable[[World], object] = lambda world: None
    #: Tells, by runs of its own, whether the lack of an optional rule shows.
    poorer: Callable[[World, Run], bool] | None = None
    log_in: Callable[[World, str], Args] = _by_token
    #: The trial to whose policy this one adds.
    on_top_of: str | None = None


def _items(plural: str, *items: Args) -> list[Args]:
    return [{plural: [item]} for item in items]


def _policy(world: World) -> list[Args]:
    name = {"name": world["hub-read"]}
    more = RULES + RULES.replace("hub", "hub2")
    return _items("policies", {**name, "rules": RULES}, {**name, "rules": more}, {**name, "state": "absent"})


def _mount(category: str, name: str, kind: str) -> Callable[[World], list[Args]]:
    def runs(world: World) -> list[Args]:
        made = {"path": world[name], "category": category, "type": kind}
        gone = {"path": world[name], "category": category, "state": "absent"}
        return _items("mounts", made, {**made, "max_lease_ttl": "30d"}, gone)

    return runs


def _approle(world: World) -> list[Args]:
    role = {"name": "issuer", "mount": world["approle"]}
    made = {**role, "role_id": world["issuer-id"], "token_ttl": "1h"}
    return _items("roles", made, {**made, "token_ttl": "2h"}, {**role, "state": "absent"})


def _approle_method(world: World) -> None:
    world.api.write(f"sys/auth/{world['approle']}", type="approle")


def _delivery(world: World) -> list[Args]:
    path = str(world.directory / "secret-id")
    role = {"name": "issuer", "mount": world["approle"], "delivery": {"path": path, "wrapped": True}}
    plain = {**role, "delivery": {"path": path, "wrapped": False}}
    changed = {**role, "delivery": {"path": path, "wrapped": False, "metadata": {"host": "a"}}}
    return _items("roles", role, plain, changed)


ROOT: t.Final[Args] = {"type": "root", "common_name": "Root", "key_type": "ec", "ttl": "30d", "default": True}


def _root(world: World, **fields: t.Any) -> list[Args]:
    made = {**ROOT, "name": "root-2026", "mount": world["pki_root"], **fields}
    return _items("issuers", made, {**made, "usage": ["crl-signing"]}, {**made, "name": "root-2027"})


def _root_is_cut_unseen(world: World, run: Run) -> bool:
    return "longer than the mount" not in run(_root(world, ttl="3650d")[0]).msg


def _replacement(world: World) -> list[Args]:
    made = {**ROOT, "name": "root-2026", "mount": world["pki_root"]}
    return _items("issuers", made, {**made, "common_name": "Another Root", "on_mismatch": "replace"})


def _intermediate(world: World) -> list[Args]:
    made = {
        "mount": world["pki_int"],
        "type": "intermediate",
        "signed_by": {"mount": world["pki_root"], "issuer": "root-2026"},
        "common_name": "Mesh",
        "key_type": "ec",
        "ttl": "365d",
        "default": True,
    }
    fresh, continued = {**made, "name": "mesh-2027"}, {**made, "name": "mesh-2028"}
    return _items("issuers", fresh, {**fresh, "leaf_not_after_behavior": "truncate"}, continued)


def _with_a_pending_key(world: World) -> None:
    world.authority()
    world.api.write(f"{world['pki_int']}/keys/generate/internal", key_name="mesh-2028", key_type="ec")


def _import(world: World) -> list[Args]:
    body = {"common_name": "Elsewhere", "key_type": "ec", "ttl": "8760h"}
    made = world.api.write(f"{world['pki_int']}/root/generate/exported", **body).data
    brought = {"certificate": made["certificate"], "private_key": made["private_key"]}
    return _items("issuers", {"name": "elsewhere", "mount": world["pki_root"], "type": "imported", **brought})


def _both_engines(world: World) -> None:
    world.mount("pki_root", "pki")
    world.mount("pki_int", "pki")


def _removal(world: World) -> list[Args]:
    gone = {"name": "root-2026", "mount": world["pki_root"], "state": "absent", "delete_key": True}
    return _items("issuers", gone)


def _with_a_role_of_another_issuer(world: World) -> None:
    world.authority()
    world.api.write(f"{world['pki_root']}/root/generate/internal", common_name="Next", issuer_name="root-2027")
    world.api.write(f"{world['pki_root']}/roles/mesh", issuer_ref="root-2027", allow_any_name=True)


def _pki_role(world: World) -> list[Args]:
    role = {"name": "mesh", "mount": world["pki_int"]}
    made = {**role, "allowed_domains": ["hub.example"], "max_ttl": "20d"}
    return _items("roles", made, {**made, "max_ttl": "30d"}, {**role, "state": "absent"})


def _role_is_cut_unseen(world: World, run: Run) -> bool:
    return not run(_items("roles", {"name": "mesh", "mount": world["pki_int"], "max_ttl": "800d"})[0]).failed


def _pki_config(world: World) -> list[Args]:
    engine = {
        "mount": world["pki_int"],
        "cluster": {"path": "https://vault.example.com:8200/v1/pki_int"},
        "urls": {"crl_distribution_points": ["http://pki.example.com/v1/pki_int/crl"]},
        "crl": {"expiry": "48h"},
        "auto_tidy": {"enabled": True, "tidy_cert_store": True},
    }
    return _items("engines", engine)


def _secrets(world: World) -> list[Args]:
    secret = {"mount": world["hub"], "path": "partners/perffsp-1"}
    made = {**secret, "data": {"region": "east"}, "generate": [{"key": "api_key"}]}
    return _items("secrets", made, {**made, "data": {"region": "west"}}, {**secret, "state": "absent"})


def _secrets_of_version_2(world: World) -> list[Args]:
    made, changed, gone = (args["secrets"][0] for args in _secrets(world))
    described = {**changed, "custom_metadata": {"owner": "ledger-team"}}
    bare = {"mount": world["hub"], "path": "partners/perffsp-2", "max_versions": 5}
    return _items("secrets", made, changed, described, gone, {**gone, "on_delete": "destroy"}, bare)


def _key_value(version: int) -> Callable[[World], object]:
    return lambda world: world.mount("hub", "kv", options={"version": str(version)})


def unlisted(plural: str, **fields: t.Any) -> Callable[[World, Run], bool]:
    """Tell whether a module does not say who is in custody without a declaration."""

    def poorer(world: World, run: Run) -> bool:
        owner = {"name": "perffsp-1"}
        return run({"mount": world["hub"], **fields, plural: [owner]}).ok().result["undeclared"] is None

    return poorer


def _signing_keys(world: World) -> list[Args]:
    kept = {"mount": world["hub"], "algorithm": "ES256"}
    changed = {**kept, "algorithm": "RS256", "on_mismatch": "replace"}
    owner = {"name": "perffsp-1"}
    return [
        {**kept, "participants": [owner]},
        {**changed, "participants": [owner]},
        {**kept, "participants": [{**owner, "state": "absent"}]},
    ]


def _certificate(world: World) -> list[Args]:
    shared = {"mount": world["pki_int"], "role": "mesh", "directory": str(world.directory / "pki"), "ttl": "10d"}
    return [{**shared, "certificates": [{"name": "switch", "common_name": "switch.hub.example"}]}]


def _role_or_revocations_are_not_seen(world: World, run: Run) -> bool:
    warnings = [str(run(_certificate(world)[0]).result.get("warnings")) for _attempt in range(2)]
    return "cannot be read" in warnings[0] or "cannot be listed" in warnings[1]


def _certificate_info(world: World) -> list[Args]:
    issued = world.api.write(f"{world['pki_int']}/issue/mesh", common_name="switch.hub.example").data
    mount = {"mount": world["pki_int"]}
    sources = [{**mount, "serial": issued["serial_number"]}, {**mount, "issuer": "mesh-2026"}]
    return [{"sources": [*sources, {**mount, "pem": issued["certificate"]}]}]


def _revocation(world: World) -> list[Args]:
    issued = world.api.write(f"{world['pki_int']}/issue/mesh", common_name="switch.hub.example").data
    return _items("revocations", {"mount": world["pki_int"], "serial": issued["serial_number"]})


def _issued(world: World) -> list[Args]:
    world.api.write(f"{world['pki_int']}/issue/mesh", common_name="switch.hub.example")
    return [{"mount": world["pki_int"], "common_names": ["switch.hub.example"]}]


def _session(world: World) -> list[Args]:
    kept = {"path": str(world.directory / "token"), "min_ttl": "5m"}
    return [kept, kept, {"path": kept["path"], "state": "absent"}]


def _tokens_stay(world: World, run: Run) -> bool:
    last = [run(args) for args in _session(world)][-1]
    return "could not be revoked" in str(last.result.get("warnings"))


def _no_mounts(world: World, run: Run) -> bool:
    return run({}).result["mounts"] is None


#: By the caption of the policy in the guide.
TRIALS: t.Final[dict[str, Trial]] = {
    "vault_policy": Trial("vault_policy", _policy),
    "vault_mount.secret": Trial("vault_mount", _mount("secret", "pki_int", "pki")),
    "vault_mount.auth": Trial("vault_mount", _mount("auth", "approle", "approle")),
    "vault_approle": Trial("vault_approle", _approle, _approle_method),
    "vault_approle.delivery": Trial("vault_approle", _delivery, World.approle),
    "vault_pki_issuer.root": Trial(
        "vault_pki_issuer", _root, lambda world: world.mount("pki_root", "pki", tuned=False), poorer=_root_is_cut_unseen
    ),
    "vault_pki_issuer.intermediate": Trial("vault_pki_issuer", _intermediate, _with_a_pending_key),
    "vault_pki_issuer.replace": Trial(
        "vault_pki_issuer",
        _replacement,
        lambda world: world.mount("pki_root", "pki"),
        on_top_of="vault_pki_issuer.root",
    ),
    "vault_pki_issuer.import": Trial("vault_pki_issuer", _import, _both_engines),
    "vault_pki_issuer.absent": Trial("vault_pki_issuer", _removal, _with_a_role_of_another_issuer),
    "vault_pki_role": Trial(
        "vault_pki_role",
        _pki_role,
        lambda world: world.mount("pki_int", "pki", tuned=False),
        poorer=_role_is_cut_unseen,
    ),
    "vault_pki_config": Trial("vault_pki_config", _pki_config, World.authority),
    "vault_kv_secret.version2": Trial("vault_kv_secret", _secrets_of_version_2, _key_value(2)),
    "vault_kv_secret.version1": Trial("vault_kv_secret", _secrets, _key_value(1)),
    "jws_key": Trial("jws_key", _signing_keys, _key_value(2), poorer=unlisted("participants")),
    "vault_token": Trial("vault_token", _session, poorer=_tokens_stay, log_in=_by_approle),
    "vault_info": Trial("vault_info", lambda world: [{}], poorer=_no_mounts),
    "vault_pki_revocation": Trial("vault_pki_revocation", _revocation, World.authority),
    "vault_pki_certificate_info": Trial("vault_pki_certificate_info", _issued, World.authority),
    "certificate": Trial("certificate", _certificate, World.authority, poorer=_role_or_revocations_are_not_seen),
}
