# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which revocation lists say all that could be revoked of a certificate (RFC 5280, 5.2; C2, kind 10)."""

from __future__ import annotations

import datetime
import types
import typing as t

import pytest

from plugins.module_utils._pki.certificate import CertificateFacts
from plugins.module_utils._pki.revocation import CrlFacts
from tests.unit.pki.forge import NOON, make

PLACE: t.Final = "http://crl.example/a.crl"


def _scope(**said: t.Any) -> t.Any:
    usual = dict.fromkeys(
        (
            *("only_contains_attribute_certs", "only_contains_user_certs", "only_contains_ca_certs"),
            *("indirect_crl", "only_some_reasons", "full_name", "relative_name"),
        )
    )
    return types.SimpleNamespace(**{**usual, **said})


def _list(extensions: dict[str, t.Any]) -> CrlFacts:
    return CrlFacts("CN=x", 1, NOON, NOON + datetime.timedelta(days=1), t.cast(t.Any, None), extensions)


@pytest.mark.parametrize("ca", [True, False])
@pytest.mark.parametrize(
    ("scope", "of_leaf", "of_ca"),
    [
        (None, None, None),
        ({}, None, None),
        ({"only_contains_attribute_certs": True}, "does not cover CA", "does not cover CA"),
        ({"only_contains_user_certs": True}, None, "does not cover CA"),
        ({"only_contains_ca_certs": True}, "covers CA certificates alone", None),
        ({"indirect_crl": True}, "some reasons", "some reasons"),
        ({"only_some_reasons": frozenset({1})}, "some reasons", "some reasons"),
        ({"relative_name": "x"}, "other certificates", "other certificates"),
        ({"full_name": []}, None, None),
    ],
    ids=str,
)
def test_c2_a_list_of_a_part_does_not_count_as_the_whole(
    scope: dict[str, t.Any] | None, of_leaf: str | None, of_ca: str | None, ca: bool
) -> None:
    facts = CertificateFacts.of(make("it", ca=ca).certificate)
    found = _list({} if scope is None else {"IssuingDistributionPoint": _scope(**scope)}).scope_problem(facts)
    wanted = of_ca if ca else of_leaf
    assert found is None if wanted is None else wanted in str(found)


def test_c2_a_list_of_changes_is_not_the_whole() -> None:
    facts = CertificateFacts.of(make("it").certificate)
    assert "changes to another list" in str(_list({"DeltaCRLIndicator": object()}).scope_problem(facts))
