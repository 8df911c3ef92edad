# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which keys are made, published, used and taken back, over real files."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._keyring.keyring import Keyring
from plugins.module_utils._keyring.resource import Terms
from plugins.module_utils._keyring.rotation import Rotation

from .memory import World
from .ring import Ring, Word


def _ok(outcomes: t.Sequence[t.Any]) -> list[str]:
    assert [str(outcome.error) for outcome in outcomes if outcome.error] == []
    return [outcome.plan.action.value for outcome in outcomes]


def test_a_key_is_made_once_and_published_to_all_but_its_owner(tmp_path: pathlib.Path) -> None:
    ring = Ring(tmp_path)
    assert _ok(ring.run(check=True)) == ["create", "create"]
    assert not list(tmp_path.iterdir()), "check mode writes nothing"
    assert _ok(ring.run()) == ["create", "create"]
    assert _ok(ring.run()) == ["none", "none"]
    assert ring.trusted("hub") == f"public {ring.word('hub')}"
    assert ring.trusted("hub", "dfsp-1") == ring.trusted("hub")
    assert ring.trusted("hub", "hub") is None
    assert (tmp_path / "keys" / "hub.key").stat().st_mode & 0o777 == 0o600


def test_rotation_publishes_before_it_uses_and_says_how_long_that_took(tmp_path: pathlib.Path) -> None:
    ring = Ring(tmp_path)
    ring.run()
    before = ring.word("hub")
    ring.later(days=31)
    outcomes = ring.run(max_age="30d", keep_previous="7d")
    assert _ok(outcomes) == ["replace", "replace"]
    assert ring.word("hub") != before
    assert ring.trusted("hub") == f"public {ring.word('hub')}"
    assert outcomes[0].facts["window_seconds"] == 0
    assert outcomes[0].facts["previous"] == 1
    assert _ok(ring.run(max_age="30d", keep_previous="7d")) == ["none", "none"]
    ring.later(days=8)
    assert _ok(ring.run(max_age="30d", keep_previous="7d")) == ["update", "update"]
    assert before not in (tmp_path / "keys/.trustmesh-word/hub/current/record.json").read_text()


def _run(world: World, **rotation: str) -> Outcome:
    keyring = world.keyring()
    word = Word("hub", keyring, Terms(Rotation.declared(rotation)))
    (outcome,) = reconcile(Batch([word], transaction=keyring), check_mode=False, clock=lambda: world.clock)
    return outcome


def test_r22_a_key_that_others_rotate_while_it_is_read_stays_published(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    _run(world)
    world.clock += datetime.timedelta(days=31)
    first, read, held = [True], world.custody.read, world.near.held

    def overtaken(look: t.Callable[..., t.Any], *arguments: t.Any) -> t.Any:
        seen = look(*arguments)
        if first:
            first.clear()
            assert _run(world, max_age="30d").applied
        return seen

    monkeypatch.setattr(world.custody, "read", lambda name: overtaken(read, name))
    monkeypatch.setattr(world.near, "held", lambda: overtaken(held))
    _run(world)
    newest = world.custody.documents["hub"][0]["public_key"]
    assert not first
    assert (world.near.texts["hub"], world.far.texts["hub"]) == (newest, newest)


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("phase", ["_publish", "_put_in_use"])
def test_what_was_interrupted_is_completed_and_not_begun_anew(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    ring = Ring(tmp_path)
    ring.run()
    before = ring.word("hub")
    ring.later(days=31)

    def die(*_arguments: t.Any) -> t.NoReturn:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Keyring, phase, die)
        with pytest.raises(Killed):
            ring.run(max_age="30d")
    assert ring.word("hub") == before, "the signer still uses the old key"
    record = json.loads((tmp_path / "keys/.trustmesh-word/hub/current/record.json").read_text())
    outcomes = ring.run(max_age="30d")
    assert _ok(outcomes) == ["replace", "replace"]
    assert "is not in use yet" in outcomes[0].plan.reasons[0]
    assert ring.word("hub") == record["next"]["private_key"]
    assert ring.trusted("hub", "dfsp-1") == f"public {ring.word('hub')}"
    assert _ok(ring.run(max_age="30d")) == ["none", "none"]


def test_nobody_uses_a_key_that_a_verifier_was_not_given(tmp_path: pathlib.Path) -> None:
    ring = Ring(tmp_path)
    ring.run()
    before = ring.word("hub")
    ring.later(days=31)
    blocked = tmp_path / "dfsp-1" / "trust"
    os.rename(blocked, tmp_path / "aside")
    blocked.write_text("a file where the directory was")
    with pytest.raises(TrustmeshError):
        raise next(outcome.error for outcome in ring.run(max_age="30d") if outcome.error)
    assert ring.word("hub") == before
    blocked.unlink()
    os.rename(tmp_path / "aside", blocked)
    # The other owner's key is not for the blocked place, and was rotated at once; the run failed, so this one tells it.
    assert _ok(ring.run(max_age="30d")) == ["replace", "update"]
    assert _ok(ring.run(max_age="30d")) == ["none", "none"]
    assert ring.word("hub") != before


def test_a_lead_keeps_the_old_key_in_use_until_it_is_over(tmp_path: pathlib.Path) -> None:
    ring = Ring(tmp_path)
    ring.run()
    before = ring.word("hub")
    ring.later(days=31)
    assert _ok(ring.run(max_age="30d", lead="1h")) == ["replace", "replace"]
    assert ring.word("hub") == before
    assert ring.trusted("hub") != f"public {before}"
    ring.later(minutes=59)
    waiting = ring.run(max_age="30d", lead="1h")
    assert _ok(waiting) == ["none", "none"]
    assert "waits until" in waiting[0].plan.warnings[0]
    ring.later(minutes=1)
    done = ring.run(max_age="30d", lead="1h")
    assert _ok(done) == ["replace", "replace"]
    assert ring.trusted("hub") == f"public {ring.word('hub')}"
    assert done[0].facts["window_seconds"] == 3600


class ListedWord(Word):
    """One that publishes every word that may still turn up."""

    lists_all = True


def test_an_overlap_keeps_the_replaced_key_published_until_it_is_over(tmp_path: pathlib.Path) -> None:
    ring = Ring(tmp_path, kind=ListedWord)
    ring.run()
    before = ring.trusted("hub")
    ring.later(days=31)
    assert _ok(ring.run(max_age="30d", overlap="1h")) == ["replace", "replace"]
    both = str(ring.trusted("hub")).splitlines()
    assert len(both) == 2
    assert before in both
    ring.later(hours=1)
    assert _ok(ring.run(max_age="30d", overlap="1h")) == ["update", "update"]
    assert ring.trusted("hub") == f"public {ring.word('hub')}"
    assert _ok(ring.run(max_age="30d", overlap="1h")) == ["none", "none"]


def test_without_an_overlap_the_replaced_key_is_taken_back_at_once(tmp_path: pathlib.Path) -> None:
    ring = Ring(tmp_path, kind=ListedWord)
    ring.run()
    ring.later(days=31)
    assert _ok(ring.run(max_age="30d")) == ["replace", "replace"]
    assert ring.trusted("hub") == f"public {ring.word('hub')}"


def test_what_was_there_is_adopted_and_only_then_rotated(tmp_path: pathlib.Path) -> None:
    ring = Ring(tmp_path, names=("hub",))
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "hub.key").write_text("an old word")
    os.utime(tmp_path / "keys" / "hub.key", (ring.clock.timestamp() - 86400,) * 2)
    outcomes = ring.run()
    assert _ok(outcomes) == ["create"]
    assert outcomes[0].plan.reasons[0] == "exists and is adopted"
    assert ring.word("hub") == "an old word"
    assert outcomes[0].facts["created"] == "2025-12-31T12:00:00Z"
    assert _ok(ring.run()) == ["none"]
    ring.later(days=30)
    assert _ok(ring.run(max_age="30d")) == ["replace"]


def test_what_cannot_be_adopted_is_kept_aside_when_it_may_be_replaced(tmp_path: pathlib.Path) -> None:
    ring = Ring(tmp_path, names=("hub",))
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "hub.key").write_text("abc")
    assert "too short a word" in str(ring.run()[0].error)
    assert ring.word("hub") == "abc"
    assert _ok(ring.run(on_mismatch="replace")) == ["create"]
    kept = list((tmp_path / "keys/.trustmesh-word/hub/replaced").iterdir())
    assert [path.read_text() for path in kept] == ["abc"]
    assert _ok(ring.run(on_mismatch="replace")) == ["none"]


@pytest.mark.parametrize("what", ["unlink", "content", "mode", "trust", "trust mode", "foreign"])
def test_what_was_tampered_with_is_put_right(tmp_path: pathlib.Path, what: str) -> None:
    ring = Ring(tmp_path, names=("hub",))
    ring.run()
    word, key = ring.word("hub"), tmp_path / "keys" / "hub.key"
    if what == "unlink":
        key.unlink()
    elif what == "content":
        key.write_text("another word")
    elif what == "mode":
        key.chmod(0o644)
    elif what == "trust":
        (tmp_path / "trust" / "hub.pem").write_text("another word")
    elif what == "trust mode":
        (tmp_path / "trust" / "hub.pem").chmod(0o666)
    else:
        key.unlink()
        key.write_text("another word")
    outcomes = ring.run()
    assert _ok(outcomes) == ["update"], outcomes[0].plan.reasons
    assert (ring.word("hub"), ring.trusted("hub")) == (word, f"public {word}")
    assert key.stat().st_mode & 0o777 == 0o600
    assert _ok(ring.run()) == ["none"]


def test_a_departed_owner_is_taken_back_everywhere_before_its_key_goes(tmp_path: pathlib.Path) -> None:
    ring = Ring(tmp_path)
    ring.run()
    assert _ok(ring.run(absent=["hub"])) == ["delete", "none"]
    assert ring.trusted("hub") is None
    assert ring.trusted("hub", "dfsp-1") is None
    assert not (tmp_path / "keys" / "hub.key").exists()
    assert not (tmp_path / "keys" / ".trustmesh-word" / "hub").exists()
    assert _ok(ring.run(absent=["hub"])) == ["none", "none"]
