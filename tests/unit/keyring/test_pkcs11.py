# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys in a token: what is asked of the library, without a token of any kind."""

from __future__ import annotations

import hashlib
import pathlib
import threading
import time
import typing as t

import pkcs11
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pkcs11 import Attribute

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import FileFailure
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._jose.keys import public_pem
from plugins.module_utils._keyring.pkcs11 import Pkcs11Holder, TokenError

RSA: t.Final = rsa.generate_private_key(65537, 2048)
EC: t.Final = ec.generate_private_key(ec.SECP256R1())


class Key(dict[t.Any, t.Any]):
    """A half of a key pair in the token."""

    def __init__(self, token: Token, half: t.Any, key_type: t.Any, **attributes: t.Any) -> None:
        super().__init__(attributes.pop("shown", {}))
        self.token, self.half, self.key_type = token, half, key_type
        self.used: list[t.Any] = []

    def sign(self, data: bytes, mechanism: t.Any) -> bytes:
        self.used.append((data, mechanism))
        return b"signature"

    def destroy(self) -> None:
        self.token.destroyed.append(self.half)
        self.token.keys = {place: key for place, key in self.token.keys.items() if key is not self}


class Token:
    """The library, its one token, and the session in it; ``fails`` is raised by whatever is asked next."""

    def __init__(self, extractable: bool = False, sensitive: bool = True) -> None:
        self.keys: dict[tuple[t.Any, bytes], Key] = {}
        self.destroyed: list[t.Any] = []
        self.asked: list[t.Any] = []
        self.closed = 0
        self.fails: Exception | None = None
        self.refuses: Exception | None = None
        self.flags = pkcs11.TokenFlag.TOKEN_INITIALIZED
        self._private = {Attribute.EXTRACTABLE: extractable, Attribute.SENSITIVE: sensitive}
        self._point = EC.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    def get_token(self, token_label: str) -> Token:
        self.asked.append(("token", token_label))
        return self

    def open(self, rw: bool, user_pin: str) -> Token:
        self.asked.append(("open", rw, user_pin))
        if self.refuses:
            raise self.refuses
        return self

    def close(self) -> None:
        self.closed += 1

    def create_domain_parameters(self, kind: t.Any, attributes: t.Any, local: bool) -> t.Any:
        self.asked.append(("curve", kind, attributes, local))
        return self

    def generate_keypair(self, *kind: t.Any, **template: t.Any) -> tuple[Key, Key]:
        if self.fails:
            raise self.fails
        self.asked.append(("generate", kind, template))
        if kind:
            numbers = RSA.public_key().public_numbers()
            shown = {Attribute.PUBLIC_EXPONENT: b"\1\0\1", Attribute.MODULUS: numbers.n.to_bytes(256, "big")}
            return self._pair(pkcs11.KeyType.RSA, template, shown)
        return self._pair(pkcs11.KeyType.EC, template, {Attribute.EC_POINT: b"\4\101" + self._point})

    def _pair(self, kind: t.Any, template: t.Any, shown: t.Any) -> tuple[Key, Key]:
        public = Key(self, pkcs11.ObjectClass.PUBLIC_KEY, kind, shown=shown)
        private = Key(self, pkcs11.ObjectClass.PRIVATE_KEY, kind, shown=self._private)
        for key in (public, private):
            self.keys[key.half, template["id"]] = key
        return public, private

    def get_key(self, object_class: t.Any, id: bytes) -> Key:  # noqa: A002  # the library's name
        if self.fails:
            raise self.fails
        if (object_class, id) not in self.keys:
            raise pkcs11.NoSuchKey
        return self.keys[object_class, id]


def holder(token: Token, monkeypatch: pytest.MonkeyPatch) -> Pkcs11Holder:
    monkeypatch.setattr(pkcs11, "lib", lambda path: (token.asked.append(("lib", path)), token)[1])
    return Pkcs11Holder("libtoken.so", "hub", Secret("the-pin-of-the-token"))


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", RSA), ("ES256", EC)], ids=["RS256", "ES256"])
def test_a_key_is_made_so_that_it_cannot_leave(algorithm: str, key: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token = Token()
    with holder(token, monkeypatch) as keys:
        handle, pem = keys.generate("fsp", algorithm, 2048)
        assert keys.public_pem(handle) == pem == public_pem(key.public_key())
    (kind, template), *more = [entry[1:] for entry in token.asked if entry[0] == "generate"]
    assert not more
    assert kind == ((pkcs11.KeyType.RSA, 2048) if algorithm == "RS256" else ())
    assert template == {
        "id": bytes.fromhex(handle),
        "label": "fsp",
        "store": True,
        "capabilities": pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY,
        "private_template": {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True},
    }
    assert len(template["id"]) == 16
    if algorithm == "ES256":
        curve = bytes.fromhex("06082a8648ce3d030107")
        assert ("curve", pkcs11.KeyType.EC, {Attribute.EC_PARAMS: curve}, True) in token.asked
    assert token.asked[:3] == [
        *(("lib", "libtoken.so"), ("token", "hub")),
        ("open", True, "the-pin-of-the-token"),
    ]
    assert token.closed == 1


@pytest.mark.parametrize(
    ("extractable", "sensitive", "taken"),
    [(False, True, True), (True, True, False), (False, False, False), (True, False, False)],
)
def test_a_key_that_can_leave_is_refused_and_destroyed(
    extractable: bool, sensitive: bool, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = Token(extractable, sensitive)
    with holder(token, monkeypatch) as keys:
        if taken:
            keys.generate("fsp", "ES256", 256)
            assert len(token.keys) == 2
            return
        with pytest.raises(TokenError, match="made a key that can be taken out of it"):
            keys.generate("fsp", "ES256", 256)
    assert token.keys == {}


def test_a_point_that_is_not_wrapped_is_read_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    token = Token()
    with holder(token, monkeypatch) as keys:
        handle, pem = keys.generate("fsp", "ES256", 256)
        (public,) = [key for key in token.keys.values() if Attribute.EC_POINT in key]
        public[Attribute.EC_POINT] = public[Attribute.EC_POINT][2:]
        assert keys.public_pem(handle) == pem


def test_an_algorithm_that_tokens_lack_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    token = Token()
    with holder(token, monkeypatch) as keys, pytest.raises(InvalidInput) as refusal:
        keys.generate("fsp", "EdDSA", 256)
    assert refusal.value.field == "algorithm"
    assert token.asked == []


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_what_is_signed_and_how(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = Token()
    with holder(token, monkeypatch) as keys:
        handle, _pem = keys.generate("fsp", algorithm, 2048)
        assert keys.sign(handle, b"data", algorithm) == b"signature"
        (used,) = token.keys[pkcs11.ObjectClass.PRIVATE_KEY, bytes.fromhex(handle)].used
        with pytest.raises(TokenError, match="has no key 00ff"):
            keys.sign("00ff", b"data", algorithm)
    assert used == (
        (b"data", pkcs11.Mechanism.SHA256_RSA_PKCS)
        if algorithm == "RS256"
        else (hashlib.sha256(b"data").digest(), pkcs11.Mechanism.ECDSA)
    )


def test_both_halves_are_destroyed_and_one_alone_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    token = Token()
    with holder(token, monkeypatch) as keys:
        handle, _pem = keys.generate("fsp", "ES256", 256)
        keys.destroy(handle)
        assert token.keys == {}
        keys.destroy(handle)
        second, _pem = keys.generate("fsp", "ES256", 256)
        del token.keys[pkcs11.ObjectClass.PRIVATE_KEY, bytes.fromhex(second)]
        assert keys.public_pem(second) is None, "a key without its private half is lost"
        keys.destroy(second)
        assert token.keys == {}
        third, _pem = keys.generate("fsp", "ES256", 256)
        del token.keys[pkcs11.ObjectClass.PUBLIC_KEY, bytes.fromhex(third)]
        assert keys.public_pem(third) is None
        assert keys.public_pem("not hex") is None


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("PinIncorrect", "Correct the PIN"),
        ("PinLocked", "security officer"),
        ("MechanismInvalid", "another algorithm"),
        ("DeviceMemory", "full"),
        ("GeneralError", "Look at the token"),
    ],
)
def test_a_failure_is_named_without_its_text_and_logs_out(
    name: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = Token()
    with holder(token, monkeypatch) as keys:
        token.fails = getattr(pkcs11, name)("the-pin-of-the-token was wrong")
        with pytest.raises(TokenError) as failed:
            keys.generate("fsp", "ES256", 256)
        assert str(failed.value).startswith(f"holder: pkcs11 token hub: {name}")
        assert remedy in str(failed.value)
        assert "the-pin" not in str(failed.value)
        assert token.closed == 1
        token.fails = None
        keys.generate("fsp", "ES256", 256)
    assert [entry[0] for entry in token.asked].count("open") == 2, "the next use logs in again"
    assert token.closed == 2


def test_a_library_that_others_can_write_is_not_loaded(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = Token()
    library = tmp_path / "libtoken.so"
    library.write_bytes(b"")
    library.chmod(0o666)
    holder(token, monkeypatch)
    with Pkcs11Holder(str(library), "hub", Secret("the-pin-of-the-token")) as keys, pytest.raises(FileFailure) as why:
        keys.public_pem("00")
    assert why.value.field == "holder.library"
    assert token.asked == []


def test_a_library_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str) -> t.NoReturn:
        raise RuntimeError("the library says something")

    monkeypatch.setattr(pkcs11, "lib", refuse)
    with Pkcs11Holder("libnone.so", "hub", Secret("pin")) as keys, pytest.raises(TokenError) as why:
        keys.public_pem("00")
    assert why.value.field == "holder.library"
    assert "libnone.so cannot be loaded" in str(why.value)


def test_one_thing_is_done_at_a_time_and_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    token, threads, inside, most = Token(), set(), [0], [0]
    with holder(token, monkeypatch) as keys:

        def slow(_session: t.Any) -> None:
            threads.add(threading.get_ident())
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.01)
            inside[0] -= 1

        callers = [threading.Thread(target=keys._do, args=(slow,)) for _time in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert (len(threads), most[0]) == (1, 1)
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(
    ("refusal", "logins"),
    [(pkcs11.PinIncorrect(), 1), (pkcs11.exceptions.PinLenRange(), 1), (pkcs11.exceptions.DeviceError(), 3)],
    ids=lambda value: type(value).__name__,
)
def test_a_pin_that_is_refused_is_shown_once(refusal: Exception, logins: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """openssl-projects/pkcs11-provider#455: a wrong PIN in a configuration locked the token."""
    token = Token()
    token.refuses = refusal
    with holder(token, monkeypatch) as keys:
        for handle in ("00", "01", "02"):
            with pytest.raises(TokenError, match=type(refusal).__name__):
                keys.public_pem(handle)
    assert [asked[0] for asked in token.asked].count("open") == logins


def test_the_last_attempt_is_left_to_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """openssl-projects/pkcs11-provider#455: the flags of a token say that one more wrong PIN locks it."""
    token = Token()
    token.flags |= pkcs11.TokenFlag.USER_PIN_COUNT_LOW | pkcs11.TokenFlag.USER_PIN_FINAL_TRY
    with holder(token, monkeypatch) as keys:
        with pytest.raises(TokenError, match="locks itself at the next wrong PIN"):
            keys.public_pem("00")
        assert "open" not in [asked[0] for asked in token.asked]
        token.flags |= pkcs11.TokenFlag.USER_PIN_LOCKED
        token.refuses = pkcs11.PinLocked()
        with pytest.raises(TokenError, match="PinLocked"):
            keys.public_pem("00")


def test_who_is_done_with_a_token_leaves_no_thread_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    with holder(Token(), monkeypatch) as held:
        held.generate("fsp", "ES256", 256)
        assert len(set(threading.enumerate()) - before) == 1
    assert set(threading.enumerate()) - before == set()


def test_a_session_that_cannot_be_closed_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    token = Token()

    def broken() -> t.NoReturn:
        raise pkcs11.exceptions.SessionHandleInvalid

    monkeypatch.setattr(token, "close", broken)
    with holder(token, monkeypatch) as held:
        handle, _public = held.generate("fsp", "ES256", 256)
        token.fails = pkcs11.exceptions.DeviceError()
        with pytest.raises(TokenError, match="DeviceError"):
            held.sign(handle, b"x", "ES256")
        token.fails = None
        assert held.sign(handle, b"x", "ES256") == b"signature"
