# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Records of sealed values in a table of PostgreSQL, one row each; names are quoted and values are parameters."""

from __future__ import annotations

import typing as t

from ..._core.errors import InvalidInput, Overtaken
from ..._core.spec import Options, Params
from .connection import database_errors, quoted

try:
    import psycopg
    from psycopg import sql
except ImportError:  # reported by connect_postgres(), which comes first
    pass

if t.TYPE_CHECKING:
    from .connection import Connection

#: The fields of a record, and the columns in which they are unless something else is declared.
COLUMNS: t.Final = {
    "encryptedValue": "encryptedValue",
    "encryptedDEK": "encryptedDek",
    "iv": "iv",
    "authTag": "authTag",
    "algorithm": "algorithm",
}
TABLE: t.Final[Options] = {
    "table": {"type": "str", "default": "encryptedSecrets"},
    "schema": {"type": "str"},
    "name_column": {"type": "str", "default": "key", "aliases": ["key_column"]},
    "columns": {
        "type": "dict",
        "no_log": False,
        "options": {name: {"type": "str", "default": column, "no_log": False} for name, column in COLUMNS.items()},
        "apply_defaults": True,
    },
    "other_values": {"type": "dict"},
}


class PostgresRecords:
    """A table with a column for the name and one for each field of a record."""

    def __init__(self, connection: Connection, declared: Params) -> None:
        self._connection = connection
        names = (declared["schema"], declared["table"]) if declared["schema"] else (declared["table"],)
        columns = {name: (declared["columns"] or {}).get(name) or column for name, column in COLUMNS.items()}
        self.identity = ".".join(names)
        self._table = quoted(*names)
        self._key = quoted(declared["name_column"])
        self._columns = {name: quoted(column) for name, column in columns.items()}
        #: Values of further columns of a new row.
        self._others = [(quoted(str(name)), value) for name, value in (declared["other_values"] or {}).items()]

    def read(self, name: str) -> dict[str, t.Any] | None:
        """Return the fields of a record; raises :class:`InvalidInput` when several rows have the name."""
        statement = sql.SQL("SELECT {} FROM {} WHERE {} = %s LIMIT 2").format(
            sql.SQL(", ").join(self._columns.values()), self._table, self._key
        )
        with database_errors(f"reading {self.identity}"):
            rows = self._connection.execute(statement, (name,)).fetchall()
        if len(rows) > 1:
            raise InvalidInput(
                f"several rows of {self.identity} have the name {name}",
                field="name_column",
                remedy="Names have to be unique; give the column that is.",
            )
        return dict(zip(self._columns, rows[0])) if rows else None

    def write(self, name: str, fields: t.Mapping[str, t.Any], before: t.Mapping[str, t.Any] | None) -> None:
        """Insert a row, or replace a record that still is what it was before."""
        with database_errors(f"writing {self.identity}"):
            written = self._insert(name, fields) if before is None else self._update(name, fields, before)
        if written != 1:
            raise Overtaken(f"others wrote {name} meanwhile", remedy="Run again.")

    def _insert(self, name: str, fields: t.Mapping[str, t.Any]) -> int:
        columns = [self._key, *(self._columns[field] for field in fields), *(column for column, _value in self._others)]
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            self._table, sql.SQL(", ").join(columns), sql.SQL(", ").join([sql.Placeholder()] * len(columns))
        )
        others = [value for _column, value in self._others]
        try:
            return self._connection.execute(statement, (name, *fields.values(), *others)).rowcount
        except psycopg.errors.UniqueViolation:
            if self.read(name) is None:  # another column than that of the name
                raise
            return 0

    def _update(self, name: str, fields: t.Mapping[str, t.Any], before: t.Mapping[str, t.Any]) -> int:
        settings = [sql.SQL("{} = %s").format(self._columns[field]) for field in fields]
        terms = [sql.SQL("{} IS NOT DISTINCT FROM %s").format(self._columns[field]) for field in before]
        statement = sql.SQL("UPDATE {} SET {} WHERE {} = %s AND {}").format(
            self._table, sql.SQL(", ").join(settings), self._key, sql.SQL(" AND ").join(terms)
        )
        return self._connection.execute(statement, (*fields.values(), name, *before.values())).rowcount

    def remove(self, name: str) -> None:
        """Delete the row."""
        statement = sql.SQL("DELETE FROM {} WHERE {} = %s").format(self._table, self._key)
        with database_errors(f"deleting from {self.identity}"):
            self._connection.execute(statement, (name,))
