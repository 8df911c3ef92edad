# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys: every encoding is one key, and what cannot be used says so."""

from __future__ import annotations

import hashlib
import inspect
import time
import typing as t

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519

from plugins.module_utils._core.redact import Secret
from plugins.module_utils._pki import keys
from plugins.module_utils._pki.errors import PkiError
from tests.unit.pki import forge

SPECS = [
    keys.KeySpec("ec", 256),
    keys.KeySpec("ec", 384),
    keys.KeySpec("ec", 521),
    keys.KeySpec("rsa", 2048),
    keys.KeySpec("ed25519"),
]
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL


@pytest.fixture(scope="module")
def made() -> dict[keys.KeySpec, t.Any]:
    """One key of every kind."""
    return {spec: keys.generate(spec) for spec in SPECS}


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_key_is_made_as_specified_and_openssl_agrees(made: dict[keys.KeySpec, t.Any], spec: keys.KeySpec) -> None:
    key = made[spec]
    assert keys.spec_of(key) == spec
    text = forge.openssl("pkey", "-noout", "-text", data=keys.private_pem(key))
    assert {"ec": f"({spec.size} bit", "rsa": "(2048 bit", "ed25519": "ED25519"}[spec.type] in text


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_spki_digest_is_what_openssl_computes(made: dict[keys.KeySpec, t.Any], spec: keys.KeySpec) -> None:
    der = forge.openssl_binary("pkey", "-pubout", "-outform", "DER", data=keys.private_pem(made[spec]))
    assert keys.spki_sha256(made[spec]) == hashlib.sha256(der).hexdigest()
    assert keys.spki_sha256(made[spec].public_key()) == keys.spki_sha256(made[spec])


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.type != "ed25519"], ids=str)
def test_trap_28_pkcs1_sec1_and_pkcs8_are_one_key(made: dict[keys.KeySpec, t.Any], spec: keys.KeySpec) -> None:
    key = made[spec]
    traditional = key.private_bytes(serialization.Encoding.PEM, TRADITIONAL, serialization.NoEncryption())
    assert (b"RSA PRIVATE" in traditional) or (b"EC PRIVATE" in traditional)
    for text in (traditional, traditional.replace(b"\n", b"\r\n"), keys.private_pem(key), b"note\n" + traditional):
        assert keys.spki_sha256(keys.load_private_key(text)) == keys.spki_sha256(key)


def test_a_key_file_of_openssl_ecparam_with_its_parameters_block_is_read() -> None:
    text = forge.openssl_binary("ecparam", "-name", "prime256v1", "-genkey")
    assert b"EC PARAMETERS" in text
    assert keys.spec_of(keys.load_private_key(text)) == keys.KeySpec("ec", 256)


def test_a_key_below_its_certificate_in_one_file_is_read() -> None:
    made = forge.make("node1.example.com")
    key = keys.load_private_key(made.pem + made.key_pem)
    assert keys.spki_sha256(key) == keys.spki_sha256(made.certificate)


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, TRADITIONAL], ids=["pkcs8", "traditional"])
def test_an_encrypted_key_needs_its_passphrase_and_no_other(form: serialization.PrivateFormat) -> None:
    key = forge.ec_key()
    encryption = serialization.BestAvailableEncryption(b"correct horse")
    text = key.private_bytes(serialization.Encoding.PEM, form, encryption)
    assert keys.is_encrypted(text)
    opened = keys.load_private_key(text, Secret("correct horse"))
    assert keys.spki_sha256(opened) == keys.spki_sha256(key)
    with pytest.raises(PkiError, match=r"is encrypted\. Give the key without encryption: openssl"):
        keys.load_private_key(text)
    with pytest.raises(PkiError, match="passphrase is wrong or the file is damaged") as caught:
        keys.load_private_key(text, Secret("battery staple"))
    assert "battery" not in str(caught.value)


def test_a_passphrase_for_a_plain_key_is_pointed_out() -> None:
    with pytest.raises(PkiError, match="not encrypted although a passphrase is declared"):
        keys.load_private_key(forge.pkcs8(forge.ec_key()), Secret("correct horse"))


def test_an_encrypted_key_of_ours_opens_in_openssl(tmp_path: t.Any) -> None:
    secret = tmp_path / "pass"
    secret.write_text("correct horse\n")
    pem = keys.private_pem(forge.ec_key(), Secret("correct horse"))
    assert b"ENCRYPTED" in pem
    forge.openssl("pkey", "-noout", "-passin", f"file:{secret}", data=pem)


OTHERS = {
    "ed448": ed448.Ed448PrivateKey.generate,
    "x25519": x25519.X25519PrivateKey.generate,
    "dsa": lambda: dsa.generate_private_key(2048),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_key_of_a_kind_that_cannot_be_declared_is_named_not_used(kind: str) -> None:
    key = OTHERS[kind]()
    assert keys.spec_of(key).type == kind
    with pytest.raises(PkiError, match=f"type {kind} are not supported"):
        keys.load_private_key(forge.pkcs8(key))


def test_a_curve_of_the_same_size_is_another_kind() -> None:
    assert keys.spec_of(ec.generate_private_key(ec.SECP256K1())) == keys.KeySpec("secp256k1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "no private key in PEM form"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "the file is damaged"),
        (b"-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n", "the file is damaged"),
        (b"-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n", "the file is damaged"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "ssh-keygen"),
        (b"\x30\x82\x00\x01\xff", "no private key in PEM form"),
    ],
)
def test_what_is_no_key_is_an_error_with_a_remedy(text: bytes, message: str) -> None:
    with pytest.raises(PkiError, match=message) as caught:
        keys.load_private_key(text)
    assert caught.value.remedy


@pytest.mark.skipif(
    "unsafe_skip_rsa_key_validation" not in inspect.signature(serialization.load_pem_private_key).parameters,
    reason="not applicable: this cryptography always checks the primes",
)
def test_an_rsa_key_is_read_without_checking_its_primes() -> None:
    pem = forge.pkcs8(rsa.generate_private_key(65537, 3072))

    def fastest(load: t.Callable[[], object]) -> float:
        times = []
        for _attempt in range(5):
            start = time.perf_counter()
            load()
            times.append(time.perf_counter() - start)
        return min(times)

    checked = fastest(lambda: serialization.load_pem_private_key(pem, None))
    assert fastest(lambda: keys.load_private_key(pem)) < checked / 2


@pytest.mark.parametrize(
    ("key_type", "size", "expected"),
    [
        ("ec", None, ("ec", 256)),
        ("rsa", None, ("rsa", 3072)),
        ("rsa", 8192, ("rsa", 8192)),
        ("ed25519", None, ("ed25519", None)),
    ],
)
def test_declared_kinds_are_completed(key_type: str, size: int | None, expected: tuple[str, int | None]) -> None:
    spec = keys.KeySpec.declared(key_type, size)
    assert (spec.type, spec.size) == expected


@pytest.mark.parametrize(
    ("key_type", "size", "field"),
    [("dsa", None, "key_type"), ("rsa", 1024, "key_size"), ("ec", 255, "key_size"), ("ed25519", 256, "key_size")],
)
def test_weak_and_impossible_kinds_are_refused_by_name(key_type: str, size: int | None, field: str) -> None:
    with pytest.raises(PkiError) as caught:
        keys.KeySpec.declared(key_type, size)
    assert caught.value.field == field
    assert caught.value.remedy


def test_a_kind_that_cannot_be_declared_cannot_be_made() -> None:
    with pytest.raises(PkiError, match="cannot be made"):
        keys.generate(keys.KeySpec("ed448"))


def test_ed25519_has_no_size() -> None:
    assert str(keys.spec_of(ed25519.Ed25519PrivateKey.generate())) == "ed25519"
    assert str(keys.KeySpec("ec", 384)) == "ec-384"
