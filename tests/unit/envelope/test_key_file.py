# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a master key: made once, whoever wins, and only where nothing is (R22, kind 10)."""

from __future__ import annotations

import hashlib
import typing as t
from pathlib import Path

import pytest

from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._envelope.key_file import KEY_FILE, MasterKeyFile
from tests.unit.vault.subjects import NOON

OURS: t.Final = hashlib.sha256(b"ours").hexdigest()


def _resource(path: Path, **given: t.Any) -> tuple[MasterKeyFile, FileTransaction]:
    files = FileTransaction()
    item = {**{name: option.get("default") for name, option in KEY_FILE.items()}, "path": str(path), **given}
    return MasterKeyFile(files, item), files


def _run(path: Path, **given: t.Any) -> Outcome:
    resource, files = _resource(path, **given)
    (outcome,) = reconcile(Batch([resource], transaction=files), check_mode=False, clock=lambda: NOON)
    return outcome


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    outcome = _run(path)
    assert (outcome.error, outcome.action.value) == (None, "create")
    made = path.read_text()
    assert len(made) == 65 and len(bytes.fromhex(made)) == 32
    assert path.stat().st_mode & 0o7777 == 0o600
    assert made.strip() not in str(outcome.result())
    assert not _run(path).changed
    assert path.read_text() == made
    assert _run(tmp_path / "other").error is None
    assert (tmp_path / "other").read_text() != made


def test_r22_a_key_that_another_run_made_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "key"
    resource, files = _resource(path)
    plan = resource.plan(resource.read(), NOON)
    path.write_text(OURS)
    resource.apply(plan)
    (failure,) = files.commit().values()
    assert "appeared meanwhile" in str(failure)
    assert path.read_text() == OURS


@pytest.mark.parametrize("content", ["", "no key", OURS[1:], OURS + "00"])
def test_what_is_no_key_is_replaced_only_where_that_is_declared(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    refused = _run(path)
    assert refused.error is not None and refused.error.field == "on_mismatch"
    assert path.read_text() == content
    assert _run(path, on_mismatch="replace").action.value == "replace"
    assert len(path.read_text()) == 65


def test_a_key_is_given_up_only_with_a_word(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(OURS)
    path.chmod(0o600)
    refused = _run(path, state="absent")
    assert refused.error is not None and refused.error.field == "deletion_allowed"
    assert path.exists()
    assert _run(path, state="absent", deletion_allowed=True).action.value == "delete"
    assert not path.exists()


def test_a_mode_is_mended_without_another_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(OURS)
    path.chmod(0o644)
    assert _run(path).action.value == "update"
    assert (path.read_text().strip(), path.stat().st_mode & 0o7777) == (OURS, 0o600)
