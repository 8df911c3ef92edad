# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotation of a master key for any column: wherever a run ends, no data key is lost, and the next run goes on."""

from __future__ import annotations

import datetime
import secrets
import typing as t
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal, TrustmeshError
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._envelope import cipher
from plugins.module_utils._envelope.errors import EnvelopeError
from plugins.module_utils._envelope.local import LocalKey
from plugins.module_utils._envelope.record import Form
from plugins.module_utils._envelope.rewrap import ByHand, Rewrap, Terms

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
OLD, NEW, OTHER = (LocalKey(Secret(secrets.token_hex(32)), name, Form()) for name in ("old", "new", "other"))
KEYS = {"old": OLD, "new": NEW, "other": OTHER}


class Killed(BaseException):
    """The process ends here."""


class MemoryColumn:
    """A column that lets a process live for so many transactions."""

    identity = "column"

    def __init__(self, rows: dict[int, str | None]) -> None:
        self.rows = rows
        self.lives = 10**6

    def pages(self, rows: int) -> Iterator[list[tuple[t.Any, str | None]]]:
        """Yield the rows as they are when their turn comes."""
        names = sorted(self.rows)
        for start in range(0, len(names), rows):
            yield [(name, self.rows[name]) for name in names[start : start + rows]]

    def replace(self, entries: t.Sequence[tuple[t.Any, str, str]]) -> int:
        """Replace what still is as given, unless the process ends before."""
        if self.lives == 0:
            raise Killed
        self.lives -= 1
        due = [(row, new) for row, old, new in entries if self.rows[row] == old]
        self.rows.update(due)
        return len(due)

    def note(self, progress: str) -> None:
        """Nobody watches."""


OWNERS = st.lists(st.sampled_from(["old", "new", "other", "none"]), max_size=25)


@given(owners=OWNERS, lives=st.lists(st.integers(0, 5), max_size=4), batch_rows=st.integers(1, 9))
def test_no_data_key_is_lost_wherever_a_run_ends(owners: list[str], lives: list[int], batch_rows: int) -> None:
    keys = [cipher.new_key() for _owner in owners]
    rows = {at: KEYS[owner].wrap([keys[at]])[0] if owner in KEYS else None for at, owner in enumerate(owners)}
    column = MemoryColumn(dict(rows))
    resource = Rewrap(column, ByHand(OLD, NEW), Terms("old", "new", batch_rows, "skip"))

    def run() -> None:
        plan = resource.plan(resource.read(), NOON)
        if plan:
            resource.apply(plan)

    for life in lives:
        column.lives = life
        try:
            run()
        except Killed:
            assert column.lives == 0
        for at, owner in enumerate(owners):
            wrapped = column.rows[at]
            if wrapped is not None:
                assert keys[at] in [KEYS[name].unwrap([wrapped])[0] for name in KEYS]
            if owner != "old":
                assert wrapped == rows[at], "what is not of the old key is left as it is"
    column.lives = 10**6
    run()
    census = resource.read()
    assert not resource.plan(census, NOON)
    assert (census.outdated, census.unknown, census.empty) == (0, owners.count("other"), owners.count("none"))
    for at, owner in enumerate(owners):
        if owner in ("old", "new"):
            assert NEW.unwrap([t.cast(str, column.rows[at])]) == [keys[at]]


@given(owners=OWNERS)
def test_unknown_keys_stop_everything(owners: list[str]) -> None:
    rows = {at: KEYS[owner].wrap([cipher.new_key()])[0] for at, owner in enumerate(owners) if owner in KEYS}
    resource = Rewrap(MemoryColumn(dict(rows)), ByHand(OLD, NEW), Terms("old", "new"))
    if "other" not in owners:
        resource.plan(resource.read(), NOON)
        return
    with pytest.raises(PolicyRefusal, match=f"{owners.count('other')} of {len(rows)} wrapped keys"):
        resource.plan(resource.read(), NOON)


class _Forgetful(LocalKey):
    """A master key that wraps what it cannot open afterwards, as a damaged or misconfigured one would."""

    def wrap(self, keys: t.Sequence[bytes]) -> list[str]:
        """Wrap other keys."""
        return super().wrap([cipher.new_key() for _key in keys])


def test_kind_10_nothing_is_replaced_by_a_key_that_does_not_open_what_it_wrapped() -> None:
    """The guard of rewrap: a data key is written only after the new master key has given it back."""
    bad = _Forgetful(Secret(secrets.token_hex(32)), "bad", Form())
    rows: dict[int, str | None] = {1: OLD.wrap([cipher.new_key()])[0]}
    column = MemoryColumn(dict(rows))
    resource = Rewrap(column, ByHand(OLD, bad), Terms("old", "bad"))
    with pytest.raises(EnvelopeError, match="does not open what it wrapped"):
        resource.apply(resource.plan(resource.read(), NOON))
    assert column.rows == rows


class _Deceived(ByHand):
    """Takes keys for the old one's that it does not open."""

    def is_current(self, wrapped: t.Sequence[str]) -> list[bool | None]:
        """Tell by the looks."""
        return [False if known is None else known for known in super().is_current(wrapped)]


def test_kind_10_keys_that_the_old_one_does_not_open_are_named_and_left() -> None:
    mine, theirs = OLD.wrap([cipher.new_key()])[0], OTHER.wrap([cipher.new_key()])[0]
    column = MemoryColumn({1: mine, 2: theirs})
    resource = Rewrap(column, _Deceived(OLD, NEW), Terms("old", "new"))
    with pytest.raises(TrustmeshError, match=r"1 of the keys .*\(rows 2\)"):
        resource.apply(resource.plan(resource.read(), NOON))
    assert column.rows[2] == theirs
    assert NEW.unwrap([t.cast(str, column.rows[1])])[0] is not None


class _Moving(MemoryColumn):
    """Others write one row, the first time that it is to be replaced."""

    meanwhile: t.ClassVar[str] = OLD.wrap([cipher.new_key()])[0]

    def replace(self, entries: t.Sequence[tuple[t.Any, str, str]]) -> int:
        """Write before, once."""
        if self.lives == 10**6:
            self.rows[1] = self.meanwhile
        return super().replace(entries)


def test_kind_10_a_row_that_was_written_meanwhile_is_rewrapped_as_it_is_then() -> None:
    column = _Moving({1: OLD.wrap([cipher.new_key()])[0]})
    resource = Rewrap(column, ByHand(OLD, NEW), Terms("old", "new"))
    resource.apply(resource.plan(resource.read(), NOON))
    assert NEW.unwrap([t.cast(str, column.rows[1])]) == OLD.unwrap([column.meanwhile])
    assert resource.describe(resource.read())["rewrapped"] == 1


@pytest.mark.parametrize("rows", [0, -1])
def test_batches_have_rows(rows: int) -> None:
    with pytest.raises(InvalidInput, match="batch_rows"):
        Terms("old", "new", rows)
