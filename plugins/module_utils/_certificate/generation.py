# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Writing generations: stage the files, swap one link, keep the last few."""

from __future__ import annotations

import datetime
import os
import re
import secrets
from collections.abc import Mapping

from .._core.files import Attributes, FileGroup, named_failure
from .layout import STORED, Layout

Contents = Mapping[str, bytes]

_PREFIX = "g-"
_STAMP = "%Y%m%dT%H%M%SZ"
#: When it was written, something unique, and when its pair was made if that was earlier.
_NAME = re.compile(r"g-(\d{8}T\d{6}Z)-[0-9a-f]{8}(?:-of-(\d{8}T\d{6}Z))?")
_OPEN_DIRECTORY = Attributes(mode=0o755)


def stage(
    group: FileGroup,
    layout: Layout,
    contents: Contents,
    *,
    keep: int,
    now: datetime.datetime,
    made: datetime.datetime | None = None,
    held: datetime.datetime | None = None,
) -> None:
    """Stage a generation and the links that put it in force, in an order that is safe to interrupt anywhere.

    ``made`` says since when there is the pair, where only what is around it is written anew; ``held`` since when there
    is the one that it replaces.

    What somebody else left at the published paths is kept as a generation of its own. A foreign pair is even put in
    force first: every published name then turns into a link while the pair behind the names stays the same, and the
    swap is still one move.
    """
    foreign = _foreign_contents(layout)
    pair_stays = _same_pair(foreign, contents)
    before = _make(group, layout, foreign, now, held) if foreign and not pair_stays else None
    generation = _make(group, layout, contents, now, made)
    if "key" in foreign and "certificate" in foreign:
        group.link(layout.current, before or generation)
    for role, path in layout.published.items():
        if role in foreign or not layout.is_published(role):
            group.directory(os.path.dirname(path))
            group.link(path, layout.link_targets[role])
    group.link(layout.current, generation)
    for name in _superseded(layout, keep, [name for name in (before, generation) if name]):
        group.remove(os.path.join(layout.store, name))


def stage_removal(group: FileGroup, layout: Layout) -> None:
    """Stage the removal of the published links and of the store."""
    for role in layout.published:
        if layout.is_published(role):
            group.remove(layout.published[role])
    if os.path.lexists(layout.store):
        group.remove(layout.store)


def generations(layout: Layout) -> list[str]:
    """Return the names of the generations in the store, oldest first."""
    if not os.path.isdir(layout.store):
        return []
    return sorted(name for name in os.listdir(layout.store) if name.startswith(_PREFIX))


def previous(layout: Layout, used: str | None) -> list[tuple[datetime.datetime, str]]:
    """Return the certificates of the generations but the one in force, ``used``: when each was made and its file."""
    past = ((made_at(name), name) for name in generations(layout) if name != used)
    stored = ((made, os.path.join(layout.store, name, STORED["certificate"])) for made, name in past if made)
    return [(made, path) for made, path in stored if os.path.exists(path)]


def made_at(name: str) -> datetime.datetime | None:
    """Return when the pair of a generation was made, which its name tells; ``None`` when it does not."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    stamp = found.group(2) or found.group(1)
    try:
        # The form that Python reads in C since version 3.7; a batch reads thousands.
        return datetime.datetime.fromisoformat(
            f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:11]}:{stamp[11:13]}:{stamp[13:15]}+00:00"
        )
    except ValueError:  # the digits are no instant, so the name is not of our making
        return None


def in_force(layout: Layout) -> str | None:
    """Return the name of the generation in force, ``None`` while there is none."""
    return os.readlink(layout.current) if os.path.islink(layout.current) else None


def _superseded(layout: Layout, keep: int, made: list[str]) -> list[str]:
    """Return the generations to drop so that ``keep`` remain: those just made, the one in force, then the latest."""
    used = in_force(layout)
    past = [name for name in generations(layout) if name not in made and name != used]
    ranked = [*made, *([used] if used else []), *reversed(past)]
    return [name for name in ranked[keep:] if name not in made]


def _make(
    group: FileGroup,
    layout: Layout,
    contents: Contents,
    now: datetime.datetime,
    made: datetime.datetime | None = None,
) -> str:
    earlier = f"-of-{made:{_STAMP}}" if made else ""
    name = f"{_PREFIX}{now:{_STAMP}}-{secrets.token_hex(4)}{earlier}"
    directory = os.path.join(layout.store, name)
    group.directory(directory, _OPEN_DIRECTORY)
    for role, content in contents.items():
        group.write(os.path.join(directory, STORED[role]), content, layout.attributes[role])
    return name


def _foreign_contents(layout: Layout) -> dict[str, bytes]:
    contents = {}
    for role, path in layout.published.items():
        if layout.is_foreign(role) and os.path.exists(path):  # a dangling link holds nothing to keep
            with named_failure(path), open(path, "rb") as handle:
                contents[role] = handle.read()
    return contents


def _same_pair(one: Contents, other: Contents) -> bool:
    return all(one.get(role) == other.get(role) for role in ("key", "certificate"))
