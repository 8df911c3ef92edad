# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""API keys as texts: how strong they are, how mistakes are told, and how a service decides."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import math
import typing as t
import zlib

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._keyring.api_key import (
    ALPHABET,
    checked_pepper,
    checked_prefix,
    checksum,
    digest,
    generate,
    key_id,
    parse,
    recognise,
)
from plugins.test.api_key_matches import TestModule as Matches

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)
PEPPER = Secret("a pepper for the tests of digests only")
#: Known to nobody, good for nothing: made of the alphabet in its order.
FIXED = "tm_live_" + ALPHABET[:43]


def entry(key: str, pepper: Secret | None = None, **more: t.Any) -> dict[str, t.Any]:
    algorithm, value = digest(key, pepper)
    return {"id": key_id(key), "hash_algorithm": algorithm, "hash": value, "expires": None, **more}


def record(*entries: dict[str, t.Any]) -> dict[str, t.Any]:
    """As the trust service's document has it: a client with two permissions."""
    return {
        "client": "integration-service",
        "permissions": ["certificate:validate", "trust:query"],
        "keys": list(entries),
    }


@pytest.mark.parametrize(("bits", "characters"), [(256, 43), (257, 44), (384, 65), (512, 86)])
def test_key_has_the_bits_it_promises(bits: int, characters: int) -> None:
    key = generate("tm_live_", bits).reveal()
    assert len(key) == len("tm_live_") + characters + 6
    assert characters * math.log2(62) >= bits
    parts = parse(key)
    assert parts is not None
    assert parts.prefix == "tm_live_"
    assert parts.bits >= bits


def test_characters_are_drawn_evenly() -> None:
    """Every character occurs about as often as every other: within five standard deviations over 43000 draws."""
    text = "".join(generate("x_", 256).reveal()[2:-6] for _at in range(1000))
    mean = len(text) / len(ALPHABET)
    deviation = math.sqrt(mean * (1 - 1 / len(ALPHABET)))
    assert set(text) == set(ALPHABET)
    assert all(abs(text.count(character) - mean) < 5 * deviation for character in ALPHABET)


def test_no_two_keys_are_alike() -> None:
    assert len({generate("x_", 256).reveal() for _at in range(1000)}) == 1000


def test_checksum_is_the_crc_in_base_62() -> None:
    number = zlib.crc32(FIXED.encode())
    digits = [ALPHABET.index(character) for character in checksum(FIXED)]
    assert sum(digit * 62 ** (5 - at) for at, digit in enumerate(digits)) == number
    assert 62**6 > 2**32


def test_every_single_mistake_is_noticed() -> None:
    key = FIXED + checksum(FIXED)
    assert parse(key) is not None
    for at in range(len(key)):
        for other in "0Az_-":
            if other != key[at]:
                assert parse(key[:at] + other + key[at + 1 :]) is None, at
        assert parse(key[:at] + key[at + 1 :]) is None
    for at in range(len(key) - 1):
        if key[at] != key[at + 1]:
            assert parse(key[:at] + key[at + 1] + key[at] + key[at + 2 :]) is None, "two changed places"


@pytest.mark.parametrize(
    "text", ["", "tm_live_", "x", FIXED, "TM_" + FIXED, FIXED + checksum(FIXED) + "\n", "tm__live_a"]
)
def test_other_texts_are_no_keys(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=80))
def test_reader_never_fails(text: str) -> None:
    parse(text)
    assert not recognise(text, record(), NOW)


@pytest.mark.parametrize("prefix", ["tm_live_", "tm_test_", "k1_", "a_b_c_", "a" * 31 + "_"])
def test_prefix_is_accepted(prefix: str) -> None:
    assert checked_prefix(prefix) == prefix
    parts = parse(generate(prefix, 256).reveal())
    assert parts is not None and parts.prefix == prefix


@pytest.mark.parametrize("prefix", ["", "tm", "TM_", "_", "1_", "tm-live_", "tm__", "é_", "a" * 32 + "_", "tm_\n"])
def test_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidInput, match="prefix: "):
        checked_prefix(prefix)


def test_digests_are_those_of_the_standards() -> None:
    key = FIXED + checksum(FIXED)
    assert digest(key) == ("sha256", hashlib.sha256(key.encode()).hexdigest())
    wanted = hmac.new(PEPPER.reveal().encode(), key.encode(), "sha256").hexdigest()
    assert digest(key, PEPPER) == ("hmac-sha256", wanted)


def test_name_of_a_key_is_no_part_of_its_digest() -> None:
    key = generate("x_", 256).reveal()
    assert len(key_id(key)) == 16
    assert key_id(key) not in digest(key)[1]
    assert key_id(key) not in digest(key, PEPPER)[1]
    assert key_id(key) not in base64.b16encode(key.encode()).decode().lower()


def test_short_pepper_is_refused() -> None:
    with pytest.raises(InvalidInput, match="pepper: 31 octets can be guessed"):
        checked_pepper("x" * 31)
    pepper = checked_pepper("x" * 32)
    assert pepper is not None and pepper.reveal() == "x" * 32
    assert checked_pepper(None) is None


def test_service_accepts_its_client() -> None:
    key = generate("tm_live_", 256).reveal()
    verdict = recognise(key, record(entry(generate("tm_live_", 256).reveal()), entry(key)), NOW)
    assert verdict
    assert verdict.key_id == key_id(key)
    assert recognise(key, record(entry(key)), NOW, permissions=["trust:query", "certificate:validate"])
    assert recognise(key, record(entry(key, PEPPER)), NOW, pepper=PEPPER)


def test_service_refuses_everybody_else() -> None:
    key, other = generate("tm_live_", 256).reveal(), generate("tm_live_", 256).reveal()
    known = record(entry(key))
    assert recognise(other, known, NOW).cause == "unknown"
    assert recognise(key[:-1], known, NOW).cause == "malformed"
    assert recognise(digest(key)[1], known, NOW).cause == "malformed", "a stolen digest is no key"
    assert recognise(key, record(), NOW).cause == "unknown"
    assert recognise(key, known, NOW, pepper=PEPPER).cause == "unknown"
    assert recognise(key, record(entry(key, PEPPER)), NOW).cause == "unknown"
    assert recognise(key, known, NOW, permissions=["trust:admin"]).cause == "permission"
    assert recognise(key, known, NOW, permissions=["trust:query", "trust"]).cause == "permission"
    assert recognise(key, record(entry(key, hash=None)), NOW).cause == "unknown"


@pytest.mark.parametrize(
    ("expires", "cause"),
    [
        (None, None),
        ("2026-11-21T12:00:01Z", None),
        ("2026-11-21T12:00:00Z", "expired"),
        ("2026-11-21T13:00:00+02:00", "expired"),
    ],
)
def test_key_ends_when_the_record_says(expires: str | None, cause: str | None) -> None:
    key = generate("tm_live_", 256).reveal()
    assert recognise(key, record(entry(key, expires=expires)), NOW).cause == cause


def test_test_of_a_template() -> None:
    matches = Matches().tests()["api_key_matches"]
    key = generate("tm_live_", 256).reveal()
    known = record(entry(key))
    assert matches(key, known)
    assert matches(key, json.dumps(known), "certificate:validate")
    assert matches(key, known, ["certificate:validate", "trust:query"])
    assert not matches(key, known, "trust:admin")
    assert not matches("tm_live_x", known)
    assert matches(key, record(entry(key, PEPPER)), pepper=PEPPER.reveal())
    for other in (None, "text", {"keys": 3}, []):
        with pytest.raises(AnsibleFilterError, match="record: is not a record of API keys"):
            matches(key, other)
