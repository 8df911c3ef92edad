# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine would take and not honour is refused by the option (vault_pki_config), whatever is held now."""

from __future__ import annotations

import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._vault.errors import UnknownParameter
from plugins.module_utils._vault.pki_config import ENGINES
from tests.unit.vault.memory import Memory
from tests.unit.vault.test_ladder import run, sent
from tests.unit.vault_pki.subjects import NOON, config


def _plan(section: str, desired: dict[str, t.Any], current: dict[str, t.Any]) -> t.Any:
    resource, held = config({"desired": {section: desired}, "current": {section: current}})
    return resource.plan(held, NOON)


@pytest.mark.parametrize(
    ("desired", "current", "field"),
    [
        ({"expiry": "0"}, {}, "crl.expiry"),
        ({"expiry": "1s"}, {"auto_rebuild": False}, None),
        ({"enable_delta": True}, {"auto_rebuild": False}, "crl.enable_delta"),
        ({"enable_delta": True}, {"auto_rebuild": True}, None),
        (
            {"auto_rebuild": True, "auto_rebuild_grace_period": "72h"},
            {"expiry": "72h"},
            "crl.auto_rebuild_grace_period",
        ),
        ({"auto_rebuild": True, "auto_rebuild_grace_period": "71h"}, {"expiry": "72h"}, None),
        ({"auto_rebuild_grace_period": "72h"}, {"expiry": "72h", "auto_rebuild": False}, None),
        (
            {"enable_delta": True, "delta_rebuild_interval": "72h"},
            {"expiry": "72h", "auto_rebuild": True},
            "crl.delta_rebuild_interval",
        ),
        (
            {"delta_rebuild_interval": "72h"},
            {"expiry": "72h", "auto_rebuild": True, "enable_delta": False},
            None,
        ),
    ],
    ids=str,
)
def test_a_list_has_a_life_and_periods_within_it(
    desired: dict[str, t.Any], current: dict[str, t.Any], field: str | None
) -> None:
    if field is None:
        assert _plan("crl", desired, current)
        return
    with pytest.raises(InvalidInput) as refusal:
        _plan("crl", desired, current)
    assert (refusal.value.field, bool(refusal.value.remedy)) == (field, True)


@pytest.mark.parametrize(
    ("desired", "current", "field"),
    [
        ({"enabled": True}, {}, "auto_tidy.enabled"),
        ({"enabled": True}, {"tidy_cert_store": True}, None),
        ({"enabled": True, "tidy_acme": True}, {}, None),
        (
            {"publish_stored_certificate_count_metrics": True},
            {},
            "auto_tidy.publish_stored_certificate_count_metrics",
        ),
        ({"publish_stored_certificate_count_metrics": True}, {"maintain_stored_certificate_counts": True}, None),
        ({"maintain_stored_certificate_counts": True}, {}, None),
    ],
    ids=str,
)
def test_tidying_has_something_to_tidy(desired: dict[str, t.Any], current: dict[str, t.Any], field: str | None) -> None:
    if field is None:
        assert _plan("auto_tidy", desired, current)
        return
    with pytest.raises(InvalidInput) as refusal:
        _plan("auto_tidy", desired, current)
    assert (refusal.value.field, bool(refusal.value.remedy)) == (field, True)


def test_before_its_mount_exists_a_section_is_what_the_server_will_make_it() -> None:
    memory = Memory()
    as_made = run(memory, ENGINES, {"mount": "pki", "crl": {"expiry": "3d"}}, check=True)
    assert (as_made.error, as_made.changed) == (None, False)
    assert as_made.facts["crl"]["expiry"] == 3 * 86400
    other = run(memory, ENGINES, {"mount": "pki", "crl": {"expiry": "4d"}}, check=True)
    assert other.plan.reasons == ["crl.expiry is 259200, declared 345600"]


@pytest.mark.parametrize(
    ("section", "option", "value", "known"),
    [
        ("crl", "unified_crl", True, False),
        ("crl", "unified_crl", False, True),
        ("crl", "max_crl_entries", 100000, False),
        ("auto_tidy", "tidy_cert_metadata", True, False),
        ("auto_tidy", "tidy_cert_metadata", False, True),
    ],
)
def test_a_field_that_the_server_does_not_show_is_refused_unless_it_is_off(
    section: str, option: str, value: object, known: bool
) -> None:
    memory = Memory(pki="pki")
    outcome = run(memory, ENGINES, {"mount": "pki", section: {option: value}})
    assert not outcome.changed
    assert sent(memory) == []
    if known:
        assert outcome.error is None
        return
    assert isinstance(outcome.error, UnknownParameter)
    assert outcome.error.field == f"{section}.{option}"
    assert f"at pki/config/{section.replace('_', '-')}" in str(outcome.error)
