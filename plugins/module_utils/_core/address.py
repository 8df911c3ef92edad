# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Paths of the HTTP API that are built from names.

A name with ``#`` or ``?`` in it, pasted into a path, is the path of another object. So every path is built by
:func:`at`, which encodes each part of it, and the port refuses any other text that would have to be encoded.
"""

from __future__ import annotations

import functools
import re
from urllib.parse import quote

from .errors import InvalidInput

_SAFE = re.compile(r"[\w.~:@!$&'()*+,;=-]+(/[\w.~:@!$&'()*+,;=-]+)*/?", re.ASCII)
# The pattern that the engines themselves match names of roles, keys, issuers and users with.
_WORD = re.compile(r"\w([\w.-]*\w)?", re.ASCII)


class Address(str):
    """A path whose names are percent-encoded (RFC 3986, 2.1)."""

    __slots__ = ()


def at(*parts: str) -> Address:
    """Join parts of a path and encode what is no :class:`Address` yet; slashes in a part go on dividing it.

    Raises :class:`InvalidInput` for a part that no address can carry.
    """
    return Address("/".join([part if isinstance(part, Address) else _encoded(part) for part in parts]))


def whole(name: str) -> Address:
    """Return a name as one part of a path, whatever slashes it has; raises as :func:`at` does."""
    return Address(_encoded(name).replace("/", "%2F"))


@functools.lru_cache(maxsize=4096)
def _encoded(part: str) -> str:
    problem = _problem(part)
    if problem:
        raise InvalidInput(f"{part!r} cannot be part of an address: {problem}", remedy="Choose another name.")
    return quote(part, safe="/:")


def component(text: str) -> str:
    """Return a text as addresses of others may spell it, to be recognised there."""
    return quote(text, safe="", errors="replace")


def _problem(text: str) -> str | None:
    """Return why a text cannot be carried: servers cut such paths down to others, or refuse them."""
    if not text.isprintable():
        return "it has a control character or an invisible one in it"
    pieces = text.split("/")
    if "" in pieces:
        return "it is empty, or a part between slashes is"
    if "." in pieces or ".." in pieces:
        return "a part of it is . or .., which means another place"
    return None


def route(text: str, field: str) -> str:
    """Return a name that may have slashes in it, without those around it; raises :class:`InvalidInput`."""
    name = text.strip("/")
    if not name:
        raise InvalidInput("is empty", field=field)
    problem = _problem(name)
    if problem:
        raise InvalidInput(f"{text!r} cannot be used: {problem}", field=field, remedy="Choose another name.")
    return name


def word(text: str, field: str = "name") -> str:
    """Return a name of the kind that the engines take for roles, keys and issuers; raises :class:`InvalidInput`."""
    if not _WORD.fullmatch(text):
        raise InvalidInput(
            f"{text!r} is a name that the server does not take",
            field=field,
            remedy="Use letters of ASCII, digits and _, and between them - and .",
        )
    return text


@functools.lru_cache(maxsize=1024)
def checked(address: str) -> str:
    """Return what may be sent as it is; raises :class:`InvalidInput` for a text that was not built by :func:`at`."""
    if _SAFE.fullmatch(address) is None or not {".", ".."}.isdisjoint(address.split("/")):
        raise InvalidInput(
            f"{address!r} cannot be sent as an address", remedy="A name in it has characters that change its meaning."
        )
    return address


def sendable(address: str) -> str:
    """Return an address as it is sent."""
    return address if isinstance(address, Address) else checked(address)
