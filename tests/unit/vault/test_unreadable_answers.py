# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be read in an answer is an error that names the field, and neither absence nor "nothing is due"."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from plugins.module_utils._vault.answer import Fields
from plugins.module_utils._vault.errors import NotVault, VaultError
from plugins.module_utils._vault.kv_survey import KvSurvey
from plugins.module_utils._vault.kv_versions import KvVersions
from plugins.module_utils._vault.transit_key import TransitKeyState
from tests.unit.vault.memory import Data, Memory, refused

KEY: t.Final = {"type": "aes256-gcm96", "latest_version": 2}
DATES: t.Final[dict[str, tuple[t.Any, str]]] = {
    "no versions": (None, "keys is missing"),
    "versions in a list": ([1767000000], "keys is not an object"),
    "not the newest": ({"1": 1767000000}, "2 is missing"),
    "null": ({"2": None}, "2 is missing"),
    "a word": ({"2": "yesterday"}, "2 is not an instant"),
    "a truth value": ({"2": True}, "2 is not a whole number"),
    "a list": ({"2": [1767000000]}, "2 is not a whole number"),
    "no time": ({"2": 0}, "2 is not an instant"),
    "before all time": ({"2": -1}, "2 is not an instant"),
    "after all time": ({"2": 10**12}, "2 is not an instant"),
    "an object without it": ({"2": {"public_key": "A"}}, "creation_time is missing"),
    "an object with null": ({"2": {"creation_time": None}}, "creation_time is missing"),
    "the year 1": ({"2": {"creation_time": "0001-01-01T00:00:00Z"}}, "creation_time is not an instant"),
    "no offset": ({"2": {"creation_time": "2026-01-01T00:00:00"}}, "creation_time is not an instant"),
}


@pytest.mark.parametrize(("versions", "problem"), DATES.values(), ids=list(DATES))
def test_a_transit_key_without_a_readable_date_is_an_error(versions: t.Any, problem: str) -> None:
    with pytest.raises(NotVault, match=problem):
        TransitKeyState.of({**KEY, "keys": versions})


@pytest.mark.parametrize("newest", [1767225600, {"creation_time": "2026-01-01T00:00:00.5Z", "public_key": "A"}])
def test_a_transit_key_has_the_date_of_its_newest_version(newest: t.Any) -> None:
    state = TransitKeyState.of({**KEY, "keys": {"1": 1600000000, "2": newest}})
    assert state.made_at == datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    assert state.public_key == ("A" if isinstance(newest, dict) else None)


@pytest.mark.parametrize(
    ("about", "problem"),
    [
        ({}, "current_version is missing"),
        ({"current_version": "1"}, "current_version is not a whole number"),
        ({"current_version": 1}, "versions is missing"),
        ({"current_version": 1, "versions": {}}, "1 is missing"),
        ({"current_version": 1, "versions": {"1": {"deletion_time": ""}}}, "destroyed is missing"),
        ({"current_version": 1, "versions": {"1": {"deletion_time": 5, "destroyed": False}}}, "deletion_time is not"),
    ],
)
def test_a_secret_whose_metadata_cannot_be_read_is_not_missing(about: Data, problem: str) -> None:
    memory = Memory(kv="kv2")
    memory.on("get", "kv/metadata/app", lambda _path, _body: (200, {"data": about}))
    memory.on("list", "kv/metadata", lambda _path, _body: (200, {"data": {"keys": ["app"]}}))
    survey = KvSurvey(
        memory.vault, "kv", "", lambda *_given: (), datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    )
    with pytest.raises(VaultError, match=problem):
        survey._look("app", values=False)


# -- which version an engine is, where the usual way is barred ---------------------------------------------------------


def _barred(**mounts: str) -> Memory:
    memory = Memory(**mounts)
    memory.on("get", "sys/internal/ui/mounts/.*", lambda _path, _body: refused(403, "permission denied"))
    return memory


@pytest.mark.parametrize(("kind", "version"), [("kv1", 1), ("kv2", 2)])
def test_the_engine_itself_says_its_version_where_the_mount_does_not(kind: str, version: int) -> None:
    memory = _barred(kv=kind)
    assert KvVersions(memory.vault).of("kv") == version
    assert [method for method, _path, _body in memory.asked] == ["get", "get"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"version": 2}, "version is not a text"),
        ({"version": "3"}, "version is neither 1 nor 2"),
        ({"version": ["2"]}, "version is not a text"),
        (["2"], "options is not an object"),
    ],
)
def test_a_version_that_cannot_be_read_is_an_error(options: t.Any, problem: str) -> None:
    memory = Memory(kv="kv2")
    memory.tables["sys/mounts"]["kv/"]["options"] = options
    with pytest.raises(NotVault, match=problem):
        KvVersions(memory.vault).of("kv")


@pytest.mark.parametrize("options", [None, {}, {"version": None}, {"version": ""}, {"version": "1"}])
def test_without_a_version_an_engine_is_version_1(options: t.Any) -> None:
    memory = Memory(kv="kv2")
    memory.tables["sys/mounts"]["kv/"]["options"] = options
    assert KvVersions(memory.vault).of("kv") == 1


def test_a_mount_that_is_not_there_yet_counts_as_version_2() -> None:
    assert KvVersions(_barred().vault).of("kv") == 2


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_no_version_is_guessed(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """A guess would write secrets of version 1 in the envelope of version 2, where nobody looks for them."""
    vault = _barred(kv="kv1").vault
    monkeypatch.setattr(vault, "help", lambda _path: (status, Fields()))
    with pytest.raises(NotVault, match="which version of the key-value engine kv is cannot be found out") as caught:
        KvVersions(vault).of("kv")
    assert caught.value.field == "mount"
    assert "sys/internal/ui/mounts/kv" in str(caught.value)
