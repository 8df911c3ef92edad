# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the table of endurance consists of: subjects, the wishes that are killed, and those that meet."""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t
from collections.abc import Callable, Mapping

from tests.endurance.workshop import Spot

Options = Mapping[str, t.Any]
#: Stands in a wish for the instant at which an attempt begins.
NOW: t.Final = "{now}"


#: How a run without a lock says that another one wrote between its look and its own writing, or after that.
OVERTAKEN: t.Final = ("meanwhile", "Something else changes it")


def mark(secret: str | bytes) -> str:
    """Return what tells secrets apart and may be printed."""
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).hexdigest()[:10]


@dataclasses.dataclass
class Seen:
    """What lies in a store, read by one who knows nothing of the collection; secrets as marks."""

    #: By owner: the key or secret in use.
    in_force: dict[str, str] = dataclasses.field(default_factory=dict)
    #: By owner: every key or secret that can be read, the one that comes next included.
    kept: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    #: What may never be seen.
    problems: list[str] = dataclasses.field(default_factory=list)
    #: What may be seen only while something is made for the first time, or removed.
    missing: list[str] = dataclasses.field(default_factory=list)
    #: What may be seen until a run has ended.
    unfinished: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Wish:
    """One declaration, and what is to be there when it holds."""

    label: str
    options: Options = dataclasses.field(default_factory=dict)
    item: Options = dataclasses.field(default_factory=dict)
    names: tuple[str, ...] | None = None
    #: Whether it begins with what the first wish of the subject has made, or with nothing.
    onto_base: bool = True
    #: How many keys or secrets each owner has more than before, or has where there was nothing.
    made: int = 0
    #: Whether what was in force before can be read afterwards.
    keeps: bool = True
    removes: bool = False
    #: Whether the first wish of the subject can be declared again while this one is half done.
    withdrawable: bool = False


@dataclasses.dataclass(frozen=True)
class Meeting:
    """Two wishes at once, and the one that holds afterwards."""

    label: str
    left: Wish
    right: Wish
    final: Wish
    #: The least and the most that each owner has more than before when both have ended.
    made: tuple[int, int]
    #: Whether nothing is left to do when both have ended well.
    settled: bool = True


@dataclasses.dataclass(frozen=True)
class Subject:
    """One module with one custody."""

    module: str
    custody: str
    names: tuple[str, ...]
    #: The option that takes the list, and an item of it.
    list_option: str
    item: Callable[[Spot, str], dict[str, t.Any]]
    common: Callable[[Spot], dict[str, t.Any]]
    look: Callable[[Spot], Seen]
    #: The first makes the base of the others.
    wishes: tuple[Wish, ...]
    meetings: tuple[Meeting, ...]
    #: How many keys that were never in force a run may leave where it is killed, beside those that are kept.
    spare: int = 0
    #: What a run may fail with because another one works at the same time; nothing where a lock sees to that.
    yields_with: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What reports call it."""
        return f"{self.module}, {self.custody}"

    def see(self, spot: Spot) -> Seen:
        """Look; what cannot be read is a problem."""
        try:
            return self.look(spot)
        except (OSError, ValueError, KeyError) as error:
            return Seen(problems=[f"what is there cannot be read: {type(error).__name__}: {error}"])

    def arguments(self, spot: Spot, wish: Wish, now: str) -> dict[str, t.Any]:
        """Return the arguments of the module."""
        spelled = {name: now if value == NOW else value for name, value in wish.options.items()}
        items = [{**self.item(spot, name), **wish.item} for name in wish.names or self.names]
        return {**self.common(spot), **spelled, self.list_option: items}
