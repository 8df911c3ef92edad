# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets in what others say: a server or a proxy that refuses a request may quote it.

Ansible masks a secret only where it stands whole and as it was given. What is quoted may be spelled for JSON or for an
address, and cut short, by its sender or here.
"""

from __future__ import annotations

import json
import threading
import typing as t

from .address import component
from .redact import how_many, known

MASK: t.Final = "********"
#: Characters of a secret that are enough to find where it begins; shorter ones are not masked anywhere.
SHORTEST: t.Final = 8
#: So many characters of the beginning of a secret are no coincidence, whatever follows.
_TELLING: t.Final = 16
# As the JSON of Go spells them.
_GO: t.Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})

_lock = threading.Lock()
_indexed: set[str] = set()
_beginnings: dict[str, set[str]] = {}


def masked(text: str) -> str:
    """Return a text with every known secret in it masked, however it is spelled, also where only its beginning stands.

    It takes time in proportion to the text, whatever the number of secrets.
    """
    parts, at, done = [], 0, 0
    with _lock:
        _index()
        while at + SHORTEST <= len(text):
            end = _end(text, at)
            if end > at:
                parts += [text[done:at], MASK]
                done = end
            at = max(end, at + 1)
    return "".join([*parts, text[done:]])


def _end(text: str, at: int) -> int:
    """Return where the longest secret that begins at a place ends; the place itself when none does."""
    end = at
    for spelled in _beginnings.get(text[at : at + SHORTEST], ()):
        length = SHORTEST
        while length < len(spelled) and text[at + length : at + length + 1] == spelled[length]:
            length += 1
        if length == len(spelled) or length >= _TELLING or at + length == len(text):
            end = max(end, at + length)
    return end


def _index() -> None:
    if how_many() == len(_indexed):
        return
    for secret in known() - _indexed:
        _indexed.add(secret)
        for spelled in _spellings(secret) if len(secret) >= SHORTEST else ():
            _beginnings.setdefault(spelled[:SHORTEST], set()).add(spelled)


def _spellings(secret: str) -> set[str]:
    plain = json.dumps(secret, ensure_ascii=False)[1:-1]
    encoded = component(secret)
    return {secret, plain, plain.translate(_GO), json.dumps(secret)[1:-1], encoded, encoded.replace("%20", "+")}
