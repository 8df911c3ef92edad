# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw mutants by a seed, let tests and the type checker find them, print the score and whoever survived.

Usage: python -m tests.tooling.mutation [--sample N] [--seed N] [--only TEXT] [--minutes N] [--at-least PERCENT]

What survives and may is in ``tests/mutation_survivors.yml``, with the reason; it counts neither for nor against.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import threading
import time
import typing as t
from dataclasses import dataclass, field

import yaml

from . import mutants
from .covering import HOOK, PACKAGES
from .typed import noticed_by_types

_SURVIVORS: t.Final = pathlib.Path("tests/mutation_survivors.yml")
_BUILD: t.Final = pathlib.Path("build/mutation")
#: What looks at files and not at what the code does finds nothing.
_UNIT: t.Final = ("tests/unit", *(f"--ignore=tests/unit/{name}" for name in ("architecture", "docs", "tooling")))
#: What no unit test notices is shown to the tests on a real server that run its line, if they are quick.
_REAL: t.Final = (
    "tests/integration/api_key",
    "tests/integration/certificate",
    "tests/integration/environment_file",
    "tests/integration/faults",
    "tests/integration/ilp_secret",
    "tests/integration/jws_key",
    "tests/integration/jwt_key",
    "tests/integration/key_holders",
    "tests/integration/noise_key",
    "tests/integration/rotate",
    "tests/integration/vault_approle",
    "tests/integration/vault_info",
    "tests/integration/vault_kv_secret",
    "tests/integration/vault_mount",
    "tests/integration/vault_pki_config",
    "tests/integration/vault_pki_issuer",
    "tests/integration/vault_pki_revocation",
    "tests/integration/vault_pki_role",
    "tests/integration/vault_policy",
    "tests/integration/vault_port",
    "tests/integration/vault_seal",
    "tests/integration/vault_stack",
    "tests/integration/vault_token",
    "tests/integration/vault_transit_key",
)
_QUICK: t.Final = 15.0
#: A mutant that takes this many times as long as its tests did, and then some, never ends.
_PATIENCE: t.Final = 6


def every(root: pathlib.Path, only: str = "") -> list[mutants.Mutant]:
    """Return every mutant of the packages that are examined."""
    folders = [root / "plugins/module_utils" / package for package in PACKAGES]
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    found = [mutant for path in files for mutant in mutants.of_file(root, path.relative_to(root).as_posix())]
    return [mutant for mutant in found if only in mutant.key]


def explained(root: pathlib.Path) -> dict[str, str]:
    """Return the mutants that may survive, and why."""
    found: dict[str, str] = yaml.safe_load((root / _SURVIVORS).read_text(encoding="utf-8")) or {}
    return found


@dataclass
class _Map:
    """Which tests run a line, quickest first."""

    seconds: dict[str, float]
    lines: dict[str, dict[str, list[str]]]
    failed: list[str]
    users: dict[str, list[str]] = field(default_factory=dict)

    def tests(self, mutant: mutants.Mutant) -> list[str]:
        """Return the tests that run a mutant: its own lines.

        Of what runs at import, and where no test does, those that run anything of the file, or whose module names it.
        """
        lines = self.lines.get(mutant.path, {})
        last = mutant.line + mutant.before.count("\n")
        own = {test for line in range(mutant.line, last + 1) for test in lines.get(str(line), [])}
        chosen = set() if mutant.at_import else own
        chosen = chosen or {test for tests in lines.values() for test in tests}.union(self.users.get(mutant.path, ()))
        return sorted(chosen.difference(self.failed), key=lambda test: self.seconds.get(test, 0.0))

    def add(self, path: pathlib.Path) -> None:
        """Add what one run has seen."""
        read = json.loads(path.read_text(encoding="utf-8"))
        self.seconds.update(read["seconds"])
        self.failed += read["failed"]
        for name, tests in read["users"].items():
            self.users.setdefault(name, []).extend(tests)
        for name, lines in read["lines"].items():
            for line, tests in lines.items():
                self.lines.setdefault(name, {}).setdefault(line, []).extend(tests)


@dataclass
class _Run:
    """Mutants that wait, and what became of those that do not."""

    waiting: queue.SimpleQueue[mutants.Mutant]
    map: _Map
    end: float
    noticed: dict[str, str | None] = field(default_factory=dict)

    def work(self, tree: pathlib.Path) -> None:
        """Examine one mutant after another in a tree of its own."""
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-m", "tests.tooling.mutation.warm"]
        with subprocess.Popen(
            command, cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as warm:
            while time.monotonic() < self.end:
                try:
                    mutant = self.waiting.get_nowait()
                except queue.Empty:
                    break
                self.noticed[mutant.key] = noticed = self._examine(warm, tree, mutant)
                _log(f"{len(self.noticed)} {mutant.key}: {noticed or 'SURVIVED'}")
            assert warm.stdin is not None
            warm.stdin.close()

    def _examine(self, warm: subprocess.Popen[str], tree: pathlib.Path, mutant: mutants.Mutant) -> str | None:
        text = mutant.applied((tree / mutant.path).read_text(encoding="utf-8"))
        try:
            compile(text, mutant.path, "exec", dont_inherit=True)
        except SyntaxError:
            return "is not Python"
        tests = self.map.tests(mutant)
        real = [test for test in tests if test.startswith("tests/integration/")]
        quick = [test for test in real if self.map.seconds[test] < _QUICK]
        return (
            self._shown(warm, mutant, text, [test for test in tests if test not in real])
            or noticed_by_types(tree, mutant.path, text)
            or self._shown(warm, mutant, text, quick or real[:1])
        )

    def _shown(self, warm: subprocess.Popen[str], mutant: mutants.Mutant, text: str, chosen: list[str]) -> str | None:
        """Return the test that notices, or ``None``."""
        if not chosen:
            return None
        usual = sum(self.map.seconds[test] for test in chosen)
        asked = {"path": mutant.path, "text": text, "tests": chosen, "deadline": 20 + _PATIENCE * usual}
        assert warm.stdin is not None
        assert warm.stdout is not None
        warm.stdin.write(json.dumps(asked) + "\n")
        warm.stdin.flush()
        noticed: str | None = json.loads(warm.stdout.readline())
        return noticed


def _log(text: str) -> None:
    with (_BUILD / "log").open("a", encoding="utf-8") as log:
        log.write(text.replace("\n", " ") + "\n")


def _copies(count: int) -> list[pathlib.Path]:
    """Copy what git knows or would add, once for each worker, so that the checkout itself is never touched."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True
    )
    files = [name for name in listed.stdout.decode().split("\0") if name and pathlib.Path(name).is_file()]
    trees = [(_BUILD / f"tree-{number}").resolve() for number in range(count)]
    for tree in trees:
        shutil.rmtree(tree, ignore_errors=True)
        for name in files:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, tree / name)
        with (tree / "tests/rigs/sitecustomize/sitecustomize.py").open("a", encoding="utf-8") as hook:
            hook.write(HOOK)
    return trees


def _mapped(trees: list[pathlib.Path], folders: tuple[str, ...], name: str, found: _Map, reuse: bool) -> None:
    """Run tests once, in each tree a part, to learn which test runs which line."""
    if reuse:
        for part in _BUILD.glob(f"{name}.*.json"):
            found.add(part)
        return
    runs = []
    for number, tree in enumerate(trees):
        part = (_BUILD / f"{name}.{number}.json").resolve()
        arguments = [str(part), str(number), str(len(trees)), *folders]
        environment = {**os.environ, "TRUSTMESH_COLLECTIONS_PATH": str(tree / "build/dev")}
        command = [sys.executable, "-m", "tests.tooling.mutation.covering", *arguments]
        with (_BUILD / f"{name}.{number}.log").open("w") as log:
            runs.append((subprocess.Popen(command, cwd=tree, stdout=log, stderr=log, env=environment), part))
    for run, part in runs:
        run.wait()
        found.add(part)


def _compile(trees: list[pathlib.Path], folders: t.Sequence[str]) -> None:
    """Leave compiled tests behind, because what runs a mutant writes none."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *folders]
    runs = [subprocess.Popen(command, cwd=tree, stdout=subprocess.DEVNULL) for tree in trees]
    for run in runs:
        run.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutation")
    parser.add_argument("--sample", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--only", default="", help="part of the name of a mutant")
    parser.add_argument("--minutes", type=float, default=55.0)
    parser.add_argument("--at-least", type=float, default=95.0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--unit", action="store_true", help="show mutants to the unit tests alone")
    parser.add_argument("--reuse", nargs="*", default=(), choices=("unit", "real"), help="maps of the last run to keep")
    return parser.parse_args()


def main() -> int:
    """Return 0 when the score is high enough and nothing survived that is not explained."""
    options, root, start = _options(), pathlib.Path.cwd(), time.monotonic()
    allowed = explained(root)
    drawn = sorted(every(root, options.only), key=lambda mutant: mutant.rank(options.seed))[: options.sample]
    waiting: queue.SimpleQueue[mutants.Mutant] = queue.SimpleQueue()
    for mutant in drawn:
        waiting.put(mutant)
    _BUILD.mkdir(parents=True, exist_ok=True)
    trees = _copies(options.workers)
    run = _Run(waiting, _Map({}, {}, []), start + 60 * options.minutes)
    for name, folders in (("unit", _UNIT),) if options.unit else (("unit", _UNIT), ("real", _REAL)):
        _mapped(trees, folders, name, run.map, name in options.reuse)
        _compile(trees, folders)
    if run.map.failed:
        print("These tests fail without any mutant and are left out:", *run.map.failed, sep="\n  ")
    threads = [threading.Thread(target=run.work, args=(tree,)) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _report(run.noticed, allowed, len(drawn), options)


def _report(noticed: dict[str, str | None], allowed: dict[str, str], drawn: int, options: argparse.Namespace) -> int:
    survived = sorted(key for key, test in noticed.items() if test is None)
    excused = [key for key in survived if key in allowed]
    needless = [key for key in noticed if key in allowed and key not in survived]
    unexplained = [key for key in survived if key not in allowed]
    counted = len(noticed) - len(excused)
    score = 100 * (counted - len(unexplained)) / counted if counted else 100.0
    for key in unexplained:
        print("survived:", key)
    for key in needless:
        print("explained, yet a test finds it:", key)
    print(
        f"{len(noticed)} of {drawn} mutants drawn by seed {options.seed}: {counted - len(unexplained)} found, "
        f"{len(unexplained)} survived, {len(excused)} survived and are explained. Score: {score:.1f} %"
    )
    return 0 if score >= options.at_least and not needless else 1


if __name__ == "__main__":
    sys.exit(main())
