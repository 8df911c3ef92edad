# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the collection as a user does: from the built tarball, by ansible-playbook, or one module by itself.

Every run leaves its outputs in the session's transcript, where they are searched for secrets.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import typing as t
from collections.abc import Mapping, Sequence

import yaml

from tests.rigs.process import RigError, clean_environment
from tests.rigs.transcript import Run, Transcript
from tests.rigs.warm import WarmPython, suits

COLLECTIONS_VARIABLE = "TRUSTMESH_COLLECTIONS_PATH"
NAMESPACE = "trustmesh.security"
CALLBACKS = pathlib.Path(__file__).parent / "callback"
BINARIES = pathlib.Path(sys.executable).parent
DEADLINE = 300.0


@dataclasses.dataclass(frozen=True)
class TaskResult:
    """Outcome of one task (``item`` false) or of one loop item, on one host."""

    task: str
    action: str
    host: str
    status: str
    """``ok failed skipped unreachable``"""
    ignored: bool
    item: bool
    result: dict[str, t.Any]

    @property
    def changed(self) -> bool:
        """Whether the task reported a change."""
        return bool(self.result.get("changed"))


@dataclasses.dataclass(frozen=True)
class PlayResult:
    """Outcome of one ansible-playbook run."""

    rc: int
    stdout: str
    stderr: str
    tasks: list[TaskResult]
    stats: dict[str, dict[str, int]]
    """Per host: ``ok changed failures skipped unreachable rescued ignored``"""

    def task(self, name: str) -> TaskResult:
        """Return the result of the task with this name; LookupError names those that ran."""
        for task in self.tasks:
            if task.task == name and not task.item:
                return task
        raise LookupError(f"no task {name!r} among {[task.task for task in self.tasks]}\n{self.tail()}")

    @property
    def changed(self) -> int:
        """Number of changed tasks over all hosts."""
        return sum(host["changed"] for host in self.stats.values())

    def ok(self) -> PlayResult:
        """Return self; fail with the end of the output when the run failed."""
        assert self.rc == 0, self.tail()
        return self

    def tail(self, characters: int = 4000) -> str:
        """Return the end of both outputs, for failure messages."""
        return f"rc={self.rc}\n{self.stdout[-characters:]}\n--- stderr\n{self.stderr[-characters:]}"


@dataclasses.dataclass(frozen=True)
class ModuleResult:
    """Outcome of one module run by itself."""

    rc: int
    stdout: str
    stderr: str
    result: dict[str, t.Any]

    @property
    def changed(self) -> bool:
        """Whether the module reported a change."""
        return bool(self.result.get("changed"))

    @property
    def failed(self) -> bool:
        """Whether the module failed."""
        return bool(self.result.get("failed"))

    @property
    def msg(self) -> str:
        """The failure message."""
        return str(self.result.get("msg", ""))

    def ok(self) -> ModuleResult:
        """Return self; fail with the module's message when it failed."""
        story = f"rc={self.rc} {self.msg}\n{self.stdout[-4000:]}\n{self.stderr[-4000:]}"
        assert not self.failed, story
        assert self.rc == 0, story
        return self


def install_collection(root: pathlib.Path, shared: pathlib.Path) -> pathlib.Path:
    """Build the tarball of the working tree and install it below ``shared``, once for all test workers.

    Returns the collections path; the one in ``TRUSTMESH_COLLECTIONS_PATH`` when set, which is taken as it is.
    """
    given = os.environ.get(COLLECTIONS_VARIABLE)
    if given:
        return pathlib.Path(given).resolve()
    target, done = shared / "collections", shared / "collections.done"
    with (shared / "collections.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _galaxy("build", "--force", "--output-path", str(shared), cwd=root)
            (tarball,) = shared.glob("trustmesh-security-*.tar.gz")
            _galaxy("install", str(tarball), "--force", "--offline", "--no-deps", "-p", str(target), cwd=shared)
            done.touch()
    return target


def _galaxy(*arguments: str, cwd: pathlib.Path) -> None:
    command = [str(BINARIES / "ansible-galaxy"), "collection", *arguments]
    with tempfile.TemporaryDirectory(prefix="rig-galaxy-") as home:
        settings = pathlib.Path(home) / "ansible.cfg"
        settings.write_text("[defaults]\n")
        env = clean_environment(ANSIBLE_CONFIG=str(settings), ANSIBLE_HOME=home, HOME=home)
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=DEADLINE, check=False)
    if done.returncode != 0:
        raise RigError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")


@dataclasses.dataclass(frozen=True)
class Runner:
    """Runs of plays and modules against one installed collection."""

    collections: pathlib.Path
    transcript: Transcript
    python: str = sys.executable
    warm: WarmPython | None = None
    """Runs modules in half the time; without it every run starts an interpreter."""

    def play(
        self,
        tasks: Sequence[Mapping[str, t.Any]],
        *,
        check: bool = False,
        diff: bool = False,
        env: Mapping[str, str] | None = None,
        variables: Mapping[str, t.Any] | None = None,
        verbosity: int = 4,
        play: Mapping[str, t.Any] | None = None,
        name: str = "play",
    ) -> PlayResult:
        """Run ``tasks`` on localhost by ansible-playbook and return what came of it, whatever the return code.

        ``variables`` are play variables, ``play`` further play keywords (``roles``, ``module_defaults`` ...).
        """
        document = {
            "name": name,
            "hosts": "localhost",
            "gather_facts": False,
            **(play or {}),
            "vars": dict(variables or {}),
            "tasks": list(tasks),
        }
        content = yaml.safe_dump([document], sort_keys=False, width=1000)
        return self.playbook(content, check=check, diff=diff, env=env, verbosity=verbosity, name=name)

    def playbook(
        self,
        playbook: str | pathlib.Path,
        *,
        check: bool = False,
        diff: bool = False,
        env: Mapping[str, str] | None = None,
        verbosity: int = 4,
        arguments: Sequence[str] = (),
        name: str = "playbook",
    ) -> PlayResult:
        """Run a playbook: the text of one, a path, or the FQCN of one in a collection (no line break in it)."""
        with self.transcript.run(name) as run:
            command = [str(BINARIES / "ansible-playbook"), "-i", str(self._inventory(run)), *arguments]
            command += ["-" + "v" * verbosity] if verbosity else []
            command += ["--check"] if check else []
            command += ["--diff"] if diff else []
            text = playbook if isinstance(playbook, str) and "\n" in playbook else None
            command.append(str(playbook) if text is None else "/dev/stdin")
            done = self._execute(run, command, text or "", {**self._environment(run), **(env or {})})
            return self._collect(run, done)

    def module(
        self,
        name: str,
        args: Mapping[str, t.Any] | None = None,
        *,
        check: bool = False,
        diff: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> ModuleResult:
        """Run one module without ansible-playbook: ten times as fast, with what the module itself prints.

        The module gets its arguments on standard input, the way ansible-core documents for debugging a module and has
        kept from 2.18 to 2.21. ``name`` without dots is one of this collection.
        """
        with self.transcript.run(f"module {name}") as run:
            given = {
                "_ansible_check_mode": check,
                "_ansible_diff": diff,
                "_ansible_verbosity": 4,
                "_ansible_remote_tmp": str(run.temporary),
                "_ansible_keep_remote_files": False,
                "_ansible_module_name": name,
                **(args or {}),
            }
            variables = {**run.environment, **(env or {})}
            variables["PYTHONPATH"] = os.pathsep.join([variables["PYTHONPATH"], str(self.collections)])
            stdin = json.dumps({"ANSIBLE_MODULE_ARGS": given})
            if self.warm is not None and suits(env or {}):
                done = self.warm.run(
                    _python_module(name),
                    stdin,
                    directory=run.directory,
                    environment=clean_environment(**variables),
                    deadline=DEADLINE,
                )
                self._keep(run, done)
            else:
                done = self._execute(run, [self.python, "-m", _python_module(name)], stdin, variables)
            return ModuleResult(done.returncode, done.stdout, done.stderr, agreeing(_module_output(done)))

    def _environment(self, run: Run) -> dict[str, str]:
        return {
            **run.environment,
            "ANSIBLE_CALLBACKS_ENABLED": "rig_record",
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_CONFIG": str(run.write("ansible.cfg", "[defaults]\n")),
            "ANSIBLE_HOME": str(run.temporary / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(run.temporary / "local"),
            "ANSIBLE_LOG_PATH": str(run.directory / "ansible.log"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_REMOTE_TEMP": str(run.temporary / "remote"),
            "PATH": os.pathsep.join([str(BINARIES), os.environ.get("PATH", os.defpath)]),
            "TRUSTMESH_RIG_RESULTS": str(run.directory / "results.jsonl"),
        }

    def _inventory(self, run: Run) -> pathlib.Path:
        host = {
            "ansible_connection": "local",
            "ansible_python_interpreter": self.python,
            "ansible_pipelining": True,
        }
        return run.write("inventory.yml", yaml.safe_dump({"all": {"hosts": {"localhost": host}}}))

    @staticmethod
    def _execute(
        run: Run, command: Sequence[str], stdin: str, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run ``command`` in the run's directory and keep its outputs; the standard input is never on disk."""
        child = subprocess.Popen(
            command,
            cwd=run.directory,
            env=clean_environment(**env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            stdout, stderr = child.communicate(stdin, DEADLINE)
        except BaseException:  # a deadline or an interrupt must not leave Ansible's workers behind
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            raise
        done = subprocess.CompletedProcess(command, child.returncode, stdout, stderr)
        Runner._keep(run, done)
        return done

    @staticmethod
    def _keep(run: Run, done: subprocess.CompletedProcess[str]) -> None:
        run.write("stdout", done.stdout)
        run.write("stderr", done.stderr)

    @staticmethod
    def _collect(run: Run, done: subprocess.CompletedProcess[str]) -> PlayResult:
        results = run.directory / "results.jsonl"
        lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
        stats: dict[str, dict[str, int]] = next((line["stats"] for line in lines if "stats" in line), {})
        tasks = [TaskResult(**line) for line in lines if "task" in line]
        return PlayResult(done.returncode, done.stdout, done.stderr, tasks, stats)


def _python_module(name: str) -> str:
    """Return the import path of a module given by its name here or by its FQCN."""
    fqcn = name if "." in name else f"{NAMESPACE}.{name}"
    namespace, collection, module = fqcn.split(".")
    if (namespace, collection) == ("ansible", "builtin"):
        return f"ansible.modules.{module}"
    return f"ansible_collections.{namespace}.{collection}.plugins.modules.{module}"


def _module_output(done: subprocess.CompletedProcess[str]) -> dict[str, t.Any]:
    """Return the JSON object that the module printed; anything else is a defect of the module."""
    try:
        result = json.loads(done.stdout)
    except ValueError:
        raise RigError(f"the module printed no JSON, rc={done.returncode}\n{done.stdout}\n{done.stderr}") from None
    if not isinstance(result, dict):
        raise RigError(f"the module printed {type(result).__name__}")
    return result


def agreeing(result: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a result whose ``changed``, ``action`` and ``summary`` say the same; one that contradicts itself fails.

    Every run of a module comes here, so that every test of a failure tests this as well.
    """
    summary, results = result.get("summary"), result.get("results")
    if not isinstance(results, list) or "create" not in (summary or {}):
        return result
    shown = [item for item in results if item["changed"]]
    counted = {name: sum(item["action"] == name for item in shown) for name in summary}
    counted["none"] = sum(not item["changed"] and not item.get("failed") for item in results)
    counted["failed"] = sum(bool(item.get("failed")) for item in results)
    assert all(item["changed"] == (item["action"] != "none") for item in results), results
    assert summary == counted, f"the summary is {summary}, the results say {counted}"
    assert result["changed"] == bool(shown), results
    return result
