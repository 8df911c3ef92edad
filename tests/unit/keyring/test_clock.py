# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A clock that was a year ahead once, or is a year behind now, neither rotates by itself nor keeps from rotating."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest

from plugins.module_utils._keyring.record import spell_instant
from tests.unit.keyring.ring import START, Ring, Word

YEAR: t.Final = datetime.timedelta(days=365)


class Listed(Word):
    """A word whose replaced ones stay published."""

    lists_all = True


def _ring(base: pathlib.Path, kind: type[Word] = Word) -> Ring:
    return Ring(base, ["hub"], kind)


def _run(ring: Ring, **declared: t.Any) -> tuple[str, str]:
    (outcome,) = ring.run(**declared)
    return outcome.action.value, str(outcome.error or "")


@pytest.mark.parametrize(
    ("declared", "errs"),
    [({"max_age": "90d"}, True), ({}, False), ({"max_age": "90d", "not_before": "2025-01-01T00:00:00Z"}, False)],
)
def test_a_key_that_is_made_in_the_future_has_no_age(
    tmp_path: pathlib.Path, declared: dict[str, str], errs: bool
) -> None:
    """Without a limit to its age it does not matter; with an instant that has come it is replaced."""
    ring = _ring(tmp_path)
    ring.clock = START + YEAR
    assert _run(ring, **declared) == ("create", "")
    word = ring.word("hub")
    ring.clock = START
    action, error = _run(ring, **declared)
    if errs:
        assert action == "none" and error == (
            "clock: a moment in the life of the key was 2027-01-01T12:00:00Z, which is still to come by the clock of "
            "this host. Set the clock. If it was ahead at that time, declare not_before, which replaces the key."
        )
    else:
        assert (action, error) == ("replace" if "not_before" in declared else "none", "")
    assert (ring.word("hub") != word) is ("not_before" in declared)
    if not errs:
        assert _run(ring, **declared) == ("none", "")


def test_an_emergency_replaces_a_key_that_a_clock_ahead_has_dated_later(tmp_path: pathlib.Path) -> None:
    """Kind 5: the key is in strange hands, whenever its record says that it was made."""
    ring = _ring(tmp_path)
    ring.clock = START + YEAR
    assert _run(ring) == ("create", "")
    leaked = ring.word("hub")
    ring.clock = START
    assert _run(ring, not_before=spell_instant(START)) == ("replace", "")
    assert ring.word("hub") != leaked
    assert _run(ring, not_before=spell_instant(START)) == ("none", "")


def test_a_key_that_was_replaced_in_the_future_does_not_stay_published(tmp_path: pathlib.Path) -> None:
    ring = _ring(tmp_path, Listed)
    terms = {"overlap": "1h", "keep_previous": "2h"}
    assert _run(ring, **terms) == ("create", "")
    old = ring.word("hub")
    ring.clock = START + YEAR
    assert _run(ring, **terms, not_before=spell_instant(ring.clock)) == ("replace", "")
    ring.clock = START + datetime.timedelta(days=1)
    action, error = _run(ring, **terms)
    assert action == "none" and error.startswith("clock: a moment in the life of the key was 2027-01-01")
    assert old in str(ring.trusted("hub")), "nothing is taken back on the strength of a clock"
    now = spell_instant(ring.clock)
    assert _run(ring, **terms, not_before=now) == ("replace", "")
    assert _run(ring, **terms, not_before=now) == ("none", "")
    ring.later(hours=3)
    _run(ring, **terms, not_before=now)
    assert old not in str(ring.trusted("hub"))
    assert _run(ring, **terms, not_before=now) == ("none", "")


def test_a_next_key_does_not_wait_for_a_year(tmp_path: pathlib.Path) -> None:
    ring = _ring(tmp_path)
    assert _run(ring, lead="1h") == ("create", "")
    ring.clock = START + YEAR
    assert _run(ring, lead="1h", not_before=spell_instant(ring.clock)) == ("replace", "")
    ring.clock = START + datetime.timedelta(days=1)
    assert _run(ring, lead="1h")[1].startswith("clock: a moment in the life of the key was 2027-01-01")
    now = spell_instant(ring.clock)
    assert _run(ring, lead="1h", not_before=now) == ("replace", "")
    published = ring.trusted("hub")
    ring.later(hours=2)
    assert _run(ring, lead="1h", not_before=now) == ("replace", ""), "the next key is put in use"
    assert published == f"public {ring.word('hub')}"
    assert _run(ring, lead="1h", not_before=now) == ("none", "")


@pytest.mark.parametrize("ahead", [1, 3600])
def test_clocks_of_hosts_may_differ_a_little(tmp_path: pathlib.Path, ahead: int) -> None:
    ring = _ring(tmp_path)
    ring.clock = START + datetime.timedelta(seconds=ahead)
    assert _run(ring, max_age="90d") == ("create", "")
    ring.clock = START
    assert _run(ring, max_age="90d", not_before=spell_instant(START)) == ("none", "")


def test_a_clock_that_is_behind_for_a_run_changes_nothing(tmp_path: pathlib.Path) -> None:
    ring = _ring(tmp_path)
    assert _run(ring, max_age="90d") == ("create", "")
    word = ring.word("hub")
    ring.clock = START - YEAR
    assert "clock:" in _run(ring, max_age="90d")[1]
    ring.clock = START + datetime.timedelta(days=1)
    assert _run(ring, max_age="90d") == ("none", "")
    assert ring.word("hub") == word
