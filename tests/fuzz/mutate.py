# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inputs near to right ones: octets with a few changes, and documents with a few other members."""

from __future__ import annotations

import copy
import functools
import random
import re
import typing as t

LONGEST: t.Final = 1 << 16
_NUMBER: t.Final = re.compile(rb"\d+")
_NUMBERS: t.Final = (b"0", b"-1", b"1e309", b"9007199254740993", b"18446744073709551616", b"9" * 5000, b"00", b"1.5")
_MARKS: t.Final = (
    b"\0",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\r\n",
    b"\xef\xbb\xbf",
    b" ",
    b"\\u0000",
    "²".encode(),
    b"%",
)


def _deep(levels: int) -> t.Any:
    value: t.Any = 0
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


#: Of every type that JSON has, and beside what is usual.
ODD: t.Final[tuple[t.Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2**53 + 1, 2**63, -(2**64), 10**30, 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", " ", "0", "-1", "\0", "\ud800", "é", "²", "²" * 40, "x" * 5000, "=" * 50, "%zz", "null", "a.b.c", "\u2028"),
    *([], {}, [[]], [None], {"": ""}, {"a": {}}, [{}], ["a", 1], _deep(90), _deep(400)),
)


def octets(source: random.Random, pool: t.Sequence[bytes], tokens: t.Sequence[bytes]) -> bytes:
    """Return one of a pool with one to six changes."""
    made = bytearray(source.choice(pool))
    for _change in range(source.choice((1, 1, 1, 2, 2, 3, 6))):
        source.choice(_CHANGES)(source, made, pool, tokens)
    return bytes(made[:LONGEST])


Change = t.Callable[[random.Random, bytearray, t.Sequence[bytes], t.Sequence[bytes]], None]


def _span(source: random.Random, made: bytearray, most: int = 64) -> slice:
    start = source.randint(0, len(made))
    return slice(start, min(len(made), start + source.randint(0, most)))


def _flip(source: random.Random, made: bytearray, _pool: t.Sequence[bytes], _tokens: t.Sequence[bytes]) -> None:
    if made:
        made[source.randrange(len(made))] ^= 1 << source.randrange(8)


def _any(source: random.Random, made: bytearray, _pool: t.Sequence[bytes], _tokens: t.Sequence[bytes]) -> None:
    if made:
        made[source.randrange(len(made))] = source.randrange(256)


def _cut(source: random.Random, made: bytearray, _pool: t.Sequence[bytes], _tokens: t.Sequence[bytes]) -> None:
    del made[_span(source, made)]


def _end(source: random.Random, made: bytearray, _pool: t.Sequence[bytes], _tokens: t.Sequence[bytes]) -> None:
    del made[source.randint(0, len(made)) :]


def _twice(source: random.Random, made: bytearray, _pool: t.Sequence[bytes], _tokens: t.Sequence[bytes]) -> None:
    span = _span(source, made)
    made[span.stop : span.stop] = made[span] * source.choice((1, 1, 2, 40))


def _token(source: random.Random, made: bytearray, _pool: t.Sequence[bytes], tokens: t.Sequence[bytes]) -> None:
    made[_span(source, made, 8)] = source.choice((*tokens, *_MARKS)) * source.choice((1, 1, 1, 2, 300))


def _number(source: random.Random, made: bytearray, _pool: t.Sequence[bytes], _tokens: t.Sequence[bytes]) -> None:
    found = list(_NUMBER.finditer(made))
    if found:
        chosen = source.choice(found).span()
        made[slice(*chosen)] = source.choice(_NUMBERS)


def _splice(source: random.Random, made: bytearray, pool: t.Sequence[bytes], _tokens: t.Sequence[bytes]) -> None:
    other = source.choice(pool)
    made[source.randint(0, len(made)) :] = other[source.randint(0, len(other)) :]


_CHANGES: t.Final[tuple[Change, ...]] = (_flip, _any, _cut, _end, _twice, _token, _token, _number, _splice)


def document(source: random.Random, pool: t.Sequence[t.Any]) -> t.Any:
    """Return one of a pool of documents with one to four members that are others, missing or new.

    The document itself stays a mapping: the options of a module see to that before a parser gets it.
    """
    made = [copy.deepcopy(source.choice(pool))]
    for _change in range(source.choice((1, 1, 1, 2, 4))):
        places = [place for place in _places(made) if place[0] is not made]
        if not places:
            break  # nothing is left in it
        holder, name = source.choice(places)
        kind = source.randrange(8)
        if kind == 0 and isinstance(holder, dict):
            del holder[name]
        elif kind == 1 and isinstance(holder, dict):
            holder[source.choice(("", "a", "é", "\ud800", str(name) + "x"))] = source.choice(ODD)
        elif kind < 4 and isinstance(holder[name], str):
            text = octets(source, [holder[name].encode("utf-8", "surrogatepass")], (b"=", b".", b"-", b"/"))
            holder[name] = text.decode("utf-8", "replace")
        else:
            holder[name] = copy.deepcopy(source.choice(ODD))
    return made[0]


def _places(value: t.Any, deepest: int = 20) -> t.Iterator[tuple[t.Any, t.Any]]:
    """Give every place in a document, as its holder and the name there."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for name, entry in list(members):
        yield value, name
        if isinstance(entry, (dict, list)) and deepest:
            yield from _places(entry, deepest - 1)


def growing(seed: t.Any, most: int = 12) -> t.Iterator[t.Callable[[int], t.Any]]:
    """Give functions of a size that make a document with a long text, list or mapping at one of its places."""
    for _holder, name in list(_places([seed]))[1 : most + 1]:
        yield from (functools.partial(_with, seed, name, long) for long in (_long_text, _long_list, _long_mapping))


def _with(seed: t.Any, name: t.Any, long: t.Callable[[t.Any, int], t.Any], size: int) -> t.Any:
    made = [copy.deepcopy(seed)]
    holder, place = next(found for found in _places(made) if found[1] == name and found[0] is not made)
    holder[place] = long(holder[place], size)
    return made[0]


def _long_text(held: t.Any, size: int) -> str:
    piece = held[:64] if isinstance(held, str) and held else "="
    return t.cast(str, piece * (size // len(piece)))


def _long_list(held: t.Any, size: int) -> list[t.Any]:
    return [held] * (size // 20)


def _long_mapping(held: t.Any, size: int) -> dict[str, t.Any]:
    return {str(number): held for number in range(size // 20)}
