# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Private keys: what may be declared, making, reading, and the one identity of a key, its SPKI."""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import dataclass

from .._core.mistaken import explained
from .._core.pem import find_blocks
from .._core.redact import Secret
from .errors import PkiError

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
except ImportError:  # reported through Spec.requires before any of this is called
    pass

if t.TYPE_CHECKING:
    PrivateKey = t.Union[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey]
    #: Whatever has a public key: a key of ours, a public key of any type, a certificate or a request.
    HasKey = t.Any

#: The sizes that may be declared, the default first. NIST SP 800-57 part 1 accepts RSA below 3072 bits until 2030 only.
SIZES: t.Final[t.Mapping[str, tuple[int, ...]]] = {
    "ec": (256, 384, 521),
    "rsa": (3072, 2048, 4096, 8192),
    "ed25519": (),
}
_CURVES: t.Final = {"secp256r1": 256, "secp384r1": 384, "secp521r1": 521}
_PUBLIC_EXPONENT: t.Final = 65537
_DECRYPTION: t.Final = "Give the key without encryption: openssl pkey -in FILE -out key.pem"
_LABELS: t.Final = frozenset(f"{kind}PRIVATE KEY" for kind in ("", "RSA ", "EC ", "DSA ", "ENCRYPTED ", "OPENSSH "))


@dataclass(frozen=True)
class KeySpec:
    """Type and size of a key; keys found in the world may be of types that cannot be declared (``dsa``, ``ed448``)."""

    type: str
    size: int | None = None

    @classmethod
    def declared(cls, key_type: str, size: int | None = None) -> KeySpec:
        """Return an allowed specification, the size completed by its default; raises :class:`PkiError`."""
        if key_type not in SIZES:
            raise PkiError(f"{key_type!r} is not supported", field="key_type", remedy=f"Use one of {', '.join(SIZES)}.")
        sizes = SIZES[key_type]
        if size is None:
            return cls(key_type, sizes[0] if sizes else None)
        if size not in sizes:
            allowed = f"Use one of {', '.join(map(str, sorted(sizes)))}." if sizes else "Leave it out."
            raise PkiError(f"{size} is not allowed for {key_type} keys", field="key_size", remedy=allowed)
        return cls(key_type, size)

    def __str__(self) -> str:
        return f"{self.type}-{self.size}" if self.size else self.type


def generate(spec: KeySpec) -> PrivateKey:
    """Make a new private key from the system's random source."""
    if spec.type == "rsa" and spec.size:
        return rsa.generate_private_key(public_exponent=_PUBLIC_EXPONENT, key_size=spec.size)
    if spec.type == "ec":
        curves = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
        return ec.generate_private_key(curves[spec.size or 256])
    if spec.type == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    raise PkiError(f"keys of type {spec} cannot be made", field="key_type", remedy=f"Use one of {', '.join(SIZES)}.")


def load_private_key(pem_bytes: bytes, passphrase: Secret | None = None, *, option: str | None = None) -> PrivateKey:
    """Read a private key in PKCS#1, SEC1 or PKCS#8 form (RFC 8017, 5915, 5958) from PEM.

    ``option`` is where the caller takes a passphrase from, ``None`` where it takes none.

    Text and other blocks around the key (``EC PARAMETERS``, certificates) are skipped. The primality checks of an RSA
    key, a hundred times the cost of everything else, are left out where the library allows it: what matters here is
    whether the key belongs to a certificate, and that is decided by the public key.
    """
    text = pem_bytes.decode("latin-1")
    found = next(find_blocks(text, _LABELS.__contains__), None)
    if found is None:
        problem, remedy = explained(
            "no private key in PEM form was found",
            "Give a file that holds -----BEGIN … PRIVATE KEY-----.",
            pem_bytes,
            "private key",
        )
        raise PkiError(problem, remedy=remedy)
    if "OPENSSH" in found.label:
        raise PkiError(
            "this is an OpenSSH private key, not one for X.509",
            remedy="Convert a copy with: ssh-keygen -p -m PKCS8 -f FILE",
        )
    block = pem_bytes[found.start : found.end]
    _check_passphrase(block, passphrase, option)
    password = passphrase.reveal().encode() if passphrase else None
    key = _load(block + b"\n", password)
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)):
        raise PkiError(
            f"private keys of type {spec_of(key)} are not supported", remedy=f"Use one of {', '.join(SIZES)}."
        )
    return key


def is_encrypted(pem_bytes: bytes) -> bool:
    """Tell whether a private key in PEM needs a passphrase."""
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in pem_bytes or b"Proc-Type: 4,ENCRYPTED" in pem_bytes


def _check_passphrase(block: bytes, passphrase: Secret | None, option: str | None) -> None:
    encrypted = is_encrypted(block)
    if encrypted and not passphrase:
        remedy = f"Declare its passphrase ({option})." if option else _DECRYPTION
        raise PkiError("the private key is encrypted", remedy=remedy)
    if passphrase and not encrypted:
        raise PkiError(
            "the private key is not encrypted although a passphrase is declared",
            remedy="Encrypt it (openssl pkcs8 -topk8) or do not declare a passphrase.",
        )


def _load(block: bytes, password: bytes | None) -> t.Any:
    try:
        try:
            return serialization.load_pem_private_key(block, password, unsafe_skip_rsa_key_validation=True)
        except TypeError:  # cryptography before 39 always validates
            return serialization.load_pem_private_key(block, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's own message may quote what it read, and says nothing a user can act on.
        cause = "the passphrase is wrong or the file is damaged" if password else "the file is damaged"
        raise PkiError(
            f"the private key cannot be read: {cause}", remedy="Restore it from a backup or remove it."
        ) from None


def private_pem(key: PrivateKey, passphrase: Secret | None = None) -> bytes:
    """Return a private key as PKCS#8 PEM, encrypted (PBES2, AES-256) when a passphrase is given."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.reveal().encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def public_key(key: HasKey) -> t.Any:
    """Return the public key of a private key, certificate or request; a public key is returned as it is."""
    if not hasattr(key, "public_key"):
        return key
    try:
        return key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise PkiError(
            "the public key is of a type that the installed cryptography library does not know",
            remedy="Upgrade cryptography, or issue with an ec, rsa or ed25519 key.",
        ) from None


def spec_of(key: HasKey) -> KeySpec:
    """Return type and size of any key, or of the key of a certificate or request."""
    public = public_key(key)
    if isinstance(public, rsa.RSAPublicKey):
        return KeySpec("rsa", public.key_size)
    if isinstance(public, ec.EllipticCurvePublicKey):
        size = _CURVES.get(public.curve.name)
        return KeySpec("ec", size) if size else KeySpec(public.curve.name)
    name = type(public).__name__.lstrip("_").lower()
    return KeySpec(name.replace("publickey", ""))


def strength(key: HasKey) -> tuple[int, int | None]:
    """Return the bits of a key and how many its kind needs for 112 bits of security (NIST SP 800-57 part 1).

    The second is ``None`` where the kind is strong by itself.
    """
    public = public_key(key)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return public.curve.key_size, 224
    bits = getattr(public, "key_size", None)  # RSA and DSA
    return (0, None) if bits is None else (bits, 2048)


def spki_sha256(key_or_cert: HasKey) -> str:
    """Return the SHA-256 of the SubjectPublicKeyInfo in hex: equal for every encoding of one key (RFC 7469, 2.4)."""
    return hashlib.sha256(spki_der(key_or_cert)).hexdigest()


def spki_der(key_or_cert: HasKey) -> bytes:
    """Return the SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) in DER."""
    der: bytes = public_key(key_or_cert).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return der
