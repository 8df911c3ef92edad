# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ed25519: the vectors of RFC 8032, and everything that a strict verifier refuses."""

from __future__ import annotations

import base64
import contextlib
import typing as t

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils._core.redact import Secret
from plugins.module_utils._jose.ed25519 import (
    BadSignature,
    public_bytes,
    read_private,
    read_public,
    sign,
    sound_public,
    verify,
)
from plugins.module_utils._jose.errors import JoseError
from tests.unit.jose import edwards

#: RFC 8032, 7.1: every test, as seed, public key, message, signature.
VECTORS: t.Final = {
    "TEST 1": (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    "TEST 2": (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da0"
        "85ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    "TEST 3": (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac1"
        "8ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    "TEST 1024": (
        "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        "08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98"
        "fa6e264bf09efe12ee50f8f54e9f77b1e355f6c50544e23fb1433ddf73be84d8"
        "79de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37c93a1b270b20329d"
        "658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc"
        "1a858efcb8550ee3a5e1998bd177e93a7363c344fe6b199ee5d02e82d522c4fe"
        "ba15452f80288a821a579116ec6dad2b3b310da903401aa62100ab5d1a36553e"
        "06203b33890cc9b832f79ef80560ccb9a39ce767967ed628c6ad573cb116dbef"
        "efd75499da96bd68a8a97b928a8bbc103b6621fcde2beca1231d206be6cd9ec7"
        "aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed1"
        "85ce81bd84359d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2"
        "d17ba70eb6248e594e1a2297acbbb39d502f1a8c6eb6f1ce22b3de1a1f40cc24"
        "554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f270"
        "88d78b7e883c8759d2c4f5c65adb7553878ad575f9fad878e80a0c9ba63bcbcc"
        "2732e69485bbc9c90bfbd62481d9089beccf80cfe2df16a2cf65bd92dd597b07"
        "07e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128ba"
        "b27af87a71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51a"
        "ddd3b75a2b1ae0784504df543af8969be3ea7082ff7fc9888c144da2af58429e"
        "c96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb7"
        "51fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c"
        "42f58c30c04aafdb038dda0847dd988dcda6f3bfd15c4b4c4525004aa06eeff8"
        "ca61783aacec57fb3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34df"
        "f7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08"
        "d78ff4ef5d63653a65040cf9bfd4aca7984a74d37145986780fc0b16ac451649"
        "de6188a7dbdf191f64b5fc5e2ab47b57f7f7276cd419c17a3ca8e1b939ae49e4"
        "88acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc5600a3"
        "2ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504ccc493d97e"
        "6aed3fb0f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5f"
        "b93246f6b1116398a346f1a641f3b041e989f7914f90cc2c7fff357876e506b5"
        "0d334ba77c225bc307ba537152f3f1610e4eafe595f6d9d90d11faa933a15ef1"
        "369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380d"
        "b2eaaa707b4c4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c"
        "0618983f8741c5ef68d3a101e8a3b8cac60c905c15fc910840b94c00a0b9d0",
        "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350a"
        "a5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03",
    ),
    "TEST SHA(abc)": (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b5890"
        "9351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
}
KEY: t.Final = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC: t.Final = public_bytes(KEY)
MESSAGE: t.Final = b"pay 10 to bob"
SIGNATURE: t.Final = sign(KEY, MESSAGE)
SMALL: t.Final = edwards.small_order()


def library_accepts(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("name", VECTORS)
def test_pk_01_vectors_of_rfc_8032(name: str) -> None:
    seed, public, message, signature = VECTORS[name]
    key = read_private(seed)
    assert public_bytes(key).hex() == public
    assert sign(key, bytes.fromhex(message)).hex() == signature
    verify(read_public(public), bytes.fromhex(message), bytes.fromhex(signature))


def test_our_curve_by_hand_is_the_curve() -> None:
    assert public_bytes(KEY) == edwards.encoded(edwards.times(edwards.secret_number(bytes(range(32))), edwards.BASE))
    assert edwards.times(edwards.ORDER, edwards.BASE) == edwards.NEUTRAL
    assert len(set(SMALL)) == 8
    assert all(edwards.times(8, point) == edwards.NEUTRAL for point in SMALL)


@pytest.mark.parametrize("point", SMALL, ids=[str(number) for number in range(8)])
@pytest.mark.parametrize("message", [b"", MESSAGE])
def test_a_forgery_under_a_key_of_small_order_is_refused_although_it_fits(point: edwards.Point, message: bytes) -> None:
    public, signature = edwards.encoded(point), edwards.forged(point, message)
    assert library_accepts(public, message, signature)
    with pytest.raises(BadSignature, match="public_key: is a point of small order"):
        verify(public, message, signature)
    with pytest.raises(JoseError, match="small order"):
        read_public(public.hex())


def test_a_signature_whose_r_is_of_small_order_is_refused_although_it_fits() -> None:
    r = edwards.encoded(edwards.NEUTRAL)
    s = edwards.challenge(r, PUBLIC, MESSAGE) * edwards.secret_number(bytes(range(32))) % edwards.ORDER
    signature = r + s.to_bytes(32, "little")
    assert library_accepts(PUBLIC, MESSAGE, signature)
    with pytest.raises(BadSignature, match="signature: is a point of small order"):
        verify(PUBLIC, MESSAGE, signature)


@pytest.mark.parametrize("more", range(1, 8))
def test_a_signature_whose_s_is_not_reduced_is_refused(more: int) -> None:
    s = int.from_bytes(SIGNATURE[32:], "little") + more * edwards.ORDER
    with pytest.raises(BadSignature, match="its S is not reduced"):
        verify(PUBLIC, MESSAGE, SIGNATURE[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize("sign_bit", [0, 1 << 255])
@pytest.mark.parametrize("y", range(19))
def test_another_spelling_of_a_point_is_refused(y: int, sign_bit: int) -> None:
    """The 19 values of y below 2**255 that are too large by p, with either sign of x."""
    spelling = (y + edwards.P | sign_bit).to_bytes(32, "little")
    with pytest.raises(BadSignature, match="public_key: is another spelling of a point"):
        verify(spelling, MESSAGE, SIGNATURE)
    with pytest.raises(BadSignature, match="signature: is another spelling of a point"):
        verify(PUBLIC, MESSAGE, spelling + SIGNATURE[32:])
    with pytest.raises(JoseError, match="another spelling"):
        sound_public(spelling)


@pytest.mark.parametrize("y", [1, edwards.P - 1])
def test_a_second_spelling_through_the_sign_of_a_zero_is_refused(y: int) -> None:
    spelling = (y | 1 << 255).to_bytes(32, "little")
    with pytest.raises(JoseError, match="small order"):
        sound_public(spelling)


def test_what_is_no_point_of_the_curve_is_refused() -> None:
    outside = [y for y in range(2, 60) if edwards.x_of(y) is None]
    on_it = [y for y in range(2, 60) if edwards.x_of(y) is not None]
    assert len(outside) > 10
    assert len(on_it) > 10
    for y in outside:
        with pytest.raises(JoseError, match="not a point of the curve"):
            sound_public(y.to_bytes(32, "little"))
        with pytest.raises(BadSignature):
            verify(y.to_bytes(32, "little"), MESSAGE, SIGNATURE)
    for y in on_it:
        assert sound_public(y.to_bytes(32, "little"))


def test_pk_01_every_flipped_bit_is_refused() -> None:
    for at in range(8 * 64):
        changed = bytearray(SIGNATURE)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(BadSignature):
            verify(PUBLIC, MESSAGE, bytes(changed))
    for at in range(8 * len(MESSAGE)):
        other = bytearray(MESSAGE)
        other[at // 8] ^= 1 << at % 8
        with pytest.raises(BadSignature, match="does not fit"):
            verify(PUBLIC, bytes(other), SIGNATURE)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 63, 65, 128])
def test_a_truncated_or_longer_signature_is_refused(length: int) -> None:
    with pytest.raises(BadSignature, match=f"has {length} octets, not 64"):
        verify(PUBLIC, MESSAGE, (SIGNATURE * 2)[:length])


@pytest.mark.parametrize("length", [0, 31, 33])
def test_pk_22_a_public_key_has_32_octets(length: int) -> None:
    with pytest.raises(BadSignature, match=f"public_key: has {length} octets, not 32"):
        verify((PUBLIC * 2)[:length], MESSAGE, SIGNATURE)


def test_pk_01_another_key_is_refused() -> None:
    other = public_bytes(ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(BadSignature, match="does not fit"):
        verify(other, MESSAGE, SIGNATURE)


def test_a_key_is_read_in_every_form() -> None:
    seed = bytes(range(32))
    pem = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    for form in (pem, Secret(pem), seed.hex(), seed.hex().upper() + "\n", base64.b64encode(seed).decode()):
        assert public_bytes(read_private(form)) == PUBLIC
    public_pem = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for text in (public_pem.decode(), PUBLIC.hex(), base64.urlsafe_b64encode(PUBLIC).decode().rstrip("=")):
        assert read_public(text) == PUBLIC


def test_keys_of_other_kinds_are_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    private = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(JoseError, match="private_key: is not an Ed25519 key"):
        read_private(private.decode())
    with pytest.raises(JoseError, match="public_key: is not an Ed25519 key"):
        read_public(public.decode())


@pytest.mark.parametrize("text", ["", "hidden", "00" * 31, "00" * 33, "-----BEGIN hidden", "é" * 43, "=" * 50])
def test_what_is_no_key_is_refused_and_not_quoted(text: str) -> None:
    for read in (read_private, read_public):
        with pytest.raises(JoseError) as refused:
            read(text)
        assert "hidden" not in str(refused.value)


@given(st.binary(max_size=70), st.binary(max_size=40), st.binary(max_size=70))
def test_whatever_is_verified_is_refused_with_our_own_error(public: bytes, message: bytes, signature: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(public, message, signature)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
@settings(deadline=None)
def test_whatever_is_signed_is_accepted_by_both(seed: bytes, message: bytes) -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    signature = sign(key, message)
    verify(public_bytes(key), message, signature)
    assert library_accepts(public_bytes(key), message, signature)
    assert sound_public(public_bytes(key)) == public_bytes(key)


@given(st.text())
def test_whatever_is_read_as_a_key_is_one_or_refused(text: str) -> None:
    for read in (read_private, read_public):
        with contextlib.suppress(JoseError):
            read(text)
