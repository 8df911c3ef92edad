# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Signing keys in a transit engine: made there, used there, never handed out.

Every key is a transit key of its own, and its first version is the one that counts: a version that somebody adds later
is another key, which no verifier has been given. Source: the API pages of the transit engine.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import typing as t

from .._core.address import at, route
from .._core.errors import InvalidInput
from .._jose import base64url
from .answer import Fields
from .errors import NoMount, Rejected
from .port import Data, Vault

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:  # reported through Spec.requires before any of this is called
    pass

_VERSION: t.Final = "1"
_SIGNATURE: t.Final = re.compile(rf"vault:v{_VERSION}:([A-Za-z0-9+/=_-]+)", re.ASCII)
_RSA_BITS: t.Final = (2048, 3072, 4096)
_SUFFIX_BYTES: t.Final = 8


class TransitHolder:
    """Keys of one engine; implements the port of those who hold private keys."""

    def __init__(self, vault: Vault, mount: str) -> None:
        self._vault = vault
        self._mount = route(mount, "mount")

    @property
    def identity(self) -> str:
        return f"{self._mount}/"

    def generate(self, name: str, algorithm: str, bits: int) -> tuple[str, str]:
        """Make a key that cannot be exported; its name begins with that of its owner."""
        # In an owner's name there may be characters that the engine does not route.
        handle = f"{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}-{secrets.token_hex(_SUFFIX_BYTES)}"
        try:
            self._vault.write(self._at(handle), {"type": _type(algorithm, bits), "exportable": False}, once=True)
        except NoMount as error:
            raise InvalidInput(error.problem, field="holder.mount", remedy=error.remedy) from None
        public = self.public_pem(handle)
        if public is None:
            raise Rejected(f"the key {self._at(handle)} is not there after it was made", remedy="Run again.")
        return handle, public

    def public_pem(self, handle: str) -> t.Optional[str]:
        """Return the public key; ``None`` when the engine has no such key, or its first version was trimmed away."""
        version = self._versions(handle).get(_VERSION)
        if version is None:
            return None
        text = version.text("public_key")
        return text if text.startswith("-----BEGIN") else _ed25519_pem(text)

    def sign(self, handle: str, data: bytes, algorithm: str) -> bytes:
        """Return the signature in the form of JWS."""
        body: Data = {"input": base64.b64encode(data).decode("ascii"), "key_version": int(_VERSION)}
        if algorithm == "RS256":
            body.update(hash_algorithm="sha2-256", signature_algorithm="pkcs1v15")
        elif algorithm == "ES256":
            body.update(hash_algorithm="sha2-256", marshaling_algorithm="jws")
        text = self._vault.write(at(self._mount, "sign", handle), body).data.text("signature")
        found = _SIGNATURE.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            encoded = found.group(1)
            return base64url.decode(encoded) if algorithm == "ES256" else base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise Rejected(f"{self._mount}/sign/{handle} answered with something else than a signature") from None

    def destroy(self, handle: str) -> None:
        """Destroy a key with all versions; it has to be allowed first, which for others is a safeguard."""
        if self._versions(handle):
            self._vault.write(at(self._at(handle), "config"), {"deletion_allowed": True})
            self._vault.delete(self._at(handle))

    def _at(self, handle: str) -> str:
        return at(self._mount, "keys", handle)

    def _versions(self, handle: str) -> dict[str, Fields]:
        try:
            data = self._vault.read(self._at(handle))
        except NoMount:
            return {}
        if data is None:
            return {}
        keys = data.mapping("keys")
        return {version: keys.mapping(version) for version in keys}


def _type(algorithm: str, bits: int) -> str:
    """Return the engine's name for a kind of key."""
    if algorithm == "RS256":
        if bits not in _RSA_BITS:
            raise InvalidInput(
                f"a transit engine has no RSA keys of {bits} bits",
                field="bits",
                remedy=f"Use one of {', '.join(map(str, _RSA_BITS))}.",
            )
        return f"rsa-{bits}"
    return {"ES256": "ecdsa-p256", "EdDSA": "ed25519"}[algorithm]


def _ed25519_pem(text: str) -> str:
    """Return a public key in PEM of the 32 octets that the engine shows in base64."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except ValueError:
        raise Rejected("the engine shows a public key that is not one of Ed25519") from None
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode("ascii")
