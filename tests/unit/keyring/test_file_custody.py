# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records in files: what another run wrote meanwhile is not written over, and what was there before is kept."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import Attributes, FileFailure
from plugins.module_utils._keyring.custody import Conflict
from plugins.module_utils._keyring.file_custody import FileCustody, projection
from plugins.module_utils._keyring.record import DamagedRecord

NAME: t.Final = "perffsp-1"


def _custody(directory: pathlib.Path) -> FileCustody:
    own, shared = Attributes(), Attributes(mode=0o644)
    fields = [
        projection("private_key", "{name}.key", own, option="private_path", secret=True),
        projection("public_key", "{name}.pub", shared, option="public_path", secret=False),
    ]
    return FileCustody(str(directory), "jws_key", fields)


def _document(mark: str) -> dict[str, t.Any]:
    return {"format": 1, "private_key": f"private {mark}", "public_key": f"public {mark}"}


def _written(custody: FileCustody, mark: str, version: t.Any) -> t.Any:
    return custody.write([(NAME, _document(mark), version)])[NAME]


def _read(custody: FileCustody) -> tuple[dict[str, t.Any], t.Any]:
    found = custody.read(NAME)
    assert found is not None
    return found


def test_kind_10_what_was_written_meanwhile_is_a_conflict_and_stays(tmp_path: pathlib.Path) -> None:
    """Two runs that read the same version: the second to write is refused, and the key of the first lives."""
    first, second = _custody(tmp_path), _custody(tmp_path)
    start = _written(first, "one", None)
    assert isinstance(_written(first, "two", start), str)
    for stale in (start, None, "s-20260101T000000Z-00000000"):
        refused = _written(second, "three", stale)
        assert isinstance(refused, Conflict)
        assert refused.remedy
        document, _version = _read(second)
        assert document == _document("two")
        assert (tmp_path / f"{NAME}.key").read_text() == "private two"


def test_kind_10_a_record_that_is_gone_is_a_conflict_for_who_has_read_it(tmp_path: pathlib.Path) -> None:
    custody = _custody(tmp_path)
    version = _written(custody, "one", None)
    assert custody.remove([NAME]) == {}
    assert isinstance(_written(custody, "two", version), Conflict)
    assert custody.read(NAME) is None


def test_one_snapshot_is_left_after_a_write_and_links_lead_to_it(tmp_path: pathlib.Path) -> None:
    custody = _custody(tmp_path)
    version = _written(custody, "one", None)
    version = _written(custody, "two", version)
    assert _read(custody) == (_document("two"), version)
    store = tmp_path / ".trustmesh-jws_key" / NAME
    assert sorted(path.name for path in store.iterdir() if path.name.startswith("s-")) == [version]
    assert (tmp_path / f"{NAME}.pub").read_text() == "public two"
    assert (store / "current" / "private_key").stat().st_mode & 0o777 == 0o600
    assert (store / "current" / "record.json").stat().st_mode & 0o777 == 0o600
    assert list(custody.misplaced(NAME)) == []
    assert custody.names() == [NAME]


def test_j3_what_is_not_a_directory_is_no_owner(tmp_path: pathlib.Path) -> None:
    custody = _custody(tmp_path)
    _written(custody, "one", None)
    store = tmp_path / ".trustmesh-jws_key"
    (store / "README").write_text("what lies here")
    (store / "elsewhere").symlink_to(tmp_path)
    (store / "nowhere").symlink_to("gone")
    (store / "begun").mkdir()
    assert custody.names() == [NAME]
    (store / "damaged").mkdir()
    (store / "damaged" / "current").write_text("not a link")
    with pytest.raises(FileFailure, match="damaged/current: is a regular file, not a symbolic link"):
        custody.names()


def test_a_key_that_others_left_is_read_and_kept_aside(tmp_path: pathlib.Path) -> None:
    (tmp_path / f"{NAME}.key").write_text("the only copy")
    custody = _custody(tmp_path)
    document, version = _read(custody)
    assert (document["private_key"], version) == ("the only copy", None)
    assert "public_key" not in document
    assert "format" not in document
    _written(custody, "new", None)
    aside = list((tmp_path / ".trustmesh-jws_key" / NAME / "replaced").iterdir())
    assert [path.read_text() for path in aside] == ["the only copy"]
    assert aside[0].stat().st_mode & 0o777 == 0o600
    assert aside[0].parent.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / f"{NAME}.key").read_text() == "private new"


def test_what_is_not_where_it_belongs_is_told_field_by_field(tmp_path: pathlib.Path) -> None:
    custody = _custody(tmp_path)
    assert list(custody.misplaced(NAME)) == []
    _written(custody, "one", None)
    (tmp_path / f"{NAME}.pub").unlink()
    snapshot = tmp_path / ".trustmesh-jws_key" / NAME / "current"
    (snapshot / "private_key").write_text("other")
    (snapshot / "record.json").chmod(0o640)
    found = {path: (held, wanted) for path, held, wanted in custody.misplaced(NAME)}
    assert found["public_key.file"][0] is None
    assert found["private_key.content"][0] == "other"
    assert "record.mode" in found
    (tmp_path / f"{NAME}.pub").write_text("a file")
    (snapshot / "private_key").write_text("private one")
    (snapshot / "private_key").chmod(0o644)
    found = {path: (held, wanted) for path, held, wanted in custody.misplaced(NAME)}
    assert found["public_key.file"][0] == "other"
    assert "private_key.mode" in found


def test_removal_leaves_what_is_not_ours(tmp_path: pathlib.Path) -> None:
    custody = _custody(tmp_path)
    _written(custody, "one", None)
    (tmp_path / f"{NAME}.pub").unlink()
    (tmp_path / f"{NAME}.pub").write_text("theirs")
    assert custody.remove([NAME]) == {}
    assert (tmp_path / f"{NAME}.pub").read_text() == "theirs"
    assert not (tmp_path / f"{NAME}.key").is_symlink()
    assert custody.names() == []
    assert _custody(tmp_path / "nowhere").names() == []


def test_a_record_that_cannot_be_read_is_named(tmp_path: pathlib.Path) -> None:
    custody = _custody(tmp_path)
    _written(custody, "one", None)
    for text in ("{", "[]", "", '{"a": "\\ud800"}', '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 10_000):
        (tmp_path / ".trustmesh-jws_key" / NAME / "current" / "record.json").write_text(text)
        with pytest.raises(DamagedRecord, match=r"record\.json"):
            custody.read(NAME)


def test_a_secret_is_not_published_for_everybody() -> None:
    for mode in (0o644, 0o604, 0o601):
        with pytest.raises(InvalidInput, match="key_mode"):
            projection("private_key", "{name}", Attributes(mode=mode), option="private_path", secret=True)
    projection("private_key", "{name}", Attributes(mode=0o640), option="private_path", secret=True)
    projection("public_key", "{name}", Attributes(mode=0o644), option="public_path", secret=False)
