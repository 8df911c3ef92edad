# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which test runs which line, and how long it takes: one run of the tests under coverage.

Usage, in a copy of the checkout: python -m tests.tooling.mutation.covering OUT SHARD SHARDS FOLDER...
"""

from __future__ import annotations

import fnmatch
import functools
import inspect
import json
import os
import pathlib
import sys
import tempfile
import time
import types
import typing as t
from collections import defaultdict

import coverage
import pytest

#: Modules of the integration tests are processes of their own; this in their `sitecustomize` lets coverage watch them.
HOOK: t.Final = "\nif os.environ.get('COVERAGE_PROCESS_START'):\n    import coverage; coverage.process_startup()\n"
PACKAGES: t.Final = ("_core", "_vault", "_certificate", "_keyring")
_INCLUDE: t.Final = [f"plugins/module_utils/{package}/*" for package in PACKAGES]


class _Watch:
    """Tells coverage which test runs, and takes the time."""

    def __init__(self, watch: coverage.Coverage, shard: int, shards: int) -> None:
        self._watch, self._shard, self._shards = watch, shard, shards
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        #: Files of the packages, and the tests whose module names something of them.
        self.users: dict[str, set[str]] = defaultdict(set)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        files = sorted({item.path for item in items})
        mine = set(files[self._shard :: self._shards])
        items[:] = [item for item in items if item.path in mine]
        for item in items:
            for file in _used(getattr(item, "module", None)):
                self.users[file].add(item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> t.Generator[None, object, object]:
        self._watch.switch_context(item.nodeid)
        os.environ["MUTATION_TEST"] = item.nodeid
        start = time.perf_counter()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.perf_counter() - start
            self._watch.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


@functools.cache
def _used(module: types.ModuleType | None) -> frozenset[str]:
    """Return the files of the packages that a module names, or names something of."""
    root, found = pathlib.Path.cwd().resolve(), set()
    for value in vars(module).values() if module is not None else ():
        named = value if isinstance(value, types.ModuleType) else inspect.getmodule(value)
        path = pathlib.Path(getattr(named, "__file__", None) or "/").resolve()
        if path.is_relative_to(root):
            found.add(path.relative_to(root).as_posix())
    return frozenset(path for path in found if any(fnmatch.fnmatch(path, pattern) for pattern in _INCLUDE))


def _watch_modules(folder: str) -> None:
    """Let the modules that tests run be watched as well."""
    from tests.rigs.warm import WarmPython

    settings = pathlib.Path(folder, "settings")
    include = ",".join(str(pathlib.Path(pattern).absolute()) for pattern in _INCLUDE)
    settings.write_text(
        f"[run]\nparallel = true\ndata_file = {folder}/data\ncontext = ${{MUTATION_TEST}}\ninclude = {include}\n"
    )
    run = WarmPython.run

    def watched(self: WarmPython, module: str, stdin: str, **given: t.Any) -> t.Any:
        test = os.environ["MUTATION_TEST"]
        given["environment"] = {**given["environment"], "COVERAGE_PROCESS_START": str(settings), "MUTATION_TEST": test}
        return run(self, module, stdin, **given)

    WarmPython.run = watched  # type: ignore[method-assign]


def _lines(data: coverage.CoverageData, lines: dict[str, dict[str, set[str]]]) -> None:
    root = pathlib.Path.cwd().resolve()
    for measured in data.measured_files():
        path = pathlib.Path(measured).resolve()
        if path.is_relative_to(root):
            for line, tests in data.contexts_by_lineno(measured).items():
                lines[path.relative_to(root).as_posix()][str(line)] |= {test for test in tests if test}


def main(out: str, shard: str, shards: str, *folders: str) -> None:
    """Run one shard of the tests and write what was seen."""
    lines: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    with tempfile.TemporaryDirectory() as folder:
        _watch_modules(folder)
        watch = coverage.Coverage(data_file=None, include=_INCLUDE)
        watch.start()
        plugin = _Watch(watch, int(shard), int(shards))
        pytest.main(["-q", "-p", "no:cacheprovider", *folders], plugins=[plugin])
        watch.stop()
        _lines(watch.get_data(), lines)
        modules = coverage.Coverage(data_file=f"{folder}/data")
        if list(pathlib.Path(folder).glob("data.*")):
            modules.combine([folder])
            _lines(modules.get_data(), lines)
    found = {"seconds": plugin.seconds, "failed": plugin.failed, "lines": lines, "users": plugin.users}
    pathlib.Path(out).write_text(json.dumps(found, default=sorted), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
