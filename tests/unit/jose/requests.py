# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests, keys and the signing of them for tests, by the cryptography library alone."""

from __future__ import annotations

import base64
import json
import typing as t

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from plugins.module_utils._jose.fspiop import SignedRequest, Verification, sign, verify
from plugins.module_utils._jose.keys import private_pem, public_pem
from plugins.module_utils._pki.keys import KeySpec, generate

RSA = generate(KeySpec("rsa", 2048))
EC = generate(KeySpec("ec", 256))
OTHER = generate(KeySpec("rsa", 2048))
PRIVATE = {"RS256": private_pem(RSA).reveal(), "ES256": private_pem(EC).reveal()}
PUBLIC = {"RS256": public_pem(RSA), "ES256": public_pem(EC)}
DATE = "Sat, 21 Nov 2026 12:00:00 GMT"
URL = "https://switch.example.com/transfers"
HEADERS = {"FSPIOP-Source": "perffsp-1", "FSPIOP-Destination": "perffsp-2", "Date": DATE, "Accept": "*/*"}
#: What the signature of the usual request protects.
PROTECTED = {
    "alg": "RS256",
    "FSPIOP-URI": "/transfers",
    "FSPIOP-HTTP-Method": "POST",
    "FSPIOP-Source": "perffsp-1",
    "FSPIOP-Destination": "perffsp-2",
    "Date": DATE,
}
BODY: dict[str, t.Any] = {
    "transferId": "8f7dba3e-23a1-4a1b-9d8b-0c1f7f2f9a77",
    "amount": {"currency": "USD", "amount": "100.25"},
    "note": "Grüße 😀",
    "rates": [1.0, 1e21, -0.0, 0.1],
}


def signed(algorithm: str = "RS256", **changes: t.Any) -> SignedRequest:
    """Sign the usual request, or one that differs from it."""
    given = {"method": "POST", "url": URL, "headers": HEADERS, "body": BODY, **changes}
    return sign(PRIVATE[algorithm], **given)


def check(request: SignedRequest, **changes: t.Any) -> Verification:
    """Verify a request, or what has become of it on its way."""
    received = {"method": request.method, "url": "/transfers", "headers": request.headers, "body": request.body}
    keys = changes.pop("keys", PUBLIC[request.algorithm])
    return verify(keys, **{**received, **changes})


def base64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(body: bytes, protected: dict[str, t.Any], **members: t.Any) -> str:
    """Return the value of FSPIOP-Signature over any octets and any protected header."""
    encoded = base64url(json.dumps(protected).encode())
    signature = RSA.sign(f"{encoded}.{base64url(body)}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.dumps({"signature": base64url(signature), "protectedHeader": encoded, **members})


def fields(found: Verification) -> list[str | None]:
    """Return what the problems are about."""
    return [problem.field for problem in found.problems]
