# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The place where everybody runs: one virtual environment, one inventory, one directory for what is left behind."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import platform
import subprocess
import types
import typing as t

from tests.rigs.process import clean_environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCK = ROOT / "tests" / "locks" / "peers.txt"
PEERS = ROOT / "build" / "env" / "peers"
OUTPUT = ROOT / "build" / "bench"
INSTALLED = ROOT / "build" / "collections"
HOOK = pathlib.Path(__file__).parent / "hook"
SCRIPTS = pathlib.Path(__file__).parent / "scripts"
LIBRARIES = ("ansible", "ansible-core", "ansible-modules-hashivault", "hvac", "cryptography", "requests")
NEIGHBOURS = ("community.crypto", "community.hashi_vault")


class Workbench:
    """Paths and environments for every run.

    Ours runs in the environment of the others, so that interpreter and libraries are the same.
    """

    def __init__(self, *, sources: bool = False) -> None:
        self.directory = OUTPUT / "run"
        self.directory.mkdir(parents=True, exist_ok=True)
        if not (PEERS / "bin" / "ansible-playbook").exists():
            _install_peers()
        self.python = PEERS / "bin" / "python"
        installed = (INSTALLED / "ansible_collections").is_dir() and not sources
        self.collections = INSTALLED if installed else _link_sources()
        self._settings = self.directory / "ansible.cfg"
        self._settings.write_text("[defaults]\n")
        self._inventory = self.directory / "inventory.json"
        host = {"ansible_connection": "local", "ansible_python_interpreter": str(self.python)}
        self._inventory.write_text(json.dumps({"all": {"hosts": {"localhost": host}}}))

    def playbook(self, name: str, tasks: t.Sequence[t.Mapping[str, t.Any]], **variables: t.Any) -> list[str]:
        """Write a play for localhost and return the command that runs it.

        The play is JSON, which Ansible reads much faster than YAML; it is the same for everybody.
        """
        path = self.directory / f"{name}.json"
        play = {"name": name, "hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": list(tasks)}
        path.write_text(json.dumps([play]))
        return [str(PEERS / "bin" / "ansible-playbook"), "-i", str(self._inventory), str(path)]

    def script(self, name: str) -> list[str]:
        """Return the command that runs one of our own scripts in the common environment."""
        return [str(self.python), str(SCRIPTS / f"{name}.py")]

    def environment(
        self, secrets: t.Mapping[str, str] = types.MappingProxyType({}), *, pipelining: bool = True
    ) -> dict[str, str]:
        """Return the variables of a run; secrets travel here, so that none is in a file or on a command line."""
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        variables = clean_environment(
            HOME=str(home),
            PYTHONPATH=str(HOOK),
            ANSIBLE_COLLECTIONS_PATH=str(self.collections),
            ANSIBLE_CONFIG=str(self._settings),
            ANSIBLE_HOME=str(home / ".ansible"),
            ANSIBLE_LOCALHOST_WARNING="0",
            ANSIBLE_NOCOLOR="1",
            ANSIBLE_PIPELINING="1" if pipelining else "0",
            **secrets,
        )
        variables["PATH"] = os.pathsep.join([str(PEERS / "bin"), variables.get("PATH", os.defpath)])
        return variables

    @functools.cached_property
    def versions(self) -> dict[str, str]:
        """What ran: distributions, collections, interpreter, machine and our own revision."""
        found = {name: self._ask(f"import importlib.metadata as m; print(m.version({name!r}))") for name in LIBRARIES}
        site = pathlib.Path(self._ask("import ansible; print(ansible.__path__[0])")).parent
        for name in NEIGHBOURS:
            manifest = site / "ansible_collections" / name.replace(".", "/") / "MANIFEST.json"
            found[name] = json.loads(manifest.read_text())["collection_info"]["version"]
        found["python"] = self._ask("import platform; print(platform.python_version())")
        found["machine"] = f"{platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}"
        found["trustmesh.security"] = f"{_revision()} from {self.collections.relative_to(ROOT)}"
        return found

    def _ask(self, program: str) -> str:
        return subprocess.check_output([str(self.python), "-c", program], env=self.environment(), text=True).strip()


def _install_peers() -> None:
    """Make the environment that `make bench` makes, for who starts this without make."""
    print(f"Installing {LOCK.relative_to(ROOT)} into {PEERS.relative_to(ROOT)}; the first time takes a minute ...")
    subprocess.run(["make", "--silent", f"{PEERS.relative_to(ROOT)}/.stamp"], cwd=ROOT, check=True)


def _link_sources() -> pathlib.Path:
    """Return a collections path whose collection is this working tree."""
    link = OUTPUT / "collections" / "ansible_collections" / "trustmesh" / "security"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT)
    return OUTPUT / "collections"


def _revision() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "no revision"
