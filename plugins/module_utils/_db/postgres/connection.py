# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""From module options to a connection to PostgreSQL. psycopg and libpq are the transport."""

from __future__ import annotations

import contextlib
import re
import typing as t

from ..._core.deps import PSYCOPG
from ..._core.errors import InvalidInput, TrustmeshError
from ..._core.lending import lend
from ..._core.spec import Options, Params

try:
    import psycopg
    from psycopg import sql
except ImportError:  # reported by connect_postgres() before any of it is used
    pass

if t.TYPE_CHECKING:
    Connection = psycopg.Connection[tuple[t.Any, ...]]
else:
    Connection = t.Any

#: The suboptions of the option that declares a database.
DATABASE: t.Final[Options] = {
    "host": {"type": "str"},
    "port": {"type": "int"},
    "name": {"type": "str"},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "sslmode": {"type": "str", "choices": ["disable", "require", "verify-ca", "verify-full"], "default": "verify-full"},
    "ca_cert": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "timeout": {"type": "int", "default": 30},
}
DATABASE_OPTION: t.Final[Options] = {
    "database": {
        "type": "dict",
        "required": True,
        "no_log": False,
        "options": DATABASE,
        "required_together": [("client_cert", "client_key")],
    }
}
# libpq's names of what is declared under ours.
_KEYWORDS: t.Final = {
    "host": "host",
    "port": "port",
    "name": "dbname",
    "user": "user",
    "password": "password",
    "sslmode": "sslmode",
    "ca_cert": "sslrootcert",
    "client_cert": "sslcert",
    "client_key": "sslkey",
    "timeout": "connect_timeout",
}
_FILES: t.Final = ("ca_cert", "client_cert", "client_key")
# libpq's word for the certificates of the system.
_SYSTEM_TRUST: t.Final = ("ca_cert", "system")
# What libpq and the server say when no connection comes about, the option it is about, and what to do.
_CAUSES: t.Final = (
    ("password authentication failed", "password", "Correct user and password."),
    ("no password supplied", "password", "Give the password, or PGPASSFILE in the environment of the task."),
    ("certificate verify failed", "ca_cert", "Give the PEM file of the CA that signed the server's certificate."),
    ("root certificate file", "ca_cert", "Give the PEM file of the CA that signed the server's certificate."),
    ("does not match host name", "host", "Give a name that the server's certificate is valid for."),
    ("server does not support SSL", "sslmode", "Switch TLS on at the server."),
    ("Connection refused", "host", "Check that the server runs, host, port, and the firewall between here and there."),
    ("could not translate host name", "host", "Correct the name."),
    ("failed to resolve host", "host", "Correct the name."),
    ("timeout expired", "host", "Check address and firewall; a dropped packet looks like this. See also timeout."),
    ("no pg_hba.conf entry", "user", "Let pg_hba.conf admit this user, database, address and kind of connection."),
    ("does not exist", "name", "Create the database or the user first."),
)


class DatabaseFailure(TrustmeshError):
    """PostgreSQL refused, or could not be reached."""


def connect_postgres(declared: Params, stack: contextlib.ExitStack) -> Connection:
    """Return a connection in which each statement commits by itself; it closes with ``stack``.

    What is not declared, libpq takes from its own variables of the environment. Raises :class:`DatabaseFailure`.
    """
    PSYCOPG.check()
    given = {_KEYWORDS[name]: value for name, value in declared.items() if value is not None and name in _KEYWORDS}
    with contextlib.ExitStack() as lent:
        names = {}
        for option in _FILES:
            path = declared.get(option)
            if path is not None and (option, path) != _SYSTEM_TRUST:
                given[_KEYWORDS[option]] = lent.enter_context(lend(path, f"database.{option}")).name
                names[given[_KEYWORDS[option]]] = path
        try:
            connection = psycopg.connect(
                autocommit=True, application_name="trustmesh.security", client_encoding="UTF8", **given
            )
        except psycopg.Error as error:
            raise _unconnected(error, names) from None
    return stack.enter_context(contextlib.closing(connection))


def _unconnected(error: psycopg.Error, names: t.Mapping[str, str]) -> TrustmeshError:
    """Say what failed, with the declared path wherever libpq names the copy that it was given."""
    said = re.sub(r"/proc/self/fd/\d+", lambda copy: names.get(copy[0], copy[0]), " ".join(str(error).split()))
    for text, field, remedy in _CAUSES:
        if text in said:
            return DatabaseFailure(f"no connection ({said})", field=f"database.{field}", remedy=remedy)
    return DatabaseFailure(f"no connection ({said})", field="database")


def quoted(*names: str) -> sql.Identifier:
    """Return a name as an identifier for a statement with values.

    psycopg leaves a percent sign in it as it is, and would take what follows for the place of a value.
    """
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


@contextlib.contextmanager
def database_errors(what: str) -> t.Iterator[None]:
    """Report what PostgreSQL refused by its own first line; the rest of its message may quote a value."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseFailure(
            f"{what}: {_first(error)}", field="database.user", remedy="Grant the user what the documentation lists."
        ) from None
    except psycopg.errors.InvalidTextRepresentation as error:
        raise InvalidInput(f"{what}: {_first(error)}", remedy="Give a value of the column's type.") from None
    except psycopg.OperationalError as error:
        raise DatabaseFailure(
            f"{what}: {_first(error)}", field="database", remedy="Run again; what was committed is done."
        ) from None
    except psycopg.Error as error:
        raise DatabaseFailure(f"{what}: {_first(error)}") from None


def _first(error: psycopg.Error) -> str:
    primary = error.diag.message_primary
    return primary or (str(error).splitlines() or [type(error).__name__])[0]
