# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Writing generations: stage the files, swap one link, keep the last few."""

from __future__ import annotations

import datetime
import errno
import itertools
import os
import re
import secrets
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from .._core.attributes import failure
from .._core.files import Attributes, FileGroup, Found, Place, named_failure
from .._core.places import LINK_ERRORS, Directory, directory
from .._core.reading import names_in, read_entry
from .._core.store import CURRENT
from .._pki.certificate import facts_of, parse_certificates
from .._pki.errors import PkiError
from .layout import STORED, Layout
from .look import PREFIX, Look, look

Contents = Mapping[str, bytes]

_STAMP = "%Y%m%dT%H%M%SZ"
#: When it was written, something unique, and when its pair was made if that was earlier.
_NAME = re.compile(r"g-(\d{8}T\d{6}Z)-[0-9a-f]{8}(?:-of-(\d{8}T\d{6}Z))?")
_PAIR: t.Final = ("key", "certificate")
#: Room for the files of a certificate that is yet to be issued; what is not needed is given back.
ROOM: t.Final[Contents] = {
    "key": bytes(4096),
    "certificate": bytes(8192),
    "chain": bytes(8192),
    "fullchain": bytes(16384),
    "ca": bytes(8192),
}


def stage(
    group: FileGroup,
    layout: Layout,
    contents: Contents,
    *,
    keep: int,
    now: datetime.datetime,
    seen: Look,
    made: datetime.datetime | None = None,
    held: datetime.datetime | None = None,
) -> Callable[[Contents], None]:
    """Stage a generation and the links that put it in force, in an order that is safe to interrupt anywhere.

    ``made`` says since when there is the pair, where only what is around it is written anew; ``held`` since when there
    is the one that it replaces; ``seen`` is what a look at the files has just shown. Where the content is yet to come
    (see :data:`ROOM`), the function that is returned writes it; owner, mode and room are settled by then.

    What others left at the published paths is kept as a generation of its own, with its own owner and mode. A foreign
    pair is even put in force first: every published name then turns into a link while the pair behind the names stays
    the same, and the swap is still one move.
    """
    item = _settled(group, layout)
    foreign = {role: found for role, found in seen.foreign.items() if found is not None}
    before = None
    if foreign and not all(role in foreign and foreign[role].content == contents[role] for role in _PAIR):
        before = _name(now, held)
        _keep_foreign(group, item, before, foreign)
    generation = _name(now, made)
    fill = _make(group, item, generation, contents, layout.attributes)
    if all(role in foreign for role in _PAIR):
        group.link((item, CURRENT), before or generation)
    _publish(group, layout, [*seen.foreign, *seen.missing])
    group.link((item, CURRENT), generation)
    _prune(group, seen, item, keep, [name for name in (before, generation) if name], contents["certificate"], now)
    return fill


def _publish(group: FileGroup, layout: Layout, roles: Iterable[str]) -> None:
    folders: dict[str, Directory] = {}
    for role in roles:
        above, name = os.path.split(layout.published[role])
        if above not in folders:
            with named_failure(above):
                folders[above] = directory(above)
        group.link((folders[above], name), layout.link_targets[role])


def stage_removal(group: FileGroup, layout: Layout) -> None:
    """Stage the removal of the published links and of the store."""
    seen = look(layout)
    for role, path in layout.published.items():
        if role in seen.linked:
            group.remove(path)
    if seen.item is not None and seen.item.parent is not None:
        group.remove((seen.item.parent, layout.name))


def previous(layout: Layout, seen: Look) -> Iterator[tuple[datetime.datetime, str]]:
    """Yield the certificates of the generations but the one in force: when each was made and its file."""
    for name in seen.generations:
        made = made_at(name)
        if name != seen.used and made is not None and seen.item is not None:
            file = f"{name}/{STORED['certificate']}"
            try:
                seen.item.stat(file)
            except OSError:
                continue
            yield made, f"{layout.store}/{file}"


def surplus(seen: Look, keep: int) -> list[str]:
    """Return the generations with a key beyond the last ``keep``, as a run leaves them that is killed at the end."""
    ranked = _ranked(seen)
    if seen.item is None or not ranked[keep:]:
        return []
    kept = _kept(seen.item, ranked, keep)
    return [name for name in seen.generations if name not in kept and _has_key(seen.item, name)]


def stage_pruning(group: FileGroup, seen: Look, *, keep: int, now: datetime.datetime) -> None:
    """Stage the removal of what is in the store and kept no longer."""
    if seen.item is not None:
        for name in seen.leftovers:
            group.remove((seen.item, name))
        _prune(group, seen, seen.item, keep, [], seen.contents.get("certificate", b""), now)


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


def _settled(group: FileGroup, layout: Layout) -> Directory:
    """Make the directories that are missing, mend those of the store, and return the certificate's own."""
    group.directory(layout.store)
    item = layout.home.make(layout.name)
    for path in layout.published.values():
        group.directory(os.path.dirname(path))
    return item


def _name(now: datetime.datetime, made: datetime.datetime | None) -> str:
    earlier = f"-of-{made:{_STAMP}}" if made else ""
    return f"{PREFIX}{now:{_STAMP}}-{secrets.token_hex(4)}{earlier}"


def _make(
    group: FileGroup, item: Directory, name: str, contents: Contents, attributes: Mapping[str, Attributes]
) -> Callable[[Contents], None]:
    tree = group.tree((item, name))
    files = {role: tree.reserve(STORED[role], content, attributes[role]) for role, content in contents.items()}

    def fill(final: Contents) -> None:
        for role, file in files.items():
            file.fill(final[role])

    return fill


def _keep_foreign(group: FileGroup, item: Directory, name: str, foreign: Mapping[str, Found]) -> None:
    """Stage what others left with the owner and mode that it has, but a key open to nobody else."""
    kept = {role: Attributes.of(found.status) for role, found in foreign.items()}
    if "key" in kept:
        kept["key"] = replace(kept["key"], mode=kept["key"].mode & 0o770)
    _make(group, item, name, {role: found.content for role, found in foreign.items()}, kept)


def _prune(
    group: FileGroup, seen: Look, item: Directory, keep: int, made: list[str], own: bytes, now: datetime.datetime
) -> None:
    """Drop what is older than the last ``keep`` with a key: those just made, the one in force, then the latest.

    Of a certificate that has not expired, and that none of those kept has, the certificate itself stays: whoever has
    to revoke it needs its serial. Its key and its chains go.
    """
    ranked = [*made, *_ranked(seen)]
    kept = _kept(item, ranked, keep, made)
    at_hand = {own} | {_certificate(item, name) for name in kept}
    current = Place.within(item, CURRENT)
    for name in ranked:
        if name in made or name in kept:
            continue
        text = _certificate(item, name)
        if text in at_hand or not _lives(text, now):
            group.remove((item, name), unless=current, named=name)
            continue
        at_hand.add(text)
        folder = item.enter(name)
        for entry in names_in(folder):
            if entry != STORED["certificate"]:
                group.remove((folder, entry), unless=current, named=name)


def _ranked(seen: Look) -> list[str]:
    """Return the generations, the one in force first and then the latest."""
    past = [name for name in seen.generations if name != seen.used]
    return [*(name for name in seen.generations if name == seen.used), *reversed(past)]


def _kept(item: Directory, ranked: Iterable[str], keep: int, made: t.Sequence[str] = ()) -> list[str]:
    """Return the first ``keep`` generations that have a key, or will have one."""
    keyed = (name for name in ranked if name in made or _has_key(item, name))
    return list(itertools.islice(keyed, keep))


def _has_key(item: Directory, name: str) -> bool:
    try:
        item.stat(f"{name}/{STORED['key']}")
    except OSError:
        return False
    return True


def _certificate(item: Directory, name: str) -> bytes:
    try:
        folder = item.enter(name)
    except OSError as error:
        if error.errno in (errno.ENOENT, *LINK_ERRORS):  # something else of that name, which is not ours
            return b""
        raise failure(f"{item.real}/{name}", error) from None
    found = read_entry(folder, STORED["certificate"])
    return found.content if found else b""


def _lives(certificate: bytes, now: datetime.datetime) -> bool:
    try:
        return facts_of(parse_certificates(certificate)[0]).not_after > now
    except PkiError:
        return False
