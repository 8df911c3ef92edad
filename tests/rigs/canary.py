# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that must turn up nowhere, and the search for them.

Three nets, from exact to general: secrets minted here carry a marker, so that even a piece of one is found; secrets
that a server made are recorded by value; and some shapes (a private key, a Vault token) are secret whoever made them.
Each minted or recorded secret is looked for as it is, reversed, in base64 at any alignment, and in hexadecimal.
"""

from __future__ import annotations

import base64
import dataclasses
import pathlib
import re
import secrets
import threading
from collections.abc import Iterable, Iterator

SHORTEST = 12

SHAPES = {
    "private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "vault token": re.compile(rb"(?<![\w.])(?:hv[bsr]\.[\w-]{24,}|[sbr]\.[A-Za-z0-9]{24,})"),
}


class LeakError(AssertionError):
    """A secret turned up in an output; the message says where, not what."""


@dataclasses.dataclass(frozen=True)
class Leak:
    """Where one secret turned up."""

    where: str
    offset: int
    kind: str
    """``minted``, a label given to `Canaries.record`, or the name of a shape; with the encoding when not plain"""

    def __str__(self) -> str:
        return f"{self.where}, byte {self.offset}: {self.kind}"


def encodings(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of every form in which ``secret`` is looked for."""
    raw = secret.encode()
    yield "plain", raw
    yield "reversed", raw[::-1]
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    for lead in range(3):
        # The first and last characters also depend on the neighbouring bytes: keep those that do not.
        padded = base64.b64encode(b"\0" * lead + raw).rstrip(b"=")
        core = padded[(0, 2, 3)[lead] : (len(raw) + lead) * 8 // 6]
        yield f"base64+{lead}", core
        if core != (url := core.replace(b"+", b"-").replace(b"/", b"_")):
            yield f"base64url+{lead}", url


class Canaries:
    """The secrets of one test session; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Letters and digits only: JSON, YAML, shell and URL quoting leave them as they are. Different in each session,
        # because the process list shows those of all sessions on the machine.
        self.marker = f"cnry{secrets.token_hex(5)}"
        self._marked = [(f"minted ({name})", needle) for name, needle in encodings(self.marker)]
        self._recorded: dict[str, list[tuple[str, bytes]]] = {}

    def mint(self, prefix: str = "") -> str:
        """Return a new secret of letters and digits, after ``prefix`` where a format asks for one."""
        return f"{prefix}{self.marker}{secrets.token_hex(16)}"

    def record(self, secret: str, label: str = "recorded") -> str:
        """Look for ``secret`` too, line by line when it has several (PEM); returns it."""
        for line in secret.splitlines():
            if len(line) >= SHORTEST and not line.startswith("-----"):
                with self._lock:
                    self._recorded[line] = [(f"{label} ({name})", needle) for name, needle in encodings(line)]
        return secret

    def known(self, content: bytes, where: str) -> list[Leak]:
        """Return where minted and recorded secrets occur in ``content``: the first place of each form."""
        with self._lock:
            needles = self._marked + [needle for forms in self._recorded.values() for needle in forms]
        found = ((kind, content.find(needle)) for kind, needle in needles)
        return [Leak(where, offset, kind) for kind, offset in found if offset >= 0]

    def search(self, content: bytes, where: str) -> list[Leak]:
        """Return every leak in ``content``: known secrets, and the shapes that are secret in themselves."""
        leaks = self.known(content, where)
        for name, shape in SHAPES.items():
            leaks += [Leak(where, match.start(), name) for match in shape.finditer(content)]
        return leaks

    def search_trees(self, roots: Iterable[pathlib.Path]) -> list[Leak]:
        """Return every leak in the names and the content of all files below ``roots``."""
        leaks: list[Leak] = []
        for path in (entry for root in roots for entry in sorted(root.rglob("*"))):
            leaks += self.search(path.name.encode(), f"a name in {path.parent}")
            if path.is_file() and not path.is_symlink():
                leaks += self.search(path.read_bytes(), str(path))
        return leaks


def refuse(leaks: list[Leak]) -> None:
    """Raise LeakError when there are leaks."""
    if leaks:
        raise LeakError("secrets turned up:\n" + "\n".join(f"  {leak}" for leak in leaks))
