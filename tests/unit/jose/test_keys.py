# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of messages: what is accepted, in which form they are written, and the cache of parsed ones."""

from __future__ import annotations

import threading
import typing as t

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.redact import Secret
from plugins.module_utils._jose import base64url, keys
from plugins.module_utils._jose.errors import JoseError
from plugins.module_utils._jose.jwks import thumbprint
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.unit.pki import forge

RSA = generate(KeySpec("rsa", 2048))
EC = generate(KeySpec("ec", 256))
ED = generate(KeySpec("ed25519"))
KINDS = {"rsa": RSA, "ec": EC, "ed25519": ED}
FORMATS = serialization.PrivateFormat
FORGED = forge.make("leaf")


def private_text(key: t.Any, form: FORMATS) -> str:
    """Return a private key in PEM by the library itself."""
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public_text(key: t.Any, form: serialization.PublicFormat) -> str:
    """Return a public key in PEM by the library itself."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_comes_back_as_it_was_written(kind: str) -> None:
    key = KINDS[kind]
    private = keys.load_private(keys.private_pem(key))
    public = keys.load_public(keys.public_pem(key))
    assert keys.same_pair(private, public)
    assert keys.public_pem(private) == keys.public_pem(public) == keys.public_pem(key)
    assert thumbprint(private) == thumbprint(public)
    assert keys.algorithm(private) == keys.algorithm(public) == {"rsa": "RS256", "ec": "ES256"}.get(kind, "EdDSA")


@pytest.mark.parametrize(
    ("kind", "form", "encoding"),
    [
        ("rsa", FORMATS.TraditionalOpenSSL, "pkcs1"),
        ("rsa", FORMATS.PKCS8, "pkcs8"),
        ("ec", FORMATS.TraditionalOpenSSL, "sec1"),
        ("ec", FORMATS.PKCS8, "pkcs8"),
        ("ed25519", FORMATS.PKCS8, "pkcs8"),
    ],
)
def test_every_form_of_a_private_key_is_read_and_named(kind: str, form: FORMATS, encoding: str) -> None:
    text = private_text(KINDS[kind], form)
    for given_form in (text, text.encode(), Secret(text), text.replace("\n", "\r\n"), f"Größe\n{text}"):
        assert keys.same_pair(keys.load_private(given_form), KINDS[kind])
        assert keys.private_encoding(given_form) == encoding


def test_trap_jws_2_ec_keys_are_written_as_the_peer_reads_them() -> None:
    assert keys.private_pem(EC).reveal().startswith("-----BEGIN EC PRIVATE KEY-----\n")
    assert keys.private_pem(RSA).reveal().startswith("-----BEGIN PRIVATE KEY-----\n")
    assert keys.readable_by_peer(keys.private_pem(EC))
    assert keys.readable_by_peer(keys.private_pem(RSA))
    assert keys.readable_by_peer(keys.private_pem(RSA, "traditional"))
    assert not keys.readable_by_peer(keys.private_pem(EC, "pkcs8"))
    assert not keys.readable_by_peer(keys.private_pem(ED))


def test_a_form_that_a_key_does_not_have_is_refused() -> None:
    with pytest.raises(JoseError, match="encoding: an Ed25519 key has no traditional form"):
        keys.private_pem(ED, "traditional")
    with pytest.raises(JoseError, match="encoding: is unknown"):
        keys.private_pem(RSA, t.cast(keys.Encoding, "der"))


@pytest.mark.parametrize("form", [serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1])
def test_public_keys_are_read_in_both_forms_of_pem(form: serialization.PublicFormat) -> None:
    assert keys.same_pair(keys.load_public(public_text(RSA, form)), RSA)


def test_a_certificate_is_a_verification_key() -> None:
    assert keys.same_pair(keys.load_public(FORGED.pem), FORGED.key)
    assert keys.same_pair(keys.load_public("subject=CN = leaf\n" + FORGED.pem.decode()), FORGED.key)


def test_trap_jws_3_short_and_strange_keys_are_refused_both_ways() -> None:
    weak = [
        rsa.generate_private_key(public_exponent=65537, key_size=1024),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
    ]
    for key in weak:
        for load in (
            lambda key=key: keys.load_private(private_text(key, FORMATS.PKCS8)),
            lambda key=key: keys.load_public(public_text(key, serialization.PublicFormat.SubjectPublicKeyInfo)),
            lambda key=key: keys.algorithm(key),
        ):
            with pytest.raises(
                JoseError, match=r"(1024 bits is too short|do not sign messages)\. Use an RSA key of at"
            ):
                load()
    for strange in (ed448.Ed448PrivateKey.generate(), dsa.generate_private_key(1024)):
        with pytest.raises(JoseError):
            keys.load_private(private_text(strange, FORMATS.PKCS8))
        with pytest.raises(JoseError):
            keys.load_public(public_text(strange, serialization.PublicFormat.SubjectPublicKeyInfo))


def test_trap_jws_4_what_is_no_key_is_refused_when_it_is_loaded() -> None:
    for text in ("", "not a key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "ssh-rsa AAAA"):
        with pytest.raises(JoseError) as caught:
            keys.load_public(text)
        assert caught.value.field == "key" and caught.value.remedy


def test_a_private_key_is_no_verification_key() -> None:
    for form in (FORMATS.PKCS8, FORMATS.TraditionalOpenSSL):
        with pytest.raises(JoseError, match="this is a private key"):
            keys.load_public(private_text(RSA, form))
    with pytest.raises(JoseError, match="this is a private key"):
        keys.load_public(keys.public_pem(RSA) + private_text(EC, FORMATS.PKCS8))


def test_an_encrypted_key_is_refused() -> None:
    locked = EC.private_bytes(
        serialization.Encoding.PEM, FORMATS.PKCS8, serialization.BestAvailableEncryption(b"passphrase")
    )
    with pytest.raises(JoseError, match="is encrypted"):
        keys.load_private(locked)


def test_errors_never_quote_a_key() -> None:
    text = private_text(RSA, FORMATS.PKCS8)
    lines = text.splitlines()
    damaged = ["\n".join([*lines[:5], *lines[6:]]), text.replace(lines[3], "A" * 64), text.replace("END", "EMD")]
    for broken in damaged:
        with pytest.raises(JoseError) as caught:
            keys.load_private(broken)
        assert not any(line in str(caught.value) for line in lines[1:-1])
        assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("part", ["d", "dmp1", "dmq1", "iqmp"])
def test_a_key_whose_parts_disagree_is_refused(part: str) -> None:
    numbers = RSA.private_numbers()
    parts = {name: getattr(numbers, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    parts[part] += 2
    damaged = rsa.RSAPrivateNumbers(**parts, public_numbers=numbers.public_numbers)
    text = private_text(damaged.private_key(unsafe_skip_rsa_key_validation=True), FORMATS.PKCS8)
    with pytest.raises(JoseError, match="the parts of the private key disagree"):
        keys.load_private(text)


@given(st.text(max_size=40) | st.binary(max_size=40), st.sampled_from(["", "RSA ", "EC ", "ENCRYPTED "]))
def test_loading_raises_nothing_but_its_own_error(inside: str | bytes, label: str) -> None:
    content = inside.decode("latin-1") if isinstance(inside, bytes) else inside
    for kind, load in (("PRIVATE", keys.load_private), ("PUBLIC", keys.load_public)):
        block = f"-----BEGIN {label}{kind} KEY-----\n{content}\n-----END {label}{kind} KEY-----\n"
        for text in (inside, block, f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n"):
            with pytest.raises(JoseError):
                load(text)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(JoseError, match="has to be PEM text, not a mapping"):
        keys.load_private(t.cast(str, {}))


def test_thumbprint_of_rfc_7638_section_3_1() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
        "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
        "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        "nqDKgw"
    )
    number = int.from_bytes(base64url.decode(modulus), "big")
    public = rsa.RSAPublicNumbers(65537, number).public_key()
    assert thumbprint(public) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_thumbprint_of_rfc_8037_appendix_a_3() -> None:
    public = ed25519.Ed25519PublicKey.from_public_bytes(
        bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    )
    assert thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_mj_41_parsed_keys_are_kept_for_an_hour() -> None:
    clock = Clock()
    cache = keys.KeyCache(clock=clock)
    pem = keys.public_pem(EC)
    first = keys.load_public(pem, cache=cache)
    clock.seconds = 3599.9
    assert keys.load_public(pem, cache=cache) is first
    clock.seconds = 3600.0
    assert keys.load_public(pem, cache=cache) is not first
    assert (cache.hits, cache.misses) == (1, 2)


def test_mj_41_a_thousand_parsed_keys_are_kept_the_last_used_ones() -> None:
    cache = keys.KeyCache()
    for number in range(1000):
        cache.get("key", b"%d" % number, bytes)
    cache.get("key", b"0", pytest.fail)
    cache.get("key", b"1000", bytes)
    assert len(cache) == 1000
    cache.get("key", b"0", pytest.fail)
    parsed: list[bytes] = []
    cache.get("key", b"1", parsed.append)
    assert parsed == [b"1"]
    cache.clear()
    assert len(cache) == 0


def test_the_cache_keeps_no_text_and_no_failure() -> None:
    cache = keys.KeyCache()
    text = private_text(RSA, FORMATS.PKCS8)
    keys.load_private(text, cache=cache)
    assert all(len(digest) == 32 for digest in cache._kept)
    assert text.splitlines()[5] not in repr(cache._kept)
    with pytest.raises(JoseError):
        keys.load_private("nothing", cache=cache)
    assert len(cache) == 1


def test_a_private_key_in_the_cache_is_no_public_one() -> None:
    cache = keys.KeyCache()
    text = private_text(EC, FORMATS.PKCS8)
    keys.load_private(text, cache=cache)
    with pytest.raises(JoseError, match="this is a private key"):
        keys.load_public(text, cache=cache)


def test_the_cache_is_shared_by_threads() -> None:
    cache = keys.KeyCache(entries=8)

    def work() -> None:
        for number in range(2000):
            data = b"%d" % (number % 16)
            assert cache.get("key", data, bytes) == data

    threads = [threading.Thread(target=work) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert cache.hits + cache.misses == 8000 and len(cache) == 8
