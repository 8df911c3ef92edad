# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What envelope_rewrap refuses, what it leaves alone, and how it says so."""

from __future__ import annotations

import concurrent.futures
import contextlib
import pathlib
import secrets
import typing as t
from collections.abc import Callable

import pytest

from plugins.module_utils._core.redact import Secret
from plugins.module_utils._db.postgres.connection import connect_postgres
from plugins.module_utils._db.postgres.key_column import PostgresKeyColumn
from plugins.module_utils._envelope.local import LocalKey
from plugins.module_utils._envelope.record import Form
from plugins.module_utils._envelope.rewrap import ByHand, Rewrap, Terms
from tests.integration.envelope_rewrap.conftest import SealedTable, local
from tests.rigs.canary import Canaries
from tests.rigs.pki import make_server_pair
from tests.rigs.postgres import Postgres
from tests.rigs.process import wait_until

Module = Callable[..., t.Any]
MakeTable = Callable[..., SealedTable]
NewKey = Callable[[], str]


def _keys(old: str, new: str) -> dict[str, t.Any]:
    return {"old_key": {"type": "value", "value": old}, "new_key": {"type": "value", "value": new}}


def test_unknown_key_stops_everything_unless_it_may_stay(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey
) -> None:
    old, new, other = new_key(), new_key(), new_key()
    table = sealed_table(local(old), range(30))
    table.fill(local(other), range(100, 107))
    table.execute("UPDATE {table} SET {dek} = 'not even base64' WHERE {key} = 7")
    table.execute("UPDATE {table} SET {dek} = NULL WHERE {key} = 8")
    versions = table.versions()
    args = {"database": table.options, "tables": [{}], **_keys(old, new), "batch_rows": 10}
    done = run_module("envelope_rewrap", args)
    assert done.failed
    assert "on_unknown: 8 of 37 wrapped keys open neither with" in done.msg
    assert "(rows 7, 100, 101, 102, 103)" in done.msg
    assert table.versions() == versions

    done = run_module("envelope_rewrap", {**args, "on_unknown": "skip"}).ok()
    counts = done.result["results"][0]["data_keys"]
    assert (counts["rewrapped"], counts["unknown"], counts["empty"], counts["current"]) == (28, 8, 1, 28)
    assert len(done.result["results"][0]["warnings"]) == 1
    assert not run_module("envelope_rewrap", {**args, "on_unknown": "skip"}).ok().changed
    assert set(table.opened(local(other))) == set(range(100, 107)), "left as they were"


def test_without_an_old_key_it_proves_that_nothing_is_left(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey
) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(new), range(10))
    args = {"database": table.options, "tables": [{}], "new_key": _keys(old, new)["new_key"]}
    assert not run_module("envelope_rewrap", args).ok().changed
    table.fill(local(old), [10])
    assert "1 of 11 wrapped keys open neither with" in run_module("envelope_rewrap", args).msg


def test_changed_data_is_rolled_back(run_module: Module, sealed_table: MakeTable, new_key: NewKey) -> None:
    """A trigger that means well must not change what a data key opens."""
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(30))
    before, versions = table.untouched(), table.versions()
    body = """BEGIN NEW."encryptedValue" := NEW."encryptedValue" || '='; RETURN NEW; END"""
    table.execute("CREATE FUNCTION mangle() RETURNS trigger LANGUAGE plpgsql AS $$" + body + "$$")
    table.execute("CREATE TRIGGER mangle BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION mangle()")
    args = {"database": table.options, "tables": [{}], **_keys(old, new), "batch_rows": 10}
    done = run_module("envelope_rewrap", args)
    assert done.failed
    assert "data_columns: replacing a key changed encryptedValue" in done.msg
    assert "was rolled back" in done.msg
    assert table.untouched() == before
    assert table.versions() == versions


def test_what_an_application_writes_meanwhile_is_not_overwritten(
    sealed_table: MakeTable, new_key: NewKey, stack: t.Any
) -> None:
    """An application replaces a record between reading and writing, and adds one: both are seen to afterwards."""
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(20))
    newcomers = sealed_table(local(old), [3])

    class Meanwhile(ByHand):
        written = False

        def move(self, wrapped: t.Sequence[str]) -> list[str | None]:
            if not self.written:
                self.written = True
                fields = newcomers.records()[3]
                columns = ", ".join(f'"{name}" = %s' for name in fields)
                table.execute(f"UPDATE {{table}} SET {columns} WHERE {{key}} = 3", list(fields.values()))
                table.fill(local(old), [-1])
            return super().move(wrapped)

    item = {"schema": None, "table": "encryptedSecrets", "key_column": "id", "dek_column": "encryptedDek"}
    item |= {"data_columns": ["encryptedValue"], "after": None, "until": None}
    column = PostgresKeyColumn(connect_postgres(table.options, stack), item)
    resource = Rewrap(column, Meanwhile(local(old), local(new)), Terms("old", "new", 5))
    now: t.Any = None
    resource.apply(resource.plan(resource.read(), now))
    assert not resource.plan(resource.read(), now)
    assert table.opened(local(new)) == table.plaintexts
    assert table.records()[3]["encryptedValue"] == newcomers.records()[3]["encryptedValue"]


def test_a_new_key_that_does_not_open_what_it_wraps_replaces_nothing(
    sealed_table: MakeTable, new_key: NewKey, stack: t.Any
) -> None:
    old, new, wrong = new_key(), new_key(), new_key()
    table = sealed_table(local(old), range(5))

    class Broken(LocalKey):
        def wrap(self, keys: t.Sequence[bytes]) -> list[str]:
            return local(wrong).wrap(keys)

    item = {"schema": None, "table": "encryptedSecrets", "key_column": "id", "dek_column": "encryptedDek"}
    item |= {"data_columns": [], "after": None, "until": None}
    column = PostgresKeyColumn(connect_postgres(table.options, stack), item)
    broken = Broken(Secret(new), "the new key", Form())
    resource = Rewrap(column, ByHand(local(old), broken), Terms("old", "new"))
    versions, now = table.versions(), t.cast(t.Any, None)
    with pytest.raises(Exception, match="new_key: the new key does not open what it wrapped a moment ago"):
        resource.apply(resource.plan(resource.read(), now))
    assert table.versions() == versions


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"table": "encryptedsecrets"}, 'table: there is no table "encryptedsecrets" that this user sees'),
        ({"schema": "nowhere"}, 'table: there is no table "nowhere"."encryptedSecrets"'),
        ({"key_column": "ID"}, "key_column: encryptedSecrets has no column ID. It has id, encryptedDek, encrypted"),
        ({"dek_column": "encryptedDEK"}, "dek_column: encryptedSecrets has no column encryptedDEK"),
        ({"data_columns": ["iv", "salt"]}, "data_columns: encryptedSecrets has no column salt"),
        ({"key_column": "iv"}, "key_column: iv does not tell all rows apart"),
        ({"dek_column": "id"}, "dek_column: encryptedSecrets.id is of type integer"),
        ({"batch_rows": 0}, "batch_rows: 0 is too small"),
        ({"new_key": {"type": "file", "path": "/none"}}, "new_key.path: /none does not exist"),
        ({"new_key": {"type": "value", "value": "00" * 32}}, "new_key.value: the master key in value has a pattern"),
        ({"new_key": {"type": "environment", "variable": "NONE"}}, "new_key.variable: NONE is not set"),
    ],
)
def test_wrong_declaration_says_so(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey, item: dict[str, t.Any], message: str
) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(2))
    versions = table.versions()
    done = run_module("envelope_rewrap", {"database": table.options, "tables": [item], **_keys(old, new)})
    assert done.failed
    assert message in done.msg
    assert table.versions() == versions


def test_wrong_connection_says_so(
    run_module: Module, postgres: Postgres, new_key: NewKey, canary: Callable[..., str], tmp_path: pathlib.Path
) -> None:
    database = postgres.options("postgres")
    keys = _keys(new_key(), new_key())
    for change, message in (
        ({"password": canary()}, "database.password: no connection"),
        ({"password": None}, "database.password: no connection"),
        ({"user": "nobody_here", "password": canary()}, "database.password: no connection"),
        ({"name": "nowhere"}, "database.name: no connection"),
        ({"port": 1}, "database.host: no connection"),
        ({"host": "db.invalid"}, "database.host: no connection"),
        ({"ca_cert": str(make_server_pair(tmp_path).ca)}, "database.ca_cert: no connection"),
        ({"ca_cert": None}, "database.ca_cert: no connection"),
        ({"sslmode": "disable"}, "database.user: no connection"),
    ):
        done = run_module("envelope_rewrap", {"database": {**database, **change}, "tables": [{}], **keys})
        assert done.failed, change
        assert message in done.msg, (change, done.msg)
        assert "Traceback" not in done.stderr


def test_documented_rights_are_enough_and_needed(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey, postgres: Postgres, canaries: Canaries
) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(10))
    user = f"rotation_{table.database}"
    password = canaries.record(secrets.token_hex(16), "password of a user")
    postgres.new_user(user, password)
    options = {**table.options, "user": user, "password": password}
    args = {"database": options, "tables": [{}], **_keys(old, new)}
    refused = run_module("envelope_rewrap", args)
    assert "database.user: reading encryptedSecrets.encryptedDek: permission denied for table" in refused.msg
    table.execute("GRANT SELECT ON {table} TO " + user)
    assert run_module("envelope_rewrap", args, check=True).ok().changed
    refused = run_module("envelope_rewrap", args)
    assert "database.user: writing encryptedSecrets.encryptedDek: permission denied for table" in refused.msg
    table.execute("GRANT UPDATE ({dek}) ON {table} TO " + user)
    assert run_module("envelope_rewrap", args).ok().changed
    assert table.opened(local(new)) == table.plaintexts


def test_what_is_wrong_with_one_table_leaves_the_others_alone(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey
) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(5))
    args = {"database": table.options, "tables": [{"table": "none"}, {}], **_keys(old, new)}
    done = run_module("envelope_rewrap", args)
    assert done.failed
    assert done.result["summary"] == {"create": 0, "delete": 0, "failed": 1, "none": 0, "replace": 0, "update": 1}
    assert table.opened(local(new)) == table.plaintexts


def test_rows_that_the_user_does_not_see_are_not_forgotten(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey, postgres: Postgres, canaries: Canaries
) -> None:
    """A key would be given up while rows of other tenants still need it."""
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(10))
    user, password = f"tenant_{table.database}", canaries.record(secrets.token_hex(16), "password of a user")
    postgres.new_user(user, password)
    table.execute("GRANT SELECT, UPDATE ON {table} TO " + user)
    table.execute("CREATE POLICY tenant ON {table} USING ({key} < 5)")
    table.execute("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    options = {**table.options, "user": user, "password": password}
    done = run_module("envelope_rewrap", {"database": options, "tables": [{}], **_keys(old, new)})
    assert "database.user: row security may hide rows of" in done.msg
    assert run_module("envelope_rewrap", {"database": table.options, "tables": [{}], **_keys(old, new)}).ok().changed
    assert table.opened(local(new)) == table.plaintexts


def test_a_deadlock_with_an_application_costs_a_batch_and_no_more(
    sealed_table: MakeTable, new_key: NewKey, stack: contextlib.ExitStack, postgres: Postgres
) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(10))
    item = {"schema": None, "table": "encryptedSecrets", "key_column": "id", "dek_column": "encryptedDek"}
    item |= {"data_columns": [], "after": None, "until": None}
    ours = connect_postgres(table.options, stack)
    # Who looks for the deadlock gives way: after so long, once both wait.
    ours.execute("SET deadlock_timeout = '3s'")
    column = PostgresKeyColumn(ours, item)
    (page,) = column.pages(50)
    wrapped = [text for _row, text in page if text is not None]
    moved = [text or "" for text in ByHand(local(old), local(new)).move(wrapped)]
    entries = [(row, text, fresh) for (row, _text), text, fresh in zip(page, wrapped, moved, strict=True)]
    update = 'UPDATE "encryptedSecrets" SET algorithm = algorithm WHERE id = %s'
    with postgres.connect(table.database) as application, concurrent.futures.ThreadPoolExecutor() as pool:
        application.execute("SET deadlock_timeout = '60s'")
        with application.transaction():
            application.execute(update, (9,))
            replaced = pool.submit(column.replace, entries)
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            wait_until(lambda: table.execute(waiting)[0][0], 10, "the batch to wait for the application")
            application.execute(update, (0,))
        assert replaced.result(30) == 0
    assert table.opened(local(old)) == table.plaintexts
    assert column.replace(entries) == 10
    assert table.opened(local(new)) == table.plaintexts
