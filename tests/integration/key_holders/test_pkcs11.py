# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys in a token of SoftHSM2."""

from __future__ import annotations

import typing as t

import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._keyring.pkcs11 import Pkcs11Holder, TokenError
from tests.rigs.softhsm import SoftHsm

SECRET_PARTS: t.Final = {
    "RS256": [Attribute.PRIVATE_EXPONENT, Attribute.PRIME_1, Attribute.PRIME_2],
    "ES256": [Attribute.VALUE],
}


@pytest.mark.parametrize("algorithm", SECRET_PARTS)
def test_the_private_key_was_made_in_the_token_and_does_not_leave_it(
    softhsm: SoftHsm, hsm_token: t.Any, pkcs11_holder: Pkcs11Holder, algorithm: str
) -> None:
    handle, _public = pkcs11_holder.generate("payerfsp", algorithm, 2048)
    pkcs11_holder.close()
    token = pkcs11.lib(softhsm.library).get_token(token_label=hsm_token.label)
    with token.open(user_pin=hsm_token.pin) as session:
        key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=bytes.fromhex(handle))
        assert key.label == "payerfsp"
        expected = {
            Attribute.LOCAL: True,
            Attribute.SENSITIVE: True,
            Attribute.ALWAYS_SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.NEVER_EXTRACTABLE: True,
            Attribute.SIGN: True,
            Attribute.DECRYPT: False,
            Attribute.UNWRAP: False,
            Attribute.DERIVE: False,
        }
        assert {name: key[name] for name in expected} == expected
        for part in SECRET_PARTS[algorithm]:
            with pytest.raises(pkcs11.exceptions.AttributeSensitive):
                key[part]


def test_who_is_not_logged_in_sees_no_private_key(
    softhsm: SoftHsm, hsm_token: t.Any, pkcs11_holder: Pkcs11Holder
) -> None:
    handle, _public = pkcs11_holder.generate("payerfsp", "ES256", 256)
    pkcs11_holder.close()
    token = pkcs11.lib(softhsm.library).get_token(token_label=hsm_token.label)
    with token.open() as session, pytest.raises(pkcs11.NoSuchKey):
        session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=bytes.fromhex(handle))


def test_a_key_survives_a_new_login(pkcs11_holder: Pkcs11Holder) -> None:
    handle, public = pkcs11_holder.generate("payerfsp", "ES256", 256)
    pkcs11_holder.close()
    assert pkcs11_holder.public_pem(handle) == public


def test_a_key_without_its_private_half_is_missing(
    softhsm: SoftHsm, hsm_token: t.Any, pkcs11_holder: Pkcs11Holder
) -> None:
    handle, _public = pkcs11_holder.generate("payerfsp", "ES256", 256)
    pkcs11_holder.close()
    token = pkcs11.lib(softhsm.library).get_token(token_label=hsm_token.label)
    with token.open(rw=True, user_pin=hsm_token.pin) as session:
        session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=bytes.fromhex(handle)).destroy()
    assert pkcs11_holder.public_pem(handle) is None


def test_a_wrong_pin_is_named_and_not_shown(softhsm: SoftHsm, hsm_token: t.Any) -> None:
    wrong = hsm_token.pin[::-1]
    with pytest.raises(TokenError, match=r"pkcs11 token jws: PinIncorrect\. Correct the PIN") as refused:
        Pkcs11Holder(softhsm.library, hsm_token.label, Secret(wrong)).generate("payerfsp", "ES256", 256)
    assert wrong not in str(refused.value)
    assert hsm_token.pin not in str(refused.value)


def test_a_token_that_is_not_there_is_named(softhsm: SoftHsm, hsm_token: t.Any) -> None:
    with pytest.raises(TokenError, match=r"pkcs11 token none: NoSuchToken\. Check the label"):
        Pkcs11Holder(softhsm.library, "none", Secret(hsm_token.pin)).public_pem("00")


@pytest.mark.parametrize("library", ["/no/such/library.so", __file__])
def test_a_library_that_cannot_be_loaded_is_named(library: str) -> None:
    with pytest.raises(TokenError, match=r"holder.library: .* cannot be loaded"):
        Pkcs11Holder(library, "jws", Secret("0000")).public_pem("00")


def test_an_algorithm_that_is_not_offered_is_refused(pkcs11_holder: Pkcs11Holder) -> None:
    with pytest.raises(InvalidInput, match="algorithm: EdDSA is not offered for tokens"):
        pkcs11_holder.generate("issuer", "EdDSA", 0)


def test_a_failure_of_the_token_is_not_the_end(pkcs11_holder: Pkcs11Holder) -> None:
    with pytest.raises(TokenError, match="holder: pkcs11 token jws"):
        pkcs11_holder.generate("payerfsp", "RS256", 64)
    handle, public = pkcs11_holder.generate("payerfsp", "RS256", 2048)
    assert pkcs11_holder.public_pem(handle) == public
