# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""jwt_key against a real server: the ladder, what PyJWT makes of the published set, rotation, and who may read what."""

from __future__ import annotations

import contextlib
import datetime
import json
import pathlib
import time
import typing as t
from collections.abc import Callable, Iterator

import jwt as pyjwt
import pytest

from plugins.module_utils._jose import base64url
from plugins.module_utils._jose.jwt import mint, signing_key
from plugins.module_utils._vault.connection import reach
from plugins.module_utils._vault.port import Vault
from plugins.module_utils._vault.transit_holder import TransitHolder
from tests.integration.docs_policies.returned import differences
from tests.integration.ladder import Ladder
from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao

Name = Callable[[str], str]
Module = Callable[..., t.Any]

ISSUERS = [
    {"name": "trust-service", "key_size": 2048},
    {"name": "coordination-server", "algorithm": "ES256"},
    {"name": "host-panel", "algorithm": "EdDSA", "token_lifetime": "60m"},
    {"name": "legacy", "algorithm": "HS256", "lead": "0"},
]
#: What the documentation of the module demands, by path.
GRANTED = {
    "data/jwt/*": ["create", "read", "update"],
    "metadata/jwt/*": ["delete"],
    "data/jwks": ["create", "read", "update"],
}


def rules(mount: str, granted: dict[str, list[str]]) -> str:
    """Return a policy in one engine."""
    return "".join(
        f'path "{mount}/{path}" {{ capabilities = {json.dumps(capabilities or ["deny"])} }}\n'
        for path, capabilities in granted.items()
    )


@pytest.fixture
def mount(vault: OpenBao, unique_name: Name) -> str:
    """A key-value engine of version 2."""
    name = unique_name("kv")
    vault.api.write(f"sys/mounts/{name}", type="kv", options={"version": "2"})
    vault.wait_until(lambda: vault.api.request("GET", f"{name}/data/none").status == 404, what="the new engine")
    return name


@pytest.fixture
def held(vault: OpenBao, mount: str, canaries: Canaries) -> Callable[[str], dict[str, t.Any]]:
    """A function that returns the data of a secret, and notes what is secret in it."""

    def read(path: str) -> dict[str, t.Any]:
        answer = vault.api.read(f"{mount}/data/{path}")
        assert answer is not None, path
        data: dict[str, t.Any] = answer["data"]
        for document in (data, *data.get("previous", ()), data.get("next") or {}):
            for name in ("private_key", "secret"):
                if name in document:
                    canaries.record(document[name], f"{name} of an issuer")
        return data

    return read


def options(mount: str, *issuers: t.Any, **more: t.Any) -> dict[str, t.Any]:
    """Return the options of a run with keys and sets in one engine."""
    publish = [{"kind": "kv", "mount": mount, "path": "jwks"}]
    return {"mount": mount, "path": "jwt/{name}", "publish": publish, "issuers": list(issuers), **more}


def token_of(document: dict[str, t.Any], **claims: t.Any) -> str:
    """Mint as an issuer does that reads its key from the engine."""
    text = document["secret"] if document["algorithm"] == "HS256" else document["private_key"]
    now = int(time.time())
    told = {"iss": "https://trust.example", "sub": "user123", "iat": now, "exp": now + 900, **claims}
    return mint(told, signing_key(document["algorithm"], text, document["kid"]))


def theirs(jwks: str, token: str) -> dict[str, t.Any]:
    """Verify as PyJWT does, by the set alone."""
    key = pyjwt.PyJWKSet.from_json(jwks)[pyjwt.get_unverified_header(token)["kid"]]
    claims: dict[str, t.Any] = pyjwt.decode(token, key)
    return claims


def test_ladder(
    ladder: Ladder, vault: OpenBao, mount: str, held: t.Any, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    published = tmp_path / "jwks"
    args = options(mount, *ISSUERS)
    args["publish"].append({"kind": "directory", "path": str(published)})

    def tamper() -> None:
        for issuer in ISSUERS:
            held(f"jwt/{issuer['name']}")
        sets = held("jwks")
        sets["trust-service.json"] = json.dumps({"keys": []})
        del sets["host-panel.json"]
        vault.api.write(f"{mount}/data/jwks", data=sets)
        (published / "coordination-server.json").chmod(0o666)

    rungs = ladder.climb(
        "jwt_key",
        args,
        tamper=tamper,
        absent={**args, "issuers": [{"name": issuer["name"], "state": "absent"} for issuer in ISSUERS]},
    )
    assert {problem for rung in rungs.values() for problem in differences("jwt_key", rung.result.result)} == set()
    items = {entry["item"]: entry for entry in rungs["mend"].items}
    assert {name: entry["action"] for name, entry in items.items()} == {
        "trust-service": "update",
        "coordination-server": "update",
        "host-panel": "update",
        "legacy": "none",
    }
    assert items["host-panel"]["reasons"] == [f"kv {mount}/jwks lacks host-panel"]
    created = rungs["create"].items
    assert [entry["key"]["algorithm"] for entry in created] == ["RS256", "ES256", "EdDSA", "HS256"]
    assert created[3]["key"]["published_to"] == []
    assert vault.api.read(f"{mount}/metadata/jwt/trust-service") is None, "all versions are gone"


def test_counterpart_verifies_by_the_published_set(
    run_module: Module, connection: dict[str, str], mount: str, held: t.Any
) -> None:
    run_module("jwt_key", {**connection, **options(mount, *ISSUERS)}).ok()
    sets = held("jwks")
    assert sorted(sets) == ["coordination-server.json", "host-panel.json", "trust-service.json"], "no secret in a set"
    for name in ("trust-service", "coordination-server", "host-panel"):
        document = held(f"jwt/{name}")
        jwks = sets[f"{name}.json"]
        assert theirs(jwks, token_of(document))["sub"] == "user123"
        assert "PRIVATE" not in jwks
        assert set(json.loads(jwks)["keys"][0]).isdisjoint({"d", "p", "q", "dp", "dq", "qi", "k"})
        with pytest.raises(pyjwt.ExpiredSignatureError):
            theirs(jwks, token_of(document, exp=1))
    secret = held("jwt/legacy")["secret"]
    assert len(secret.encode()) >= 32
    token = token_of(held("jwt/legacy"))
    assert pyjwt.decode(token, secret, algorithms=["HS256"])["sub"] == "user123"


def test_tokens_of_both_keys_are_valid_in_the_overlap_and_one_after_it(
    run_module: Module, connection: dict[str, str], vault: OpenBao, mount: str, held: t.Any
) -> None:
    issuer = {"name": "trust-service", "algorithm": "ES256", "lead": "0", "token_lifetime": "1s", "overlap": "8s"}
    run_module("jwt_key", {**connection, **options(mount, issuer)}).ok()
    old = token_of(held("jwt/trust-service"))
    made = datetime.datetime.fromisoformat(held("jwt/trust-service")["created"].replace("Z", "+00:00"))
    moment = (made + datetime.timedelta(seconds=1)).isoformat()
    vault.wait_until(lambda: datetime.datetime.now(datetime.timezone.utc).isoformat() > moment, what="the next second")
    args = {**connection, **options(mount, {**issuer, "not_before": moment})}

    rotated = run_module("jwt_key", args).ok().result["results"][0]

    assert rotated["action"] == "replace"
    assert rotated["key"]["window_seconds"] is not None
    new = token_of(held("jwt/trust-service"))
    both = held("jwks")["trust-service.json"]
    assert theirs(both, old)["sub"] == theirs(both, new)["sub"] == "user123"
    assert pyjwt.get_unverified_header(old)["kid"] == rotated["key"]["previous_kids"][0]

    def over() -> bool:
        return bool(run_module("jwt_key", args).ok().result["results"][0]["action"] == "update")

    vault.wait_until(over, 40.0, "the end of the overlap")
    one = held("jwks")["trust-service.json"]
    assert theirs(one, new)["sub"] == "user123"
    with pytest.raises(KeyError):
        theirs(one, old)


def test_new_key_is_published_before_it_is_used(
    run_module: Module, connection: dict[str, str], mount: str, held: t.Any
) -> None:
    issuer = {"name": "host-panel", "algorithm": "EdDSA"}
    run_module("jwt_key", {**connection, **options(mount, issuer)}).ok()
    before = held("jwt/host-panel")
    moment = before["created"]
    later = (datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")) + datetime.timedelta(seconds=1)).isoformat()
    args = {**connection, **options(mount, {**issuer, "not_before": later})}
    deadline = time.monotonic() + 10
    while not (done := run_module("jwt_key", args).ok()).changed:
        assert time.monotonic() < deadline
    waiting = held("jwt/host-panel")
    assert waiting["kid"] == before["kid"], "the issuer still signs with the key before"
    assert waiting["next"]["kid"] == done.result["results"][0]["key"]["next_kid"]
    kids = {key["kid"] for key in json.loads(held("jwks")["host-panel.json"])["keys"]}
    assert kids == {before["kid"], waiting["next"]["kid"]}
    again = run_module("jwt_key", args).ok()
    assert not again.changed
    assert "is published and waits until" in str(again.result["results"][0]["warnings"])


@pytest.mark.parametrize(
    ("path", "capability"),
    [(path, capability) for path, capabilities in GRANTED.items() for capability in capabilities],
)
def test_documented_policy_is_not_too_much(
    run_module: Module, connection: dict[str, str], mount: str, token: t.Any, path: str, capability: str
) -> None:
    """Without any one capability, making, changing or removing fails."""
    left = {place: [one for one in held if (place, one) != (path, capability)] for place, held in GRANTED.items()}
    limited = {**connection, "token": token(rules=rules(mount, left))}
    issuer = {"name": "trust-service", "algorithm": "ES256", "lead": "0", "on_mismatch": "replace"}
    runs = [issuer, {**issuer, "algorithm": "EdDSA"}, {"name": "trust-service", "state": "absent"}]
    for at, declared in enumerate(runs):
        result = run_module("jwt_key", {**limited, **options(mount, declared)})
        if result.failed:
            assert "permission denied" in result.msg
            return
        assert result.changed, at
    raise AssertionError("it works without it")


def test_documented_policy_is_enough_and_others_see_no_key(
    run_module: Module, connection: dict[str, str], vault: OpenBao, mount: str, token: t.Any
) -> None:
    limited = {**connection, "token": token(rules=rules(mount, GRANTED))}
    issuer = {"name": "trust-service", "algorithm": "ES256"}
    assert run_module("jwt_key", {**limited, **options(mount, issuer)}).ok().changed
    assert not run_module("jwt_key", {**limited, **options(mount, issuer)}).ok().changed
    verifier = vault.as_token(token(rules=f'path "{mount}/data/jwks" {{ capabilities = ["read"] }}'))
    assert verifier.request("GET", f"{mount}/data/jwks").status == 200
    assert verifier.request("GET", f"{mount}/data/jwt/trust-service").status == 403
    assert run_module("jwt_key", {**limited, **options(mount, {**issuer, "state": "absent"})}).ok().changed


def test_key_that_leaked_is_taken_back_at_once_and_for_good(
    run_module: Module, connection: dict[str, str], vault: OpenBao, mount: str, held: t.Any
) -> None:
    """As the documentation shows it; the usual declaration then changes nothing."""
    usual = {"name": "trust-service", "algorithm": "ES256", "lead": "0"}
    run_module("jwt_key", {**connection, **options(mount, usual)}).ok()
    leaked = token_of(held("jwt/trust-service"))
    made = held("jwt/trust-service")["created"]
    vault.wait_until(lambda: stamp() > made, what="the second after the key was made")
    at_once = {**usual, "not_before": stamp(), "token_lifetime": "0", "overlap": "0"}
    assert run_module("jwt_key", {**connection, **options(mount, at_once)}).ok().changed
    for _run in range(2):
        jwks = held("jwks")["trust-service.json"]
        assert theirs(jwks, token_of(held("jwt/trust-service")))["sub"] == "user123"
        with pytest.raises(KeyError):
            theirs(jwks, leaked)
        assert not run_module("jwt_key", {**connection, **options(mount, usual)}).ok().changed


@pytest.fixture
def transit(vault: OpenBao, unique_name: Name) -> str:
    """A transit engine."""
    name = unique_name("transit")
    vault.api.write(f"sys/mounts/{name}", type="transit")
    vault.wait_until(lambda: vault.api.request("GET", f"{name}/keys/none").status == 404, what="the new engine")
    return name


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_engine_signs_and_nobody_has_the_private_key(
    run_module: Module,
    connection: dict[str, str],
    vault: OpenBao,
    mount: str,
    transit: str,
    port: Vault,
    held: t.Any,
    algorithm: str,
) -> None:
    """An issuer asks the engine for a signature over what it wants to say, and PyJWT verifies by the published set."""
    issuer = {"name": "coordination-server", "algorithm": algorithm, "lead": "0"}
    args = {**connection, **options(mount, issuer, holder={"kind": "transit", "mount": transit})}
    (made,) = run_module("jwt_key", args).ok().result["results"]
    assert not run_module("jwt_key", args).ok().changed
    document = held("jwt/coordination-server")
    assert "private_key" not in document
    assert document["handle"] == made["key"]["handle"]
    about = vault.api.read(f"{transit}/keys/{document['handle']}")
    assert about is not None
    assert about["exportable"] is False

    def signed(handle: str, kid: str) -> str:
        parts = ({"alg": algorithm, "kid": kid, "typ": "JWT"}, {"sub": "user123", "exp": int(time.time()) + 900})
        spoken = ".".join(base64url.encode(json.dumps(part).encode()) for part in parts)
        signature = TransitHolder(port, transit).sign(handle, spoken.encode(), algorithm)
        return f"{spoken}.{base64url.encode(signature)}"

    old = signed(document["handle"], document["kid"])
    assert theirs(held("jwks")["coordination-server.json"], old)["sub"] == "user123"
    vault.wait_until(lambda: stamp() > document["created"], what="the second after the key was made")
    args["issuers"] = [{**issuer, "not_before": stamp(), "token_lifetime": "15m"}]
    assert run_module("jwt_key", args).ok().result["results"][0]["action"] == "replace"
    rotated = held("jwt/coordination-server")
    both = held("jwks")["coordination-server.json"]
    assert theirs(both, old) and theirs(both, signed(rotated["handle"], rotated["kid"]))

    args["issuers"] = [{"name": "coordination-server", "state": "absent"}]
    assert run_module("jwt_key", args).ok().changed
    assert vault.api.request("LIST", f"{transit}/keys").data.get("keys") in (None, [])


@pytest.fixture
def port(vault: OpenBao) -> Iterator[Vault]:
    """The port as the modules have it."""
    params = {"url": vault.url, "ca_cert": vault.ca_path, "timeout": 10, "retries": 0}
    params.update(dict.fromkeys(("namespace", "client_cert", "client_key")))
    with contextlib.ExitStack() as stack:
        reached = reach(params, stack)
        reached.use_token(vault.root_token)
        yield reached


def stamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def test_secret_has_no_holder(run_module: Module, connection: dict[str, str], mount: str) -> None:
    issuer = {"name": "legacy", "algorithm": "HS256"}
    result = run_module("jwt_key", {**connection, **options(mount, issuer, holder={"kind": "transit"})})
    assert "algorithm: HS256 has a secret, which every verifier needs in clear" in result.msg


def test_keys_in_files(run_module: Module, tmp_path: pathlib.Path, canaries: Canaries) -> None:
    args = {
        "custody": "files",
        "directory": str(tmp_path / "keys"),
        "publish": [{"kind": "directory", "path": str(tmp_path / "jwks"), "prune": True}],
        "issuers": ISSUERS,
    }
    result = run_module("jwt_key", args).ok()
    assert [entry["action"] for entry in result.result["results"]] == ["create"] * 4 + ["none"]
    key = tmp_path / "keys" / "coordination-server" / "jwt.key"
    canaries.record(key.read_text(), "private key of an issuer")
    secret = tmp_path / "keys" / "legacy" / "jwt.secret"
    canaries.record(secret.read_text(), "secret of an issuer")
    for path in (key, secret):
        assert path.stat().st_mode & 0o777 == 0o600
    claims = {"sub": "user123", "exp": int(time.time()) + 60}
    token = mint(claims, signing_key("ES256", key.read_text()))
    assert theirs((tmp_path / "jwks" / "coordination-server.json").read_text(), token) == claims
    assert not run_module("jwt_key", args).ok().changed

    (tmp_path / "jwks" / "departed.json").write_text("{}")
    pruned = run_module("jwt_key", args).ok().result["results"][-1]
    assert pruned["reasons"] == [f"directory {tmp_path}/jwks has departed, who is not declared"]
    assert not (tmp_path / "jwks" / "departed.json").exists()


@pytest.mark.parametrize(
    ("issuer", "problem"),
    [
        ({"overlap": "1m"}, "issuers[0] (a).overlap: 1m is shorter than token_lifetime, 15m"),
        ({"algorithm": "HS256", "secret_bytes": 16}, "issuers[0] (a).secret_bytes: 16 octets are too few for HS256"),
        ({"key_size": 1024}, "issuers[0] (a).key_size: 1024 is not allowed for rsa keys"),
        ({"not_before": "2026-11-21T14:00:00"}, "names no offset from UTC"),
    ],
)
def test_what_cannot_be_made_true_is_refused_before_anything_is_asked(
    run_module: Module,
    connection: dict[str, str],
    mount: str,
    issuer: dict[str, t.Any],
    problem: str,
    audit_window: t.Any,
) -> None:
    with audit_window() as window:
        result = run_module("jwt_key", {**connection, **options(mount, {"name": "a", **issuer})})
    assert result.failed
    assert problem in result.msg
    assert window.writes == []
