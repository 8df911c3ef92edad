# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Seal a value under a data key of its own, and open it again."""

from __future__ import annotations

from . import cipher
from .errors import EnvelopeError
from .provider import KeyProvider
from .record import Form, Record


def seal_value(provider: KeyProvider, plaintext: bytes, form: Form, aad: bytes = b"") -> Record:
    """Return the record of a value. Its data key is made for it alone and leaves this call wrapped only.

    ``aad`` says what the value belongs to, for example its name: a record that was moved elsewhere does not open there.
    The wrapped key needs no such binding, because it opens the one value that has it.
    """
    key = cipher.new_key()
    (wrapped,) = provider.wrap([key])
    return Record(cipher.seal(key, plaintext, aad, form.iv_bytes), wrapped)


def open_record(provider: KeyProvider, record: Record, aad: bytes = b"") -> bytes:
    """Return the value of a record; raises :class:`EnvelopeError` naming the part that does not fit."""
    (key,) = provider.unwrap([record.wrapped_key])
    if key is None:
        raise EnvelopeError(
            f"does not open with {provider.identity}",
            field="encryptedDEK",
            remedy="It was changed, or another master key wrapped it.",
        )
    if len(key) != cipher.KEY_BYTES:
        raise EnvelopeError("does not hold a key of 32 bytes", field="encryptedDEK")
    plaintext = cipher.unseal(key, record.value, aad)
    if plaintext is None:
        raise EnvelopeError(
            "does not open with its data key",
            field="encryptedValue",
            remedy="The value, its iv or its authTag was changed, or the aad is not what it was sealed with.",
        )
    return plaintext
