# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind 2: root works in the home of a service user who exchanges names all the time.

Whatever the moment of an exchange: nothing outside the home is written, removed or given away, nothing of root's can be
read in it, and nothing waits for a pipe.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import subprocess
import time
import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.integration.as_root.conftest import UID, Person

Args = dict[str, t.Any]

_SECRET: t.Final = "RootOnly=of-root-and-of-nobody-else\n"
_ROUNDS: t.Final = 5
#: Exchange an entry of the home for a link to the aim, and back, until the process is ended.
_SWAPPER: t.Final = """
import os, random, sys
home, aim, names = sys.argv[1], sys.argv[2], sys.argv[3:]
os.chdir(home)
print("ready", flush=True)
while True:
    name = random.choice(names)
    spare = f"{name}.spare"
    try:
        os.symlink(random.choice([aim, os.path.join(aim, "secret")]), spare)
        os.rename(name, f"{name}.away")
        os.rename(spare, name)
        os.rename(name, spare)
        os.rename(f"{name}.away", name)
    except OSError:
        pass
    for left in (spare, f"{name}.gone"):
        try:
            os.unlink(left)
        except OSError:
            pass
"""


def _environment(home: str) -> tuple[str, Args]:
    secret = {"name": "TOKEN", "value": "value-of-a-test"}
    item = {"path": f"{home}/app/app.env", "secrets": [secret], "owner": str(UID), "group": str(UID)}
    return "environment_file", {"files": [item]}


def _keys(home: str) -> tuple[str, Args]:
    publish = [{"kind": "directory", "path": f"{home}/app/trust"}]
    shared = {"custody": "files", "directory": f"{home}/app", "publish": publish}
    return "jws_key", {**shared, "participants": [{"name": "fsp"}]}


def _authority(home: str) -> tuple[str, Args]:
    return "local_ca", {"authorities": [{"name": "r", "directory": f"{home}/app", "common_name": "R"}]}


def _master(home: str) -> tuple[str, Args]:
    return "envelope_key", {"keys": [{"path": f"{home}/app/master.key"}]}


def _credential(home: str) -> tuple[str, Args]:
    credentials = [{"name": "c", "value": "value-of-a-test"}]
    where = {"directory": f"{home}/app", "unit_directory": f"{home}/app/units", "encrypt": "never"}
    return "systemd_credential", {**where, "services": [{"service": "s.service", "credentials": credentials}]}


def _process(home: str) -> tuple[str, Args]:
    files = {"pid_file": f"{home}/app/p.pid", "log_file": f"{home}/app/p.log"}
    return "local_process", {"processes": [{"name": "p", "argv": ["true"], **files}]}


def _inspection(home: str) -> tuple[str, Args]:
    return "certificate_info", {"sources": [{"path": f"{home}/app/cert.pem"}]}


#: What root does there, and the names that the user exchanges.
CASES: t.Final[dict[str, tuple[Callable[[str], tuple[str, Args]], tuple[str, ...]]]] = {
    "environment_file": (_environment, ("app", "app/app.env")),
    "jws_key": (_keys, ("app", "app/trust")),
    "local_ca": (_authority, ("app", "app/ca-cert.pem")),
    "envelope_key": (_master, ("app", "app/master.key")),
    "systemd_credential": (_credential, ("app", "app/units")),
    "local_process": (_process, ("app", "app/p.log")),
    "certificate_info": (_inspection, ("app", "app/cert.pem")),
}


def _state(aim: pathlib.Path) -> dict[str, tuple[int, int, int, str]]:
    """Return owner, group, mode and content of everything below a directory, itself included."""
    found = {}
    for path in [aim, *aim.rglob("*")]:
        status = path.lstat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(aim))] = (status.st_uid, status.st_gid, status.st_mode, digest)
    return found


@pytest.fixture
def aim(person: Person) -> pathlib.Path:
    """A directory of root that links of the user lead to."""
    folder = person.home.parent / "of-root"
    folder.mkdir(0o755)
    secret = folder / "secret"
    secret.write_text(_SECRET)
    secret.chmod(0o600)
    (folder / "app.env").write_text(_SECRET)
    (folder / "app.env").chmod(0o600)
    return folder


@contextlib.contextmanager
def swapping(person: Person, aim: pathlib.Path, names: tuple[str, ...]) -> Iterator[None]:
    """Let the user exchange names as long as the block runs."""
    user = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
    process = subprocess.Popen(
        [*user, person.python, "-c", _SWAPPER, str(person.home), str(aim), *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        yield
        assert process.poll() is None, "names were exchanged to the end"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("case", CASES)
def test_r2_r5_nothing_outside_is_touched_while_names_are_exchanged(
    run_module: t.Any, person: Person, aim: pathlib.Path, case: str
) -> None:
    build, names = CASES[case]
    module, args = build(str(person.home))
    person.run("mkdir -p app/trust app/units; printf 'A=b\\n' >app/app.env; touch app/cert.pem")
    before = _state(aim)
    with swapping(person, aim, names):
        for _round in range(_ROUNDS):
            start = time.monotonic()
            done = run_module(module, args)
            assert time.monotonic() - start < 20
            assert "defect" not in str(done.result.get("msg")), done.result
            assert "of-root-and-of-nobody-else" not in str(done.result)
    assert _state(aim) == before
    kept = person.run("cat app*/* app*/*/* 2>/dev/null")
    assert "of-root-and-of-nobody-else" not in kept
    foreign = [path for path in person.home.rglob("*.spare") if path.is_file() and not path.is_symlink()]
    assert foreign == []


@pytest.mark.parametrize("case", ["environment_file", "local_process", "certificate_info"])
def test_r2_r5_a_second_name_of_a_file_of_root_is_neither_written_nor_shown(
    run_module: t.Any, person: Person, aim: pathlib.Path, case: str
) -> None:
    """A hard link, which a user can make where the kernel does not protect them."""
    build, (_folder, name) = CASES[case]
    module, args = build(str(person.home))
    person.run("mkdir -p app")
    os.link(aim / "secret", person.home / name)
    before = _state(aim)
    done = run_module(module, args)
    assert "of-root-and-of-nobody-else" not in str(done.result)
    assert _state(aim) == before
    assert "of-root-and-of-nobody-else" not in person.run("cat app/* 2>/dev/null")


def test_the_guard_notices_a_run_that_follows_links(person: Person, aim: pathlib.Path) -> None:
    """Held against a wrong target: a write by name, as modules must not do it."""
    person.run("mkdir app")
    before = _state(aim)
    deadline = time.monotonic() + 20
    with swapping(person, aim, ("app",)):
        while _state(aim) == before and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                (person.home / "app" / "app.env").write_text("x")
    assert _state(aim) != before
