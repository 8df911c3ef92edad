# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""API keys as texts, and what a service keeps to recognise them.

A key is ``<prefix><random><checksum>``: a prefix that says whose key it is and where it is good for, at least 256
random bits in base 62, and six characters by which a mistyped or invented key is told without a look-up. Since nobody
can guess such a key, the service keeps a plain digest of it; with a pepper, an HMAC that is worth nothing to whoever
copies the records alone.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import math
import re
import secrets
import string
import typing as t
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._core.normal import instant
from .._core.redact import Secret

ALPHABET: t.Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
LEAST_BITS: t.Final = 256
MOST_BITS: t.Final = 1024
SHORTEST_PEPPER: t.Final = 32
_CHECKSUM: t.Final = 6
_BITS_EACH: t.Final = math.log2(len(ALPHABET))
_PREFIX: t.Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*_")
_LONGEST_PREFIX: t.Final = 32
_KEY: t.Final = re.compile(rf"({_PREFIX.pattern})([0-9A-Za-z]+)([0-9A-Za-z]{{{_CHECKSUM}}})")


@dataclass(frozen=True)
class Parts:
    """What a key is made of."""

    prefix: str
    bits: int


@dataclass(frozen=True)
class Verdict:
    """Whether a presented key is accepted: ``cause`` is one word when it is not, ``key_id`` names the key it is."""

    cause: str | None = None
    key_id: str | None = None

    def __bool__(self) -> bool:
        return self.cause is None


def checked_prefix(prefix: str) -> str:
    """Return a usable prefix; raises :class:`InvalidInput`."""
    if not _PREFIX.fullmatch(prefix) or len(prefix) > _LONGEST_PREFIX:
        raise InvalidInput(
            f"{prefix!r} cannot begin a key",
            field="prefix",
            remedy=f"Use at most {_LONGEST_PREFIX} lower case letters, digits and underscores, such as tm_live_.",
        )
    return prefix


def generate(prefix: str, bits: int) -> Secret:
    """Make a key from the system's random source, of at least ``bits`` random bits."""
    body = "".join(secrets.choice(ALPHABET) for _at in range(math.ceil(bits / _BITS_EACH)))
    return Secret(prefix + body + checksum(prefix + body))


def checksum(text: str) -> str:
    """Return the CRC-32 of a text as six digits of base 62; it finds mistakes and keeps nobody out."""
    number, digits = zlib.crc32(text.encode("ascii")), ""
    for _at in range(_CHECKSUM):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def parse(text: str) -> Parts | None:
    """Return what a key is made of, ``None`` for a text that is none or was mistyped."""
    found = _KEY.fullmatch(text)
    if found is None or checksum(found.group(1) + found.group(2)) != found.group(3):
        return None
    return Parts(found.group(1), int(len(found.group(2)) * _BITS_EACH))


def key_id(key: str) -> str:
    """Return the name of a key in records and logs, which tells nothing about it: 16 hexadecimal digits."""
    return hashlib.sha256(b"api key id\0" + key.encode()).hexdigest()[:16]


def digest(key: str, pepper: Secret | None = None) -> tuple[str, str]:
    """Return the algorithm and the digest by which a service recognises a key, in hexadecimal."""
    if pepper is None:
        return "sha256", hashlib.sha256(key.encode()).hexdigest()
    return "hmac-sha256", hmac.new(pepper.reveal().encode(), key.encode(), hashlib.sha256).hexdigest()


def checked_pepper(text: str | None) -> Secret | None:
    """Return a usable pepper; raises :class:`InvalidInput`."""
    if text is not None and len(text.encode()) < SHORTEST_PEPPER:
        raise InvalidInput(
            f"{len(text.encode())} octets can be guessed",
            field="pepper",
            remedy=f"Use {SHORTEST_PEPPER} random octets or more.",
        )
    return None if text is None else Secret(text)


def recognise(
    presented: str,
    record: Mapping[str, t.Any],
    now: datetime.datetime,
    *,
    permissions: Sequence[str] = (),
    pepper: Secret | None = None,
) -> Verdict:
    """Decide as a service does whether a key is one of a client's and may do what it asks for.

    ``record`` is what :class:`.api_key_resource.ApiKeyResource` publishes. Causes: ``malformed``, ``unknown``,
    ``expired``, ``permission``.
    """
    if parse(presented) is None:
        return Verdict("malformed")
    algorithm, wanted = digest(presented, pepper)
    found = [
        entry
        for entry in record.get("keys") or ()
        if entry.get("hash_algorithm") == algorithm
        and hmac.compare_digest(str(entry.get("hash")).encode(), wanted.encode())
    ]
    if not found:
        return Verdict("unknown")
    name, expires = str(found[0]["id"]), found[0].get("expires")
    if expires is not None and instant(expires) <= now:
        return Verdict("expired", name)
    if not set(permissions) <= set(record.get("permissions") or ()):
        return Verdict("permission", name)
    return Verdict(None, name)
