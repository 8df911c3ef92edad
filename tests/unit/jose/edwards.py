# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The curve of Ed25519 by hand (RFC 8032, 5.1), to forge what no library would make."""

from __future__ import annotations

import hashlib
import typing as t

P: t.Final = 2**255 - 19
ORDER: t.Final = 2**252 + 27742317777372353535851937790883648493
D: t.Final = -121665 * pow(121666, -1, P) % P

Point = tuple[int, int]

NEUTRAL: t.Final[Point] = (0, 1)


def add(a: Point, b: Point) -> Point:
    """Return the sum of two points."""
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def negative(a: Point) -> Point:
    """Return the point that adds up to the neutral one."""
    return -a[0] % P, a[1]


def times(factor: int, point: Point) -> Point:
    """Return a multiple of a point."""
    result = NEUTRAL
    while factor:
        if factor & 1:
            result = add(result, point)
        point = add(point, point)
        factor >>= 1
    return result


def x_of(y: int) -> int | None:
    """Return the even x of a point with this y, if there is one."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    for candidate in (root, root * pow(2, (P - 1) // 4, P) % P):
        if candidate * candidate % P == square:
            return candidate if candidate % 2 == 0 else P - candidate
    return None


def encoded(point: Point) -> bytes:
    """Return a point in its own spelling."""
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE_Y: t.Final = 4 * pow(5, -1, P) % P
BASE: t.Final[Point] = (t.cast("int", x_of(_BASE_Y)), _BASE_Y)


def order_8() -> Point:
    """Return a point of order 8: what is left of any point beyond the large subgroup."""
    y = 2
    while True:
        x = x_of(y)
        rest = times(ORDER, (x, y)) if x is not None else NEUTRAL
        if times(4, rest) != NEUTRAL:
            return rest
        y += 1


def small_order() -> list[Point]:
    """Return the eight points of small order."""
    return [times(count, order_8()) for count in range(8)]


def challenge(r: bytes, public: bytes, message: bytes) -> int:
    """Return the number that binds a signature to key and message."""
    return int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % ORDER


def secret_number(seed: bytes) -> int:
    """Return the secret number that a seed stands for."""
    head = bytearray(hashlib.sha512(seed).digest()[:32])
    head[0] &= 248
    head[31] = head[31] & 127 | 64
    return int.from_bytes(head, "little")


def forged(public: Point, message: bytes) -> bytes:
    """Return a signature that fits the equation for a public key of small order, of which nobody has a private one."""
    for s in range(1, 200):
        for guess in range(8):
            r = encoded(add(times(s, BASE), negative(times(guess, public))))
            if challenge(r, encoded(public), message) % 8 == guess:
                return r + s.to_bytes(32, "little")
    raise AssertionError("one in eight fits")
