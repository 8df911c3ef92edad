# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records: what is written can be read, what was changed does not open, and nothing raises but the domain's error."""

from __future__ import annotations

import base64
import contextlib
import secrets
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.redact import Secret
from plugins.module_utils._envelope.envelope import open_record, seal_value
from plugins.module_utils._envelope.errors import EnvelopeError
from plugins.module_utils._envelope.local import LocalKey, master_key
from plugins.module_utils._envelope.record import DEK_FIELDS, Form, Record

MASTER = Secret(secrets.token_hex(32))
FORMS = [Form(encoding, iv_bytes) for encoding in ("base64", "hex") for iv_bytes in (12, 16)]
VALUE = "sk_test_ümläut".encode()


def _key(form: Form, master: Secret = MASTER) -> LocalKey:
    return LocalKey(master, "the key of the test", form)


def _sealed(form: Form = FORMS[0], aad: bytes = b"stripe_api_key") -> dict[str, str]:
    return seal_value(_key(form), VALUE, form, aad).written(form)


def _opened(fields: t.Any, form: Form = FORMS[0], aad: bytes = b"stripe_api_key", master: Secret = MASTER) -> bytes:
    return open_record(_key(form, master), Record.parsed(fields, form), aad)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_mb_27_layout(form: Form) -> None:
    fields = _sealed(form)
    assert list(fields) == ["encryptedValue", "encryptedDEK", "iv", "authTag", "algorithm"]
    lengths = {name: len(form.read(fields[name])) for name in ("encryptedValue", "encryptedDEK", "iv", "authTag")}
    assert lengths == {
        "encryptedValue": len(VALUE),
        "encryptedDEK": form.iv_bytes + 16 + 32,
        "iv": form.iv_bytes,
        "authTag": 16,
    }
    assert fields["algorithm"] == "aes-256-gcm"
    assert _opened(fields, form) == VALUE


def test_mb_27_both_spellings_of_the_field_are_read() -> None:
    fields = _sealed()
    other = dict(fields)
    other["encryptedDek"] = other.pop("encryptedDEK")
    assert _opened(other) == VALUE
    assert _opened({**fields, **other, "key": "stripe_api_key", "id": 7}) == VALUE
    with pytest.raises(EnvelopeError, match="encryptedDEK and encryptedDek: differ"):
        _opened({**fields, "encryptedDek": _sealed()["encryptedDEK"]})


def test_mb_27_spelling_is_written_on_demand() -> None:
    form = FORMS[0]
    assert "encryptedDek" in seal_value(_key(form), VALUE, form).written(form, DEK_FIELDS[1])


def test_mb_23_every_value_has_a_key_of_its_own() -> None:
    key = _key(FORMS[0])
    wrapped = [_sealed()["encryptedDEK"] for _at in range(500)]
    assert len({key.unwrap([text])[0] for text in wrapped}) == 500
    assert len(set(wrapped)) == 500


def test_mb_24_the_wrapped_key_has_an_iv_and_a_tag_of_its_own() -> None:
    fields = {name: base64.b64decode(text) for name, text in _sealed().items() if name != "algorithm"}
    assert fields["encryptedDEK"][:12] != fields["iv"]
    assert fields["encryptedDEK"][12:28] != fields["authTag"]


@pytest.mark.parametrize("name", ["encryptedValue", "encryptedDEK", "iv", "authTag"])
def test_any_changed_byte_of_any_part_is_refused(name: str) -> None:
    fields = _sealed()
    content = base64.b64decode(fields[name])
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 0x40
        with pytest.raises(EnvelopeError) as caught:
            _opened({**fields, name: base64.b64encode(changed).decode()})
        assert caught.value.field == ("encryptedDEK" if name == "encryptedDEK" else "encryptedValue")
        assert VALUE.decode() not in str(caught.value)


@pytest.mark.parametrize("name", ["encryptedDEK", "iv", "authTag"])
def test_any_cut_part_is_refused(name: str) -> None:
    fields = _sealed()
    content = base64.b64decode(fields[name])
    for length in range(len(content)):
        with pytest.raises(EnvelopeError) as caught:
            _opened({**fields, name: base64.b64encode(content[:length]).decode()})
        assert caught.value.field == name


def test_parts_of_two_records_do_not_mix() -> None:
    one, other = _sealed(), _sealed()
    for name in ("encryptedValue", "encryptedDEK", "iv", "authTag"):
        with pytest.raises(EnvelopeError):
            _opened({**one, name: other[name]})


def test_a_record_that_was_moved_elsewhere_does_not_open_there() -> None:
    with pytest.raises(EnvelopeError, match="the aad is not what it was sealed with"):
        _opened(_sealed(), aad=b"another_key")


def test_another_master_key_opens_nothing() -> None:
    with pytest.raises(EnvelopeError, match="encryptedDEK: does not open with the key of the test") as caught:
        _opened(_sealed(), master=Secret(secrets.token_hex(32)))
    assert MASTER.reveal() not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": "aes-128-gcm"}, "algorithm: is not aes-256-gcm"),
        ({"algorithm": "aes-256-cbc"}, "algorithm: is not aes-256-gcm"),
        ({"algorithm": None}, "algorithm: is missing"),
        ({"iv": ""}, "iv: is missing"),
        ({"iv": 12}, "iv: is a whole number, not a text"),
        ({"iv": "§"}, "iv: is not base64"),
        ({"iv": "AAAA"}, "iv: is 3 bytes long, and has to be 12 or 16"),
        ({"authTag": "AAAAAA=="}, "authTag: is 4 bytes long, and has to be 16"),
        ({"authTag": None}, "authTag: is missing"),
        ({"encryptedValue": None}, "encryptedValue: is missing"),
        ({"encryptedValue": "a b"}, "encryptedValue: is not base64"),
        ({"encryptedDEK": None}, "encryptedDEK: is missing"),
    ],
)
def test_a_record_that_is_none_says_why(change: dict[str, t.Any], message: str) -> None:
    with pytest.raises(EnvelopeError) as caught:
        _opened({**_sealed(), **change})
    assert message in str(caught.value)


def test_upper_case_of_the_algorithm_means_the_same() -> None:
    assert _opened({**_sealed(), "algorithm": "AES-256-GCM"}) == VALUE


def test_an_empty_value_is_a_value() -> None:
    form = FORMS[0]
    fields = seal_value(_key(form), b"", form).written(form)
    assert fields["encryptedValue"] == ""
    assert _opened(fields, aad=b"") == b""


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(ANYTHING, st.binary(max_size=90).map(lambda octets: base64.b64encode(octets).decode()))
        for name in ("encryptedValue", "encryptedDEK", "encryptedDek", "iv", "authTag")
    }
    | {"algorithm": st.sampled_from(["aes-256-gcm", "AES-256-GCM"]) | ANYTHING},
)


@given(fields=FIELDS | ANYTHING, form=st.sampled_from(FORMS))
def test_whatever_is_no_record_raises_the_error_of_the_domain(fields: t.Any, form: Form) -> None:
    with pytest.raises(EnvelopeError):
        _opened(fields, form)


@given(value=st.binary(max_size=200), aad=st.binary(max_size=40), form=st.sampled_from(FORMS))
def test_whatever_is_sealed_opens(value: bytes, aad: bytes, form: Form) -> None:
    fields = seal_value(_key(form), value, form, aad).written(form)
    assert open_record(_key(form), Record.parsed(fields, form), aad) == value


@given(text=st.text(max_size=80) | st.from_regex(r"[0-9a-fA-F]{64}", fullmatch=True))
def test_whatever_is_no_master_key_raises_the_error_of_the_domain(text: str) -> None:
    with contextlib.suppress(EnvelopeError):
        assert master_key(text).reveal() == text.lower()


@given(text=ANYTHING)
def test_whatever_is_no_wrapped_key_is_not_unwrapped(text: t.Any) -> None:
    assert _key(FORMS[0]).unwrap([text]) == [None]
