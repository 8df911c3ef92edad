# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module again and again with few open files, each time in a fork and in a directory of its own.

``python -m tests.unit.core.starved MOST`` reads on its standard input a JSON list of modules with their arguments, in
which ``{}`` stands for the directory. All but the last one prepare that. It prints a JSON list of what the last one
returned and left, and what a run after it returned: the one with ``N`` files to open at place ``N``.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pathlib
import resource
import sys
import tempfile
import traceback
import typing as t

from ansible.module_utils import basic

Outcome = dict[str, t.Any]


def _limit(spare: int) -> None:
    used = len(os.listdir("/proc/self/fd")) - 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + spare, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def _run(module: t.Any, given: str, spare: int | None) -> Outcome:
    """Run a module in a fork, which may open ``spare`` files more than are open once Ansible has begun it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with os.fdopen(reading) as answer:
            text = answer.read()
        os.waitpid(child, 0)
        return t.cast("Outcome", json.loads(text or '{"failed": true, "msg": "printed nothing"}'))
    if spare is not None:
        build = module.build
        module.build = lambda *arguments: (_limit(spare), build(*arguments))[1]
    try:
        os.write(writing, _main(module, given).encode())
    except OSError:
        traceback.print_exc()
    finally:
        os._exit(0)


def _main(module: t.Any, given: str) -> str:
    basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = given.encode(), "legacy"
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        module.main()
    return shown.getvalue()


def _left(base: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.name.endswith(".tmp"))


def main() -> None:
    """Print the outcomes."""
    *before, last = [
        (importlib.import_module(f"plugins.modules.{name}"), given) for name, given in json.load(sys.stdin)
    ]

    def each(place: str, run: t.Callable[[t.Any, str], t.Any]) -> None:
        for module, given in before:
            run(module, _arguments(given, place))

    with tempfile.TemporaryDirectory() as place:  # whatever is loaded late is loaded now
        each(place, _main)
        _main(last[0], _arguments(last[1], place))
    outcomes = []
    for spare in range(int(sys.argv[1])):
        with tempfile.TemporaryDirectory() as place:
            each(place, lambda module, given: _run(module, given, None))
            given = _arguments(last[1], place)
            starved = _run(last[0], given, spare)
            left = _left(pathlib.Path(place))
            outcomes.append({"starved": starved, "left": left, "again": _run(last[0], given, None)})
    print(json.dumps(outcomes))


def _arguments(given: Outcome, place: str) -> str:
    return json.dumps({"ANSIBLE_MODULE_ARGS": given}).replace("{}", place)


if __name__ == "__main__":
    main()
