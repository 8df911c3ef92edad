# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real database with sealed values, and master keys that must turn up nowhere."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import typing as t
from collections.abc import Callable, Iterator

import pytest
from psycopg import sql

from plugins.module_utils._core.redact import Secret
from plugins.module_utils._db.postgres.connection import quoted
from plugins.module_utils._envelope import cipher
from plugins.module_utils._envelope.envelope import open_record, seal_value
from plugins.module_utils._envelope.local import LocalKey
from plugins.module_utils._envelope.provider import KeyProvider
from plugins.module_utils._envelope.record import Form, Record
from tests.integration.conftest import or_skip
from tests.rigs.canary import Canaries, refuse
from tests.rigs.envelope_peer import EnvelopePeer
from tests.rigs.postgres import Postgres

FORM = Form()
DATA = ("encryptedValue", "iv", "authTag", "algorithm")


@pytest.fixture(scope="session")
def postgres(canaries: Canaries) -> Iterator[Postgres]:
    """The server of this worker; its log, with every statement and value, is searched for secrets at the end."""
    server: Postgres = or_skip(Postgres)
    canaries.record(server.password, "password of the database")
    yield server
    leaks = canaries.search(server.log_path.read_bytes(), str(server.log_path))
    server.stop()
    refuse(leaks)


@pytest.fixture
def new_key(canaries: Canaries) -> Callable[[], str]:
    """A function that makes a master key."""
    return lambda: canaries.record(secrets.token_hex(32), "master key")


@dataclasses.dataclass
class SealedTable:
    """A table of sealed values in a database of its own."""

    server: Postgres
    database: str
    plaintexts: dict[t.Any, bytes]
    key: str = "id"
    names: tuple[str, ...] = ("encryptedSecrets",)
    dek: str = "encryptedDek"

    @property
    def options(self) -> dict[str, t.Any]:
        """The option of the module that reaches the database."""
        return self.server.options(self.database)

    def execute(self, statement: str, values: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        """Run one statement with ``{table}``, ``{key}`` and ``{dek}`` in it."""
        parts = {"table": quoted(*self.names), "key": quoted(self.key), "dek": quoted(self.dek)}
        with self.server.connect(self.database) as connection:
            cursor = connection.execute(sql.SQL(t.cast(t.Any, statement)).format(**parts), values)
            return cursor.fetchall() if cursor.description else []

    @contextlib.contextmanager
    def held(self, row: t.Any) -> Iterator[None]:
        """Hold a row as an application that is about to write it does: whoever else writes it waits."""
        with self.server.connect(self.database) as connection, connection.transaction(force_rollback=True):
            statement = sql.SQL("SELECT FROM {} WHERE {} = %s FOR UPDATE")
            connection.execute(statement.format(quoted(*self.names), quoted(self.key)), (row,))
            yield

    def fill(self, provider: KeyProvider, rows: t.Iterable[t.Any], form: Form = FORM) -> None:
        """Seal a value for each key and copy the records into the table."""
        columns = sql.SQL(", ").join(map(sql.Identifier, (self.key, self.dek, *DATA)))
        copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(*self.names), columns)
        with self.server.connect(self.database) as connection, connection.cursor().copy(copy) as stream:
            for row in rows:
                plaintext = f"secret of row {row}".encode()
                fields = seal_value(provider, plaintext, form, str(row).encode()).written(form, "dek")
                stream.write_row((row, fields["dek"], *(fields[name] for name in DATA)))
                self.plaintexts[row] = plaintext

    def records(self) -> dict[t.Any, dict[str, str]]:
        """Return every record by its row's key."""
        columns = ", ".join(f'"{name}"' for name in DATA)
        found = self.execute(f"SELECT {{key}}, {{dek}}, {columns} FROM {{table}}")
        return {row[0]: dict(zip(("encryptedDek", *DATA), row[1:])) for row in found}

    def opened(self, provider: KeyProvider, form: Form = FORM) -> dict[t.Any, bytes]:
        """Open every row that opens."""
        found = {}
        for row, fields in self.records().items():
            if fields["encryptedDek"] is None:
                continue
            record = Record.parsed(fields, form)
            if provider.unwrap([record.wrapped_key]) != [None]:
                found[row] = open_record(provider, record, str(row).encode())
        return found

    def untouched(self) -> dict[t.Any, tuple[t.Any, ...]]:
        """Return everything but the wrapped keys, as the bytes that the server holds."""
        columns = ", ".join(f"""convert_to("{name}"::text, 'UTF8')""" for name in DATA)
        return {row[0]: row[1:] for row in self.execute(f"SELECT {{key}}, {columns} FROM {{table}}")}

    def versions(self) -> dict[t.Any, tuple[str, str]]:
        """Return the transaction that wrote each row, and the place it was written to: they change by any write."""
        found = self.execute("SELECT {key}, xmin::text, ctid::text FROM {table}")
        return {row[0]: (row[1], row[2]) for row in found}


@pytest.fixture
def sealed_table(postgres: Postgres) -> Callable[..., SealedTable]:
    """``sealed_table(provider, rows, ...)``: a table of the layout of the records, filled."""

    def make(
        provider: KeyProvider | None,
        rows: t.Iterable[t.Any] = (),
        *,
        kind: str = "integer",
        names: tuple[str, ...] = ("encryptedSecrets",),
        key: str = "id",
        dek: str = "encryptedDek",
        form: Form = FORM,
    ) -> SealedTable:
        table = SealedTable(postgres, postgres.new_database(), {}, key, names, dek)
        if len(names) == 2:
            with postgres.connect(table.database) as connection:
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(names[0])))
        columns = ", ".join(f'"{name}" text NOT NULL' for name in DATA)
        table.execute(f"CREATE TABLE {{table}} ({{key}} {kind} PRIMARY KEY, {{dek}} text, {columns})")
        if provider is not None:
            table.fill(provider, rows, form)
        return table

    return make


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """What a module's connections close with."""
    with contextlib.ExitStack() as opened:
        yield opened


@pytest.fixture(scope="session")
def node() -> Iterator[EnvelopePeer]:
    """The application in Node."""
    peer = or_skip(EnvelopePeer)
    yield peer
    peer.stop()


def local(master: str, form: Form = FORM) -> LocalKey:
    """Return a master key of the tests' own hands."""
    return LocalKey(Secret(master), "a key of the test", form)


def data_key(provider: KeyProvider, wrapped: str) -> bytes:
    """Return the data key in a wrapped one."""
    (key,) = provider.unwrap([wrapped])
    assert key is not None
    assert len(key) == cipher.KEY_BYTES
    return key
