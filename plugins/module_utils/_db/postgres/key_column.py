# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""A column of wrapped keys in a table of PostgreSQL, read and replaced by ranges of the rows' keys.

Every name is quoted as an identifier and used exactly as given, upper case letters included; every value is a
parameter. No row is locked between reading and writing: a wrapped key is replaced only while it still is what was
read, so that an application never waits for a key service, and what it wrote meanwhile is not overwritten.
"""

from __future__ import annotations

import typing as t

from ..._core.errors import InvalidInput, NotConverged
from ..._core.spec import Params
from .connection import database_errors, quoted

try:
    import psycopg
    from psycopg import sql
except ImportError:  # reported by connect_postgres(), which comes first
    pass

if t.TYPE_CHECKING:
    from .connection import Connection

_TEXTS: t.Final = ("text", "character varying")
# What an application name can hold.
_NAME_LENGTH: t.Final = 63


class PostgresKeyColumn:
    """A column of a table, as an item of the module declares it.

    ``data_columns`` have to be what they were after each replacement. ``after`` (exclusive) and ``until`` (inclusive)
    limit the rows.
    """

    def __init__(self, connection: Connection, item: Params) -> None:
        self._connection = connection
        self._names = (item["schema"], item["table"]) if item["schema"] else (item["table"],)
        self._key_name, self._column_name = item["key_column"], item["dek_column"]
        self._kept_names = tuple(item["data_columns"])
        self._table = quoted(*self._names)
        self._key = quoted(self._key_name)
        self._column = quoted(self._column_name)
        self._after, self._until = item["after"], item["until"]
        self._checked = False

    @property
    def identity(self) -> str:
        """Schema, if given, table and column."""
        return ".".join((*self._names, self._column_name))

    def pages(self, rows: int) -> t.Iterator[list[tuple[t.Any, t.Optional[str]]]]:
        """Yield (key, wrapped key) in order of the keys, so many rows at a time."""
        self._check()
        last: t.Any = self._after
        while True:
            page = self._page(last, rows)
            if page:
                yield page
            if len(page) < rows:
                return
            last = page[-1][0]

    def _page(self, last: t.Any, rows: int) -> list[tuple[t.Any, t.Optional[str]]]:
        limits, values = [], []
        for operator, value in ((">", last), ("<=", self._until)):
            if value is not None:
                limits.append(sql.SQL("{} {} %s").format(self._key, sql.SQL(operator)))
                values.append(value)
        where = sql.SQL("WHERE {}").format(sql.SQL(" AND ").join(limits)) if limits else sql.SQL("")
        statement = sql.SQL("SELECT {key}, {column} FROM {table} {where} ORDER BY {key} LIMIT %s").format(
            key=self._key, column=self._column, table=self._table, where=where
        )
        with database_errors(f"reading {self.identity}"):
            return list(self._connection.execute(statement, (*values, rows)).fetchall())

    def replace(self, entries: t.Sequence[tuple[t.Any, str, str]]) -> int:
        """Replace wrapped keys (row, old, new) in one transaction and return how many still were the old ones.

        None is replaced when an application holds rows that this transaction waits for, and waits for rows of it in
        turn. Raises :class:`NotConverged`, and replaces none, when a kept column is not what it was.
        """
        # The inner query locks the row and sees it as it was; what is returned is the row as triggers left it.
        statement = sql.SQL(
            "UPDATE {table} AS t SET {column} = %s FROM (SELECT * FROM {table} WHERE {key} = %s FOR UPDATE) AS was"
            " WHERE t.{key} = was.{key} AND t.{column} = %s RETURNING {same}"
        ).format(table=self._table, column=self._column, key=self._key, same=self._same())
        values = [(new, row, old) for row, old, new in entries]
        with database_errors(f"writing {self.identity}"):
            try:
                with self._connection.transaction():
                    return self._written(statement, values)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
                return 0

    def _same(self) -> sql.Composable:
        """Compare as text: not every type has an equality, and one that has may call different bytes equal."""
        pair = sql.SQL("t.{name}::text IS NOT DISTINCT FROM was.{name}::text")
        pairs = [pair.format(name=quoted(name)) for name in self._kept_names]
        return sql.SQL(" AND ").join(pairs) if pairs else sql.SQL("true")

    def _written(self, statement: sql.Composed, values: t.Sequence[tuple[t.Any, ...]]) -> int:
        written = 0
        with self._connection.cursor() as cursor:
            cursor.executemany(statement, values, returning=True)
            while True:
                for (same,) in cursor.fetchall():
                    if not same:
                        raise NotConverged(
                            f"replacing a key changed {', '.join(self._kept_names)} too; the batch was rolled back",
                            field="data_columns",
                            remedy="Something in the database does that, such as a trigger.",
                        )
                    written += 1
                if not cursor.nextset():
                    return written

    def note(self, progress: str) -> None:
        """Show how far this is as the name of the application, in ``pg_stat_activity``."""
        with database_errors("naming the connection"):
            self._connection.execute("SELECT set_config('application_name', %s, false)", (progress[:_NAME_LENGTH],))

    def _check(self) -> None:
        """Raise :class:`InvalidInput` unless table and columns exist, and the key tells all rows apart."""
        if self._checked:
            return
        columns = self._columns()
        for option, names in (
            ("key_column", [self._key_name]),
            ("dek_column", [self._column_name]),
            ("data_columns", self._kept_names),
        ):
            missing = [name for name in names if name not in columns]
            if missing:
                raise InvalidInput(
                    f"{'.'.join(self._names)} has no column {', '.join(missing)}",
                    field=option,
                    remedy=f"It has {', '.join(columns)}. Upper and lower case letters differ.",
                )
        kind, _unique = columns[self._column_name]
        if not kind.startswith(_TEXTS):
            raise InvalidInput(
                f"{self.identity} is of type {kind}", field="dek_column", remedy="Wrapped keys are kept as text."
            )
        if not columns[self._key_name][1]:
            raise InvalidInput(
                f"{self._key_name} does not tell all rows apart",
                field="key_column",
                remedy="Give the primary key, or a column that is unique by itself and never null.",
            )
        self._checked = True

    def _columns(self) -> dict[str, tuple[str, bool]]:
        """Return type and uniqueness of each column."""
        with database_errors(f"looking at {'.'.join(self._names)}"):
            name = sql.Identifier(*self._names).as_string(self._connection)
            found = self._connection.execute("SELECT to_regclass(%s)::oid", (name,)).fetchone()
            if found is None or found[0] is None:
                raise InvalidInput(
                    f"there is no table {name} that this user sees",
                    field="table",
                    remedy="Upper and lower case letters differ; give schema when it is not in the search path.",
                )
            rows = self._connection.execute(_COLUMNS, (found[0],)).fetchall()
            hidden = self._connection.execute("SELECT row_security_active(%s::oid)", (found[0],)).fetchone()
        if hidden is not None and hidden[0]:
            # What this user does not see would stay under a key that is given up when everything seems to be done.
            raise InvalidInput(
                f"row security may hide rows of {name} from this user",
                field="database.user",
                remedy="Use the owner of the table, or a user with BYPASSRLS.",
            )
        return {column: (kind, unique) for column, kind, unique in rows}


_COLUMNS: t.Final = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull AND EXISTS (
  SELECT 1 FROM pg_index i
  WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
FROM pg_attribute a WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
