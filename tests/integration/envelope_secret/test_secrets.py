# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""envelope_secret in a real PostgreSQL: the ladder, and records that an application in Node reads and writes."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from tests.integration.docs_policies.returned import differences
from tests.integration.ladder import Ladder
from tests.rigs.envelope_peer import EnvelopePeer
from tests.rigs.openbao import OpenBao
from tests.rigs.postgres import Postgres

Module = Callable[..., t.Any]
NewKey = Callable[[], str]

TABLE = """
CREATE TABLE "encryptedSecrets" (
  id serial PRIMARY KEY, "key" text NOT NULL UNIQUE, "encryptedValue" text NOT NULL, "encryptedDek" text NOT NULL,
  iv text NOT NULL, "authTag" text NOT NULL, algorithm text NOT NULL DEFAULT 'aes-256-gcm', tenant text)
"""
COLUMNS = 'SELECT "encryptedValue", "encryptedDek", iv, "authTag", algorithm FROM "encryptedSecrets" WHERE "key" = %s'
FIELDS = ("encryptedValue", "encryptedDEK", "iv", "authTag", "algorithm")


@pytest.fixture
def database(postgres: Postgres) -> str:
    """A database with the table of an application."""
    name = postgres.new_database()
    with postgres.connect(name) as connection:
        connection.execute(TABLE)
    return name


def _row(postgres: Postgres, database: str, name: str) -> dict[str, str]:
    with postgres.connect(database) as connection:
        found = connection.execute(COLUMNS, (name,)).fetchone()
    assert found is not None
    return dict(zip(FIELDS, found))


def _replace(postgres: Postgres, database: str, name: str, record: dict[str, str]) -> None:
    statement = (
        'UPDATE "encryptedSecrets" SET "encryptedValue" = %s, "encryptedDek" = %s, iv = %s, "authTag" = %s,'
        ' algorithm = %s WHERE "key" = %s'
    )
    with postgres.connect(database) as connection:
        connection.execute(statement, (*(record[field] for field in FIELDS), name))


def _args(postgres: Postgres, database: str, key: dict[str, t.Any], *items: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"database": postgres.options(database), "key": key, "secrets": list(items)}


def test_mb_27_ladder(
    ladder: Ladder, postgres: Postgres, database: str, new_key: NewKey, canary: Callable[..., str], node: EnvelopePeer
) -> None:
    master, value, other = new_key(), canary("sk_live_"), canary("sk_test_")
    key = {"type": "value", "value": master}
    terms = {"master": master, "aad": "stripe_api_key", "ivBytes": 12, "encoding": "base64"}
    items = [{"name": "stripe_api_key", "value": value}, {"name": "smtp", "value": canary()}]

    def tamper() -> None:
        """The application writes another value."""
        _replace(postgres, database, "stripe_api_key", node("seal", value=other, **terms)["result"])

    rungs = ladder.climb(
        "envelope_secret",
        _args(postgres, database, key, *items),
        tamper=tamper,
        absent=_args(postgres, database, key, *[{"name": item["name"], "state": "absent"} for item in items]),
        server=False,
    )
    assert differences("envelope_secret", rungs["create"].result.result) == []
    assert rungs["mend"].items[0]["reasons"] == ["value differs"]
    assert rungs["again"].items[0]["secret"]["opens"] is True


def test_mb_27_node_reads_it(
    run_module: Module,
    postgres: Postgres,
    database: str,
    new_key: NewKey,
    canary: Callable[..., str],
    node: EnvelopePeer,
) -> None:
    master, value = new_key(), canary("sk_live_")
    item = {"name": "stripe_api_key", "value": value}
    args = {**_args(postgres, database, {"type": "value", "value": master}, item), "iv_bytes": 16}
    args["other_values"] = {"tenant": "dfsp1"}
    run_module("envelope_secret", args).ok()
    record = _row(postgres, database, "stripe_api_key")
    terms = {"master": master, "aad": "stripe_api_key", "ivBytes": 16, "encoding": "base64"}
    assert node("open", record=record, **terms) == {"result": value}
    with postgres.connect(database) as connection:
        assert connection.execute('SELECT tenant FROM "encryptedSecrets"').fetchall() == [("dfsp1",)]
    _replace(postgres, database, "stripe_api_key", node("seal", value=value, **terms)["result"])
    assert not run_module("envelope_secret", args).ok().changed, "the same value in other bytes"


def test_ts_53_under_a_transit_key(
    run_module: Module,
    postgres: Postgres,
    database: str,
    connection: dict[str, str],
    vault: OpenBao,
    unique_name: Callable[[str], str],
    canary: Callable[..., str],
) -> None:
    mount = unique_name("transit")
    vault.api.write(f"sys/mounts/{mount}", type="transit")
    vault.api.write(f"{mount}/keys/panel")
    item = {"name": "a", "value": canary()}
    args = _args(postgres, database, {"type": "transit", "mount": mount, "name": "panel"}, item)
    assert run_module("envelope_secret", {**connection, **args}).ok().changed
    assert _row(postgres, database, "a")["encryptedDEK"].startswith("vault:v1:")
    assert not run_module("envelope_secret", {**connection, **args}).ok().changed


def test_a_record_that_does_not_open_is_not_overwritten_without_a_word(
    run_module: Module, postgres: Postgres, database: str, new_key: NewKey, canary: Callable[..., str]
) -> None:
    item = {"name": "a", "value": canary()}
    run_module("envelope_secret", _args(postgres, database, {"type": "value", "value": new_key()}, item)).ok()
    before = _row(postgres, database, "a")
    args = _args(postgres, database, {"type": "value", "value": new_key()}, item)
    refused = run_module("envelope_secret", args)
    assert "on_mismatch: the record of a does not open: encryptedDEK does not open with" in refused.msg
    assert _row(postgres, database, "a") == before
    args["secrets"][0]["on_mismatch"] = "replace"
    assert run_module("envelope_secret", args).ok().result["results"][0]["action"] == "replace"
    assert not run_module("envelope_secret", args).ok().changed


def test_mb_71_without_a_value_it_proves_that_the_record_opens(
    run_module: Module, postgres: Postgres, database: str, new_key: NewKey, canary: Callable[..., str]
) -> None:
    key = {"type": "value", "value": new_key()}
    missing = run_module("envelope_secret", _args(postgres, database, key, {"name": "a"}))
    assert "value: is not there, and no value is declared" in missing.msg
    run_module("envelope_secret", _args(postgres, database, key, {"name": "a", "value": canary()})).ok()
    assert not run_module("envelope_secret", _args(postgres, database, key, {"name": "a"})).ok().changed
    unbound = run_module("envelope_secret", _args(postgres, database, key, {"name": "a", "bind_name": False}))
    assert "on_mismatch: the record of a does not open: encryptedValue does not open" in unbound.msg


def test_columns_and_names_of_its_own(
    run_module: Module, postgres: Postgres, database: str, new_key: NewKey, canary: Callable[..., str]
) -> None:
    with postgres.connect(database) as connection:
        connection.execute('CREATE SCHEMA "b;"')
        columns = '"na""me" varchar(40) PRIMARY KEY, "encryptedValue" text, wrapped text, iv text, tag text, alg text'
        connection.execute(f'CREATE TABLE "b;"."T \'" ({columns})')
    names = {"schema": "b;", "table": "T '", "key_column": 'na"me'}
    columns_of = {"encryptedDEK": "wrapped", "authTag": "tag", "algorithm": "alg"}
    item = {"name": 'it\'s "%s"', "value": canary()}
    args = {**_args(postgres, database, {"type": "value", "value": new_key()}, item), **names, "columns": columns_of}
    assert run_module("envelope_secret", {**args, "encoding": "hex"}).ok().changed
    assert not run_module("envelope_secret", {**args, "encoding": "hex"}).ok().changed


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_s10_databases_of_other_encodings_work(
    run_module: Module, postgres: Postgres, new_key: NewKey, canary: Callable[..., str], encoding: str
) -> None:
    """What `initdb` makes in the C locale; and names that need quoting (quote, dot, blank, percent, umlaut)."""
    name = f"{postgres.new_database()}_{encoding.lower()}"
    with postgres.connect() as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    table = 'se"cr.et %s ü'
    with postgres.connect(name, client_encoding="UTF8") as connection:
        connection.execute(TABLE.replace('"encryptedSecrets"', '"se""cr.et %s ü"').replace("%", "%%"), ())
    old, new = new_key(), new_key()
    secret = {"name": "schlüssel", "value": canary()}
    args = {**_args(postgres, name, {"type": "value", "value": old}, secret), "table": table}

    assert run_module("envelope_secret", args).ok().changed
    assert not run_module("envelope_secret", args).ok().changed
    keys = {"old_key": {"type": "value", "value": old}, "new_key": {"type": "value", "value": new}}
    rewrap = {"database": postgres.options(name), "tables": [{"table": table}], **keys}
    assert run_module("envelope_rewrap", rewrap).ok().changed
    renewed = {**args, "key": {"type": "value", "value": new}}
    assert not run_module("envelope_secret", renewed).ok().changed
