# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Digests that tell whether a secret has changed, kept where others may read them.

They are keyed: without the key, which stays in a file of its owner alone, nobody can try guesses against a digest.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import typing as t

from .._core.errors import InvalidInput
from .._core.files import Attributes, FileTransaction, Found, exists, read_found
from .._core.redact import Secret

_BYTES: t.Final = 32


class DigestKey:
    """The key in a file; it is made when the first digest has to be written."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._key: t.Optional[bytes] = None

    def of(self, name: str, value: Secret) -> t.Optional[str]:
        """Return the digest of a named secret; ``None`` while there is no key, so that nothing can be compared."""
        if self._key is None:
            found = read_found(self._path)
            if found is None:
                return None
            self._key = self._checked(found)
        message = f"{name}\0{value.reveal()}".encode("utf-8", "surrogatepass")
        # The first part tells digests of another key from those of another value.
        mark = hmac.new(self._key, b"key", hashlib.sha256).hexdigest()[:8]
        return f"{mark}:{hmac.new(self._key, message, hashlib.sha256).hexdigest()}"

    def ensure(self) -> None:
        """Make the key when there is none."""
        if exists(self._path):
            return
        files = FileTransaction()
        with files.group(self._path) as group:
            group.directory(os.path.dirname(self._path), Attributes(mode=0o700))
            group.put(self._path, f"{secrets.token_hex(_BYTES)}\n".encode("ascii"), Attributes(), fresh=True)
        for failure in files.commit().values():
            raise failure

    def _checked(self, found: Found) -> bytes:
        try:
            key = bytes.fromhex(found.content.decode("ascii").strip())
        except (UnicodeDecodeError, ValueError):
            key = b""
        if len(key) < _BYTES:
            raise InvalidInput(
                f"{self._path} does not hold {_BYTES} bytes in hexadecimal",
                field="digest_key_file",
                remedy="Remove it, and a new one is made; every secret is then written once more.",
            )
        if found.status.st_mode & 0o077:
            raise InvalidInput(f"others can read {self._path}", field="digest_key_file", remedy="Set its mode to 0600.")
        return key
