# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where keys are kept and published, from the options that say so; each wrong one is named."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import Attributes
from plugins.module_utils._keyring import options
from plugins.module_utils._keyring.file_custody import FileCustody
from plugins.module_utils._keyring.mcm import McmPublisher
from plugins.module_utils._keyring.options import CUSTODY_OPTIONS, TARGET_OPTIONS, FileField


class Stores:
    """Notes what is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[t.Any, ...]] = []

    def custody(self, mount: str, path: str) -> t.Any:
        self.asked.append(("custody", mount, path))
        return "custody"

    def publisher(self, mount: str, path: str, suffix: str) -> t.Any:
        self.asked.append(("publisher", mount, path, suffix))
        return type("Publisher", (), {"identity": f"kv {mount}/{path}"})()


def _target(**given: t.Any) -> dict[str, t.Any]:
    return {**{name: option.get("default") for name, option in TARGET_OPTIONS.items()}, **given}


FIELDS: t.Final = (
    FileField("private_key", "private_key_file", secret=True),
    FileField("public_key", "public_key_file", secret=False),
)


def _custody(stores: Stores, **given: t.Any) -> t.Any:
    params = {name: option.get("default") for name, option in CUSTODY_OPTIONS.items()}
    params.update({"private_key_file": "{name}.key", "public_key_file": "{name}.pub", **given})
    return options.custody(params, "jws_key", FIELDS, t.cast(t.Any, stores))


def test_keys_are_kept_in_a_vault_or_in_files(tmp_path: pathlib.Path) -> None:
    stores = Stores()
    assert _custody(stores, custody="kv", mount="kv") == "custody"
    assert _custody(stores, custody="kv", mount="kv", path="keys/{name}") == "custody"
    assert stores.asked == [("custody", "kv", "jws_key/{name}"), ("custody", "kv", "keys/{name}")]
    given = {"custody": "files", "directory": str(tmp_path), "owner": "0", "group": "1"}
    kept = _custody(stores, **given, key_mode="0640", mode="0444")
    assert isinstance(kept, FileCustody)
    assert kept._attributes == Attributes(0, 1, 0o600), "the record holds everything"
    assert [(entry.field, entry.attributes) for entry in kept._projections] == [
        ("private_key", Attributes(0, 1, 0o640)),
        ("public_key", Attributes(0, 1, 0o444)),
    ]
    bare = _custody(stores, **given, private_key_file=None)
    assert [entry.field for entry in bare._projections] == ["public_key"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"custody": "kv", "mount": None}, "mount"),
        ({"custody": "files", "directory": None}, "directory"),
        ({"custody": "files", "directory": "/x", "key_mode": "0644"}, "key_mode"),
        ({"custody": "files", "directory": "/x", "key_mode": "rw"}, "key_mode"),
        ({"custody": "files", "directory": "/x", "mode": "rw"}, "mode"),
        ({"custody": "files", "directory": "/x", "public_key_file": "same.pub"}, "public_key_file"),
    ],
    ids=str,
)
def test_what_a_custody_lacks_is_named(given: dict[str, t.Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        _custody(Stores(), **given)
    assert (refusal.value.field, bool(refusal.value.remedy)) == (field, True)


def _targets(stores: Stores, *entries: dict[str, t.Any], names: t.Sequence[str] = ("a", "b")) -> list[t.Any]:
    return options.targets({"publish": list(entries)}, names, t.cast(t.Any, stores))


def test_a_target_is_one_for_all_or_one_for_each_audience(tmp_path: pathlib.Path) -> None:
    stores = Stores()
    assert options.targets({"publish": None}, ["a"], t.cast(t.Any, stores)) == []
    (one,) = _targets(stores, _target(kind="kv", mount="kv", path="trust", prune=True, keep=["hub"]))
    assert (one.without, one.prune, one.keep) == (frozenset(), True, frozenset({"hub"}))
    each = _targets(stores, _target(kind="kv", mount="kv", path="trust/{audience}"))
    assert [(target.identity, target.without) for target in each] == [
        ("kv kv/trust/a", frozenset({"a"})),
        ("kv kv/trust/b", frozenset({"b"})),
    ]
    chosen = _targets(stores, _target(kind="kv", mount="kv", path="trust/{audience}", audiences=["c"]))
    assert [target.identity for target in chosen] == ["kv kv/trust/c"]
    assert {call[3] for call in stores.asked} == {".pem"}
    (folder,) = _targets(stores, _target(kind="directory", path=str(tmp_path), mode="0640"))
    assert str(tmp_path) in folder.identity
    (manager,) = _targets(stores, _target(kind="mcm", url="https://mcm.example", token="t", hub="hub"))
    assert isinstance(manager.publisher, McmPublisher)


@pytest.mark.parametrize(
    ("entries", "field"),
    [
        ([_target(kind="kv", path="trust")], "publish[0].mount"),
        ([_target(kind="kv", mount="kv")], "publish[0].path"),
        ([_target(kind="mcm")], "publish[0].url"),
        ([_target(kind="directory")], "publish[0].path"),
        (
            [_target(kind="kv", mount="kv", path="a"), _target(kind="directory", path="/x", mode="rw")],
            "publish[1].mode",
        ),
        ([_target(kind="kv", mount="kv", path="a"), _target(kind="kv", mount="kv", path="a")], "publish"),
    ],
    ids=str,
)
def test_what_a_target_lacks_is_named_by_its_place(entries: list[dict[str, t.Any]], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        _targets(Stores(), *entries)
    assert (refusal.value.field, bool(refusal.value.remedy)) == (field, True)
