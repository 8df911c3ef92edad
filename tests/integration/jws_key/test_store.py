# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records in a real engine: what somebody else writes meanwhile is told, and a lost answer is no failure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from plugins.module_utils._core.errors import InvalidInput, Overtaken
from plugins.module_utils._vault.connection import VAULT, connect
from plugins.module_utils._vault.kv_custody import KvCustody, KvSpreadPublisher, KvStore
from plugins.module_utils._vault.kv_versions import KvVersions
from tests.unit.vault.subjects import completed

from .conftest import Mesh


@pytest.fixture
def store(mesh: Mesh) -> Iterator[KvStore]:
    """The engine of the mesh, as the modules reach it."""
    with contextlib.ExitStack() as stack:
        vault = connect(completed(VAULT, **mesh.connection), stack)
        yield KvStore(vault, KvVersions(vault), mesh.mount)


def test_what_was_written_after_reading_is_not_written_over(mesh: Mesh, store: KvStore) -> None:
    custody = KvCustody(store, "a/{name}")
    assert custody.write([("x", {"n": 1}, None)]) == {"x": 1}
    mesh.vault.api.write(f"{mesh.mount}/data/a/x", data={"n": 2})
    refused = custody.write([("x", {"n": 3}, 1), ("y", {"n": 3}, None)])
    assert isinstance(refused["x"], Overtaken)
    assert refused["y"] == 1, "the others are written all the same"
    assert custody.read("x") == ({"n": 2}, 2)


def test_what_was_removed_after_reading_is_not_made_again(mesh: Mesh, store: KvStore) -> None:
    """A run that rotates while another parts with the owner; the server is not to blame for that."""
    custody = KvCustody(store, "a/{name}")
    custody.write([("x", {"n": 1}, None)])
    assert custody.remove(["x"]) == {}
    refused = custody.write([("x", {"n": 2}, 1)])["x"]
    assert isinstance(refused, Overtaken)
    assert "was removed by others meanwhile" in str(refused)
    assert custody.read("x") is None


def test_r22_what_others_wrote_is_not_taken_for_our_own(store: KvStore) -> None:
    custody = KvCustody(store, "a/{name}")
    custody.write([("x", {"n": 1}, None)])
    assert isinstance(custody.write([("x", {"n": 1}, None)])["x"], Overtaken)
    assert custody.read("x") == ({"n": 1}, 1)


def test_a_deleted_secret_is_absent_and_written_over(mesh: Mesh, store: KvStore) -> None:
    custody = KvCustody(store, "a/{name}")
    custody.write([("x", {"n": 1}, None)])
    mesh.vault.api.request("DELETE", f"{mesh.mount}/data/a/x")
    assert custody.read("x") is None
    assert custody.write([("x", {"n": 2}, None)]) == {"x": 2}


def test_owners_are_listed_and_removed_with_all_versions(mesh: Mesh, store: KvStore) -> None:
    custody = KvCustody(store, "a/{name}")
    custody.write([(name, {"n": 1}, None) for name in ("x", "y")])
    assert custody.names() == ["x", "y"]
    assert custody.remove(["x", "never there"]) == {}
    assert custody.names() == ["y"]
    assert mesh.vault.api.read(f"{mesh.mount}/metadata/a/x") is None


def test_what_cannot_be_listed_is_refused(store: KvStore) -> None:
    for path in ("{name}/key", "{name}", "a/{name}/{name}"):
        with pytest.raises(InvalidInput):
            KvSpreadPublisher(store, path)
