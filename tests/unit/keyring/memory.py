# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A custody and places in memory that note in one list what is done to them, and refuse what they are told to."""

from __future__ import annotations

import time
import typing as t

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._keyring.keyring import Keyring
from plugins.module_utils._keyring.publisher import Target
from tests.unit.keyring.ring import SHAPE, START

Done = list[tuple[str, t.Any]]


class Custody:
    """Documents by owner."""

    identity = "memory"
    reads_here = True
    store = None

    def __init__(self, done: Done) -> None:
        self.done = done
        self.documents: dict[str, tuple[dict[str, t.Any], int]] = {}
        self.refuses: dict[str, TrustmeshError] = {}
        self.wrong: list[tuple[str, t.Any, t.Any]] = []

    def files(self, name: str) -> list[tuple[str, str]]:
        return [("path", f"/keys/{name}")]

    def place(self, name: str) -> str:
        return f"memory/{name}"

    def read(self, name: str) -> t.Any:
        return self.documents.get(name)

    def misplaced(self, name: str) -> t.Any:
        return self.wrong

    def write(self, entries: t.Sequence[t.Any]) -> dict[str, t.Any]:
        self.done.append(("write", [name for name, _document, _version in entries]))
        outcome: dict[str, t.Any] = {}
        for name, document, version in entries:
            held = self.documents.get(name)
            assert version == (held[1] if held else None)
            outcome[name] = self.refuses.get(name) or (version or 0) + 1
            if name not in self.refuses:
                self.documents[name] = (document, outcome[name])
        return outcome

    def remove(self, names: t.Sequence[str]) -> dict[str, TrustmeshError]:
        self.done.append(("remove", list(names)))
        for name in set(names) - set(self.refuses):
            self.documents.pop(name, None)
        return {name: self.refuses[name] for name in names if name in self.refuses}

    def names(self, besides: t.Collection[str] = ()) -> list[str]:
        return sorted(set(self.documents) - set(besides))


class Publisher:
    """Texts by owner."""

    def __init__(self, identity: str, done: Done) -> None:
        self.identity = identity
        self.done = done
        self.texts: dict[str, str] = {}
        self.refuses: dict[str, TrustmeshError] = {}
        #: What is wrong with the whole of it.
        self.broken: TrustmeshError | None = None
        self.asked = 0

    def file(self, name: str) -> str | None:
        return f"/{self.identity}/{name}" if self.identity != "far" else None

    def held(self) -> dict[str, str]:
        self.asked += 1
        time.sleep(0.01)
        return dict(self.texts)

    def publish(self, texts: t.Mapping[str, t.Any]) -> dict[str, TrustmeshError]:
        self.done.append((self.identity, dict(texts)))
        if self.broken is not None:
            raise self.broken
        for name, text in texts.items():
            if name not in self.refuses:
                self.texts.pop(name, None)
                if text is not None:
                    self.texts[name] = text
        return {name: self.refuses[name] for name in texts if name in self.refuses}


class World:
    """One custody and two places; nothing about ``b`` goes to the second of them."""

    def __init__(self) -> None:
        self.done: Done = []
        self.custody = Custody(self.done)
        self.near, self.far = Publisher("near", self.done), Publisher("far", self.done)
        self.clock = START

    def keyring(self) -> Keyring:
        """Return what a run of its own would build."""
        targets = [
            Target(t.cast(t.Any, self.near)),
            Target(t.cast(t.Any, self.far), without=frozenset({"b"}), keep=frozenset({"kept"})),
        ]
        return Keyring(t.cast(t.Any, self.custody), targets, SHAPE, lambda: self.clock)
