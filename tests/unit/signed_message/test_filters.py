# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters signed_message_sign and signed_message_verify."""

from __future__ import annotations

import json
import pathlib
import time
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from cryptography.hazmat.primitives.asymmetric import ed25519

from plugins.filter import signed_message_sign as signing
from plugins.filter import signed_message_verify as verifying
from plugins.filter.signed_message_sign import signed_message_sign
from plugins.filter.signed_message_verify import signed_message_verify
from tests.unit.jose import edwards

SEED: t.Final = bytes(range(32))
PUBLIC: t.Final = ed25519.Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw().hex()
BODY: t.Final = {"amount": "10", "to": "bob"}


def sign(**options: t.Any) -> dict[str, t.Any]:
    return signed_message_sign(BODY, SEED.hex(), **options)


def test_what_one_signs_the_other_accepts() -> None:
    message = sign()
    assert message["expires_at"] - message["created_at"] == 300
    for form in (message, json.dumps(message)):
        verdict = signed_message_verify(form, PUBLIC)
        assert (verdict["valid"], verdict["reason"], verdict["body"]) == (True, None, BODY)
        assert verdict["nonce"] == message["nonce"]
        assert verdict["keep_nonce_until"] == message["expires_at"]


@pytest.mark.parametrize(
    ("signing_options", "verifying_options", "reason"),
    [
        ({"lifetime": "1s", "created_at": 1_700_000_000}, {}, "expired"),
        ({"created_at": int(time.time()) + 3600}, {}, "not_yet_valid"),
        ({"created_at": int(time.time()) + 3600}, {"skew": "2h"}, None),
        ({"lifetime": "1h"}, {"max_lifetime": "5m"}, "lifetime_too_long"),
        ({}, {"public_keys": []}, "unauthorized_signer"),
        ({}, {"public_keys": [PUBLIC]}, None),
    ],
)
def test_options(signing_options: t.Any, verifying_options: t.Any, reason: str | None) -> None:
    verdict = signed_message_verify(sign(**signing_options), **{"public_keys": PUBLIC, **verifying_options})
    assert verdict["reason"] == reason
    assert verdict["valid"] is (reason is None)
    assert (verdict["body"] is None) is (reason is not None)


def test_a_nonce_that_was_used_is_a_replay() -> None:
    message = sign()
    assert signed_message_verify(message, PUBLIC, used_nonces=[message["nonce"]])["reason"] == "replayed"
    assert signed_message_verify(message, PUBLIC, used_nonces=[sign()["nonce"]])["valid"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"private_key": "hidden"}, "private_key: is neither PEM nor"),
        ({"private_key": 5}, "private_key: takes a text, not a whole number"),
        ({"lifetime": "soon"}, "'soon' is not a duration"),
        ({"lifetime": 0}, "lifetime: has to be longer"),
        ({"created_at": "soon"}, "created_at: is not a number"),
        ({"body": float("inf")}, "signed_message_sign"),
    ],
)
def test_what_cannot_be_signed_is_an_error_of_a_filter(options: t.Any, problem: str) -> None:
    with pytest.raises(AnsibleFilterError, match=problem) as refused:
        signed_message_sign(**{"body": BODY, "private_key": SEED.hex(), **options})
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"public_keys": "x"}, "public_key: is neither PEM nor"),
        ({"public_keys": edwards.encoded(edwards.NEUTRAL).hex()}, "public_key: is a point of small order"),
        ({"public_keys": 5}, "public_keys: is not a list of texts"),
        ({"public_keys": [None]}, "public_keys: is not a list of texts"),
        ({"skew": "x"}, "'x' is not a duration"),
        ({"max_lifetime": "x"}, "'x' is not a duration"),
        ({"used_nonces": ["ü"]}, "is not base64url"),
    ],
)
def test_rules_that_make_no_sense_are_an_error_of_a_filter(options: t.Any, problem: str) -> None:
    with pytest.raises(AnsibleFilterError, match=problem):
        signed_message_verify(**{"message": sign(), "public_keys": PUBLIC, **options})


@pytest.mark.parametrize("module", [signing, verifying])
def test_ansible_finds_them_and_their_documentation(module: t.Any) -> None:
    (name,) = module.FilterModule().filters()
    path = pathlib.Path(__file__).parents[3] / "plugins" / "filter" / f"{name}.yml"
    documented = set(yaml.safe_load(path.read_text(encoding="utf-8"))["RETURN"]["_value"]["contains"])
    assert documented == set(sign() if module is signing else signed_message_verify(sign(), PUBLIC))
    assert documented == set(sign() if module is signing else signed_message_verify("", PUBLIC))
