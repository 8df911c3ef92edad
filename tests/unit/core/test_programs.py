# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign programs: what they get of our environment, which of them is found, and how they end (kind 7)."""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path

import pytest

from plugins.module_utils._core import programs


def test_kind_7_a_program_gets_none_of_our_variables_and_no_relative_path(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("VAULT_TOKEN", "hvs.secret")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setenv("PATH", ".:/usr/bin::bin:/bin")
    assert programs.environment() == {"HOME": "/root", "PATH": "/usr/bin:/bin"}
    assert programs.environment("GIT_DIR", "NONE", LANG="C") == {
        "HOME": "/root",
        "PATH": "/usr/bin:/bin",
        "GIT_DIR": "/elsewhere",
        "LANG": "C",
    }
    for path in (".", ""):
        monkeypatch.setenv("PATH", path)
        assert programs.environment()["PATH"] == programs._USUAL_PATH
    monkeypatch.delenv("PATH")
    assert programs.environment()["PATH"] == programs._USUAL_PATH


def test_a_program_of_the_working_directory_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".:/usr/bin")
    assert programs.find("tool", programs.environment()) is None
    assert programs.find("tool", {"PATH": str(tmp_path)}) == str(tmp_path / "tool")


def test_what_a_program_leaves_when_it_ends() -> None:
    script = "import os, sys; sys.stdout.write(sys.stdin.read() + str(sorted(os.environ)[:1])); "
    script += "sys.stderr.write('one\\n\\ntwo \\xff\\n'); sys.exit(3)"
    done = programs.run([sys.executable, "-Ic", script], {"A": "b"}, 30, given=b"given")
    assert (done.status, done.output, done.complaint) == (3, b"given['A']", "two \xff")
    quiet = programs.run([sys.executable, "-Ic", ""], {}, 30)
    assert (quiet.status, quiet.output, quiet.complaints, quiet.complaint) == (0, b"", (), "status 0")


def test_a_program_that_does_not_end_or_is_not_there_is_named(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(programs.ProgramFailure, match=r"took longer than 0\.2 s"):
        programs.run([sys.executable, "-Ic", "import time; time.sleep(60)"], {}, 0.2)
    assert time.monotonic() - start < 20
    with pytest.raises(programs.ProgramFailure, match="there is no program /none/tool") as refusal:
        programs.run(["/none/tool"], {}, 1, remedy="Install it.")
    assert refusal.value.remedy == "Install it."
    (tmp_path / "tool").write_text("")
    with pytest.raises(programs.ProgramFailure, match="cannot be started: Permission denied"):
        programs.run([str(tmp_path / "tool")], {}, 1)


def test_a_conversation_ends_with_its_block() -> None:
    script = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"
    with programs.conversation([sys.executable, "-Ic", script], {}) as (given, said):
        given.write(b"hello\n")
        given.flush()
        assert said.readline() == b"HELLO\n"
    assert given.closed and said.closed


@pytest.mark.filterwarnings("error")
def test_a_session_that_goes_on_is_no_matter_of_the_interpreter(tmp_path: Path) -> None:
    """The module ends before it; nothing may be said of that on standard error, which Ansible reads."""
    with (tmp_path / "log").open("wb") as log:
        started = programs.start_session(
            ["renamed", "-Ic", "import os; print(os.getcwd(), dict(os.environ).get('A'), os.getsid(0) == os.getpid())"],
            sys.executable,
            str(tmp_path),
            {"A": "b"},
            log.fileno(),
        )
        gc.collect()
        os.waitpid(started, 0)
    assert (tmp_path / "log").read_text() == f"{tmp_path} b True\n"
