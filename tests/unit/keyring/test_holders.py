# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that a holder keeps, of issuers and of participants, and which declarations go together with one."""

from __future__ import annotations

import contextlib
import json
import pathlib
import typing as t

import pytest
from cryptography.hazmat.primitives import serialization

from plugins.module_utils._core.deps import PKCS11
from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal
from plugins.module_utils._core.files import Attributes
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._jose.jwks import thumbprint
from plugins.module_utils._keyring import holder_options, jws_declaration, jwt_key
from plugins.module_utils._keyring.directory import DirectoryPublisher
from plugins.module_utils._keyring.file_custody import FileCustody, Projection
from plugins.module_utils._keyring.holder import HeldKey
from plugins.module_utils._keyring.jws import JwsKey, TrustedKey
from plugins.module_utils._keyring.keyring import Keyring
from plugins.module_utils._keyring.publisher import Target
from plugins.module_utils._keyring.record import KeyMaterial
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.unit.keyring.ring import START
from tests.unit.pki.forge import pkcs8

_TYPES: t.Final = {"RS256": "rsa", "ES256": "ec", "EdDSA": "ed25519"}


def _pem(key: t.Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


class Holder:
    """Keeps keys of this process by their handle, and notes what it is asked for."""

    identity = "transit/"

    def __init__(self) -> None:
        self.kept: dict[str, t.Any] = {}
        self.asked: list[tuple[str, str, int]] = []

    def generate(self, name: str, algorithm: str, bits: int) -> tuple[str, str]:
        self.asked.append((name, algorithm, bits))
        handle = f"{name}-{len(self.asked)}"
        self.kept[handle] = generate(KeySpec.declared(_TYPES[algorithm], bits or None))
        return handle, _pem(self.kept[handle])

    def public_pem(self, handle: str) -> str | None:
        return _pem(self.kept[handle]) if handle in self.kept else None

    def sign(self, handle: str, data: bytes, algorithm: str) -> bytes:
        return f"{handle} {data.decode()} {algorithm}".encode()

    def destroy(self, handle: str) -> None:
        del self.kept[handle]


class Issuer:
    """An issuer whose record is in files."""

    def __init__(self, base: pathlib.Path) -> None:
        self.base = base
        self.clock = START

    def declared(self, holder: Holder | None, **options: t.Any) -> tuple[Keyring, jwt_key.JwtKeyResource]:
        """Return what the module makes of one item."""
        fields = [Projection(name, f"{{name}}.{name}", Attributes()) for name in ("private_key", "secret")]
        custody = FileCustody(str(self.base / "keys"), "jwt_key", fields)
        target = Target(DirectoryPublisher(str(self.base / "jwks"), suffix=".json"))
        keyring = Keyring(custody, [target], jwt_key.SHAPE, lambda: self.clock)
        item = {name: option.get("default") for name, option in jwt_key.ITEM_OPTIONS.items()}
        item.update(name="hub", lead="0")
        item.update(options)
        return keyring, jwt_key.JwtKeyResource.declared(item, keyring, t.cast(t.Any, holder))

    def run(self, holder: Holder | None, **options: t.Any) -> Outcome:
        """Reconcile once."""
        keyring, resource = self.declared(holder, **options)
        batch = Batch([resource], reads_here=True, transaction=keyring)
        (outcome,) = reconcile(batch, check_mode=False, clock=lambda: self.clock)
        return outcome

    @property
    def record(self) -> dict[str, t.Any]:
        """What is kept."""
        text = (self.base / "keys/.trustmesh-jwt_key/hub/current/record.json").read_text()
        return t.cast("dict[str, t.Any]", json.loads(text))

    @property
    def published(self) -> str:
        """What those read who verify."""
        return (self.base / "jwks/hub.json").read_text()


@pytest.fixture
def issuer(tmp_path: pathlib.Path) -> Issuer:
    """An empty one."""
    return Issuer(tmp_path)


@pytest.mark.parametrize(
    ("options", "bits"),
    [
        ({"algorithm": "RS256", "key_size": 2048}, 2048),
        ({"algorithm": "RS256", "key_size": 3072}, 3072),
        ({"algorithm": "ES256"}, 256),
        ({"algorithm": "EdDSA"}, 0),
    ],
    ids=str,
)
def test_a_holder_makes_the_key_of_an_issuer(issuer: Issuer, options: dict[str, t.Any], bits: int) -> None:
    holder = Holder()
    made = issuer.run(holder, **options)
    assert (made.error, holder.asked) == (None, [("hub", options["algorithm"], bits)])
    key = holder.kept["hub-1"].public_key()
    assert (issuer.record["handle"], issuer.record["algorithm"]) == ("hub-1", options["algorithm"])
    assert issuer.record["kid"] == made.facts["kid"] == thumbprint(key)
    assert "private_key" not in issuer.record
    assert [entry["kid"] for entry in json.loads(issuer.published)["keys"]] == [thumbprint(key)]
    assert not issuer.run(holder, **options).changed
    holder.kept.clear()
    assert "transit/ has no key hub-1 any more" in str(issuer.run(holder, **options).error)


def test_keys_of_an_issuer_are_named_while_they_change(issuer: Issuer) -> None:
    options = {"algorithm": "ES256", "lead": "1h", "max_age": "30d"}
    first = issuer.run(None, **options).facts
    assert (first["next_kid"], first["previous_kids"]) == (None, [])
    issuer.clock = issuer.clock.replace(month=3)
    waiting = issuer.run(None, **options).facts
    assert (waiting["kid"], waiting["previous_kids"]) == (first["kid"], [])
    assert waiting["next_kid"] not in (None, first["kid"])
    issuer.clock = issuer.clock.replace(hour=13)
    used = issuer.run(None, **options).facts
    assert (used["kid"], used["next_kid"], used["previous_kids"]) == (waiting["next_kid"], None, [first["kid"]])


@pytest.mark.parametrize(("before", "where"), [(None, "in custody"), (Holder(), "with a holder")], ids=["pem", "held"])
def test_a_key_does_not_move_between_custody_and_a_holder(issuer: Issuer, before: t.Any, where: str) -> None:
    after = Holder() if before is None else None
    assert issuer.run(before, algorithm="ES256").error is None
    kid = issuer.record["kid"]
    refused = issuer.run(after, algorithm="ES256")
    assert isinstance(refused.error, PolicyRefusal)
    assert f"the private key is {where}, declared otherwise" in str(refused.error)
    assert issuer.record["kid"] == kid
    assert issuer.run(after, algorithm="ES256", on_mismatch="replace").error is None
    assert not issuer.run(after, algorithm="ES256").changed


def test_a_shared_secret_is_not_for_a_holder(issuer: Issuer) -> None:
    with pytest.raises(InvalidInput) as refusal:
        issuer.declared(t.cast(t.Any, Holder()), algorithm="HS256")
    assert refusal.value.field == "algorithm"
    assert refusal.value.remedy


@pytest.mark.parametrize(("text", "taken"), [("s" * 31, False), ("s" * 32, True)])
def test_a_secret_of_before_is_taken_over_if_it_is_long_enough(issuer: Issuer, text: str, taken: bool) -> None:
    _keyring, resource = issuer.declared(None, algorithm="HS256")
    if not taken:
        with pytest.raises(PolicyRefusal, match="holds a secret of fewer than 32 octets"):
            resource.adopt({"secret": text})
        return
    assert resource.adopt({"secret": text, "kid": "of before"}).facts == {"algorithm": "HS256", "kid": "of before"}
    kids = {resource.adopt({"secret": text}).facts["kid"], resource.generate().facts["kid"]}
    assert [len(kid) for kid in kids] == [16, 16], "12 octets, by chance"


def test_a_key_set_is_laid_out_for_people(issuer: Issuer) -> None:
    issuer.run(None, algorithm="ES256")
    assert issuer.published.startswith('{\n "keys": [\n  {')


@pytest.mark.parametrize("public", ["damaged", None])
def test_a_public_key_that_is_not_readable_is_taken_from_the_private_one(issuer: Issuer, public: str | None) -> None:
    _keyring, resource = issuer.declared(None, algorithm="ES256")
    key = generate(KeySpec("ec", 256))
    secrets = {"private_key": Secret(pkcs8(key).decode())}
    damaged = KeyMaterial(secrets, public, {"algorithm": "ES256", "kid": thumbprint(key.public_key())})
    assert list(resource.mismatches(damaged)) == []
    assert resource.settle(damaged).public == _pem(key)
    held = KeyMaterial({}, public, {"handle": "h"})
    assert resource.settle(held) is held


def test_a_held_key_signs_by_its_handle() -> None:
    assert HeldKey(t.cast(t.Any, Holder()), "h", "ES256").sign(b"text") == b"h text ES256"


def test_a_holder_is_the_declared_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(declared: t.Any) -> t.Any:
        with contextlib.ExitStack() as stack:
            return holder_options.holder({"holder": declared}, lambda mount: t.cast(t.Any, f"transit {mount}"), stack)

    assert made(None) is None
    assert made({"kind": "transit", "mount": "keys"}) == "transit keys"
    asked: list[object] = []

    def check(library: object) -> None:
        asked.append(library)

    monkeypatch.setattr(type(PKCS11), "check", check)
    token = made({"kind": "pkcs11", "library": "/lib/x.so", "token": "jws", "pin": "1234"})
    assert (token.identity, token._library, token._pin.reveal()) == ("pkcs11 token jws", "/lib/x.so", "1234")
    assert asked == [PKCS11]


def _participant(holder: Holder | None = None, **options: t.Any) -> t.Any:
    keyring = Keyring(FileCustody("/keys", "jws_key", ()), (), jwt_key.SHAPE)
    item = {name: option.get("default") for name, option in jws_declaration.ITEM_OPTIONS.items()}
    adopt = {"file": None, "mount": None, "path": None, "key": "private_key", **options.pop("adopt", {})}
    item.update({"name": "Hub", **options, "adopt": adopt if adopt["file"] or adopt["mount"] else None})
    item["adopt"] = adopt if options.get("bare") else item["adopt"]
    return jws_declaration.declared(item, keyring, t.cast(t.Any, None), t.cast(t.Any, holder))


def test_what_is_declared_of_a_participant_is_a_key_or_one_that_is_kept_elsewhere() -> None:
    public = _pem(generate(KeySpec("ec", 256)))
    trusted = _participant(public_key=public)
    assert (type(trusted), trusted.name) == (TrustedKey, "Hub")
    assert thumbprint(trusted.public) == thumbprint(serialization.load_pem_public_key(public.encode()))
    holder = Holder()
    key = _participant(holder)
    assert (type(key), key.holder, key.terms.source) == (JwsKey, holder, None)
    assert _participant(adopt={"file": "/x"}).terms.source is not None
    gone = _participant(state="absent", public_key=public)
    assert (type(gone), gone.terms) == (JwsKey, None)


def test_a_holder_adopts_nothing() -> None:
    with pytest.raises(InvalidInput, match=r"transit/ makes its keys itself") as refusal:
        _participant(Holder(), adopt={"file": "/x"})
    assert (refusal.value.field, bool(refusal.value.remedy)) == ("adopt", True)


@pytest.mark.parametrize("adopt", [{"file": "/x", "mount": "kv", "path": "p"}, {}], ids=["both", "neither"])
def test_a_key_is_adopted_from_one_place(adopt: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="takes a file, or mount and path") as refusal:
        _participant(bare=True, adopt=adopt)
    assert refusal.value.field == "adopt"


def test_the_file_to_adopt_is_the_one_of_its_owner(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidInput, match=f"{tmp_path}/old-Hub.pem does not exist") as refusal:
        _participant(adopt={"file": "~/old-{name}.pem"}).terms.source()
    assert refusal.value.remedy
    (tmp_path / "old-Hub.pem").write_text("the key")
    assert _participant(adopt={"file": "~/old-{name}.pem"}).terms.source()["private_key"] == "the key"


def test_trap_jws_4_names_mean_what_they_say_in_any_case() -> None:
    jws_declaration.refuse_lookalikes(["PerfFsp-1", "perffsp-2", "PerfFsp-1"])
