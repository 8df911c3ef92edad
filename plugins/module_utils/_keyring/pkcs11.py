# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Signing keys in a hardware token or its software twin (PKCS#11 2.40): made there, used there, never handed out.

A key is found by its ``CKA_ID``, 16 random octets, whose hex is the handle; ``CKA_LABEL`` is the owner's name, for
people. Private keys are made sensitive and not extractable, and can do nothing but sign.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._core.errors import InvalidInput, TrustmeshError
from .._core.lending import refuse_strange_code
from .._core.redact import Secret
from .._jose.keys import public_pem

try:
    import pkcs11
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass, TokenFlag
except ImportError:  # reported through Spec.requires before any of this is called
    pass

T = t.TypeVar("T")
_ALGORITHMS: t.Final = ("RS256", "ES256")
_ID_BYTES: t.Final = 16
#: The name of P-256 (RFC 5480, 2.1.1.1) in DER.
_P256: t.Final = bytes.fromhex("06082a8648ce3d030107")
#: Octets of a point of P-256 (SEC 1, 2.3.3) in the OCTET STRING that the standard wraps it in; some tokens do not.
_WRAPPED_POINT: t.Final = 67
_HINTS: t.Final[t.Mapping[str, str]] = {
    "NoSuchToken": "Check the label of the token, and where the library looks for tokens.",
    "MultipleTokensReturned": "Give each token a label of its own.",
    "PinIncorrect": "Correct the PIN; a token locks itself after a few wrong ones.",
    "PinLocked": "Unlock the token with its security officer's PIN.",
    "MechanismInvalid": "The token cannot do this; use another algorithm.",
    "KeySizeRange": "The token cannot make keys of this size.",
    "DeviceMemory": "The token is full; remove keys of before.",
}


class TokenError(TrustmeshError):
    """A token that is not there, does not let us in, or does not do what it is asked for."""


class Pkcs11Holder:
    """Keys of one token; implements the port :class:`.holder.Holder`. Close it to log out.

    A PIN that the token refuses is shown to it once, however many keys are asked for: it locks itself after a few.

    Everything is done in one thread that does nothing else. A session serves one caller at a time; and tokens in
    software leave failures in the error queue that OpenSSL has for their thread, where TLS would take them for its own.
    """

    def __init__(self, library: str, token: str, pin: Secret) -> None:
        self._library = library
        self._token = token
        self._pin = pin
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._opened: t.Any = None
        #: What the token has against the PIN.
        self._refusal: t.Optional[str] = None

    @property
    def identity(self) -> str:
        return f"pkcs11 token {self._token}"

    def __enter__(self) -> Pkcs11Holder:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
        self._thread.shutdown()

    def generate(self, name: str, algorithm: str, bits: int) -> tuple[str, str]:
        """Make a key pair; the private key is made in the token and cannot leave it."""
        if algorithm not in _ALGORITHMS:
            raise InvalidInput(
                f"{algorithm} is not offered for tokens",
                field="algorithm",
                remedy=f"Use {' or '.join(_ALGORITHMS)}, or another holder.",
            )
        identifier = secrets.token_bytes(_ID_BYTES)
        template = {
            "id": identifier,
            "label": name,
            "store": True,
            "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
            "private_template": {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True},
        }

        def make(session: t.Any) -> str:
            if algorithm == "RS256":
                public, private = session.generate_keypair(KeyType.RSA, bits, **template)
            else:
                curve = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: _P256}, local=True)
                public, private = curve.generate_keypair(**template)
            if private[Attribute.EXTRACTABLE] or not private[Attribute.SENSITIVE]:
                for half in (private, public):
                    half.destroy()
                raise TokenError(
                    f"{self.identity} made a key that can be taken out of it", remedy="Use a token that keeps its keys."
                )
            return _pem(public)

        return identifier.hex(), self._do(make)

    def public_pem(self, handle: str) -> t.Optional[str]:
        """Return the public key, ``None`` when the token has no such key or has lost its private part."""

        def look(session: t.Any) -> t.Optional[str]:
            if _found(session, handle, ObjectClass.PRIVATE_KEY) is None:
                return None
            public = _found(session, handle, ObjectClass.PUBLIC_KEY)
            return None if public is None else _pem(public)

        return self._do(look)

    def sign(self, handle: str, data: bytes, algorithm: str) -> bytes:
        """Return the signature in the form of JWS, which for ECDSA is that of PKCS#11, too."""

        def use(session: t.Any) -> bytes:
            key = _found(session, handle, ObjectClass.PRIVATE_KEY)
            if key is None:
                raise TokenError(f"{self.identity} has no key {handle}", remedy="Rotate it, which makes a new one.")
            if algorithm == "RS256":
                return bytes(key.sign(data, mechanism=Mechanism.SHA256_RSA_PKCS))
            # Many tokens have no mechanism that hashes as well.
            return bytes(key.sign(hashlib.sha256(data).digest(), mechanism=Mechanism.ECDSA))

        return self._do(use)

    def destroy(self, handle: str) -> None:
        """Destroy both halves of a key."""

        def end(session: t.Any) -> None:
            for half in (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY):
                key = _found(session, handle, half)
                if key is not None:
                    key.destroy()

        self._do(end)

    def close(self) -> None:
        """Log out; the next use logs in again."""
        self._thread.submit(self._drop).result()

    def _do(self, act: t.Callable[[t.Any], T]) -> T:
        """Carry something out in the session; failures of the token become errors that a user can act on."""

        def carried_out() -> T:
            if self._refusal is not None:
                raise self._explained(self._refusal)
            try:
                if self._opened is None:
                    self._opened = self._logged_in(self._loaded().get_token(token_label=self._token))
                return act(self._opened)
            except RuntimeError as error:  # every failure of the library is one
                kind = type(error).__name__
                if self._opened is None and kind.startswith("Pin"):
                    self._refusal = kind
                self._drop()
                raise self._explained(kind) from None

        return self._thread.submit(carried_out).result()

    def _logged_in(self, token: t.Any) -> t.Any:
        """Open a session; the last attempt that a token grants is left to people, who may know the right PIN."""
        if token.flags & TokenFlag.USER_PIN_FINAL_TRY and not token.flags & TokenFlag.USER_PIN_LOCKED:
            raise TokenError(
                f"{self.identity} locks itself at the next wrong PIN, and is not tried",
                field="holder.pin",
                remedy="Check the PIN by logging in with another program, which resets the count of the token.",
            )
        return token.open(rw=True, user_pin=self._pin.reveal())

    def _loaded(self) -> t.Any:
        refuse_strange_code(self._library, "holder.library")
        try:
            return pkcs11.lib(self._library)
        except RuntimeError:
            raise TokenError(
                f"{self._library} cannot be loaded",
                field="holder.library",
                remedy="Give the path of a PKCS#11 library that is installed here.",
            ) from None

    def _drop(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            with contextlib.suppress(pkcs11.PKCS11Error):
                opened.close()

    def _explained(self, kind: str) -> TokenError:
        """Name the failure; the text of the library may quote what it was given, and is left out."""
        return TokenError(f"{self.identity}: {kind}", field="holder", remedy=_HINTS.get(kind, "Look at the token."))


def _found(session: t.Any, handle: str, half: t.Any) -> t.Any:
    try:
        return session.get_key(object_class=half, id=bytes.fromhex(handle))
    except (pkcs11.NoSuchKey, ValueError):  # no hex is no handle of ours
        return None


def _pem(key: t.Any) -> str:
    """Return a public key in PEM, from the numbers that the token shows."""
    if key.key_type == KeyType.RSA:
        exponent, modulus = (
            int.from_bytes(key[part], "big") for part in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS)
        )
        return public_pem(rsa.RSAPublicNumbers(exponent, modulus).public_key())
    point = bytes(key[Attribute.EC_POINT])
    if len(point) == _WRAPPED_POINT:
        point = point[2:]
    return public_pem(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
