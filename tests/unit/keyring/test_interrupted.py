# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run left that was killed while it cleaned up, or before it put in force what it had made, goes (kind 9)."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import pytest

from plugins.module_utils._core import leftovers

from .ring import Ring

NAME = "hub"


def _store(ring: Ring) -> pathlib.Path:
    return ring.base / "keys" / ".trustmesh-word" / NAME


def _of_a_dead_process() -> str:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return f".trustmesh-{leftovers._world()}-{process.pid}-0123abcd.tmp"


@pytest.mark.parametrize("name", ["s-20260101T000000Z-0123abcd", ""])
def test_kind_9_an_obsolete_snapshot_is_removed_by_the_next_run(tmp_path: pathlib.Path, name: str) -> None:
    ring = Ring(tmp_path)
    ring.run()
    word, left = ring.word(NAME), _store(ring) / (name or _of_a_dead_process())
    shutil.copytree(_store(ring) / "current", left)
    for check in (True, False):
        (outcome,) = [outcome for outcome in ring.run(check=check) if outcome.changed]
        assert outcome.resource.name == NAME
        assert [left.name in reason for reason in outcome.plan.reasons] == [True]
        assert left.exists() == check
    assert ring.word(NAME) == word
    assert not any(outcome.due for outcome in ring.run())


@pytest.mark.parametrize("absent", [True, False])
def test_kind_9_snapshots_that_are_not_in_force_are_no_absence(tmp_path: pathlib.Path, absent: bool) -> None:
    """As a run leaves them that is killed while it removes an owner, or before what it made is in force."""
    ring = Ring(tmp_path)
    ring.run()
    (_store(ring) / "current").unlink()
    (ring.base / "keys" / f"{NAME}.key").unlink()
    (ring.base / "keys" / f"{NAME}.pub").unlink()
    gone = (NAME,) if absent else ()
    ring.run(absent=gone)
    assert len(list(_store(ring).glob("s-*"))) == (0 if absent else 1)
    assert not any(outcome.due or outcome.error for outcome in ring.run(absent=gone))


def test_kind_9_what_a_living_process_works_on_stays(tmp_path: pathlib.Path) -> None:
    ring = Ring(tmp_path)
    ring.run()
    working = _store(ring) / leftovers.temporary_name()
    working.mkdir()
    assert not any(outcome.due for outcome in ring.run())
    assert working.exists()
