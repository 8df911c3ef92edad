# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every holder of private keys has to do, whichever it is."""

from __future__ import annotations

import concurrent.futures
import typing as t

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._jose import fspiop
from plugins.module_utils._keyring.holder import HeldKey, Holder

KINDS: t.Final = [("RS256", 2048), ("RS256", 3072), ("RS256", 4096), ("ES256", 256)]
REQUEST: t.Final[dict[str, t.Any]] = {
    "method": "POST",
    "url": "https://switch.example.com/transfers",
    "headers": {
        "FSPIOP-Source": "payerfsp",
        "FSPIOP-Destination": "payeefsp",
        "Date": "Sat, 21 Nov 2026 12:00:00 GMT",
        "Content-Type": "application/vnd.interoperability.transfers+json;version=1.1",
    },
    "body": {"transferId": "b51ec534-ee48-4575-b6a9-ead2955b8069", "amount": {"currency": "USD", "amount": "108"}},
}


def fits(public: str, signature: bytes, data: bytes) -> bool:
    """Tell whether a signature in the form of JWS fits, as OpenSSL sees it."""
    key = serialization.load_pem_public_key(public.encode())
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        else:
            assert isinstance(key, ec.EllipticCurvePublicKey)
            assert len(signature) == 64
            halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            key.verify(encode_dss_signature(*halves), data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(("algorithm", "bits"), KINDS)
def test_an_fspiop_message_signed_by_a_holder_is_valid(holder: Holder, algorithm: str, bits: int) -> None:
    handle, public = holder.generate("payerfsp", algorithm, bits)
    assert serialization.load_pem_public_key(public.encode()).key_size == bits  # type: ignore[union-attr]
    signed = fspiop.sign(HeldKey(holder, handle, algorithm), **REQUEST)
    arrived = {"method": "POST", "url": REQUEST["url"], "headers": signed.headers}
    verification = fspiop.verify({"payerfsp": public}, **arrived, body=signed.body)
    assert verification.valid, verification.problems
    assert verification.algorithm == algorithm
    tampered = signed.body.replace('"108"', '"109"')
    assert tampered != signed.body
    assert not fspiop.verify({"payerfsp": public}, **arrived, body=tampered).valid


@pytest.mark.parametrize(("algorithm", "bits"), [("RS256", 2048), ("ES256", 256)])
def test_signatures_are_those_of_the_public_key(holder: Holder, algorithm: str, bits: int) -> None:
    handle, public = holder.generate("payerfsp", algorithm, bits)
    assert holder.public_pem(handle) == public
    for data in (b"", b"x", bytes(range(256)), b"\0" * 100_000):
        signature = holder.sign(handle, data, algorithm)
        assert fits(public, signature, data)
        assert not fits(public, signature, data + b"!")
        if algorithm == "RS256":
            assert holder.sign(handle, data, algorithm) == signature


def test_every_key_is_another_one_and_those_of_before_stay_usable(holder: Holder) -> None:
    first, second = (holder.generate("payerfsp", "ES256", 256) for _count in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]
    for handle, public in (first, second):
        assert fits(public, holder.sign(handle, b"data", "ES256"), b"data")


@pytest.mark.parametrize("name", ["payerfsp", "DFSP.1", "a@b", "_x-"])
def test_every_name_of_an_owner_will_do(holder: Holder, name: str) -> None:
    handle, public = holder.generate(name, "ES256", 256)
    assert fits(public, holder.sign(handle, b"data", "ES256"), b"data")


def test_a_destroyed_key_is_gone_and_destroying_it_again_is_no_mistake(holder: Holder) -> None:
    handle, _public = holder.generate("payerfsp", "ES256", 256)
    kept, kept_public = holder.generate("payerfsp", "ES256", 256)
    for _count in range(2):
        holder.destroy(handle)
        assert holder.public_pem(handle) is None
    with pytest.raises(TrustmeshError):
        holder.sign(handle, b"data", "ES256")
    assert holder.public_pem(kept) == kept_public


@pytest.mark.parametrize("handle", ["00" * 16, "no-such-key", "x", "0"])
def test_a_key_that_was_never_there_is_missing(holder: Holder, handle: str) -> None:
    assert holder.public_pem(handle) is None
    holder.destroy(handle)
    with pytest.raises(TrustmeshError):
        holder.sign(handle, b"data", "RS256")


def test_many_threads_share_a_holder(holder: Holder) -> None:
    handle, public = holder.generate("payerfsp", "ES256", 256)

    def sign(number: int) -> bool:
        data = str(number).encode()
        return fits(public, holder.sign(handle, data, "ES256"), data)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(sign, range(160)))
