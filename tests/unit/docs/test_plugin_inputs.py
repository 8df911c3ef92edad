# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F7: a filter or a test that is given something else than it takes says so, whatever the argument and its type."""

from __future__ import annotations

import datetime
import functools
import importlib
import inspect
import secrets
import typing as t

import pytest
from ansible.errors import AnsibleError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from tests.unit.docs.blocks import ROOT
from tests.unit.pki import forge

WRONG: t.Final[tuple[t.Any, ...]] = (
    None, True, 3, -1, 2**70, 1.5, float("nan"), "", "x", "\ud800", "\x00", "é" * 40, "9" * 5000, b"x", [], [1], [None],
    {}, {"a": 1}, {1: 2}, {"keys": [3]}, {"keys": [{"id": 1}]}, {"type": []}, {"type": "value", "value": 3}, object(),
)  # fmt: skip
_TRANSFER: t.Final = {
    "transactionId": "85feac2f-39b2-491b-817e-4a03203d4f14",
    "quoteId": "7c23e80c-d078-4077-8263-2c047876fcf6",
    "payee": {"partyIdInfo": {"partyIdType": "MSISDN", "partyIdentifier": "27787654321", "fspId": "b"}},
    "payer": {"partyIdInfo": {"partyIdType": "MSISDN", "partyIdentifier": "27713803912", "fspId": "a"}},
    "amount": {"currency": "USD", "amount": "1.25"},
    "transactionType": {"scenario": "TRANSFER", "initiator": "PAYER", "initiatorType": "CONSUMER"},
}


@functools.cache
def plugins() -> dict[str, t.Callable[..., t.Any]]:
    """Return the function of every filter and test."""
    found: dict[str, t.Callable[..., t.Any]] = {}
    for face, holder, member in (("filter", "FilterModule", "filters"), ("test", "TestModule", "tests")):
        for path in sorted((ROOT / "plugins" / face).glob("[!_]*.py")):
            module = importlib.import_module(f"plugins.{face}.{path.stem}")
            found.update(getattr(getattr(module, holder)(), member)())
    return found


def _public(key: t.Any) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(encoding, form).decode())


@functools.cache
def right() -> dict[str, dict[str, t.Any]]:
    """Return arguments that each plugin takes, with those of its options that are more than a choice."""
    made, edwards = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
    signer, signing = forge.pkcs8(made).decode(), forge.pkcs8(edwards).decode()
    end = datetime.datetime.now(datetime.timezone.utc) + forge.DAY
    certificate = forge.make("x", key=made, end=end).pem.decode()
    public, verifying = _public(made), _public(edwards)
    master, payment = {"type": "value", "value": secrets.token_hex(32)}, secrets.token_hex(32)
    request = {"method": "POST", "url": "/transfers", "headers": {"FSPIOP-Source": "a"}, "body": {"a": 1}}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "b"}}
    manifest["stringData"] = {"k": "v"}
    transfer = {"transaction": _TRANSFER, "secret": payment, "version": "v4", "expires_in": "1h"}
    call = plugins()
    packet = call["ilp_packet"](**transfer)
    token = call["jwt_mint"]({"sub": "me"}, payment, algorithm="HS256", lifetime="5m", kid="k")
    pepper = secrets.token_hex(32)
    signed = call["fspiop_jws_sign"](request, signer)
    return {
        "api_key_matches": {"key": "tm_live_x", "record": {"keys": []}, "permission": "a", "pepper": pepper},
        "closest_name": {"name": "nam", "names": ["name"]},
        "ed25519_sign": {"data": "x", "private_key": signing},
        "ed25519_valid": {"data": "x", "signature": "00" * 64, "public_key": verifying},
        "envelope_open": {"record": call["envelope_seal"]("x", master), "key": master},
        "envelope_seal": {"value": "x", "key": master},
        "fspiop_jws_sign": {"request": request, "key": signer},
        "fspiop_jws_valid": {"request": signed, "keys": public},
        "fspiop_jws_verify": {"request": signed, "keys": public},
        "ilp_condition": {"fulfilment": "A" * 43},
        "ilp_decode": {"packet": packet["ilpPacket"]},
        "ilp_fulfils": {"fulfilment": "A" * 43, "condition": "A" * 43},
        "ilp_packet": transfer,
        "ilp_strong_secret": {"secret": payment},
        "ilp_valid": {"message": packet, "secret": payment},
        "jwt_claims": {"token": token, "secrets": {"k": payment}},
        "jwt_mint": {"claims": {"sub": "me"}, "key": signer, "kid": "k", "lifetime": "5m"},
        "role_verdict": {"result": {"results": [], "msg": "x"}, "role": "a", "kinds": "items", "kind": "item"},
        "sealed_secret": {"secret": manifest, "certificate": certificate},
        "signed_message_sign": {"body": {"sub": "me"}, "private_key": signing},
        "signed_message_verify": {
            "message": call["signed_message_sign"]({"sub": "me"}, signing),
            "public_keys": verifying,
        },
        "x509_parse": {"data": certificate},
    }


def _arguments(name: str) -> list[str]:
    return [each for each in inspect.signature(plugins()[name]).parameters if each != "context"]


def test_every_plugin_is_here() -> None:
    assert set(plugins()) == set(right())


@pytest.mark.parametrize("name", sorted(right()))
def test_f7_whatever_is_given_ends_in_a_value_or_a_message(name: str) -> None:
    given = right()[name]
    plugins()[name](**given)
    strange = []
    for option in _arguments(name):
        for wrong in WRONG:
            try:
                plugins()[name](**{**given, option: wrong})
            except AnsibleError:
                pass
            except Exception as error:  # every other kind is what this test is about
                strange.append(f"{option}={wrong!r:.40}: {type(error).__name__}: {error}")
    assert strange == []
