# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real PostgreSQL server for the tests, over TLS on loopback, which writes down every statement with its values.

The programs come from the Debian package ``postgresql``, or from the directory that ``TRUSTMESH_POSTGRES_BIN`` names.
PostgreSQL refuses to run as root; tests that do, start it as the user ``nobody``.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import typing as t
import weakref
from collections.abc import Sequence

import psycopg
from psycopg import sql

from tests.rigs.pki import make_server_pair, write_private
from tests.rigs.process import LOOPBACK, MissingPartError, Process, RigError, clean_environment, free_port

VARIABLE = "TRUSTMESH_POSTGRES_BIN"
PACKAGED = pathlib.Path("/usr/lib/postgresql")
START_DEADLINE = 30.0
UNPRIVILEGED = "nobody"

# No test takes the power away, so nothing has to reach the disk.
CONFIGURATION = """\
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''
ssl = on
ssl_cert_file = '{certificate}'
ssl_key_file = '{key}'
password_encryption = 'scram-sha-256'
fsync = off
full_page_writes = off
synchronous_commit = off
shared_buffers = 32MB
max_connections = 40
log_statement = 'all'
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
log_connections = on
log_line_prefix = '%t [%p] %u@%d %a '
timezone = 'UTC'
"""
ACCESS = "hostssl all all 127.0.0.1/32 scram-sha-256\n"

Connection = psycopg.Connection[tuple[t.Any, ...]]


def find_programs() -> pathlib.Path:
    """Return the directory of the newest server."""
    chosen = os.environ.get(VARIABLE)
    found = [pathlib.Path(chosen)] if chosen else sorted(PACKAGED.glob("*/bin"), key=lambda path: int(path.parent.name))
    for path in reversed(found):
        if (path / "initdb").exists() and (path / "postgres").exists():
            return path
    raise MissingPartError("PostgreSQL is not installed (Debian package postgresql)")


class Postgres:
    """One server with the superuser ``postgres``. Usable as a context manager."""

    def __init__(self) -> None:
        self.programs = find_programs()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rig-postgres-"))
        self._cleanup = weakref.finalize(self, shutil.rmtree, self.directory, ignore_errors=True)
        self._numbers = itertools.count(1)
        self.password = secrets.token_urlsafe(24)
        self.port = 0
        self._process: Process | None = None
        pair = make_server_pair(self.directory)
        self.ca_path = str(pair.ca)
        try:
            self._initialise()
            self._start(str(pair.certificate), str(pair.key))
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Postgres({LOOPBACK}:{self.port}, pid={self.pid})"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def log_path(self) -> pathlib.Path:
        """The server's log, with every statement and its values."""
        return self.directory / "postgres.log"

    def connect(self, database: str = "postgres", **terms: t.Any) -> Connection:
        """Return a connection, as the superuser unless ``terms`` say otherwise; each statement commits by itself."""
        given = {"host": LOOPBACK, "port": self.port, "dbname": database, "user": "postgres", **terms}
        given.setdefault("password", self.password)
        return psycopg.connect(
            autocommit=True, sslmode="verify-full", sslrootcert=self.ca_path, connect_timeout=10, **given
        )

    def new_database(self) -> str:
        """Create an empty database and return its name."""
        name = f"rig_{os.getpid():x}_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return name

    def new_user(self, name: str, password: str) -> None:
        """Create a user who may log in; the password is hashed here, so that it is in no statement."""
        with self.connect() as connection:
            hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
            create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            connection.execute(create.format(sql.Identifier(name), sql.Literal(hashed)))

    def options(self, database: str) -> dict[str, t.Any]:
        """Return the option of the modules that reaches a database as the superuser."""
        return {
            "host": LOOPBACK,
            "port": self.port,
            "name": database,
            "user": "postgres",
            "password": self.password,
            "ca_cert": self.ca_path,
        }

    def stop(self) -> None:
        """End the server and remove its directory; harmless when done already."""
        if self.pid is not None:
            # The polite signal would wait for connections that a killed client has left behind.
            with contextlib.suppress(ProcessLookupError):
                os.kill(t.cast(int, self.pid), signal.SIGINT)
        if self._process is not None:
            self._process.stop()
        self._cleanup()

    def _as_user(self, *, dies_with_us: bool = False) -> list[str]:
        """Return the prefix that drops the rights of root, and with them the order to die with the tests."""
        if os.geteuid() != 0:
            return []
        user = pwd.getpwnam(UNPRIVILEGED)
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise MissingPartError("setpriv is not installed (Debian package util-linux)")
        # The kernel's signal follows the death of the thread that forked.
        mortal = dies_with_us and threading.current_thread() is threading.main_thread()
        order = ["--pdeathsig", "INT"] if mortal else []
        return [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *order, "--"]

    def _own(self, paths: Sequence[pathlib.Path]) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam(UNPRIVILEGED)
            for path in paths:
                os.chown(path, user.pw_uid, user.pw_gid)

    def _initialise(self) -> None:
        word = self.directory / "password"
        write_private(word, self.password.encode())
        self._own([self.directory, *self.directory.iterdir()])
        command = [*self._as_user(), str(self.programs / "initdb"), f"--pgdata={self.directory / 'data'}"]
        command += ["--username=postgres", f"--pwfile={word}", "--auth=scram-sha-256", "--encoding=UTF8"]
        command += ["--no-locale", "--no-sync"]
        env = clean_environment(HOME=str(self.directory))
        done = subprocess.run(
            command, cwd=self.directory, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        word.unlink()
        if done.returncode != 0:
            raise RigError(f"initdb: {done.stdout}\n{done.stderr}")

    def _start(self, certificate: str, key: str) -> None:
        data = self.directory / "data"
        self.port = free_port()
        settings = CONFIGURATION.format(address=LOOPBACK, port=self.port, certificate=certificate, key=key)
        (data / "postgresql.conf").write_text(settings)
        (data / "pg_hba.conf").write_text(ACCESS)
        argv = [*self._as_user(dies_with_us=True), str(self.programs / "postgres"), "-D", str(data)]
        self._process = Process("postgres", argv, self.directory, clean_environment(HOME=str(self.directory)))
        self._process.start()
        self._process.ready(self._answers, START_DEADLINE, "the first connection")

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True
