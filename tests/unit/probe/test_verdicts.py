# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an observed handshake means; see verdicts.yml."""

from __future__ import annotations

import datetime
import pathlib
import types
import typing as t

import pytest
import yaml

from plugins.module_utils._pki.certificate import CertificateFacts
from plugins.module_utils._pki.names import SubjectAltNames
from plugins.module_utils._probe.tls import Observation
from plugins.module_utils._probe.verdict import REASONS, Credential, Expectation, judge

Case = dict[str, t.Any]

CASES: list[Case] = yaml.safe_load((pathlib.Path(__file__).parent / "verdicts.yml").read_text())["cases"]
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
HOUR = datetime.timedelta(hours=1)

LIVES = {
    "none": (-HOUR, HOUR),
    "broken_chain": (-HOUR, HOUR),
    "expired": (-2 * HOUR, -HOUR),
    "early": (HOUR, 2 * HOUR),
}


def _credential(fault: str | None) -> Credential | None:
    """Stand in for a parsed certificate with what a verdict looks at."""
    if fault is None:
        return None
    start, end = LIVES[fault]
    facts = types.SimpleNamespace(
        not_before=NOON + start,
        not_after=NOON + end,
        subject_dn="CN=it",
        extended_key_usage=frozenset(),
        sans=SubjectAltNames(dns=frozenset({"it"})),
    )
    broken = ("it ends nowhere",) if fault == "broken_chain" else ()
    return Credential(t.cast(CertificateFacts, facts), broken)


def _expectation(text: str) -> Expectation:
    expect, _slash, reason = text.partition("/")
    return Expectation(expect, reason or None, (200,))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_verdict(case: Case) -> None:
    seen = Observation(**case["seen"])
    judged = judge(seen, _credential(case["client"]), NOON, case.get("refusing", ()))
    assert (judged.outcome, judged.reason) == (case["outcome"], case.get("reason"))
    everything = ["accept", "refuse", *(f"refuse/{reason}" for reason in REASONS)]
    met = [text for text in everything if _expectation(text).complaint(seen, judged) is None]
    assert met == case["meets"]


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (
            "none",
            {"name": "CN=it, it", "validity": "valid until 2026-01-01T13:00:00Z", "chain": "leads to the given CA"},
        ),
        ("broken_chain", {"chain": "it ends nowhere"}),
        ("expired", {"validity": "expired at 2026-01-01T11:00:00Z"}),
        ("early", {"validity": "not valid before 2026-01-01T13:00:00Z"}),
    ],
)
def test_a_refusal_says_how_name_validity_and_chain_stand(fault: str, wanted: dict[str, str]) -> None:
    credential = _credential(fault)
    assert credential is not None
    examined = credential.examined(NOON)
    assert wanted.items() <= examined.items()
    explanation = judge(Observation(alert="certificate_unknown"), credential, NOON).explanation
    assert all(text in explanation for text in examined.values())


def test_the_table_covers_every_reason() -> None:
    assert {case["reason"] for case in CASES if "reason" in case} == set(REASONS)
