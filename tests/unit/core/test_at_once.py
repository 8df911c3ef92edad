# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several things at a time: their order, their failures, and a process that may have no more threads (kind 9)."""

from __future__ import annotations

import threading
import time

import pytest

from plugins.module_utils._core.at_once import at_once
from plugins.module_utils._core.attributes import unforeseen
from plugins.module_utils._core.errors import Defect


def _threads_end_after(monkeypatch: pytest.MonkeyPatch, allowed: int) -> list[threading.Thread]:
    """Refuse threads as Python does at RLIMIT_NPROC, after some; return those that were started."""
    real, started = threading.Thread.start, list[threading.Thread]()

    def start(thread: threading.Thread) -> None:
        if len(started) == allowed:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    return started


@pytest.mark.parametrize("most", [-1, 0, 1, 3, 50])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_what_comes_back_is_in_the_order_of_the_items(count: int, most: int) -> None:
    assert at_once(lambda item: item * 2, iter(range(count)), most) == [item * 2 for item in range(count)]


def test_as_many_threads_as_allowed_are_at_work_and_the_caller_is_one() -> None:
    together = threading.Barrier(3)
    workers = at_once(lambda _item: (together.wait(20), threading.get_ident())[1], range(3), 3)
    assert len(set(workers)) == 3 and threading.get_ident() in workers
    assert set(at_once(lambda _item: threading.get_ident(), range(9), 1)) == {threading.get_ident()}


def test_no_more_threads_than_items_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started = _threads_end_after(monkeypatch, 99)
    at_once(str, range(4), 8)
    assert len(started) == 3


@pytest.mark.parametrize("allowed", [0, 1])
def test_a_process_that_may_have_no_more_threads_does_everything_all_the_same(
    monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    """What had begun went on after the failure was told, without the lock of its store, and nothing said so."""
    _threads_end_after(monkeypatch, allowed)
    assert at_once(lambda item: item + 1, range(30), 8) == list(range(1, 31))


def test_the_first_failure_is_raised_when_nothing_is_at_work_any_more() -> None:
    together, ended = threading.Barrier(2), list[int]()

    def act(item: int) -> None:
        together.wait(20)
        if item == 0:
            time.sleep(0.05)
            ended.append(item)
        raise ValueError(item)

    with pytest.raises(ValueError, match=r"^0$"):
        at_once(act, range(2), 2)
    assert ended == [0]


def test_what_had_not_begun_when_one_failed_is_left_out() -> None:
    begun = list[int]()

    def act(item: int) -> None:
        begun.append(item)
        if item == 1:
            raise KeyError(item)

    with pytest.raises(KeyError):
        at_once(act, range(5), 1)
    assert begun == [0, 1]


def test_a_thread_that_is_needed_and_refused_is_no_defect() -> None:
    said = unforeseen(RuntimeError("can't start new thread"))
    assert not isinstance(said, Defect)
    assert str(said) == (
        "the limit for processes and threads is reached. Raise it (ulimit -u, TasksMax= of a service, pids.max of a "
        "container), and run again."
    )
