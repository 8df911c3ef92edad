# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Keys that sign and verify messages: which are accepted, how they are written, and a cache of parsed ones.

RSA of at least 2048 bits (RFC 7518, 3.3), EC on P-256 (RFC 7518, 3.4) and Ed25519 (RFC 8037). A verification key may
be a public key or an X.509 certificate; of a certificate nothing but its key is looked at, as all verifiers do here.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import typing as t
from collections import OrderedDict

from .._core.mistaken import explained
from .._core.normal import kind_of
from .._core.redact import Secret
from .._pki import keys as pki
from .._pki.errors import PkiError
from .errors import JoseError

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
except ImportError:  # reported through Spec.requires before any of this is called
    pass

if t.TYPE_CHECKING:
    PrivateKey = pki.PrivateKey
    PublicKey = t.Union[rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey]
    AnyKey = t.Union[PrivateKey, PublicKey]

Pem = t.Union[str, bytes, Secret]
#: How a private key is written: PKCS#8 (RFC 5958), or the older form of its type, PKCS#1 (RFC 8017) or SEC1 (RFC 5915).
Encoding = t.Literal["pkcs8", "traditional"]

MINIMUM_RSA_BITS: t.Final = 2048
CACHE_ENTRIES: t.Final = 1000
CACHE_SECONDS: t.Final = 3600.0

_PRIVATE_LABELS: t.Final = {
    b"RSA PRIVATE KEY": "pkcs1",
    b"EC PRIVATE KEY": "sec1",
    b"PRIVATE KEY": "pkcs8",
    b"ENCRYPTED PRIVATE KEY": "pkcs8",
}
_PRIVATE: t.Final = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----")
_PUBLIC: t.Final = re.compile(rb"-----BEGIN ((?:RSA )?PUBLIC KEY)-----[^-]*-----END \1-----")
_STRONG: t.Final = "Use an RSA key of at least 2048 bits, an EC key on P-256, or an Ed25519 key."
T = t.TypeVar("T")
K = t.TypeVar("K")


class KeyCache:
    """Parsed keys, the least recently used forgotten first, each for a limited time.

    Entries are found by a digest of what they were parsed from, so that the cache holds no PEM text. Parsing an RSA
    key costs more than verifying with it.
    """

    def __init__(
        self,
        entries: int = CACHE_ENTRIES,
        seconds: float = CACHE_SECONDS,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self.entries = entries
        self.seconds = seconds
        self.hits = 0
        self.misses = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[float, t.Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, kind: str, data: bytes, parse: t.Callable[[bytes], T]) -> T:
        """Return what ``parse`` makes of ``data``, remembered under ``kind``; failures are not remembered."""
        digest = hashlib.sha256(kind.encode() + b"\0" + data).digest()
        now = self._clock()
        with self._lock:
            found = self._kept.get(digest)
            if found is not None and now < found[0]:
                self.hits += 1
                self._kept.move_to_end(digest)
                return t.cast(T, found[1])
            self.misses += 1
        parsed = parse(data)
        with self._lock:
            self._kept[digest] = (now + self.seconds, parsed)
            self._kept.move_to_end(digest)
            while len(self._kept) > self.entries:
                self._kept.popitem(last=False)
        return parsed

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


CACHE: t.Final = KeyCache()


def load_private(pem: Pem, *, cache: KeyCache = CACHE) -> PrivateKey:
    """Return the private key in PEM (PKCS#1, SEC1 or PKCS#8, unencrypted); raises :class:`JoseError`."""
    return cache.get("private", octets(pem), _parse_private)


def load_public(pem: Pem, *, cache: KeyCache = CACHE) -> PublicKey:
    """Return the public key in PEM, bare or in an X.509 certificate; raises :class:`JoseError`.

    A private key is refused although a public one could be made from it: where verification keys are kept, it would
    be a leak that works.
    """
    return cache.get("public", octets(pem), _parse_public)


def octets(pem: Pem) -> bytes:
    """Return PEM as octets; raises :class:`JoseError` for what is no text."""
    if isinstance(pem, Secret):
        pem = pem.reveal()
    if isinstance(pem, str):
        # Nothing but ASCII belongs into a PEM block; what stands around it does not matter.
        return pem.encode("utf-8", "replace")
    if isinstance(pem, bytes):
        return pem
    raise JoseError(f"a key has to be PEM text, not {kind_of(pem)}", field="key")


def _parse_private(data: bytes) -> PrivateKey:
    try:
        key = require_strong(pki.load_private_key(data))
    except PkiError as error:
        raise JoseError(error.problem, field="key", remedy=error.remedy) from None
    if isinstance(key, rsa.RSAPrivateKey) and not _agrees(key.private_numbers()):
        raise JoseError("the parts of the private key disagree", field="key", remedy="Restore it from a backup.")
    return key


def _agrees(key: rsa.RSAPrivateNumbers) -> bool:
    """Tell whether the numbers of an RSA key belong together (RFC 8017, 3.2).

    With a damaged one OpenSSL signs without complaint, and what it makes verifies nowhere. The numbers are not tested
    for being prime, which would take a thousand times as long and finds no damage that this does not.
    """
    p, q, e = key.p, key.q, key.public_numbers.e
    return (
        p * q == key.public_numbers.n
        and (key.dmp1, key.dmq1) == (key.d % (p - 1), key.d % (q - 1))
        and e * key.dmp1 % (p - 1) == e * key.dmq1 % (q - 1) == 1
        and key.iqmp * q % p == 1
    )


def _parse_public(data: bytes) -> PublicKey:
    if _PRIVATE.search(data):
        raise JoseError(
            "this is a private key, and verifying takes the public one",
            field="key",
            remedy="Replace it with the public key, and replace the key pair: anyone who read it can sign.",
        )
    if b"-----BEGIN CERTIFICATE-----" in data:
        return _certified(data)
    found = _PUBLIC.search(data)
    if found is None:
        problem, remedy = explained(
            "no public key in PEM form was found",
            "Give a file that holds -----BEGIN PUBLIC KEY----- or -----BEGIN CERTIFICATE-----.",
            data,
            "public key",
        )
        raise JoseError(problem, field="key", remedy=remedy)
    try:
        key = serialization.load_pem_public_key(found.group(0) + b"\n")
    except (ValueError, UnsupportedAlgorithm):  # their texts may quote what was read
        raise JoseError("the public key cannot be read: it is damaged", field="key", remedy="Fetch it again.") from None
    return require_strong(t.cast("PublicKey", key))


def _certified(data: bytes) -> PublicKey:
    # All there is about X.509 would take a third of what a run over bare keys loads.
    from .._pki.certificate import parse_certificates

    try:
        certificate = parse_certificates(data)[0]
        return require_strong(t.cast("PublicKey", pki.public_key(certificate)))
    except PkiError as error:
        raise JoseError(error.problem, field="key", remedy=error.remedy) from None


def require_strong(key: K) -> K:
    """Return ``key`` if messages may be signed with it; raises :class:`JoseError` for weak and for other ones."""
    spec = pki.spec_of(key)
    if spec.type == "rsa" and (spec.size or 0) < MINIMUM_RSA_BITS:
        problem = f"an RSA key of {spec.size} bits is too short"
    elif (spec.type, spec.size) == ("ec", 256) or spec.type in ("rsa", "ed25519"):
        return key
    else:
        problem = f"keys of type {spec} do not sign messages"
    raise JoseError(problem, field="key", remedy=_STRONG)


def public_of(key: AnyKey) -> PublicKey:
    """Return the public key of a key pair; a public key is returned as it is."""
    return t.cast("PublicKey", pki.public_key(key))


def algorithm(key: AnyKey) -> str:
    """Return the one algorithm that a key is used with: ``RS256``, ``ES256`` or ``EdDSA``."""
    return {"rsa": "RS256", "ec": "ES256", "ed25519": "EdDSA"}[pki.spec_of(require_strong(key)).type]


def public_pem(key: AnyKey) -> str:
    """Return a public key as SubjectPublicKeyInfo in PEM (RFC 7468, 13), of a key pair its public half."""
    pem: bytes = public_of(key).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode("ascii")


def private_pem(key: PrivateKey, encoding: Encoding | None = None) -> Secret:
    """Return a private key in PEM, in the form that FSPIOP software reads unless ``encoding`` names another.

    That form is PKCS#8 for RSA and SEC1 for EC: the reference library takes a key for an EC one by the label
    ``EC PRIVATE KEY`` alone, and labels the signature of any other RS256. Ed25519 has PKCS#8 only.
    """
    is_ec = isinstance(key, ec.EllipticCurvePrivateKey)
    chosen = encoding or ("traditional" if is_ec else "pkcs8")
    if chosen == "traditional" and isinstance(key, ed25519.Ed25519PrivateKey):
        raise JoseError("an Ed25519 key has no traditional form", field="encoding", remedy="Use pkcs8.")
    forms = {
        "pkcs8": serialization.PrivateFormat.PKCS8,
        "traditional": serialization.PrivateFormat.TraditionalOpenSSL,
    }
    if chosen not in forms:
        raise JoseError("is unknown", field="encoding", remedy=f"Use one of {', '.join(forms)}.")
    pem = key.private_bytes(serialization.Encoding.PEM, forms[chosen], serialization.NoEncryption())
    return Secret(pem.decode("ascii"))


def private_encoding(pem: Pem) -> str:
    """Return how a private key is written, ``pkcs1``, ``sec1`` or ``pkcs8``; raises :class:`JoseError`."""
    for found in _PRIVATE.finditer(octets(pem)):
        if found.group(1) in _PRIVATE_LABELS:
            return _PRIVATE_LABELS[found.group(1)]
    raise JoseError(
        "no private key in PEM form was found",
        field="key",
        remedy="Give a file that holds -----BEGIN … PRIVATE KEY-----.",
    )


def readable_by_peer(pem: Pem) -> bool:
    """Tell whether FSPIOP software signs properly with this private key as it is written: not with PKCS#8 EC."""
    key = load_private(pem)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return private_encoding(pem) == "sec1"
    return isinstance(key, rsa.RSAPrivateKey)


def same_pair(private: AnyKey, public: AnyKey) -> bool:
    """Tell whether two keys, or the two halves of a pair, belong together."""
    return pki.spki_der(private) == pki.spki_der(public)
