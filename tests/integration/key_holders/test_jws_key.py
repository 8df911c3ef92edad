# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module jws_key with private keys that never are in custody."""

from __future__ import annotations

import json
import pathlib
import typing as t
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from plugins.module_utils._jose import fspiop
from plugins.module_utils._keyring.holder import HeldKey, Holder
from plugins.module_utils._keyring.pkcs11 import Pkcs11Holder
from plugins.module_utils._vault.transit_holder import TransitHolder
from tests.integration.docs_policies.returned import differences
from tests.integration.key_holders.conftest import Token
from tests.integration.key_holders.test_every_holder import REQUEST
from tests.integration.ladder import Ladder
from tests.integration.vault_port.conftest import Port
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import ModuleResult
from tests.rigs.softhsm import SoftHsm


class Estate:
    """A participant whose key is with a holder: how to run the module, and how to sign as the participant would."""

    def __init__(self, options: dict[str, t.Any], run: Callable[..., ModuleResult], holder: Holder) -> None:
        self.options = options
        self.holder = holder
        self._run = run

    def run(self, *participants: dict[str, t.Any], **options: t.Any) -> ModuleResult:
        """Run the module for `payerfsp`, or for other participants."""
        given = {**self.options, "participants": list(participants) or [{"name": "payerfsp"}]}
        for name, value in options.items():
            given[name] = value
        return self._run(given)


@pytest.fixture(params=["transit", "pkcs11"])
def estate(
    request: pytest.FixtureRequest,
    vault: OpenBao,
    connection: dict[str, str],
    run_module: Callable[..., ModuleResult],
    unique_name: Callable[[str], str],
    tmp_path: pathlib.Path,
) -> Estate:
    """Each holder, with custody in the key-value engine and a trust directory."""
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    holder: dict[str, t.Any] = {"kind": request.param}
    environment: dict[str, str] = {}
    if request.param == "transit":
        holder["mount"] = request.getfixturevalue("transit_mount")
    else:
        softhsm: SoftHsm = request.getfixturevalue("softhsm")
        token: Token = request.getfixturevalue("hsm_token")
        holder.update(library=softhsm.library, token=token.label, pin=token.pin)
        environment = softhsm.environment
    publish = [{"kind": "directory", "path": str(tmp_path / "trust")}]
    options = {**connection, "mount": mount, "holder": holder, "publish": publish}
    held: Holder = request.getfixturevalue(f"{request.param}_holder")
    if isinstance(held, Pkcs11Holder):
        held.close()
    return Estate(options, lambda args: run_module("jws_key", args, env=environment), held)


@pytest.fixture
def record(estate: Estate, vault: OpenBao) -> Callable[[], dict[str, t.Any]]:
    """A function that returns what custody holds of `payerfsp`."""

    def read() -> dict[str, t.Any]:
        found = vault.api.read(f"{estate.options['mount']}/data/jws_key/payerfsp")
        assert found is not None
        return t.cast("dict[str, t.Any]", found["data"])

    return read


def accepted(estate: Estate, handle: str, algorithm: str) -> bool:
    """Sign a message with a key of the holder and verify it with what is published."""
    public = pathlib.Path(estate.options["publish"][0]["path"], "payerfsp.pem").read_text()
    signed = fspiop.sign(HeldKey(estate.holder, handle, algorithm), **REQUEST)
    found = fspiop.verify(
        {"payerfsp": public}, method="POST", url=REQUEST["url"], headers=signed.headers, body=signed.body
    )
    if isinstance(estate.holder, Pkcs11Holder):
        estate.holder.close()
    return found.valid


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_custody_has_a_handle_and_no_private_key(estate: Estate, record: t.Any, algorithm: str) -> None:
    made = estate.run(algorithm=algorithm).ok()
    assert made.result["results"][0]["action"] == "create"
    held = record()
    assert "private_key" not in held
    assert "PRIVATE" not in json.dumps(held)
    assert (held["algorithm"], held["kid"]) == (algorithm, made.result["results"][0]["key"]["kid"])
    assert accepted(estate, held["handle"], algorithm)
    assert made.result["results"][0]["key"]["replaced"] is None
    assert differences("jws_key", made.result) == []
    assert not estate.run(algorithm=algorithm).ok().changed
    assert record() == held


def test_a_rotation_publishes_before_it_uses_and_keeps_the_key_of_before(
    estate: Estate, record: t.Any, vault: OpenBao
) -> None:
    path = f"{estate.options['mount']}/data/jws_key/payerfsp"
    estate.run(max_age="90d").ok()
    before = record()
    vault.api.write(path, data={**before, "created": "2026-01-01T00:00:00Z"})
    rotated = estate.run(max_age="90d").ok().result["results"][0]
    assert rotated["action"] == "replace"
    assert rotated["key"]["window_seconds"] is not None
    replaced = rotated["key"]["replaced"]
    assert (replaced["kid"], replaced["public_key"]) == (before["kid"], before["public_key"])
    assert replaced["created"] == "2026-01-01T00:00:00Z" < replaced["retired"]
    after = record()
    assert after["handle"] != before["handle"]
    assert accepted(estate, after["handle"], "RS256")
    assert not accepted(estate, before["handle"], "RS256")
    assert not estate.run(max_age="90d").ok().changed
    # What custody keeps no longer, the holder does not keep either.
    assert after["previous"][0]["handle"] == before["handle"]
    vault.api.write(path, data={**after, "previous": [{**after["previous"][0], "retired": "2026-01-02T00:00:00Z"}]})
    assert estate.run(max_age="90d").ok().changed
    assert "previous" not in record()
    assert estate.holder.public_pem(before["handle"]) is None
    assert estate.holder.public_pem(after["handle"]) is not None


def test_who_is_absent_has_no_key_with_the_holder(estate: Estate, record: t.Any) -> None:
    estate.run().ok()
    handle = record()["handle"]
    gone = {"name": "payerfsp", "state": "absent"}
    assert estate.run(gone).ok().result["results"][0]["action"] == "delete"
    assert estate.holder.public_pem(handle) is None
    if isinstance(estate.holder, Pkcs11Holder):
        estate.holder.close()
    assert not estate.run(gone).ok().changed


def test_a_key_in_custody_is_replaced_by_one_of_the_holder_when_told_to(estate: Estate, record: t.Any) -> None:
    estate.run(holder=None).ok()
    assert "private_key" in record()
    refused = estate.run()
    assert refused.failed
    assert "the private key is in custody, declared otherwise" in json.dumps(refused.result)
    replaced = estate.run(on_mismatch="replace").ok().result["results"][0]
    assert replaced["action"] == "replace"
    assert accepted(estate, record()["handle"], "RS256")
    assert "private_key" not in {name for name in record() if name != "previous"}


def test_a_held_key_is_no_finding(
    estate: Estate, connection: dict[str, str], run_module: Callable[..., ModuleResult]
) -> None:
    estate.run().ok()
    places = {name: estate.options[name] for name in ("mount", "publish")}
    found = run_module("jws_key_info", {**connection, **places, "participants": [{"name": "payerfsp"}]}).ok()
    assert found.result["ok"], found.result
    assert found.result["results"][0]["key"]["algorithm"] == "RS256"


def test_a_key_that_the_holder_has_lost_is_noticed(estate: Estate, record: t.Any) -> None:
    estate.run().ok()
    before = record()["handle"]
    estate.holder.destroy(before)
    if isinstance(estate.holder, Pkcs11Holder):
        estate.holder.close()
    refused = estate.run()
    assert refused.failed
    assert f"has no key {before} any more" in json.dumps(refused.result)
    replaced = estate.run(on_mismatch="replace").ok().result["results"][0]
    assert replaced["action"] == "replace"
    assert accepted(estate, record()["handle"], "RS256")
    assert not estate.run(on_mismatch="replace").ok().changed


@pytest.mark.parametrize("damage", ["", "damaged", "other"])
def test_a_public_part_that_is_not_that_of_the_held_key_is_noticed(
    estate: Estate, record: t.Any, vault: OpenBao, damage: str
) -> None:
    estate.run().ok()
    held = record()
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    changed = {**held, "public_key": pem if damage == "other" else damage}
    vault.api.write(f"{estate.options['mount']}/data/jws_key/payerfsp", data=changed)
    refused = estate.run()
    assert refused.failed
    assert f"has another key under {held['handle']}" in json.dumps(refused.result)
    assert record() == changed


def test_a_holder_adopts_nothing(estate: Estate) -> None:
    refused = estate.run({"name": "payerfsp", "adopt": {"file": "/tmp/x"}})
    assert refused.failed
    assert "cannot be together with holder" in refused.msg


def test_the_ladder_with_a_transit_engine(
    ladder: Ladder, vault: OpenBao, transit_mount: str, unique_name: t.Any, port: Port
) -> None:
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    common = {
        "mount": mount,
        "holder": {"kind": "transit", "mount": transit_mount},
        "publish": [{"kind": "kv", "mount": mount, "path": "trust"}],
    }
    ladder.climb(
        "jws_key",
        {**common, "participants": [{"name": "hub"}, {"name": "payerfsp", "algorithm": "ES256"}]},
        tamper=lambda: vault.api.write(f"{mount}/data/trust", data={"hub.pem": "something else"}),
        absent={**common, "participants": [{"name": name, "state": "absent"} for name in ("hub", "payerfsp")]},
    )
    assert vault.api.list(f"{transit_mount}/keys") == []
    with port() as opened:
        assert TransitHolder(opened, transit_mount).public_pem("hub") is None


def test_a_wrong_pin_is_said_and_not_shown(
    softhsm: SoftHsm, hsm_token: Token, connection: t.Any, run_module: t.Any, canary: t.Any
) -> None:
    holder = {"kind": "pkcs11", "library": softhsm.library, "token": hsm_token.label, "pin": canary()}
    given = {**connection, "mount": "secret", "holder": holder, "participants": [{"name": "payerfsp"}]}
    refused = run_module("jws_key", {**given, "custody": "files", "directory": "/tmp/none"}, env=softhsm.environment)
    assert refused.failed
    assert "PinIncorrect" in json.dumps(refused.result)


def test_a_token_needs_its_library_label_and_pin(connection: t.Any, run_module: t.Any) -> None:
    given = {**connection, "mount": "secret", "participants": [{"name": "a"}], "holder": {"kind": "pkcs11"}}
    refused = run_module("jws_key", given)
    assert refused.failed
    assert "library, token, pin" in refused.msg
