# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R1, R17, R18: no wrong answer, whoever gives it, makes a module lose, replace or claim anything.

By default a slice of the table, drawn by a seed; ``make faults`` plays all of it. A cell is one run with the wrong
answer, to its first read or its first write, and plain runs before or after it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import pathlib
import shutil
import time
import typing as t
from collections.abc import Callable, Generator, Iterable, Iterator

import pytest
import yaml

from tests.integration.docs_policies.trials import Args, World
from tests.integration.faults import deck
from tests.integration.faults.deck import Cell
from tests.integration.faults.more_trials import CASES
from tests.rigs.fault_proxy import Fault, FaultProxy
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import ModuleResult, Runner
from tests.rigs.warm import WarmPython
from tests.rigs.wrong_answers import WRONG

ROOT = pathlib.Path(__file__).resolve().parents[3]
NAMES: t.Final = ("pki_root", "pki_int", "hub", "approle", "hub-read", "issuer-id", "transit")
OWN_TOKEN: t.Final = """
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
"""
DEADLINE: t.Final = 2
#: Of a busy machine, and of the requests of a run that get true answers.
SLACK: t.Final = 20.0
#: Their first request is the deed itself, so that a failure there may have changed something.
DEEDS: t.Final = frozenset({"vault_token"})


@pytest.fixture(scope="module")
def quick(runner: Runner) -> Iterator[Runner]:
    """A runner whose interpreter holds the modules; what each run does is not how it starts."""
    names = sorted({trial.module for trial in CASES.values()})
    base = "ansible_collections.trustmesh.security.plugins.modules"
    warm = WarmPython(runner.collections, [f"{base}.{name}" for name in names])
    yield dataclasses.replace(runner, warm=warm)
    warm.stop()


@pytest.fixture(scope="module")
def shared(vault: OpenBao, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    """The proxy before the shared server."""
    with FaultProxy(vault, tmp_path_factory.mktemp("proxy")) as proxy:
        yield proxy


@dataclasses.dataclass(frozen=True)
class Stage:
    """A module with what it needs, and the runs of it by way of the proxy."""

    cell: Cell
    world: World
    proxy: FaultProxy
    runner: Runner
    login: Args
    args: Args

    def run(self) -> ModuleResult:
        """Run the module."""
        where = {"url": self.proxy.url, "ca_cert": self.proxy.ca_path, "timeout": DEADLINE, "retries": 0}
        return self.runner.module(CASES[self.cell.trial].module, {**where, **self.login, **self.args})

    def faulty(self) -> tuple[ModuleResult, Fault]:
        """Run the module with the wrong answer: it ends in time, without a defect."""
        cell, pattern = self.cell, "/login$" if self.cell.trial == "vault_token" and self.cell.side == "write" else ""
        began = time.monotonic()
        with self.proxy.playing(Fault(cell.wrong, cell.methods, pattern, carried_out=cell.carried_out)) as fault:
            done = self.run()
        assert time.monotonic() - began < DEADLINE + SLACK, "it ends in time"
        everything = done.stdout + done.stderr
        assert "Traceback" not in everything
        assert "defect in trustmesh.security" not in everything, everything
        return done, fault

    def files(self) -> dict[str, str]:
        """Return the digest of each file that the module keeps, without what a probed service noted of requests."""
        files = (path for path in self.world.directory.rglob("*") if path.is_file())
        paths = (path for path in files if "lock" not in path.name and path.name != "requests.jsonl")
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def kept(self) -> dict[str, t.Any]:
        """Return the secrets of the trial's own engine, newest versions."""
        api, mount, found = self.world.api, self.world["hub"], {}
        if self.world.server.sealed():
            return {}
        folders = [""]
        while folders:
            folder = folders.pop()
            for name in api.list(f"{mount}/metadata/{folder}") if f"{mount}/" in self._engines() else []:
                if name.endswith("/"):
                    folders.append(folder + name)
                else:
                    found[folder + name] = (api.read(f"{mount}/data/{folder}{name}") or {}).get("data")
        return found

    def _engines(self) -> t.Container[str]:
        engines = self.world.api.read("sys/mounts") or {}
        return {path for path, about in engines.items() if (about.get("options") or {}).get("version") == "2"}


@pytest.fixture
def stage(
    quick: Runner,
    vault: OpenBao,
    shared: FaultProxy,
    start_vault: Callable[[], OpenBao],
    unique_name: Callable[[str], str],
    tmp_path: pathlib.Path,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[Cell], Stage]]:
    """A function that prepares a cell."""
    with contextlib.ExitStack() as kept:

        def prepare(cell: Cell) -> Stage:
            trial, server, proxy = CASES[cell.trial], vault, shared
            directory = tmp_path / "out"
            directory.mkdir()
            if cell.trial == "vault_seal":
                server = start_vault()
                proxy = kept.enter_context(FaultProxy(server, tmp_path))
            names = {name: unique_name(name) for name in NAMES}
            world = World(server, names, directory, lambda: request.getfixturevalue("postgres"))
            trial.prepare(world)
            login: Args = {"token": server.root_token}
            if trial.module == "vault_token":
                login = trial.log_in(world, OWN_TOKEN)
            runs = kept.enter_context(contextlib.closing(_generated(trial.runs(world))))
            return Stage(cell, world, proxy, quick, login, next(runs))

        yield prepare


def _generated(runs: Iterable[Args]) -> Generator[Args, None, None]:
    yield from runs


@pytest.mark.parametrize("cell", deck.dealt(), ids=str)
def test_wrong_answer(cell: Cell, stage: Callable[[Cell], Stage]) -> None:
    (_to_a_read if cell.side == "read" else _to_a_write)(stage(cell))


def _to_a_read(stage: Stage) -> None:
    """What lives is neither made again nor changed, and what is said about it is an error or the truth."""
    looks = not stage.run().ok().changed
    before, secrets = stage.files(), stage.kept()
    done, fault = stage.faulty()
    assert fault.played, "the module reads"
    assert fault.later_writes == [], "nothing is written on the strength of it"
    assert (stage.files(), stage.kept()) == (before, secrets)
    assert not done.changed, done.result
    if done.failed or not (fault.wrong.harmless or fault.same):
        _explained(stage, done, fault)
    again = stage.run().ok()
    assert looks or not again.changed, again.result


def _to_a_write(stage: Stage) -> None:
    """What was done stays, what was not done is done by the next run, and the run after that changes nothing."""
    done, fault = stage.faulty()
    assert fault.played, "the module writes"
    if done.failed:
        _explained(stage, done, fault)
        assert fault.carried_out or not done.changed or stage.cell.trial in DEEDS, done.result
    secrets = stage.kept()
    after = stage.run().ok()
    assert done.failed or not after.changed, f"the first run said that all was done: {after.result}"
    lost = {name: held for name, held in secrets.items() if held and stage.kept().get(name) != held}
    assert not lost, "what the first run had kept is still what is kept"
    again = stage.run().ok()
    assert not again.changed, again.result


def _explained(stage: Stage, done: ModuleResult, fault: Fault) -> None:
    """The failure names the address that answered, or what was asked of it, and what to do."""
    assert done.failed, f"{fault.played} got a wrong answer that nobody noticed: {done.result}"
    # What was looked at again and found as before says that instead.
    named = (stage.proxy.url, (fault.played or ("", "?"))[1], "still differs after applying")
    assert any(text in done.msg for text in named), done.msg
    assert done.msg.count(". ") >= 1, f"no remedy: {done.msg}"


#: A reader to whom 404 is absence, whoever says it.
_LAX: t.Final = """
    if response.status_code == 404:
        return 404, Fields.of({}, path)
    status: int = response.status_code
"""


@pytest.mark.parametrize("trial", ["vault_policy", "vault_approle"])
def test_a_lax_reader_is_found(
    trial: str, stage: Callable[[Cell], Stage], runner: Runner, tmp_path: pathlib.Path
) -> None:
    """The table fails for a collection that takes the 404 of a proxy for absence."""
    copy = tmp_path / "collections"
    base = pathlib.Path("ansible_collections/trustmesh/security/plugins")
    shutil.copytree(runner.collections / base, copy / base)
    reader = copy / base / "module_utils/_vault/answer.py"
    strict = "\n    status: int = response.status_code\n"
    assert strict in reader.read_text()
    reader.write_text(reader.read_text().replace(strict, _LAX, 1))
    prepared = stage(Cell(trial, "read", WRONG["404 with HTML"]))
    lax = dataclasses.replace(prepared, runner=dataclasses.replace(runner, collections=copy))
    with pytest.raises(AssertionError, match="nothing is written on the strength of it"):
        _to_a_read(lax)


def test_the_slice_has_every_module_and_every_answer() -> None:
    whole = deck.whole()
    for seed in ("1", "2", "3"):
        drawn = deck.slice_of(whole, seed)
        assert {(cell.trial, cell.side) for cell in drawn} == {(cell.trial, cell.side) for cell in whole}
        assert {cell.wrong.name for cell in drawn} == set(WRONG)
    group = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]["vault"]
    assert {CASES[cell.trial].module for cell in whole} == set(group)
