# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""B12: one call with very many items: the time of an item is the same however many there are.

A module runs as Ansible runs it, in a process of its own; what the controller does with its result is not in it.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import time
import typing as t
from collections.abc import Callable, Sequence

from tests.benchmarks.report import Target
from tests.benchmarks.tables import table
from tests.benchmarks.timing import OURS, Timing, median
from tests.benchmarks.workbench import Workbench
from tests.rigs.openbao import OpenBao

Options = dict[str, t.Any]

SIZES, QUICK_SIZES = (1000, 4000, 20_000), (250, 1000)
FIRST, AGAIN = "first run", "nothing to do"
#: Milliseconds of an item with nothing to do.
PER_ITEM = 1.0
#: How much longer an item may take among the most than among the fewest: measuring is not exact.
TOLERATED = 1.5
MOUNT = "items"
_PROGRAM = """import runpy, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE, sys.argv = sys.stdin.buffer.read(), "legacy", ["module"]
runpy.run_module("ansible_collections.trustmesh.security.plugins.modules.%s", run_name="__main__")"""


def _environment_files(where: pathlib.Path, numbers: range) -> Options:
    files = [
        {
            "path": f"{where}/{number}.env",
            "variables": {"NUMBER": str(number)},
            "secrets": [{"name": "PASSWORD", "value": f"value-of-{number:08}"}],
        }
        for number in numbers
    ]
    return {"files": files}


def _credentials(where: pathlib.Path, numbers: range) -> Options:
    services = [
        {"service": f"svc-{number}", "credentials": [{"name": "key", "value": f"value-of-{number:08}"}]}
        for number in numbers
    ]
    return {"directory": f"{where}/c", "unit_directory": f"{where}/u", "encrypt": "never", "services": services}


def _keys(where: pathlib.Path, numbers: range) -> Options:
    return {"custody": "files", "directory": str(where), "clients": [{"name": f"c{number}"} for number in numbers]}


def _manifest(where: pathlib.Path, numbers: range) -> Options:
    for number in numbers:
        (where / f"f{number}").write_text(f"value-of-{number:08}")
    entries = [
        {"name": f"n{number}", "store": "it", "key": f"f{number}", "owner": "us", "max_age": "90d"}
        for number in numbers
    ]
    stores = [{"name": "it", "type": "directory", "path": str(where)}]
    return {"stores": stores, "secrets": entries, "check_values": True}


def _secrets(where: pathlib.Path, numbers: range) -> Options:
    prefix = f"{where.name}-{len(numbers)}"
    return {
        "secrets": [
            {"mount": MOUNT, "path": f"{prefix}/{number}", "data": {"password": f"value-of-{number:08}"}}
            for number in numbers
        ]
    }


LOCAL: dict[str, Callable[[pathlib.Path, range], Options]] = {
    "environment_file": _environment_files,
    "systemd_credential": _credentials,
    "api_key": _keys,
    "secret_manifest": _manifest,
}
REMOTE: dict[str, Callable[[pathlib.Path, range], Options]] = {"vault_kv_secret": _secrets}


def measure(bench: Workbench, *, quick: bool, peers: bool) -> list[Timing]:
    """Run each module with more and more items, first and again."""
    sizes = QUICK_SIZES if quick else SIZES
    found = [entry for kind in LOCAL for entry in _kind(bench, kind, LOCAL[kind], {}, sizes)]
    with OpenBao() as server:
        server.api.write(f"sys/mounts/{MOUNT}", type="kv", options={"version": "2"})
        login = {"url": server.url, "token": server.root_token, "ca_cert": str(server.ca_path)}
        found += [entry for kind in REMOTE for entry in _kind(bench, kind, REMOTE[kind], login, sizes)]
    return found


def text(timings: Sequence[Timing]) -> str:
    """Return the table: milliseconds per item, and how many times those of the smallest run they are."""
    rows = []
    for entry in timings:
        least = next(other for other in timings if (other.kind, _run_of(other)) == (entry.kind, _run_of(entry)))
        growth = entry.p50 / least.p50
        seconds = entry.p50 * entry.count / 1e6
        rows.append([f"{entry.kind}, {entry.what}", f"{seconds:.2f}", f"{entry.p50 / 1000:.3f}", f"{growth:.2f}"])
    return table(["many items", "s", "ms per item", "growth"], rows)


def targets(timings: Sequence[Timing]) -> list[Target]:
    """Return what was promised beside what was measured."""
    found = []
    for kind in (*LOCAL, *REMOTE):
        counts = sorted({entry.count for entry in timings if entry.kind == kind})
        least, most = (median(timings, kind, _what(AGAIN, count), OURS) for count in (counts[0], counts[-1]))
        if least is None or most is None:
            continue
        said, promised = f"{most / 1000:.3f} ms", f"<= {PER_ITEM:g} ms"
        found.append(Target("B12", f"{kind}: one of {counts[-1]}, {AGAIN}", said, promised, most <= PER_ITEM * 1000))
        said, promised = f"{most / least:.2f}", f"<= {TOLERATED:g}"
        subject = f"{kind}: an item among {counts[-1]} and among {counts[0]}"
        found.append(Target("B12", subject, said, promised, most <= TOLERATED * least))
    return found


def _kind(
    bench: Workbench,
    kind: str,
    declare: Callable[[pathlib.Path, range], Options],
    login: Options,
    sizes: Sequence[int],
) -> list[Timing]:
    found = []
    for size in sizes:
        where = bench.directory / "items"
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir()
        given = {**login, **declare(where, range(size))}
        for run in (FIRST, AGAIN):
            spent = _spent(bench, kind, given, changes=run == FIRST)
            found.append(Timing("items", kind, _what(run, size), OURS, spent / size / 1000, None, size))
        shutil.rmtree(where)
    return found


def _spent(bench: Workbench, module: str, given: Options, *, changes: bool) -> int:
    """Return the nanoseconds of a run that has to end well, and to change nothing the second time."""
    environment = bench.environment()
    environment["PYTHONPATH"] += f":{bench.collections}"
    arguments = {"ANSIBLE_MODULE_ARGS": {**given, "_ansible_remote_tmp": str(bench.directory)}}
    argv = [str(bench.python), "-c", _PROGRAM % module]
    start = time.perf_counter_ns()
    done = subprocess.run(
        argv, input=json.dumps(arguments), env=environment, capture_output=True, text=True, check=False
    )
    spent = time.perf_counter_ns() - start
    if done.returncode != 0:
        raise RuntimeError(f"{module} was not measured: {(done.stdout + done.stderr)[-2000:]}")
    if json.loads(done.stdout).get("changed") and not changes:
        raise RuntimeError(f"{module} was not measured: it changes something each time")
    return spent


def _what(run: str, count: int) -> str:
    return f"{count} items, {run}"


def _run_of(timing: Timing) -> str:
    return timing.what.partition(", ")[2]
