# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Nonces that were used, so that no message is acted on twice.

A nonce has to be kept for as long as a message with it would be accepted, and no longer. Looking and marking are one
step of the store; a look before the mark lets two deliveries of one message pass at the same moment.
"""

from __future__ import annotations

import heapq
import threading
import typing as t


class Ledger(t.Protocol):
    """Keeps nonces: a table whose key is the nonce, a cache of one process."""

    def mark(self, nonce: bytes, keep_until: int, now: int) -> bool:
        """Mark a nonce as used in one step; return whether it was not marked before. Times are seconds since 1970."""


class MemoryLedger:
    """The nonces of one process, which many threads share; what has ended is forgotten on the way."""

    def __init__(self, used: t.Iterable[bytes] = ()) -> None:
        self._lock = threading.Lock()
        #: Those given here have no known end and are kept.
        self._used = set(used)
        self._ends: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._used)

    def mark(self, nonce: bytes, keep_until: int, now: int) -> bool:
        """See :class:`Ledger`."""
        with self._lock:
            # The last second itself still counts, as it does for messages.
            while self._ends and self._ends[0][0] < now:
                self._used.remove(heapq.heappop(self._ends)[1])
            if nonce in self._used:
                return False
            self._used.add(nonce)
            heapq.heappush(self._ends, (keep_until, nonce))
            return True
