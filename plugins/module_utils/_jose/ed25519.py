# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Ed25519 signatures (RFC 8032, 5.1), verified strictly.

The library computes; what it lets pass is refused here first: public keys of small order, under which one signature
fits many messages, and points in another spelling than their own. A signature that is accepted is the only spelling of
itself. The equation is the one without the cofactor, so that all strict verifiers agree.
"""

from __future__ import annotations

import base64
import re
import typing as t

from .._core.mistaken import explained
from .._core.normal import kind_of
from .._core.redact import Secret
from . import base64url
from .errors import JoseError
from .keys import load_private, load_public

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
except ImportError:  # reported through Spec.requires before any of this is called
    pass

KEY_BYTES: t.Final = 32
SIGNATURE_BYTES: t.Final = 64
_FIELD: t.Final = 2**255 - 19
_ORDER: t.Final = 2**252 + 27742317777372353535851937790883648493
_D: t.Final = -121665 * pow(121666, -1, _FIELD) % _FIELD
_SIGN_BIT: t.Final = 1 << 255
#: A y coordinate of the points of order 8; the others of small order are 0 (order 4), -1 (order 2) and 1 (order 1).
_Y_OF_ORDER_8: t.Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER: t.Final = frozenset({0, 1, _FIELD - 1, _Y_OF_ORDER_8, _FIELD - _Y_OF_ORDER_8})
_HEX: t.Final = re.compile(r"[0-9a-fA-F]+")


class BadSignature(JoseError):
    """A signature that is not one of this message by this key."""


def sign(key: Ed25519PrivateKey, message: bytes) -> bytes:
    """Return the signature, 64 octets: the same one whenever the same message is signed with the same key."""
    return key.sign(message)


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Raise :class:`BadSignature` unless ``signature`` is the one of ``message`` by the key ``public`` (32 octets)."""
    if len(signature) != SIGNATURE_BYTES:
        raise BadSignature(f"has {len(signature)} octets, not {SIGNATURE_BYTES}", field="signature")
    if int.from_bytes(signature[KEY_BYTES:], "little") >= _ORDER:
        raise BadSignature("is another spelling of a signature: its S is not reduced", field="signature")
    for point, field in ((public, "public_key"), (signature[:KEY_BYTES], "signature")):
        problem = _weakness(point)
        if problem:
            raise BadSignature(problem, field=field)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        raise BadSignature("does not fit the message and the key", field="signature") from None


def sound_public(public: bytes) -> bytes:
    """Return a public key (32 octets) with which signatures mean something; raises :class:`JoseError` for another."""
    problem = _weakness(public) or ("" if _on_the_curve(public) else "is not a point of the curve")
    if problem:
        raise JoseError(problem, field="public_key", remedy="Ask its owner for the right one.")
    return public


def public_bytes(key: t.Union[Ed25519PrivateKey, Ed25519PublicKey]) -> bytes:
    """Return a public key as 32 octets (RFC 8032, 5.1.5); of a private key, its public half."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def read_private(text: t.Union[str, Secret]) -> Ed25519PrivateKey:
    """Read a private key: PKCS#8 in PEM, or the 32 octets of its seed in hex or base64url."""
    shown = text.reveal() if isinstance(text, Secret) else text
    if "-----BEGIN" not in shown:
        return Ed25519PrivateKey.from_private_bytes(_octets(shown, "private_key", KEY_BYTES))
    key = load_private(shown)
    if not isinstance(key, Ed25519PrivateKey):
        raise JoseError("is not an Ed25519 key", field="private_key")
    return key


def read_public(text: str) -> bytes:
    """Read a public key, in PEM, or 32 octets in hex or base64url; raises :class:`JoseError` for a weak one."""
    if "-----BEGIN" not in text:
        return sound_public(_octets(text, "public_key", KEY_BYTES))
    key = load_public(text)
    if not isinstance(key, Ed25519PublicKey):
        raise JoseError("is not an Ed25519 key", field="public_key")
    return sound_public(public_bytes(key))


def read_signature(text: str) -> bytes:
    """Read a signature, 64 octets in hex or base64; raises :class:`BadSignature` for another text."""
    try:
        return _octets(text, "signature", SIGNATURE_BYTES)
    except JoseError as error:
        raise BadSignature(error.problem, field=error.field) from None


def octets_of(data: t.Any, encoding: str) -> bytes:
    """Return the octets to sign that a template holds as ``text``, in ``base64`` or in ``hex``."""
    if not isinstance(data, str):
        raise JoseError(f"is {kind_of(data)}, not a text", field="data")
    try:
        if encoding == "text":
            return data.encode("utf-8")
        if encoding == "hex":
            return bytes.fromhex(data)
        if encoding == "base64":
            return base64.b64decode(data, validate=True)
    except ValueError:  # whose text quotes the data
        raise JoseError(f"is not in {encoding}", field="data") from None
    raise JoseError("is unknown", field="encoding", remedy="Use text, base64 or hex.")


_KEYS: t.Final = ("private_key", "public_key")


def _octets(text: str, field: str, length: int) -> bytes:
    """Return the octets of a text; the text itself, which may be a secret, is in no message."""
    stripped = text.strip()
    if len(stripped) == 2 * length and _HEX.fullmatch(stripped):
        return bytes.fromhex(stripped)
    try:
        octets = base64url.decode(stripped.rstrip("=").replace("+", "-").replace("/", "_"))
    except ValueError:
        octets = b""
    if len(octets) != length:
        forms = f"{length} octets in hex or base64"
        problem = f"is not {forms}" if length == SIGNATURE_BYTES else f"is neither PEM nor {forms}"
        remedy = "Check where it comes from."
        if field in _KEYS:
            problem, remedy = explained(problem, remedy, text.encode("utf-8", "replace"), field.replace("_", " "))
        raise JoseError(problem, field=field, remedy=remedy)
    return octets


def _weakness(point: bytes) -> str:
    """Say what is wrong with an encoded point (RFC 8032, 5.1.3); empty when nothing is."""
    if len(point) != KEY_BYTES:
        return f"has {len(point)} octets, not {KEY_BYTES}"
    y = int.from_bytes(point, "little") & ~_SIGN_BIT
    if y >= _FIELD:
        return "is another spelling of a point"
    # Among them are the two whose x is 0, which have a second spelling through the sign of x.
    return "is a point of small order" if y in _SMALL_ORDER else ""


def _on_the_curve(point: bytes) -> bool:
    """Tell whether there is an x for the y: whether (y² - 1) / (dy² + 1) is a square (Euler's criterion)."""
    y = int.from_bytes(point, "little") & ~_SIGN_BIT
    u, v = y * y - 1, _D * y * y + 1
    return pow(u * v, (_FIELD - 1) // 2, _FIELD) == 1
