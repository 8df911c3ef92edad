# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F1, F2: what the README and the page of the quickstart print for a bare machine runs there, in order, as printed.

`make bare` runs these tests; they take minutes, root and the mirrors of Debian and of PyPI.
"""

from __future__ import annotations

import pathlib
import re
import shutil

import pytest

from tests.rigs.debian import USER, Machine, bootstrap, missing
from tests.unit.docs.blocks import ROOT, Block, blocks
from tests.unit.docs.copies import copy_repository

README = ROOT / "README.md"
CACHE = ROOT / "build" / "env" / "debian"


def _lines(block: Block, prompt: str) -> str:
    return "\n".join(line.removeprefix(prompt) for line in block.text.splitlines() if line.startswith(prompt))


def _printed(path: pathlib.Path, word: str, prompt: str = "$ ") -> str:
    """Return the commands of the one block of a page that has a word in it."""
    (block,) = [block for block in blocks(path) if block.language == "console" and word in block.text]
    return _lines(block, prompt)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A bare machine with a checkout in the home of a user, on which root has typed what the README says."""
    lacking = missing()
    if lacking is not None:
        pytest.skip(lacking)
    machine = Machine(bootstrap(CACHE), tmp_path_factory.mktemp("debian"))
    checkout = copy_repository(machine.home / "security")
    (checkout / ".venv-dev").unlink()
    machine.as_root(f"chown -R {USER}:{USER} /home/{USER}")
    machine.as_root(_printed(README, "apt-get", "# "))
    return machine


def test_f1_quickstart_runs_on_a_bare_machine(machine: Machine) -> None:
    start, stop = _printed(README, "make quickstart-stop").splitlines()
    printed = machine.as_user(f"cd security\n{start}\ntest -s build/quickstart/index.html\n{stop}")
    assert re.search(r"failed=0", printed)


def test_f1_collection_is_built_and_installed_on_a_bare_machine(machine: Machine) -> None:
    printed = machine.as_user(f"cd security\n{_printed(README, 'ansible-galaxy collection install')}")
    assert "trustmesh.security.certificate " in printed


def test_f1_libraries_are_installed_as_the_table_says(machine: Machine) -> None:
    """Each command of the table, in the environment of the commands above; the names are those that modules import."""
    commands = re.findall(r"`(pip install [^`]+)`", README.read_text(encoding="utf-8"))
    assert commands
    imports = "import boto3, detect_secrets, pkcs11, psycopg"
    machine.as_user("\n".join([". ~/trustmesh/bin/activate", *commands, f"python -c '{imports}'"]))


def test_f1_hosts_get_the_libraries_by_the_play(machine: Machine) -> None:
    """The play of the README makes what modules import on a host, and changes nothing when it runs again."""
    (play,) = [block for block in blocks(README) if block.language == "yaml" and "/opt/trustmesh" in block.text]
    (machine.root / "root/hosts.yml").write_text(play.text, encoding="utf-8")
    run = f". /home/{USER}/trustmesh/bin/activate\nansible-playbook -i localhost, -c local hosts.yml"
    assert "changed=2" in machine.as_root(run)
    machine.as_root("/opt/trustmesh/bin/python -c 'import cryptography, hvac'")
    assert "changed=0" in machine.as_root(run)


def test_f2_quickstart_runs_from_the_tarball_in_a_fresh_environment(machine: Machine) -> None:
    """The commands of the role's page, in a directory that holds nothing but the tarball."""
    (tarball,) = (machine.home / "security" / "build").glob("trustmesh-security-*.tar.gz")
    commands = _printed(ROOT / "roles" / "quickstart" / "README.md", "quickstart_stop")
    assert tarball.name in commands
    empty = machine.home / "elsewhere"
    empty.mkdir()
    shutil.copy(tarball, empty)
    machine.as_root(f"rm -rf /home/{USER}/trustmesh /home/{USER}/.ansible; chown -R {USER}:{USER} /home/{USER}")
    machine.as_user(f"cd elsewhere\n{commands}")
