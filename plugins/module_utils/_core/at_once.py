# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""One thing done for many items, several at a time.

The calling thread does its share, so that a limit of threads (TasksMax= of a service, pids.max of a container) makes a
run slower and never stops it halfway. Nothing is still at work when the call is over.
"""

from __future__ import annotations

import threading
import typing as t
from collections import deque

T = t.TypeVar("T")
R = t.TypeVar("R")


def at_once(act: t.Callable[[T], R], items: t.Iterable[T], most: int) -> list[R]:
    """Return what ``act`` returns for each item, in their order; at most ``most`` threads work.

    Raises what was raised for the first of the items that failed. What had not begun by then is left out.
    """
    entries = list(items)
    results: dict[int, R] = {}
    failures: dict[int, BaseException] = {}
    waiting = deque(enumerate(entries))

    def work() -> None:
        while not failures:
            try:
                index, entry = waiting.popleft()
            except IndexError:
                return
            try:
                results[index] = act(entry)
            except BaseException as error:  # pylint: disable=broad-except
                failures[index] = error

    helpers = _started(work, min(most, len(entries)) - 1)
    try:
        work()
        for helper in helpers:
            helper.join()
    finally:
        waiting.clear()  # of a run that is interrupted while it waits
    if failures:
        raise failures[min(failures)]
    return [results[index] for index in range(len(entries))]


def _started(work: t.Callable[[], None], wanted: int) -> list[threading.Thread]:
    """Start as many threads as are wanted and as this process may have."""
    helpers: list[threading.Thread] = []
    for _each in range(wanted):
        helper = threading.Thread(target=work)
        try:
            helper.start()
        except RuntimeError:  # "can't start new thread"
            break
        helpers.append(helper)
    return helpers
