# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What other systems answer, before anything in it is believed.

The rule for every port: an answer counts only in the form of the one who is asked. Its size is limited before it is
read, its time before it is awaited, and whatever of it reaches a message is printable and short.
"""

from __future__ import annotations

import datetime
import json
import typing as t
import zlib
from urllib.parse import urlsplit

from .errors import TrustmeshError
from .masking import masked
from .normal import instant

#: Octets of an answer, as sent and as unpacked: a listing of a million certificates.
LARGEST_ANSWER: t.Final = 64 << 20
# Each costs many times the two octets that it may be written with.
_MOST_PARTS: t.Final = 2_000_000
_DEEPEST: t.Final = 320
_LONGEST_NUMBER: t.Final = 400
_LONGEST_TEXT: t.Final = 300
# What is looked through for secrets before it is cut.
_LONGEST_QUOTED: t.Final = 1 << 14
#: The end of what a calendar of Python holds, in seconds since 1970.
LAST_SECOND: t.Final = 253402300800

T = t.TypeVar("T")
A = t.TypeVar("A", bound="Answer")


class Unreadable(ValueError):
    """An answer that cannot be read; the text says why, in words that fit behind a colon."""


def printable(text: str, most: int = _LONGEST_TEXT) -> str:
    """Return a text of others as one short line without control characters and known secrets, for a message."""
    whole = masked(text[:_LONGEST_QUOTED])
    short = whole[: most + 1]
    line = " ".join("".join(character if character.isprintable() else " " for character in short).split())
    return line if len(whole) <= most else f"{line[:most]} ..."


def destination(location: str) -> str:
    """Return where a redirect leads, without what may be secret in it: user, password, query and fragment."""
    try:
        parts = urlsplit(location)
        port = "" if parts.port is None else f":{parts.port}"
        origin = f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else ""
    except ValueError:
        return "an address that cannot be read"
    return printable(f"{origin}{parts.path}", 120) or "nowhere"


def inflated(content: bytes, encoding: str, most: int = LARGEST_ANSWER) -> bytes:
    """Return a body as it was before it was compressed; raises :class:`Unreadable`, also for more than ``most``."""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Unreadable(f"its encoding is {printable(encoding, 40)}")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        whole = unpacking.decompress(content, most + 1)
    except zlib.error:
        raise Unreadable("its compression is damaged") from None
    if len(whole) > most:
        raise Unreadable(f"it unpacks to more than {most >> 20} MiB")
    if not unpacking.eof:
        raise Unreadable("it is cut short")
    return whole


def parse_object(content: bytes | str) -> dict[str, t.Any]:
    """Return the JSON object (RFC 8259) that a body is; raises :class:`Unreadable`."""
    body = parse_value(content)
    if not isinstance(body, dict):
        raise Unreadable("its body is JSON, but not an object")
    return body


def parse_value(content: bytes | str) -> t.Any:
    """Return the JSON value (RFC 8259) that a body is; raises :class:`Unreadable`.

    Not read are: names given twice, numbers that no double holds, NaN, and what is nested deeper than a
    server would take it.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    if not content:
        raise Unreadable("its body is empty")
    parts = content.count(b"[") + content.count(b"{")
    if parts > _MOST_PARTS:
        raise Unreadable("its body has too many lists and objects")
    if parts > _DEEPEST and _depth(content) > _DEEPEST:
        raise Unreadable("its body is nested too deep")
    try:
        body = _DECODER.decode(content.decode("utf-8"))
        if b"\\ud" in content or b"\\uD" in content:
            json.dumps(body, ensure_ascii=False).encode()  # half a character, which nothing could write again
    except Unreadable:
        raise
    except UnicodeError:
        raise Unreadable("its body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise Unreadable("its body is not JSON, or is cut short") from None
    return body


def _depth(content: bytes) -> int:
    """Return how deep brackets are nested; those in texts count too, which only a strange answer has many of."""
    depth = deepest = 0
    for octet in content:
        if octet in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif octet in b"]}":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("its body names a field twice")
    return found


def _whole(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise Unreadable("its body has a number of more digits than any meaning")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Unreadable("its body has a number that is too large")
    return value


def _constant(text: str) -> t.NoReturn:
    raise Unreadable(f"its body has {text} for a number")


_DECODER: t.Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=_whole, parse_float=_fraction, parse_constant=_constant
)


class Answer(dict[str, t.Any]):
    """An object of an answer. Any of its fields may be missing or of any type, so each is asked for by its type.

    Every method raises :class:`TrustmeshError` naming the field and what was asked; null counts as missing.
    """

    place: str = "an answer"

    @classmethod
    def of(cls: type[A], value: t.Mapping[str, t.Any], place: str) -> A:
        """Wrap an object that came as the answer to ``place``; an answer stays that to its own place."""
        data = cls(value)
        data.place = value.place if isinstance(value, Answer) else place
        return data

    def __missing__(self, name: str) -> t.NoReturn:
        raise self.wrong(name, "is missing")

    def wrong(self, name: str, problem: str) -> TrustmeshError:
        """Return the error of a field that is not as it belongs."""
        return TrustmeshError(
            f"the answer to {self.place} is not as expected: {name} {problem}", remedy="See what answers there."
        )

    def _typed(self, name: str, types: type[T], what: str) -> T:
        value = self[name]
        if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
            raise self.wrong(name, "is missing" if value is None else f"is not {what}")
        return value

    def text(self, name: str) -> str:
        """Return a text."""
        return self._typed(name, str, "a text")

    def text_or(self, name: str, default: str = "") -> str:
        """Return a text, or ``default`` where there is none."""
        return default if self.get(name) is None else self.text(name)

    def flag(self, name: str) -> bool:
        """Return true or false."""
        return self._typed(name, bool, "true or false")

    def number(self, name: str) -> int:
        """Return a whole number."""
        return self._typed(name, int, "a whole number")

    def number_or(self, name: str, default: int = 0) -> int:
        """Return a whole number, or ``default`` where there is none."""
        return default if self.get(name) is None else self.number(name)

    def seconds(self, name: str) -> int:
        """Return an instant in seconds since 1970, 0 where there is none."""
        value = self.number_or(name)
        if not 0 <= value < LAST_SECOND:
            raise self.wrong(name, "is not an instant")
        return value

    def instant(self, name: str) -> datetime.datetime:
        """Return an instant to the second, given as RFC 3339 text or in seconds since 1970."""
        value = self[name]
        if value is None:
            raise self.wrong(name, "is missing")
        if not isinstance(value, str):
            return datetime.datetime.fromtimestamp(self.seconds(name), tz=datetime.timezone.utc)
        try:
            return instant(value).replace(microsecond=0)
        except ValueError:
            raise self.wrong(name, "is not an instant") from None

    def mapping(self: A, name: str) -> A:
        """Return an object inside this one."""
        return type(self).of(self._typed(name, dict, "an object"), f"{self.place}, {name}")

    def mapping_or(self: A, name: str) -> A:
        """Return an object inside this one, an empty one where there is none."""
        return type(self).of({}, f"{self.place}, {name}") if self.get(name) is None else self.mapping(name)

    def mappings(self: A, name: str) -> list[A]:
        """Return a list of objects, an empty one where there is none."""
        place = f"{self.place}, {name}"
        return [type(self).of(entry, place) for entry in self._listed(name, dict, "objects")]

    def texts(self, name: str) -> list[str]:
        """Return a list of texts, an empty one where there is none."""
        return self._listed(name, str, "texts")

    def _listed(self, name: str, types: type[T], what: str) -> list[T]:
        if self.get(name) is None:
            return []
        entries = self._typed(name, list, f"a list of {what}")
        if not all(isinstance(entry, types) for entry in entries):
            raise self.wrong(name, f"is not a list of {what}")
        return entries
