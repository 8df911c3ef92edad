# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signatures by themselves: the examples of RFC 7515 and 7520 verify, and every octet of them counts."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._jose import base64url
from plugins.module_utils._jose.errors import JoseError
from plugins.module_utils._jose.signing import KeySigner, raw_from_der, usable, verifier_of
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.unit.jose.requests import EC, RSA

#: RFC 7515, A.2 and A.3; RFC 7520, 3.3 and 4.1.
EXAMPLES = {
    "RFC 7515 A.2": (
        {
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR"
            "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS"
            "-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2et"
            "hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
        },
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ij"
        "p0cnVlfQ",
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU"
        "Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d"
        "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
        "cN_IoypGlUPQGe77Rw",
    ),
    "RFC 7515 A.3": (
        {"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ij"
        "p0cnVlfQ",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    "RFC 7520 4.1": (
        {
            "n": "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRB"
            "SFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNL"
            "YD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7ji"
            "g3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"
        },
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZX"
        "NzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvd"
        "XIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
        "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDk"
        "oBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9Uzp"
        "ERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogo"
        "ree7vjbU5y18kDquDg",
    ),
}


def number(text: str) -> int:
    """Return a number of a JWK."""
    return int.from_bytes(base64url.decode(text), "big")


def public(members: dict[str, str]) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """Return the key of an example."""
    if "n" in members:
        return rsa.RSAPublicNumbers(65537, number(members["n"])).public_key()
    return ec.EllipticCurvePublicNumbers(number(members["x"]), number(members["y"]), ec.SECP256R1()).public_key()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_verify_and_nothing_near_them_does(name: str) -> None:
    members, text, encoded = EXAMPLES[name]
    key, message, signature = public(members), text.encode(), base64url.decode(encoded)
    assert verifier_of(key).verifies(signature, message)
    assert not verifier_of(key).verifies(signature, message + b"=")
    assert not verifier_of(key).verifies(signature, message[:-1])
    for broken in (b"", signature[:-1], signature + b"\0", b"\0" + signature, signature[::-1]):
        assert not verifier_of(key).verifies(broken, message)
    for at in range(len(signature)):
        assert not verifier_of(key).verifies(
            signature[:at] + bytes([signature[at] ^ 0x80]) + signature[at + 1 :], message
        )
    for other in EXAMPLES.keys() - {name}:
        assert not verifier_of(public(EXAMPLES[other][0])).verifies(signature, message)


def test_ecdsa_signatures_of_no_use_are_refused() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    message = b"message"
    signature = KeySigner.of(EC).sign(message)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    assert verifier_of(EC.public_key()).verifies(signature, message)
    for halves in ((0, 0), (0, s), (r, 0), (order, order), (r, order), (2**256 - 1, s)):
        broken = b"".join(half.to_bytes(32, "big") for half in halves)
        assert not verifier_of(EC.public_key()).verifies(broken, message)
    der = EC.sign(message, ec.ECDSA(hashes.SHA256()))
    assert not verifier_of(EC.public_key()).verifies(der, message)
    assert verifier_of(EC.public_key()).verifies(raw_from_der(der), message)


def test_what_is_signed_verifies_by_the_library_itself() -> None:
    signature = KeySigner.of(RSA).sign(b"message")
    RSA.public_key().verify(signature, b"message", padding.PKCS1v15(), hashes.SHA256())
    assert len(KeySigner.of(EC).sign(b"message")) == 64


def test_numbers_are_written_in_full() -> None:
    """One signature in 128 has a half that begins with a zero octet, and RFC 7518, 3.4 wants it all the same."""
    signatures = [KeySigner.of(EC).sign(b"%d" % at) for at in range(600)]
    assert all(len(signature) == 64 for signature in signatures)
    assert any(0 in (signature[0], signature[32]) for signature in signatures)


def test_keys_for_other_things_are_refused() -> None:
    for spec in (KeySpec("ed25519"), KeySpec("ec", 384), KeySpec("rsa", 1024)):
        with pytest.raises(JoseError):
            KeySigner.of(generate(spec))
        with pytest.raises(JoseError):
            usable(generate(spec).public_key())


def test_a_signer_does_not_show_its_key() -> None:
    shown = repr(dataclasses.replace(KeySigner.of(EC)))
    assert str(EC.private_numbers().private_value) not in shown and "PRIVATE" not in shown


@given(st.binary(max_size=80), st.binary(max_size=20))
def test_any_octets_are_no_signature_and_no_error(signature: bytes, message: bytes) -> None:
    assert not verifier_of(EC.public_key()).verifies(signature, message)
    assert not verifier_of(RSA.public_key()).verifies(signature, message)


def test_kind_10_an_es256_signature_has_64_octets() -> None:
    """RFC 7518, 3.4: longer ones spell the same two numbers and would be a second signature over one message."""
    signer = KeySigner.of(EC)
    signature = signer.sign(b"message")
    verifier = verifier_of(EC.public_key())
    assert verifier.verifies(signature, b"message")
    first, second = signature[:32], signature[32:]
    for other in (first + b"\0" + second, signature[:-1], signature + b"\0", first + b"\0" * 32 + second, b"", first):
        assert not verifier.verifies(other, b"message")
