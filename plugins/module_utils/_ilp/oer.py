# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Octet Encoding Rules (ITU-T X.696), as far as packets need them, read strictly.

Canonical lengths only, nothing missing and nothing left over: two texts must not be the same packet.
"""

from __future__ import annotations

from .errors import IlpError

#: An FSPIOP packet has at most 32768 characters of base64url, so three octets of length are plenty.
_LONGEST_LENGTH = 3


def var_octets(octets: bytes) -> bytes:
    """Return octets preceded by their length."""
    size = len(octets)
    if size < 128:
        return bytes((size,)) + octets
    count = (size.bit_length() + 7) // 8
    return (0x80 | count).to_bytes(1, "big") + size.to_bytes(count, "big") + octets


class Reader:
    """Reads one buffer from front to end; every method raises :class:`IlpError`."""

    def __init__(self, octets: bytes, what: str) -> None:
        self._octets = octets
        self._at = 0
        self._what = what

    def take(self, count: int) -> bytes:
        """Return the next octets, exactly that many."""
        taken = self._octets[self._at : self._at + count]
        if len(taken) != count:
            raise IlpError(f"{self._what} ends after {len(self._octets)} octets in the middle of a value")
        self._at += count
        return taken

    def uint8(self) -> int:
        """Return the next octet as a number."""
        return self.take(1)[0]

    def uint64(self) -> int:
        """Return the next eight octets as a number."""
        return int.from_bytes(self.take(8), "big")

    def var_octets(self) -> bytes:
        """Return the next octets that are preceded by their length."""
        size = self.uint8()
        if size & 0x80:
            count = size & 0x7F
            if not 0 < count <= _LONGEST_LENGTH:
                raise IlpError(f"{self._what} has a length of {count} octets")
            size = int.from_bytes(self.take(count), "big")
            if size < 128 or size.bit_length() <= 8 * (count - 1):
                raise IlpError(f"{self._what} has a length that is longer than it need be")
        return self.take(size)

    def end(self) -> None:
        """Refuse anything that is left."""
        left = len(self._octets) - self._at
        if left:
            raise IlpError(f"{self._what} has {left} octets too many")
