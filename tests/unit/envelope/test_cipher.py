# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AES-256-GCM against the published test cases of the mode.

Cases 13 to 18 of McGrew and Viega, "The Galois/Counter Mode of Operation", as submitted to NIST; the key is 256 bits.
Cases 17 and 18 have initialisation vectors of other lengths than 12 bytes, which are hashed: so is one of 16 bytes.
"""

from __future__ import annotations

import pytest

from plugins.module_utils._envelope import cipher
from plugins.module_utils._envelope.cipher import Sealed
from plugins.module_utils._envelope.errors import EnvelopeError

KEY = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
PLAIN = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
AAD = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
LONG_IV = (
    "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728"
    "c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b"
)
# key, iv, aad, plaintext, ciphertext, tag
CASES = {
    "13": ("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    "14": (
        "00" * 32,
        "00" * 12,
        "",
        "00" * 16,
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ),
    "15": (
        KEY,
        "cafebabefacedbaddecaf888",
        "",
        PLAIN,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        "b094dac5d93471bdec1a502270e3cc6c",
    ),
    "16": (
        KEY,
        "cafebabefacedbaddecaf888",
        AAD,
        PLAIN[:120],
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
    "17": (
        KEY,
        "cafebabefacedbad",
        AAD,
        PLAIN[:120],
        "c3762df1ca787d32ae47c13bf19844cbaf1ae14d0b976afac52ff7d79bba9de0"
        "feb582d33934a4f0954cc2363bc73f7862ac430e64abe499f47c9b1f",
        "3a337dbf46a792c45e454913fe2ea8f2",
    ),
    "18": (
        KEY,
        LONG_IV,
        AAD,
        PLAIN[:120],
        "5a8def2f0c9e53f1f75d7853659e2a20eeb2b22aafde6419a058ab4f6f746bf4"
        "0fc0c3b780f244452da3ebf1c5d82cdea2418997200ef82e44ae7e3f",
        "a44a8266ee1c8eb0c8b5d4cf5ae9f19a",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_mb_28_published_test_case(case: str) -> None:
    key, iv, aad, plain, ciphertext, tag = (bytes.fromhex(text) for text in CASES[case])
    assert cipher.seal_with(key, iv, plain, aad) == Sealed(iv, tag, ciphertext)
    assert cipher.unseal(key, Sealed(iv, tag, ciphertext), aad) == plain


@pytest.mark.parametrize("part", ["key", "iv", "aad", "ciphertext", "tag"])
def test_every_bit_of_every_part_counts(part: str) -> None:
    key, iv, aad, _plain, ciphertext, tag = (bytes.fromhex(text) for text in CASES["16"])
    parts = {"key": key, "iv": iv, "aad": aad, "ciphertext": ciphertext, "tag": tag}
    for at in range(len(parts[part]) * 8):
        octets = bytearray(parts[part])
        octets[at // 8] ^= 1 << at % 8
        given = {**parts, part: bytes(octets)}
        sealed = Sealed(given["iv"], given["tag"], given["ciphertext"])
        assert cipher.unseal(given["key"], sealed, given["aad"]) is None


@pytest.mark.parametrize("iv_bytes", cipher.IV_BYTES)
def test_no_initialisation_vector_comes_twice(iv_bytes: int) -> None:
    key = cipher.new_key()
    made = {cipher.seal(key, b"same", iv_bytes=iv_bytes).iv for _at in range(2000)}
    assert len(made) == 2000
    assert {len(iv) for iv in made} == {iv_bytes}


@pytest.mark.parametrize("iv_bytes", cipher.IV_BYTES)
def test_mb_24_packed_key_is_iv_then_tag_then_ciphertext(iv_bytes: int) -> None:
    master, key = cipher.new_key(), cipher.new_key()
    sealed = cipher.seal(master, key, iv_bytes=iv_bytes)
    packed = sealed.packed()
    assert (packed[:iv_bytes], packed[iv_bytes : iv_bytes + 16]) == (sealed.iv, sealed.tag)
    assert Sealed.of_key(packed) == sealed


@pytest.mark.parametrize("length", [0, 1, 47, 59, 61, 63, 65, 80])
def test_packed_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(EnvelopeError, match="60 or 64"):
        Sealed.of_key(bytes(length))
