# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Records of sealed values, as applications keep them in a row or a JSON object.

================  ======================================================================================
field             content
================  ======================================================================================
encryptedValue    the value under its own data key
encryptedDEK      the data key under the master key; ``encryptedDek`` is read as well, and written on demand
iv                initialisation vector of the value, 12 or 16 bytes
authTag           tag of the value, 16 bytes
algorithm         ``aes-256-gcm``
================  ======================================================================================

Bytes are written in base64 (RFC 4648, with padding) or in hexadecimal. The data key has an initialisation vector and a
tag of its own: a master key in this process's hands writes iv, tag and key, in this order, into the one field.
A key service writes what it returns.
"""

from __future__ import annotations

import base64
import binascii
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.normal import kind_of
from .cipher import ALGORITHM, IV_BYTES, TAG_BYTES, Sealed
from .errors import EnvelopeError

ENCODINGS: t.Final = ("base64", "hex")
DEK_FIELDS: t.Final = ("encryptedDEK", "encryptedDek")


@dataclass(frozen=True)
class Form:
    """How bytes are written: ``encoding`` of every field, and the length of new initialisation vectors in bytes."""

    encoding: str = "base64"
    iv_bytes: int = 12

    def write(self, octets: bytes) -> str:
        """Return bytes as text."""
        return octets.hex() if self.encoding == "hex" else base64.b64encode(octets).decode("ascii")

    def read(self, text: t.Any, field: str | None = None) -> bytes:
        """Return the bytes of a text; raises :class:`EnvelopeError`."""
        try:
            if not isinstance(text, str) or not text.isascii():
                raise ValueError
            return binascii.unhexlify(text) if self.encoding == "hex" else base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise EnvelopeError(
                f"is not {'hexadecimal' if self.encoding == 'hex' else 'base64'}",
                field=field,
                remedy="Name the encoding of the record, base64 or hex; base64 needs its padding.",
            ) from None


@dataclass(frozen=True)
class Record:
    """A sealed value and its data key, which is wrapped in whatever form its provider gives it."""

    value: Sealed
    wrapped_key: str

    @classmethod
    def parsed(cls, fields: t.Any, form: Form) -> Record:
        """Read a record; further fields of the row are of no concern. Raises :class:`EnvelopeError` with the field."""
        if not isinstance(fields, Mapping):
            raise EnvelopeError(
                f"takes the fields of a record, not {kind_of(fields)}",
                remedy="Give a mapping with encryptedValue, encryptedDEK, iv, authTag and algorithm.",
            )
        algorithm = _text(fields, "algorithm")
        if algorithm.lower() != ALGORITHM:
            raise EnvelopeError(
                "is not aes-256-gcm", field="algorithm", remedy="Nothing else is sealed or opened here."
            )
        iv, tag = form.read(_text(fields, "iv"), "iv"), form.read(_text(fields, "authTag"), "authTag")
        if len(iv) not in IV_BYTES:
            raise EnvelopeError(f"is {len(iv)} bytes long, and has to be 12 or 16", field="iv")
        if len(tag) != TAG_BYTES:
            # GCM allows shorter tags, which are easier to forge.
            raise EnvelopeError(f"is {len(tag)} bytes long, and has to be {TAG_BYTES}", field="authTag")
        ciphertext = form.read(_text(fields, "encryptedValue", empty=True), "encryptedValue")
        return cls(Sealed(iv, tag, ciphertext), _wrapped_key(fields))

    def written(self, form: Form, dek_field: str = DEK_FIELDS[0]) -> dict[str, str]:
        """Return the fields of the record."""
        return {
            "encryptedValue": form.write(self.value.ciphertext),
            dek_field: self.wrapped_key,
            "iv": form.write(self.value.iv),
            "authTag": form.write(self.value.tag),
            "algorithm": ALGORITHM,
        }


def _text(fields: Mapping[str, t.Any], name: str, *, empty: bool = False) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise EnvelopeError(
            "is missing" if value in (None, "") else f"is {kind_of(value)}, not a text",
            field=name,
            remedy="A record has encryptedValue, encryptedDEK, iv, authTag and algorithm.",
        )
    return value


def _wrapped_key(fields: Mapping[str, t.Any]) -> str:
    given = [name for name in DEK_FIELDS if fields.get(name) is not None]
    if len(given) == 2 and fields[given[0]] != fields[given[1]]:
        raise EnvelopeError("differ from each other", field=" and ".join(given), remedy="Keep the right one.")
    return _text(fields, given[0] if given else DEK_FIELDS[0])
