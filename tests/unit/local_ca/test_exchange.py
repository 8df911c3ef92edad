# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of an authority change at one moment: a run that is killed anywhere leaves all old or all new ones (R4)."""

from __future__ import annotations

import os
import typing as t

import pytest

from plugins.module_utils._core import leftovers, places, staging
from plugins.module_utils._core.plan import Action
from plugins.module_utils._local_ca.store import AuthorityPaths, load_authority
from tests.unit.local_ca.estate import Estate

_OTHER: t.Final = {"key_size": 384, "on_mismatch": "replace"}
_STORE: t.Final = ".trustmesh-local_ca"
#: Moves and removals of a run that replaces a root and an authority below it.
_MOMENTS: t.Final = 23
_OWNER: t.Final = 12345


@pytest.fixture(autouse=True)
def _ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed ran in this very process."""
    monkeypatch.setattr(leftovers, "_runs", lambda _process: False)


class Killed(BaseException):
    """The end of the process, as far as files are concerned."""


def _kill_after(monkeypatch: pytest.MonkeyPatch, moments: int) -> list[str]:
    """Let the process end at a moment: after so many names were moved, or things removed."""
    passed: list[str] = []

    def deadly(kind: type, name: str) -> None:
        real = getattr(kind, name)

        def act(self: t.Any, *arguments: t.Any) -> None:
            if len(passed) == moments:
                raise Killed
            passed.append(str(self))
            real(self, *arguments)

        monkeypatch.setattr(kind, name, act)

    deadly(staging.Move, "take_effect")
    deadly(staging.Removal, "take_effect")
    return passed


def _make(estate: Estate, **options: t.Any) -> list[str]:
    """Make a root with a list, and an authority below it; return what was done to each."""
    authorities = [
        estate.authority("root", path_length=1, crl_file="crl.pem", **options),
        estate.authority("mesh", parent="root", **options),
    ]
    outcomes = estate.apply(*authorities)
    assert [str(outcome.error) for outcome in outcomes if outcome.error] == []
    return [outcome.action.value for outcome in outcomes]


def _paths(estate: Estate, name: str) -> AuthorityPaths:
    return AuthorityPaths(str(estate.directory / name))


def _assert_whole(estate: Estate) -> None:
    """Assert that the key is that of the certificate, and the list signed by it, whether or not they are links."""
    for name in ("root", "mesh"):
        authority = load_authority(_paths(estate, name), None, "passphrase")
        if name == "root":
            crl = estate.crl(name)
            assert crl.is_signed_by(authority.certificate)


def _left(estate: Estate) -> list[str]:
    return [str(path) for path in estate.directory.rglob("*") if path.is_symlink() or path.name == _STORE]


def _change_killed(estate: Estate, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    """Make the authorities, and kill the run that changes them at a moment."""
    _make(estate)
    with monkeypatch.context() as patch:
        _kill_after(patch, moment)
        with pytest.raises(Killed):
            _make(estate, **_OTHER)


@pytest.mark.parametrize("moment", range(_MOMENTS))
def test_r4_a_kill_leaves_all_old_or_all_new_files(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    _change_killed(estate, monkeypatch, moment)
    _assert_whole(estate)
    assert _make(estate, **_OTHER) != ["none", "none"]
    _assert_whole(estate)
    assert _left(estate) == []
    assert estate.facts("root").key.size == estate.facts("mesh").key.size == 384
    assert _make(estate, **_OTHER) == ["none", "none"]


def test_there_are_no_other_moments(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(estate)
    passed = _kill_after(monkeypatch, 1000)
    _make(estate, **_OTHER)
    assert len(passed) == _MOMENTS
    assert _left(estate) == []


@pytest.mark.parametrize("moment", [5, 8])
@pytest.mark.parametrize("following", ["declared as before", "absent"])
def test_a_change_that_is_taken_back_after_a_kill(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, moment: int, following: str
) -> None:
    _change_killed(estate, monkeypatch, moment)
    assert (estate.directory / "root" / _STORE).exists()
    if following == "absent":
        estate.apply(*(estate.authority(name, state="absent", crl_file="crl.pem") for name in ("mesh", "root")))
        assert [path for path in estate.directory.rglob("*") if not path.is_dir()] == []
        return
    _make(estate, on_mismatch="replace")
    _assert_whole(estate)
    assert _left(estate) == []
    assert estate.facts("root").key.size == 256
    assert _make(estate) == ["none", "none"]


def test_an_authority_that_was_there_before_stays_as_it_is(estate: Estate) -> None:
    """No file turns into a link, and nothing is written, because files change in another way now."""
    _make(estate)
    before = estate.snapshot()
    assert _make(estate) == ["none", "none"]
    assert estate.snapshot() == before and _left(estate) == []


def test_one_file_alone_is_replaced_by_itself(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(estate)
    passed = _kill_after(monkeypatch, 1000)
    revoked = [{"serial": "39:dd:2e:90", "certificate_file": None, "reason": "unspecified"}]
    (outcome,) = estate.apply(estate.authority("root", path_length=1, crl_file="crl.pem", revoked=revoked))
    assert outcome.plan.action is Action.UPDATE and len([each for each in passed if "Move" in each]) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a directory of another user")
@pytest.mark.parametrize("moment", [5, 7, 9, 11, 13])
def test_links_of_a_killed_run_are_read_in_a_directory_of_another_user(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """There no link is followed; these are read without following them."""
    os.chown(estate.directory, _OWNER, _OWNER)
    for name in ("root", "mesh"):
        (estate.directory / name).mkdir()
        os.chown(estate.directory / name, _OWNER, _OWNER)
    declared: dict[str, t.Any] = {"owner": str(_OWNER), "group": str(_OWNER)}
    _make(estate, **declared)
    with monkeypatch.context() as patch:
        _kill_after(patch, moment)
        with pytest.raises(Killed):
            _make(estate, **declared, **_OTHER)
    places._kept.let_go()
    _assert_whole(estate)
    _make(estate, **declared, **_OTHER)
    _assert_whole(estate)
    assert _left(estate) == []
    assert _make(estate, **declared, **_OTHER) == ["none", "none"]
