# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""envelope_rewrap between two keys of this process, in a real PostgreSQL."""

from __future__ import annotations

import base64
import itertools
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import typing as t
import uuid
from collections.abc import Callable

import pytest
from psycopg import sql

from plugins.module_utils._envelope.envelope import seal_value
from tests.integration.docs_policies.returned import differences
from tests.integration.envelope_rewrap.conftest import DATA, FORM, SealedTable, data_key, local
from tests.integration.ladder import Ladder
from tests.rigs.envelope_peer import EnvelopePeer
from tests.rigs.postgres import Postgres
from tests.rigs.process import clean_environment, wait_until
from tests.rigs.runner import Runner

Module = Callable[..., t.Any]
MakeTable = Callable[..., SealedTable]
NewKey = Callable[[], str]

ROWS = 10_000


def _keys(old: str, new: str) -> dict[str, t.Any]:
    return {"old_key": {"type": "value", "value": old}, "new_key": {"type": "value", "value": new}}


def test_ladder(ladder: Ladder, sealed_table: MakeTable, new_key: NewKey) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(50))
    before = table.untouched()
    stale = {row: fields["encryptedDek"] for row, fields in table.records().items() if row < 3}

    def tamper() -> None:
        for row, wrapped in stale.items():
            table.execute("UPDATE {table} SET {dek} = %s WHERE {key} = %s", (wrapped, row))

    rungs = ladder.climb(
        "envelope_rewrap",
        {"database": table.options, "tables": [{"table": "encryptedSecrets"}], **_keys(old, new), "batch_rows": 20},
        tamper=tamper,
        server=False,
    )
    counted = {"rows": 50, "outdated": 0, "unknown": 0, "empty": 0, "current": 50}
    names = {"old_key": "the key given by value", "new_key": "the key given by value"}
    assert differences("envelope_rewrap", rungs["create"].result.result) == []
    assert rungs["create"].items[0]["data_keys"] == {**counted, **names, "rewrapped": 50}
    assert rungs["again"].items[0]["data_keys"] == {**counted, **names, "rewrapped": 0}
    assert rungs["check create"].items[0]["data_keys"]["outdated"] == 50
    assert rungs["mend"].items[0]["data_keys"]["rewrapped"] == 3
    assert re.match("3 of 50 keys are wrapped by", rungs["mend"].items[0]["reasons"][0])
    assert table.untouched() == before
    assert table.opened(local(new)) == table.plaintexts
    assert table.opened(local(old)) == {}


def test_mb_25_dry_run_writes_nothing(run_module: Module, sealed_table: MakeTable, new_key: NewKey) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(100))
    versions = table.versions()
    args = {"database": table.options, "tables": [{}], **_keys(old, new)}
    done = run_module("envelope_rewrap", args, check=True, diff=True).ok()
    assert done.changed
    assert done.result["diff"][0]["before"] == {"outdated": 100}
    assert done.result["diff"][0]["after"] == {"outdated": 0}
    assert table.versions() == versions
    assert run_module("envelope_rewrap", args).ok().changed
    assert not set(table.versions().values()) & set(versions.values())
    after = table.versions()
    assert not run_module("envelope_rewrap", args).ok().changed
    assert table.versions() == after, "a run without anything to do writes nothing"


def _start(runner: Runner, directory: pathlib.Path, args: dict[str, t.Any]) -> subprocess.Popen[str]:
    """Start the module as a process that can be killed."""
    command = [sys.executable, "-m", "ansible_collections.trustmesh.security.plugins.modules.envelope_rewrap"]
    env = clean_environment(PYTHONPATH=str(runner.collections), HOME=str(directory), TMPDIR=str(directory))
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )
    given = {"_ansible_check_mode": False, "_ansible_remote_tmp": str(directory), **args}
    stdin = t.cast("t.IO[str]", child.stdin)
    stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": given}))
    stdin.close()
    return child


def _progress(table: SealedTable) -> int:
    """Return how far a run says that it is; 0 when there is none."""
    shown = table.execute(
        "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'envelope_rewrap %%'"
    )
    found = re.fullmatch(r"envelope_rewrap (\d+)/\d+.*", shown[0][0]) if shown else None
    return int(found.group(1)) if found else 0


def test_mb_25_killed_midway_and_resumed(
    runner: Runner,
    run_module: Module,
    sealed_table: MakeTable,
    new_key: NewKey,
    tmp_path: pathlib.Path,
    record_property: Callable[[str, object], None],
) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(ROWS))
    before = table.untouched()
    args = {"database": table.options, "tables": [{}], **_keys(old, new), "batch_rows": 100}
    killed = []
    for row in (2050, 5050, 8050):
        with table.held(row):
            child = _start(runner, tmp_path, args)
            reached = row - row % 100 - (killed[-1] if killed else 0)

            def waits_for_the_row(child: subprocess.Popen[str] = child, reached: int = reached) -> bool:
                assert child.poll() is None, t.cast("t.IO[str]", child.stdout).read()
                return _progress(table) >= reached

            wait_until(waits_for_the_row, 60, "the run to get to the row that an application holds")
            os.kill(child.pid, signal.SIGKILL)
            assert child.wait(10) == -signal.SIGKILL
        t.cast("t.IO[str]", child.stdout).close()
        done, left = table.opened(local(new)), table.opened(local(old))
        assert len(done) == row - row % 100, "killed in the middle"
        assert len(left) + len(done) == ROWS, "none is lost, none opens with both"
        assert {**left, **done} == table.plaintexts
        killed.append(len(done))
    assert killed == sorted(killed), "each run went on where the last one was killed"
    last = run_module("envelope_rewrap", args).ok()
    assert last.result["results"][0]["data_keys"]["rewrapped"] == ROWS - killed[-1]
    assert table.opened(local(new)) == table.plaintexts
    assert table.opened(local(old)) == {}
    assert table.untouched() == before, "byte for byte"
    assert not run_module("envelope_rewrap", args).ok().changed
    record_property("killed_after", killed)


def test_mb_25_node_opens_every_row_afterwards(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey, node: EnvelopePeer
) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(20))
    run_module("envelope_rewrap", {"database": table.options, "tables": [{}], **_keys(old, new)}).ok()
    for row, fields in table.records().items():
        record = {**fields, "encryptedDEK": fields["encryptedDek"]}
        terms = {"record": record, "aad": str(row), "ivBytes": 12, "encoding": "base64"}
        assert node("open", master=new, **terms) == {"result": f"secret of row {row}"}
        assert "refused" in node("open", master=old, **terms)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("uuid", [uuid.UUID(int=7 * at * 2**90) for at in range(30)]),
        ("text", [f"key-{at}'%s;\"" for at in range(30)]),
        ("bigint", [at * 2**40 - 2**44 for at in range(30)]),
        ("numeric", range(30)),
        ("varchar(20)", ["ß", "ä", "Z", "a", "A", " ", "%", "_"]),
    ],
)
def test_rows_are_told_apart_by_any_kind_of_key(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey, kind: str, rows: t.Sequence[t.Any]
) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), rows, kind=kind)
    args = {"database": table.options, "tables": [{}], **_keys(old, new), "batch_rows": 7}
    assert run_module("envelope_rewrap", args).ok().result["results"][0]["data_keys"]["rewrapped"] == len(rows)
    assert table.opened(local(new)) == table.plaintexts


def test_names_are_taken_exactly_as_given(run_module: Module, sealed_table: MakeTable, new_key: NewKey) -> None:
    old, new = new_key(), new_key()
    hostile = ('My "schema"; --', "t' OR 1=1; DROP TABLE x", 'k"; %s %(a)s {}', 'd\\";"')
    table = sealed_table(local(old), range(30), names=hostile[:2], key=hostile[2], dek=hostile[3])
    item = dict(zip(("schema", "table", "key_column", "dek_column"), hostile))
    args = {"database": table.options, "tables": [item], **_keys(old, new), "batch_rows": 7}
    assert run_module("envelope_rewrap", args).ok().result["results"][0]["data_keys"]["rewrapped"] == 30
    assert table.opened(local(new)) == table.plaintexts


def test_ranges_of_keys_can_be_done_apart(run_module: Module, sealed_table: MakeTable, new_key: NewKey) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(100))
    for after, until, count in (("9", "49", 40), ("49", None, 50), (None, None, 10)):
        item = {"after": after, "until": until}
        args = {"database": table.options, "tables": [item], **_keys(old, new), "batch_rows": 7}
        assert run_module("envelope_rewrap", args).ok().result["results"][0]["data_keys"]["rewrapped"] == count
    wrong = {"database": table.options, "tables": [{"after": "x"}], **_keys(old, new)}
    assert "invalid input syntax for type integer" in run_module("envelope_rewrap", wrong).msg


def test_no_key_is_in_the_statements(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey, postgres: Postgres
) -> None:
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(20))
    keys = [data_key(local(old), fields["encryptedDek"]) for fields in table.records().values()]
    run_module("envelope_rewrap", {"database": table.options, "tables": [{}], **_keys(old, new)}).ok()
    log = postgres.log_path.read_bytes()
    assert b"UPDATE" in log and table.records()[0]["encryptedDek"].encode() in log, "the log shows values"
    for key in [*keys, bytes.fromhex(old), bytes.fromhex(new)]:
        for form in (key, base64.b64encode(key), key.hex().encode(), key.hex().upper().encode()):
            assert form not in log


def test_mb_25_while_an_application_writes(
    run_module: Module, sealed_table: MakeTable, new_key: NewKey, record_property: Callable[[str, object], None]
) -> None:
    """An application goes on replacing records, sealed by the old key, as long as the run lasts."""
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(3000))
    stop = threading.Event()
    written = itertools.count()

    def application() -> None:
        names = [sql.Identifier(name) for name in ("encryptedDek", *DATA)]
        settings = sql.SQL(", ").join([sql.SQL("{} = %s").format(name) for name in names])
        statement = sql.SQL('UPDATE "encryptedSecrets" SET {} WHERE id = %s').format(settings)
        with table.server.connect(table.database) as connection:
            while not stop.is_set():
                row = random.randrange(3000)
                value = f"value {next(written)} of row {row}".encode()
                record = seal_value(local(old), value, FORM, str(row).encode()).written(FORM, "encryptedDek")
                connection.execute(statement, (*(record[name] for name in ("encryptedDek", *DATA)), row))
                table.plaintexts[row] = value

    thread = threading.Thread(target=application)
    thread.start()
    args = {"database": table.options, "tables": [{}], **_keys(old, new), "batch_rows": 50}
    try:
        first = run_module("envelope_rewrap", args)
    finally:
        stop.set()
        thread.join(30)
    # What was written last may be under the old key; that is said, and the next run sees to it.
    assert not first.failed or "still differs after applying" in first.msg, first.msg
    assert {**table.opened(local(old)), **table.opened(local(new))} == table.plaintexts
    run_module("envelope_rewrap", args).ok()
    assert table.opened(local(new)) == table.plaintexts
    record_property("writes_meanwhile", next(written))
    assert next(written) > 100


def test_a_play_shows_no_key(play: t.Any, sealed_table: MakeTable, new_key: NewKey, tmp_path: pathlib.Path) -> None:
    """By ansible-playbook at -vvvv, from a file to a value; everything that is printed is searched for both keys."""
    old, new = new_key(), new_key()
    table = sealed_table(local(old), range(20))
    path = tmp_path / "master.key"
    path.touch(0o600)
    path.write_text(old)
    keys = {"old_key": {"type": "file", "path": str(path)}, "new_key": {"type": "value", "value": new}}
    args = {"database": table.options, "tables": [{}], **keys}
    task = {"name": "rewrap", "trustmesh.security.envelope_rewrap": args}
    done = play([task], diff=True).ok()
    assert done.task("rewrap").result["results"][0]["data_keys"]["rewrapped"] == 20
    assert play([task], check=True, diff=True).ok().changed == 0
    assert table.opened(local(new)) == table.plaintexts
