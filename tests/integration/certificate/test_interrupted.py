# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run left that was killed while it cleaned up goes with the next one (kind 9)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import typing as t

import pytest

from plugins.module_utils._core import leftovers

from .conftest import Estate

NAME = "a.svc.example"


def _of_a_dead_process() -> str:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return f".trustmesh-{leftovers._world()}-{process.pid}-0123abcd.tmp"


@pytest.mark.parametrize("name", ["g-20260101T000000Z-0123abcd", ""])
def test_kind_9_a_key_that_is_kept_no_longer_goes(run_module: t.Any, estate: Estate, name: str) -> None:
    args = estate.args({"name": NAME}, keep_generations=1)
    run_module("certificate", args).ok()
    before, store = estate.path(NAME, "key.pem").read_bytes(), estate.directory / ".trustmesh" / NAME
    left = store / (name or _of_a_dead_process())
    shutil.copytree(store / "current", left)
    foretold = run_module("certificate", args, check=True).ok()
    assert foretold.changed and left.exists()
    done = run_module("certificate", args).ok().result["results"][0]
    assert done["action"] == "update"
    assert left.name in done["reasons"][0]
    assert not left.exists()
    assert estate.path(NAME, "key.pem").read_bytes() == before
    assert not run_module("certificate", args).ok().changed


@pytest.mark.parametrize("remains", [True, False])
def test_kind_9_a_removal_that_was_interrupted_is_completed(run_module: t.Any, estate: Estate, remains: bool) -> None:
    run_module("certificate", estate.args({"name": NAME})).ok()
    shutil.rmtree(estate.directory / NAME)
    store = estate.directory / ".trustmesh" / NAME
    (store / "current").unlink()
    if not remains:
        shutil.rmtree(store)
        store.mkdir()
    args = estate.args({"name": NAME, "state": "absent"})
    assert run_module("certificate", args).ok().changed
    assert not (estate.directory / ".trustmesh" / NAME).exists()
    assert not run_module("certificate", args).ok().changed


def test_kind_9_a_generation_that_was_never_in_force_pushes_no_other_out(run_module: t.Any, estate: Estate) -> None:
    """A run was killed after it had written its generation, and the next one made its own."""
    args = estate.args({"name": NAME})
    run_module("certificate", args).ok()
    store = estate.directory / ".trustmesh" / NAME
    (first,) = [path for path in store.iterdir() if path.name.startswith("g-")]
    shutil.copytree(first, store / f"g-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-ffffffff")
    time.sleep(1.01)  # `not_before` is given in seconds
    renewed = {**args, "not_before": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    run_module("certificate", renewed).ok()
    assert (first / "key.pem").exists(), "the one in force before is kept"
    assert len(list(store.glob("g-*/key.pem"))) == 2
    assert not run_module("certificate", renewed).ok().changed
