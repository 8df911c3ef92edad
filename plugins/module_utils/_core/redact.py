# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets as a type.

A secret travels through states and plans as :class:`Secret`. Whatever renders a plan sees a fingerprint, so *old
secret* and *new secret* stay distinguishable (Ansible's own masking makes both look the same) while the value is in no
text.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import typing as t
from collections.abc import Mapping, Sequence, Set

# Keyed with bytes that live as long as this process: a plain digest in a log would let a reader test guesses of a
# weak password, and nothing needs fingerprints of two runs to be comparable.
_PROCESS_KEY = secrets.token_bytes()

_known: set[str] = set()


def known() -> frozenset[str]:
    """Return the text of every secret made so far in this process, for masking what is returned to Ansible."""
    return frozenset(_known)


def how_many() -> int:
    """Return how many of them there are."""
    return len(_known)


def remember(texts: t.Iterable[str]) -> None:
    """Make secrets known that are no :class:`Secret` (yet), such as those among the options of a module."""
    _known.update(texts)


class Secret:
    """A text that must not be shown; equal to another secret with the same text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        _known.add(text)

    def reveal(self) -> str:
        """Return the text, for the one call that hands it to its destination."""
        return self._text

    def fingerprint(self) -> str:
        """Return a short label that is equal for equal secrets within this process and useless outside it."""
        return "secret:" + hmac.new(_PROCESS_KEY, self._text.encode(), hashlib.sha256).hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Secret({self.fingerprint()})"

    __str__ = __repr__

    def __reduce__(self) -> t.NoReturn:
        raise TypeError("a Secret is not serialisable")


def render(value: t.Any) -> t.Any:
    """Return ``value`` as plain JSON data with every secret replaced by its fingerprint."""
    if isinstance(value, Secret):
        return value.fingerprint()
    if isinstance(value, Mapping):
        return {str(key): render(entry) for key, entry in value.items()}
    if isinstance(value, Set):
        return _in_order([render(entry) for entry in value])
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [render(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def occurring(texts: t.Iterable[str], value: t.Any) -> set[str]:
    """Return those of many texts that stand somewhere in a value, such as secrets in what is about to be returned.

    Ansible looks for every text in every string of a result by itself; with a thousand of both that takes a second.
    """
    everything = "\0".join(dict.fromkeys(_strings(value)))
    given = list(texts)
    wanted = set(given)
    few = len(wanted) <= _FEW
    long = {text for text in wanted if len(text) >= 2 * _BLOCK and not few}
    found = _among(long, everything)
    short: dict[int, set[str]] = {}
    for text in wanted - long:
        short.setdefault(len(text), set()).add(text)
    for length, group in short.items():
        if len(group) <= _FEW:
            found |= {text for text in group if text in everything}
        else:
            found |= group & {everything[at : at + length] for at in range(len(everything) - length + 1)}
    # In the order in which they came: Ansible masks overlapping texts in the order of the set that it is given.
    return {text for text in given if text in found}


# From so many texts on, looking for one after the other takes longer than one walk for all of them.
_FEW: t.Final = 64
_BLOCK: t.Final = 8


def _among(texts: set[str], everything: str) -> set[str]:
    """Return those of long texts that occur, in linear time.

    An occurrence covers a whole block of the text at a multiple of eight characters, and that block lies at one of the
    first eight places of what occurs. Where texts begin alike, as they do, only their lengths are tried.
    """
    blocks: dict[str, set[tuple[int, int]]] = {}
    for text in texts:
        for offset in range(_BLOCK):
            blocks.setdefault(text[offset : offset + _BLOCK], set()).add((offset, len(text)))
    found: set[str] = set()
    for at in range(0, len(everything) if texts else 0, _BLOCK):
        for offset, length in blocks.get(everything[at : at + _BLOCK], ()):
            if at >= offset:
                candidate = everything[at - offset : at - offset + length]
                if candidate in texts:
                    found.add(candidate)
    return found


def _strings(value: t.Any) -> t.Iterator[str]:
    """Yield every scalar below a value as text, names of members included."""
    waiting = [value]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, Mapping):
            waiting.extend(entry)
            waiting.extend(entry.values())
        elif isinstance(entry, (Sequence, Set)) and not isinstance(entry, bytes):
            waiting.extend(entry)
        else:
            yield entry.decode("utf-8", "surrogateescape") if isinstance(entry, bytes) else str(entry)


def _in_order(entries: list[t.Any]) -> list[t.Any]:
    """Sort what is comparable as it is, and anything else by kind and text."""
    try:
        return sorted(entries)
    except TypeError:
        return sorted(entries, key=lambda entry: (type(entry).__name__, str(entry)))
