# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed and runs that meet, a few of each; ``make endurance`` has the full counts (R4, R6, R22).

The second half breaks the target on purpose: the same attempts have to find it.
"""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.endurance import campaign
from tests.endurance.attempts import Arena, Report
from tests.endurance.subject import Subject
from tests.endurance.workshop import Workshop
from tests.rigs.openbao import OpenBao
from tests.rigs.warm import WarmPython

SEED: t.Final = 8
KILLS: t.Final = 2
MEETINGS: t.Final = 1
MODULES: t.Final = (
    "certificate",
    "local_ca",
    "envelope_key",
    "vault_kv_secret",
    "jws_key",
    "ilp_secret",
    "jwt_key",
    "api_key",
    "noise_key",
)
Find = Callable[[str], Subject]


@pytest.fixture(scope="module")
def workshop(vault: OpenBao, collection: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Runs of the installed collection against the shared server."""
    warm = WarmPython()
    yield Workshop(collection, tmp_path_factory.mktemp("endurance"), vault, warm)
    warm.stop()


@pytest.fixture(scope="module")
def arena(workshop: Workshop) -> Arena:
    """The bases of all tests here."""
    return Arena(workshop)


@pytest.fixture(scope="module")
def table(workshop: Workshop) -> list[Subject]:
    """Every resource with each of its custodies."""
    return campaign.table(workshop.connection)


def test_the_table_has_every_resource(table: list[Subject]) -> None:
    assert tuple(dict.fromkeys(subject.module for subject in table)) == MODULES
    for subject in table:
        assert [wish.onto_base for wish in subject.wishes].index(False) == 0, "the first wish makes the base"
        assert subject.meetings or subject.custody == "vault_kv 1", "version 1 of the engine has no check-and-set"


@pytest.mark.parametrize("module", MODULES)
def test_r4_r6_kills_and_pairs_lose_nothing(arena: Arena, table: list[Subject], module: str) -> None:
    own = [subject for subject in table if subject.module == module]
    attempts = [*campaign.kills(own, KILLS, SEED), *campaign.meetings(own, MEETINGS, SEED)]
    reports = list(campaign.carry_out(arena, attempts, 1))
    assert len(reports) == KILLS + MEETINGS
    assert [(report.what, report.where, report.findings) for report in reports if report.findings] == []


#: What is broken, in which subject, killed when it does what after which shares (or meeting how often), the finding.
BROKEN: t.Final[list[tuple[str, str, str, tuple[float, ...], str]]] = [
    ("writes_in_place", "envelope_key, file", "change", (0.75, 0.84, 0.92), "holds no key"),
    ("moves_the_link_last_but_one", "ilp_secret, files", "rotate", (0.3, 0.35, 0.4, 0.45, 0.5), "cannot be read"),
    ("sweeps_nothing", "ilp_secret, files", "rotate", (0.2, 0.9), "left behind"),
    ("forgets_the_former", "api_key, files", "rotate", (0.5,), "that was in force"),
    ("makes_another", "jws_key, vault_kv", "rotate", (0.3, 0.5, 0.7), "that the killed run made"),
    ("never_rests", "noise_key, files", "rotate", (0.5,), "says that it changed something"),
    ("locks_nothing", "ilp_secret, files", "rotate twice", (0.0,) * 20, "meanwhile"),
    ("checks_nothing_and_sets", "ilp_secret, vault_kv", "rotate twice", (0.0,) * 4, "is lost"),
]


@pytest.mark.parametrize(("broken", "label", "what", "shares", "finding"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_target_is_found(
    arena: Arena, table: list[Subject], broken: str, label: str, what: str, shares: tuple[float, ...], finding: str
) -> None:
    (subject,) = [subject for subject in table if subject.label == label]
    for report in _attempts(arena.breaking(broken), subject, what, shares):
        if any(finding in text for text in report.findings):
            return
    pytest.fail(f"nobody noticed {broken}")


def _attempts(arena: Arena, subject: Subject, what: str, shares: tuple[float, ...]) -> Iterator[Report]:
    for wish in subject.wishes:
        if wish.label == what:
            yield from (arena.kill(subject, wish, share, by_time=False) for share in shares)
    for meeting in subject.meetings:
        if meeting.label == what:
            yield from (arena.meet(subject, meeting, delay) for delay in shares)
