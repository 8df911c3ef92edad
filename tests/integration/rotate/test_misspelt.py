# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J8: a variable that is misspelt would leave alone what it declares, in a run that succeeds."""

from __future__ import annotations

import typing as t

import pytest

from .test_unreachable import NAME, Keys, given_to, keys

__all__ = ["keys"]


@pytest.mark.parametrize(
    ("playbook", "misspelt", "meant"),
    [
        ("rotate_all_keys", "rotate_all_jwt_keys", "rotate_all_jwt_key"),
        ("rotate_keys", "rotate_keys_event", "rotate_keys_events"),
        ("emergency_key_rotation", "rotate_keys_certificat", "rotate_keys_certificate"),
    ],
)
def test_j8_a_misspelt_variable_is_refused_before_any_change(
    keys: Keys, playbook: str, misspelt: str, meant: str
) -> None:
    play = keys.play(playbook, **given_to(playbook, keys, "localhost"), **{misspelt: {}})
    assert play.rc != 0
    said = f"{misspelt}: is not a variable of this playbook. Correct the name; did you mean {meant}?"
    assert said in " ".join(play.stdout.split())
    assert keys.public.read_text() == keys.before


def test_j8_a_variable_of_ones_own_is_no_mistake(keys: Keys) -> None:
    own = {"rotate_all_people": ["perffsp-1"], "rotate_keys_vaults": {}}
    assert keys.play("rotate_all_keys", **given_to("rotate_all_keys", keys, "localhost"), **own).ok()


@pytest.mark.parametrize(
    ("playbook", "given", "said"),
    [
        ("rotate_keys", {"rotate_keys_participants": "switch,perffsp-1"}, "rotate_keys_participants: is not a list."),
        ("rotate_keys", {"rotate_keys_jws": "files"}, "rotate_keys_jws: is not a mapping."),
        ("emergency_key_rotation", {"rotate_keys_revoke": "7a:0b"}, "rotate_keys_revoke: is not a list."),
        ("emergency_key_rotation", {"rotate_keys_certificates": NAME}, "rotate_keys_certificates: is not a list of"),
        ("emergency_key_rotation", {"rotate_keys_crl": {"path": "/a"}}, "rotate_keys_crl: is not a list of mappings."),
        ("emergency_key_rotation", {"rotate_keys_certificate": "pki"}, "rotate_keys_certificate: is not a mapping."),
    ],
)
def test_j8_a_text_is_not_taken_for_a_list_of_letters(
    keys: Keys, playbook: str, given: dict[str, t.Any], said: str
) -> None:
    """J8: each letter of a serial number was revoked, and each part of a name was a declared participant."""
    play = keys.play(playbook, **{**given_to(playbook, keys, "localhost"), **given})
    assert play.rc != 0
    assert said in " ".join(play.stdout.split())
    assert keys.public.read_text() == keys.before
