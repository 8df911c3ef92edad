# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a run changed without Ansible having heard of it.

Ansible notifies no handler of a task that failed or was killed, and the next run finds those items as declared. So a
run writes down what it is about to change, in the file of the store's lock, and strikes it out when it ends well. What
is left there counts as changed in the next run, once.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t
from collections.abc import Iterable, Mapping

from .files import FileFailure, read_file
from .foreign import Unreadable, parse_value
from .locks import LOCK_NAME, note, noted
from .plan import Action, Change, Plan

_REASON: t.Final = "changed by a run that failed, so that no handler was notified"
#: The plan of an item that is as declared and that nobody has heard of.
ANNOUNCEMENT: t.Final = Plan(Action.UPDATE, (Change("handlers", "not notified", "notified", _REASON),))


class Unannounced:
    """The notes of the stores whose locks this run holds."""

    def __init__(self, locks: Mapping[str, int]) -> None:
        self._locks = locks
        self._left = {store: _read(noted(lock)) for store, lock in locks.items()}

    @classmethod
    def seen(cls, stores: Iterable[t.Optional[str]]) -> Unannounced:
        """Return the notes of stores whose locks are not held, to look at."""
        notes = cls({})
        for store in {store for store in stores if store is not None}:
            with contextlib.suppress(FileFailure):  # not for these eyes
                notes._left[store] = _read(read_file(os.path.join(store, LOCK_NAME)) or b"")
        return notes

    def holds(self, store: t.Optional[str], identity: str) -> bool:
        """Tell whether an earlier run changed an item and did not end well."""
        return store is not None and identity in self._left.get(store, ())

    def add(self, items: Iterable[tuple[t.Optional[str], str]]) -> None:
        """Write down items, each a store and an identity; those without a store that is held are passed over."""
        self._write({store: {*self._left[store], *found} for store, found in self._by_store(items).items()})

    def strike(self, items: Iterable[tuple[t.Optional[str], str]]) -> None:
        """Strike out items."""
        self._write({store: self._left[store] - found for store, found in self._by_store(items).items()})

    def _by_store(self, items: Iterable[tuple[t.Optional[str], str]]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for store, identity in items:
            if store in self._locks:
                found.setdefault(t.cast(str, store), set()).add(identity)
        return found

    def _write(self, left: Mapping[str, set[str]]) -> None:
        for store, identities in left.items():
            if identities != self._left[store]:
                self._left[store] = identities
                note(self._locks[store], json.dumps(sorted(identities)).encode() if identities else b"")


def _read(content: bytes) -> set[str]:
    """Return identities; a note that was cut short or that others wrote says nothing."""
    try:
        found = parse_value(content) if content else []
    except Unreadable:
        return set()
    return {entry for entry in found if isinstance(entry, str)} if isinstance(found, list) else set()
