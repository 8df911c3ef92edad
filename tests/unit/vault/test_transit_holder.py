# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that a transit engine keeps: none that could leave it, and only what is a signature is taken for one."""

from __future__ import annotations

import base64
import re
import typing as t

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._vault.errors import Rejected
from plugins.module_utils._vault.transit_holder import TransitHolder
from tests.unit.vault.memory import Data, Memory, found

PEM: t.Final = "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n"


class Engine:
    """A transit engine; ``public`` is what it shows of a key that was made."""

    def __init__(self, public: str = PEM) -> None:
        self.memory = Memory(transit="transit")
        self.public = public
        self.signature = "vault:v1:c2lnbmF0dXJl"
        self.memory.on("post", "transit/keys/[^/]+", self._make)
        self.memory.on("post", "transit/sign/.*", lambda _path, _body: found({"signature": self.signature}))

    @property
    def holder(self) -> TransitHolder:
        return TransitHolder(self.memory.vault, "/transit/")

    def _make(self, path: str, body: Data) -> None:
        self.memory.objects[path] = {**body, "keys": {"1": {"public_key": self.public}}}

    def body(self, part: str) -> Data:
        return next(body for method, path, body in self.memory.asked if method == "post" and part in path)


@pytest.mark.parametrize(
    ("algorithm", "bits", "kind"),
    [
        ("RS256", 2048, "rsa-2048"),
        ("RS256", 3072, "rsa-3072"),
        ("RS256", 4096, "rsa-4096"),
        ("ES256", 256, "ecdsa-p256"),
        ("EdDSA", 256, "ed25519"),
    ],
)
def test_a_key_is_made_so_that_it_cannot_leave(algorithm: str, bits: int, kind: str) -> None:
    engine = Engine()
    holder = engine.holder
    assert holder.identity == "transit/"
    handle, public = holder.generate("fsp ü/1", algorithm, bits)
    assert public == holder.public_pem(handle) == PEM
    assert re.fullmatch(r"fsp---1-[0-9a-f]{16}", handle)
    body = engine.body("/keys/")
    assert (body["type"], body["exportable"]) == (kind, False)
    assert set(body) == {"type", "exportable"}, "nothing allows it to be deleted or backed up in plain text"


def test_a_size_that_the_engine_lacks_is_refused_before_anything_is_made() -> None:
    engine = Engine()
    with pytest.raises(InvalidInput) as refusal:
        engine.holder.generate("fsp", "RS256", 1024)
    assert refusal.value.field == "bits"
    assert engine.memory.writes == []


def test_an_engine_that_is_not_there_is_named_by_its_option() -> None:
    holder = TransitHolder(Memory().vault, "none")
    with pytest.raises(InvalidInput) as refusal:
        holder.generate("fsp", "ES256", 256)
    assert refusal.value.field == "holder.mount"
    assert holder.public_pem("gone") is None
    holder.destroy("gone")


def test_a_key_that_is_gone_after_it_was_made_is_an_error() -> None:
    engine = Engine()
    engine.memory.on("get", "transit/keys/.*", lambda _path, _body: (404, {"errors": []}))
    with pytest.raises(Rejected, match="is not there after it was made"):
        engine.holder.generate("fsp", "ES256", 256)


def test_the_first_version_is_the_key() -> None:
    engine = Engine()
    handle, _public = engine.holder.generate("fsp", "ES256", 256)
    versions = engine.memory.objects[f"transit/keys/{handle}"]["keys"]
    versions["2"] = {"public_key": "-----BEGIN another"}
    assert engine.holder.public_pem(handle) == PEM
    del versions["1"]
    assert engine.holder.public_pem(handle) is None
    assert engine.holder.public_pem("never-made") is None


def test_an_ed25519_key_is_shown_in_pem() -> None:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    assert Engine(base64.b64encode(raw).decode()).holder.generate("fsp", "EdDSA", 256)[1] == pem
    for shown in (base64.b64encode(raw[1:]).decode(), "no base64!", base64.b64encode(raw).decode() + "!"):
        with pytest.raises(Rejected, match="not one of Ed25519"):
            Engine(shown).holder.generate("fsp", "EdDSA", 256)


@pytest.mark.parametrize(
    ("algorithm", "asked"),
    [
        ("RS256", {"hash_algorithm": "sha2-256", "signature_algorithm": "pkcs1v15"}),
        ("ES256", {"hash_algorithm": "sha2-256", "marshaling_algorithm": "jws"}),
        ("EdDSA", {}),
    ],
)
def test_what_is_signed_and_how(algorithm: str, asked: Data) -> None:
    engine = Engine()
    assert engine.holder.sign("handle", b"data", algorithm) == b"signature"
    assert engine.body("/sign/") == {"input": "ZGF0YQ==", "key_version": 1, **asked}


@pytest.mark.parametrize(
    ("algorithm", "answer", "signature"),
    [
        ("ES256", "vault:v1:-_8", b"\xfb\xff"),
        ("RS256", "vault:v1:+/8=", b"\xfb\xff"),
        ("ES256", "vault:v1:+/8=", None),
        ("RS256", "vault:v1:-_8", None),
        ("RS256", "vault:v2:c2ln", None),
        ("RS256", "vault:v1:", None),
        ("RS256", "xvault:v1:c2ln", None),
        ("RS256", "vault:v1:c2ln\n", None),
        ("RS256", "vault:v1:c2l", None),
    ],
)
def test_r17_only_a_signature_of_the_first_version_counts(algorithm: str, answer: str, signature: bytes | None) -> None:
    engine = Engine()
    engine.signature = answer
    if signature is not None:
        assert engine.holder.sign("handle", b"data", algorithm) == signature
        return
    with pytest.raises(Rejected, match="something else than a signature"):
        engine.holder.sign("handle", b"data", algorithm)


def test_a_key_is_destroyed_after_that_was_allowed_and_only_once() -> None:
    engine = Engine()
    handle, _public = engine.holder.generate("fsp", "ES256", 256)
    engine.memory.asked.clear()
    engine.holder.destroy(handle)
    engine.holder.destroy(handle)
    assert engine.memory.writes == [("post", f"transit/keys/{handle}/config"), ("delete", f"transit/keys/{handle}")]
    assert engine.body("/config") == {"deletion_allowed": True}
