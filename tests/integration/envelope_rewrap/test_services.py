# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""envelope_rewrap into and inside a transit engine and AWS KMS."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator

import pytest

from plugins.module_utils._envelope.provider import KeyProvider
from plugins.module_utils._envelope.record import Form
from plugins.module_utils._vault.connection import VAULT, connect
from plugins.module_utils._vault.transit import TransitKey
from tests.integration.conftest import or_skip
from tests.integration.envelope_rewrap.conftest import SealedTable, data_key, local
from tests.rigs.aws_kms import CREDENTIALS, AwsKms
from tests.rigs.openbao import OpenBao

Module = Callable[..., t.Any]
MakeTable = Callable[..., SealedTable]
NewKey = Callable[[], str]
Name = Callable[[str], str]
Transit = Callable[[str], TransitKey]

# As the module's documentation states it.
ROTATION = """
path "{mount}/keys/hub" {{ capabilities = ["read"] }}
path "{mount}/rewrap/hub" {{ capabilities = ["update"] }}
"""
MOVING = """
path "{mount}/keys/hub" {{ capabilities = ["read"] }}
path "{mount}/encrypt/hub" {{ capabilities = ["update"] }}
path "{mount}/decrypt/hub" {{ capabilities = ["update"] }}
"""


@pytest.fixture
def mount(vault: OpenBao, unique_name: Name) -> str:
    """A transit engine with the keys ``hub`` and ``other``."""
    path = unique_name("transit")
    vault.api.write(f"sys/mounts/{path}", type="transit")
    for name in ("hub", "other"):
        vault.api.write(f"{path}/keys/{name}")
    return path


@pytest.fixture
def transit(connection: dict[str, str], mount: str, stack: t.Any) -> Transit:
    """A function that returns a key of the engine."""
    params = {name: option.get("default") for name, option in VAULT.argument_spec().items()}
    port = connect({**params, **connection}, stack)
    return lambda name: TransitKey(port, mount, name)


def _key(mount: str, name: str = "hub") -> dict[str, t.Any]:
    return {"type": "transit", "mount": mount, "name": name}


def _verbs(window: t.Any, mount: str) -> set[str]:
    """Return what the engine was asked to do, without reading."""
    return {record.path.removeprefix(f"{mount}/") for record in window.writes if record.path.startswith(mount)}


def test_mb_25_from_a_key_of_ours_into_the_engine(
    run_module: Module,
    connection: dict[str, str],
    token: t.Any,
    sealed_table: MakeTable,
    new_key: NewKey,
    mount: str,
    transit: Transit,
    audit_window: t.Any,
) -> None:
    old = new_key()
    table = sealed_table(local(old), range(1200))
    before = table.untouched()
    limited = {**connection, "token": token(rules=MOVING.format(mount=mount))}
    args = {**limited, "database": table.options, "tables": [{}], "new_key": _key(mount)}
    args["old_key"] = {"type": "value", "value": old}
    with audit_window() as window:
        assert run_module("envelope_rewrap", args, check=True).ok().changed
    assert _verbs(window, mount) == set(), "there is nothing that looks like a key of the engine"
    done = run_module("envelope_rewrap", args).ok()
    counts = done.result["results"][0]["data_keys"]
    assert (counts["rewrapped"], counts["new_key"]) == (1200, f"{mount}/keys/hub")
    assert table.opened(transit("hub")) == table.plaintexts
    assert table.opened(local(old)) == {}
    assert table.untouched() == before
    assert not run_module("envelope_rewrap", args).ok().changed


def test_mb_25_newest_version_without_a_data_key_leaving_the_engine(
    run_module: Module,
    connection: dict[str, str],
    vault: OpenBao,
    token: t.Any,
    sealed_table: MakeTable,
    mount: str,
    transit: Transit,
    audit_window: t.Any,
) -> None:
    table = sealed_table(transit("hub"), range(60))
    before = table.untouched()
    limited = {**connection, "token": token(rules=ROTATION.format(mount=mount))}
    args = {**limited, "database": table.options, "tables": [{}], "new_key": _key(mount), "batch_rows": 25}
    assert not run_module("envelope_rewrap", args).ok().changed
    vault.api.write(f"{mount}/keys/hub/rotate")
    with audit_window() as window:
        assert run_module("envelope_rewrap", args, check=True).ok().result["results"][0]["data_keys"]["outdated"] == 60
    assert _verbs(window, mount) == set()
    with audit_window() as window:
        assert run_module("envelope_rewrap", args).ok().result["results"][0]["data_keys"]["rewrapped"] == 60
    assert _verbs(window, mount) == {"rewrap/hub"}
    vault.api.write(f"{mount}/keys/hub/config", min_decryption_version=2)
    assert table.opened(transit("hub")) == table.plaintexts, "the old version is not needed any more"
    assert table.untouched() == before
    with audit_window() as window:
        assert not run_module("envelope_rewrap", args).ok().changed
    assert _verbs(window, mount) == set()


def test_what_the_engine_does_not_open_is_named_and_the_rest_is_done(
    run_module: Module,
    connection: dict[str, str],
    vault: OpenBao,
    sealed_table: MakeTable,
    mount: str,
    transit: Transit,
) -> None:
    """By its looks a key of another name is the engine's; only opening it tells."""
    table = sealed_table(transit("hub"), range(10))
    table.fill(transit("other"), [50])
    vault.api.write(f"{mount}/keys/hub/rotate")
    args = {**connection, "database": table.options, "tables": [{}], "new_key": _key(mount)}
    done = run_module("envelope_rewrap", args)
    assert done.failed
    assert "does not open 1 of the keys that it wrapped by their looks (rows 50); the others are done" in done.msg
    assert all(row == 50 or text.startswith("vault:v2:") for row, text in _wrapped(table).items())


def _wrapped(table: SealedTable) -> dict[t.Any, str]:
    return {row: fields["encryptedDek"] for row, fields in table.records().items()}


def test_mb_25_from_one_key_of_the_engine_to_another(
    run_module: Module, connection: dict[str, str], sealed_table: MakeTable, mount: str, transit: Transit
) -> None:
    table = sealed_table(transit("other"), range(30))
    args = {**connection, "database": table.options, "tables": [{}], "batch_rows": 7}
    args |= {"old_key": _key(mount, "other"), "new_key": _key(mount)}
    assert run_module("envelope_rewrap", args).ok().result["results"][0]["data_keys"]["rewrapped"] == 30
    assert table.opened(transit("hub")) == table.plaintexts
    assert table.opened(transit("other")) == {}
    assert not run_module("envelope_rewrap", args).ok().changed


def test_a_key_that_is_not_there_is_said_before_anything_is_read(
    run_module: Module, connection: dict[str, str], sealed_table: MakeTable, mount: str, vault: OpenBao
) -> None:
    table = sealed_table(None)
    args = {**connection, "database": table.options, "tables": [{}], "new_key": _key(mount, "none")}
    done = run_module("envelope_rewrap", args)
    assert done.msg.startswith(f"new_key.name: there is no key {mount}/keys/none"), "it is declared beside the list"
    assert vault.api.read(f"{mount}/keys/none") is None


@pytest.fixture(scope="module")
def kms() -> Iterator[AwsKms]:
    """The service."""
    server: AwsKms = or_skip(AwsKms)
    yield server
    server.stop()


class _Service:
    """What the tests know of a key of the service, by a client of their own."""

    identity = "kms"

    def __init__(self, kms: AwsKms, key_id: str) -> None:
        self._client, self._key_id = kms.client, key_id

    def wrap(self, keys: t.Sequence[bytes]) -> list[str]:
        answers = [self._client.encrypt(KeyId=self._key_id, Plaintext=key) for key in keys]
        return [Form().write(answer["CiphertextBlob"]) for answer in answers]

    def unwrap(self, wrapped: t.Sequence[str]) -> list[bytes | None]:
        found: list[bytes | None] = []
        for text in wrapped:
            try:
                answer = self._client.decrypt(CiphertextBlob=Form().read(text), KeyId=self._key_id)
                found.append(answer["Plaintext"])
            except self._client.exceptions.ClientError:
                found.append(None)
        return found

    def successor_of(self, old: KeyProvider) -> None:
        return None


def test_mb_49_into_the_service_and_inside_it(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey, kms: AwsKms
) -> None:
    old, first, second = new_key(), kms.new_key(), kms.new_key()
    table = sealed_table(local(old), range(25))
    before = table.untouched()
    keys = {row: data_key(local(old), text) for row, text in _wrapped(table).items()}
    args = {"database": table.options, "tables": [{}], "batch_rows": 10}

    into = {**args, "old_key": {"type": "value", "value": old}, "new_key": kms.options(first)}
    done = run_module("envelope_rewrap", into, env=CREDENTIALS).ok()
    assert done.result["results"][0]["data_keys"]["rewrapped"] == 25
    assert table.opened(_Service(kms, first)) == table.plaintexts
    assert not run_module("envelope_rewrap", into, env=CREDENTIALS).ok().changed

    inside = {**args, "old_key": kms.options(first), "new_key": kms.options(second)}
    assert run_module("envelope_rewrap", inside, env=CREDENTIALS, check=True).ok().changed
    mark = kms.log_path.stat().st_size
    assert run_module("envelope_rewrap", inside, env=CREDENTIALS).ok().changed
    assert kms.log_path.stat().st_size > mark
    assert table.opened(_Service(kms, second)) == table.plaintexts
    assert not run_module("envelope_rewrap", inside, env=CREDENTIALS).ok().changed

    assert {row: data_key(_Service(kms, second), text) for row, text in _wrapped(table).items()} == keys
    assert table.untouched() == before
