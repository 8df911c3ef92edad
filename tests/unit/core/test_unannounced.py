# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R10: what a run changed that failed or was killed counts as changed in the next that ends well, and then no more."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._core.files import Attributes, put_file, read_file, remove
from plugins.module_utils._core.plan import NO_PLAN, Action, Change, Plan, Step
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile, reconcile_in_turn
from plugins.module_utils._core.resource import Resource

NOW: t.Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
REASON = ["changed by a run that failed, so that no handler was notified"]


class Killed(BaseException):
    """The process ends here."""


class Text(Resource[t.Any]):
    """A file with a text; ``trouble`` is raised after it was written, or instead of looking at it."""

    kind = "text"
    noun = "text"

    def __init__(self, path: pathlib.Path, text: str, trouble: BaseException | None = None, *, blind: bool = False):
        super().__init__(path.name, None)
        self.path, self.text, self.trouble, self.blind = path, text, trouble, blind

    @property
    def lock_directory(self) -> str:
        return str(self.path.parent)

    def read(self) -> t.Any:
        if self.blind:
            raise TrustmeshError("cannot be seen")
        return read_file(str(self.path))

    def plan(self, current: t.Any, now: datetime.datetime) -> Plan:
        del now
        if current == self.text.encode():
            return NO_PLAN
        return Plan(Action.UPDATE, (Change("text", "", "", "differs"),), (Step("write", self.name),))

    def apply(self, plan: Plan) -> None:
        assert plan.steps
        put_file(str(self.path), self.text.encode(), Attributes())
        if self.trouble is not None:
            raise self.trouble

    def describe(self, current: t.Any) -> dict[str, t.Any]:
        return {}


class Refused(Text):
    """A file that cannot be written."""

    def apply(self, plan: Plan) -> None:
        raise TrustmeshError("refused")


def run(*texts: Text, check: bool = False, ordered: bool = False) -> dict[str, Outcome]:
    outcomes = reconcile(Batch(texts, ordered=ordered), check_mode=check, clock=lambda: NOW)
    return {outcome.resource.name: outcome for outcome in outcomes}


@pytest.mark.parametrize("ordered", [False, True])
def test_r10_change_beside_a_failure_is_announced_once(tmp_path: pathlib.Path, ordered: bool) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    failed = run(Text(a, "1"), Refused(b, "1"), ordered=ordered)
    assert failed["a"].changed and failed["b"].error is not None
    for _look in range(2):
        checked = run(Text(a, "1"), Text(b, "1"), check=True, ordered=ordered)
        assert checked["a"].plan.reasons == REASON, "check mode tells it as often as it is asked"
    announced = run(Text(a, "1"), Text(b, "1"), ordered=ordered)
    assert announced["a"].changed and announced["a"].plan.reasons == REASON
    assert announced["a"].action is Action.UPDATE
    diff = announced["a"].plan.diff("a")
    assert (diff["before"], diff["after"]) == ({"handlers": "not notified"}, {"handlers": "notified"})
    assert announced["b"].changed and announced["b"].plan.reasons == ["differs"]
    assert not any(outcome.changed for outcome in run(Text(a, "1"), Text(b, "1"), ordered=ordered).values())


def test_r10_it_stays_unannounced_while_runs_fail(tmp_path: pathlib.Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for _attempt in range(3):
        assert run(Text(a, "1"), Refused(b, "1"))["a"].changed
    assert run(Text(a, "1", blind=True))["a"].error is not None
    assert run(Text(a, "1"))["a"].plan.reasons == REASON
    assert not run(Text(a, "1"))["a"].changed


def test_r10_what_the_failed_run_did_not_change_is_not_announced(tmp_path: pathlib.Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    b.write_text("0")
    run(Text(a, "1"), Refused(b, "1"))
    assert not run(Text(b, "0"))["b"].changed


def test_r10_change_of_a_killed_run_is_announced(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Killed):
        run(Text(tmp_path / "a", "1", Killed()))
    assert run(Text(tmp_path / "a", "1"))["a"].plan.reasons == REASON
    assert not run(Text(tmp_path / "a", "1"))["a"].changed


def test_r10_items_of_other_tasks_stay_unannounced(tmp_path: pathlib.Path) -> None:
    a, b, c = (tmp_path / name for name in "abc")
    run(Text(a, "1"), Refused(b, "1"))
    assert run(Text(c, "1"))["c"].changed
    assert run(Text(a, "1"))["a"].plan.reasons == REASON


def test_r10_run_that_goes_well_leaves_nothing_to_announce(tmp_path: pathlib.Path) -> None:
    assert run(Text(tmp_path / "a", "1"))["a"].changed
    assert not (tmp_path / ".lock").exists(), "a lock in which nothing is noted goes with the run"
    assert not run(Text(tmp_path / "a", "1"))["a"].changed


def test_r10_what_follows_a_failed_batch_stays_unannounced(tmp_path: pathlib.Path) -> None:
    """The task fails as a whole, and Ansible notifies no handler of it."""
    a, b = tmp_path / "a", tmp_path / "b"
    run(Text(b, "1"), Refused(tmp_path / "c", "1"))

    def in_turn(first: Text) -> Outcome:
        batches = [Batch([first]), Batch([Text(b, "1")])]
        return reconcile_in_turn(batches, check_mode=False, clock=lambda: NOW)[1]

    for _attempt in range(2):
        assert in_turn(Refused(a, "1")).plan.reasons == REASON
    assert in_turn(Text(a, "1")).plan.reasons == REASON
    assert not in_turn(Text(a, "1")).changed


@pytest.mark.parametrize("note", [b"{", b"5", b'[1, {}, "text b"]', b"[" * 100_000, b"\xff\x00"], ids=range(5))
def test_r10_damaged_note_says_nothing(tmp_path: pathlib.Path, note: bytes) -> None:
    run(Text(tmp_path / "a", "1"))
    (tmp_path / ".lock").write_bytes(note)
    assert not run(Text(tmp_path / "a", "1"), check=True)["a"].changed
    assert not run(Text(tmp_path / "a", "1"))["a"].changed
    remove(str(tmp_path / ".lock"))
