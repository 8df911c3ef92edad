# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a certificate is due: a table, and properties that hold for all dates."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.normal import spell_duration
from plugins.module_utils._pki.errors import PkiError
from plugins.module_utils._pki.renewal import MINIMUM_SECONDS, Window, due_at, say_span, seconds_of, verdict

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
TABLE = yaml.safe_load((pathlib.Path(__file__).parent / "tables" / "renewal.yml").read_text(encoding="utf-8"))

LIVES = st.integers(min_value=3600, max_value=20 * 365 * 86400)
PERCENTS = st.integers(min_value=1, max_value=90).map(lambda share: Window.parse(f"{share}%"))
SEEDS = st.text(max_size=30)
JITTERS = st.floats(min_value=0, max_value=1)


def _days(count: float) -> datetime.timedelta:
    return datetime.timedelta(seconds=round(count * 86400))


@pytest.mark.parametrize("case", TABLE, ids=lambda case: str(case["name"]))
def test_table(case: dict[str, t.Any]) -> None:
    end = START + _days(case.get("days", 90))
    found = verdict(START + _days(case["at"]), START, end, Window.parse(case["window"]))
    assert (found.standing.value, found.reason) == (case["standing"], case["reason"])
    assert found.due is (case["standing"] in ("due", "expired"))
    assert found.due_at == START + _days(case["due"])
    assert found.seconds_left == (end - START - _days(case["at"])).total_seconds()


@given(LIVES, PERCENTS, JITTERS, SEEDS)
def test_jitter_keeps_the_margin_and_lets_a_new_certificate_rest(
    life: int, window: Window, jitter: float, seed: str
) -> None:
    end = START + datetime.timedelta(seconds=life)
    due = due_at(START, end, window, jitter, seed)
    assert START < due <= end - window.margin(START, end)
    assert due.microsecond == 0
    assert not verdict(START, START, end, window, jitter, seed).due
    assert verdict(due, START, end, window, jitter, seed).due
    assert not verdict(due - datetime.timedelta(seconds=1), START, end, window, jitter, seed).due


@given(LIVES, PERCENTS, JITTERS, SEEDS)
def test_jitter_depends_on_the_seed_alone(life: int, window: Window, jitter: float, seed: str) -> None:
    end = START + datetime.timedelta(seconds=life)
    assert due_at(START, end, window, jitter, seed) == due_at(START, end, window, jitter, seed)
    assert due_at(START, end, window, 0, seed) == end - window.margin(START, end)


def test_jitter_spreads_many_hosts_over_its_range() -> None:
    end = START + datetime.timedelta(days=90)
    window = Window.parse("30d")
    moments = sorted(due_at(START, end, window, 0.1, f"node{at}/api") for at in range(1000))
    latest = end - datetime.timedelta(days=30)
    assert latest - datetime.timedelta(days=3) < moments[0]
    assert moments[-1] <= latest
    per_day = [sum(1 for entry in moments if (latest - entry).days == day) for day in range(3)]
    assert all(250 < count < 420 for count in per_day), per_day


def test_a_reason_says_that_jitter_brought_it_forward() -> None:
    end = START + datetime.timedelta(days=90)
    window = Window.parse("30d")
    seed = max((f"s{at}" for at in range(50)), key=lambda entry: end - due_at(START, end, window, 0.5, entry))
    now = due_at(START, end, window, 0.5, seed)
    assert "renewal margin is 30 days, brought forward by" in verdict(now, START, end, window, 0.5, seed).reason


def test_trap_20_a_life_shorter_than_the_margin_would_be_issued_for_ever() -> None:
    end = START + datetime.timedelta(hours=24, seconds=30)
    problem = Window.parse("7d").problem(START, end)
    assert problem == (
        "a lifetime of 1d30s does not exceed the renewal margin of 7d, so that every run would issue again"
    )
    assert Window.parse("33%").problem(START, end) is None
    assert Window.parse("23h").problem(START, end) is None


def test_trap_20_the_margin_is_of_the_certificate_s_own_dates() -> None:
    back_dated = START - datetime.timedelta(seconds=30)
    end = START + datetime.timedelta(days=30)
    assert Window.parse("50%").margin(back_dated, end) == datetime.timedelta(days=15, seconds=15)


@given(st.integers(min_value=MINIMUM_SECONDS, max_value=10**9))
def test_a_margin_is_read_in_every_spelling(seconds: int) -> None:
    for spelling in (seconds, str(seconds), f"{seconds}s", spell_duration(seconds)):
        assert Window.parse(spelling) == Window(seconds, None)


@pytest.mark.parametrize(
    "wrong", ["", "soon", "0", "299", "4m59s", "0%", "91%", "100%", "-7d", "33 percent", "%", "1.5d%"]
)
def test_what_is_no_margin_is_refused_by_the_name_of_its_option(wrong: str) -> None:
    with pytest.raises(PkiError) as caught:
        Window.parse(wrong, "crl_renew_before")
    assert caught.value.field == "crl_renew_before"
    assert caught.value.remedy


@pytest.mark.parametrize(("text", "seconds"), [("90d", 7776000), (3600, 3600), ("1h30m", 5400), ("720h0m0s", 2592000)])
def test_a_lifetime_is_read(text: str | int, seconds: int) -> None:
    assert seconds_of(text, "ttl") == seconds


@pytest.mark.parametrize("wrong", ["0", "", "x", "-1", "0s", "1.5"])
def test_what_is_no_lifetime_is_refused_by_the_name_of_its_option(wrong: str) -> None:
    with pytest.raises(PkiError) as caught:
        seconds_of(wrong, "ttl")
    assert caught.value.field == "ttl"


@given(st.integers(min_value=-10, max_value=10**9))
def test_a_span_is_said_in_whole_units_and_never_too_long(seconds: int) -> None:
    count, unit = say_span(datetime.timedelta(seconds=seconds)).split()
    size = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}[unit.rstrip("s")]
    assert int(count) * size <= max(seconds, 0) < (int(count) + 1) * size
    assert unit.endswith("s") is (count != "1")
