# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module that runs in a fork of a warm interpreter does what it does in an interpreter of its own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t
from collections.abc import Iterator

import pytest

from tests.rigs.process import clean_environment
from tests.rigs.warm import WarmPython, suits

PROGRAM = """
import atexit, json, os, sys, tempfile, time
atexit.register(print, "at the end", file=sys.stderr)
print(json.dumps({
    "name": __name__, "stdin": sys.stdin.read(), "directory": os.getcwd(), "first": sys.path[0], "path": sys.path[1],
    "environment": dict(os.environ), "leader": os.getsid(0) == os.getpid(), "temporary": tempfile.gettempdir(),
    "zone": time.tzname[0], "umask": os.umask(0), "ours": [name for name in sys.modules if "trustmesh" in name],
}, sort_keys=True))
print("x" * int(os.environ.get("SIZE", "0")))
exec(os.environ.get("AND_THEN", ""))
"""

Outcome = tuple[int, str, str]


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmPython]:
    interpreter = WarmPython()
    yield interpreter
    interpreter.stop()


@pytest.fixture
def both(warm: WarmPython, tmp_path: pathlib.Path) -> t.Callable[..., tuple[Outcome, Outcome]]:
    """``both(stdin, VARIABLE=...)``: what comes of a run in a fork, and in an interpreter of its own."""
    (tmp_path / "told").mkdir()
    (tmp_path / "told" / "tell.py").write_text(PROGRAM)

    def run(stdin: str = "", **variables: str) -> tuple[Outcome, Outcome]:
        environment = clean_environment(PYTHONPATH=str(tmp_path / "told"), TMPDIR=str(tmp_path), **variables)
        forked = warm.run("tell", stdin, directory=tmp_path, environment=environment, deadline=60)
        command = [sys.executable, "-m", "tell"]
        options = {"cwd": tmp_path, "env": environment, "start_new_session": True, "timeout": 60}
        own = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
        return (forked.returncode, forked.stdout, forked.stderr), (own.returncode, own.stdout, own.stderr)

    return run


def test_surroundings_are_the_same(both: t.Callable[..., tuple[Outcome, Outcome]]) -> None:
    forked, own = both("input ü\n" * 50_000, TOKEN="a value", TZ="Asia/Tokyo", SIZE="300000")
    assert forked == own
    assert '"zone": "JST"' in own[1]
    assert forked[2] == "at the end\n"


@pytest.mark.parametrize(
    ("and_then", "code"),
    [
        ("sys.exit()", 0),
        ("sys.exit(3)", 3),
        ("sys.exit('a message')", 1),
        ("raise ValueError('a defect')", 1),
        ("os._exit(5)", 5),
        ("os.kill(os.getpid(), 9)", -9),
        ("os.close(1)", 120),
    ],
)
def test_ends_are_the_same(both: t.Callable[..., tuple[Outcome, Outcome]], and_then: str, code: int) -> None:
    forked, own = both(AND_THEN=and_then)
    assert forked[0] == own[0] == code
    assert forked[1] == own[1]
    assert forked[2].splitlines()[-1:] == own[2].splitlines()[-1:]


def test_one_run_leaves_nothing_to_the_next(both: t.Callable[..., tuple[Outcome, Outcome]]) -> None:
    both(AND_THEN="import ansible, cryptography; ansible.left = 1; os.environ['LEFT'] = '1'; sys.path.append('/left')")
    forked, _own = both(AND_THEN="import ansible; print(hasattr(ansible, 'left'), sys.path[-1])")
    assert forked[1].splitlines()[-1].startswith("False ")
    assert "/left" not in forked[1]
    assert "LEFT" not in forked[1]


def test_a_run_that_takes_too_long_is_ended_with_its_children(
    warm: WarmPython, tmp_path: pathlib.Path, both: t.Callable[..., tuple[Outcome, Outcome]]
) -> None:
    program = "import os, time\nopen('pids', 'w').write(f'{os.getpid()} {os.fork()}')\ntime.sleep(60)\n"
    (tmp_path / "told" / "hang.py").write_text(program)
    environment = clean_environment(PYTHONPATH=str(tmp_path / "told"))
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run("hang", "", directory=tmp_path, environment=environment, deadline=2)
    for pid in (tmp_path / "pids").read_text().split():
        status = pathlib.Path(f"/proc/{pid}/stat")
        assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"
    assert both()[0][0] == 0, "the next run is served"


def test_what_an_interpreter_reads_once_needs_one_of_its_own() -> None:
    assert suits({"VAULT_ADDR": "https://localhost", "TZ": "UTC", "https_proxy": ""})
    assert not suits({"PYTHONPATH": "/elsewhere"})
    assert not suits({"LC_ALL": "C"})
    assert not suits({"SSL_CERT_FILE": os.devnull})
