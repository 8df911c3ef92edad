# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every verdict on a secret has a case that earns it, and one beside it that does not; see plans/manifest.yml."""

from __future__ import annotations

import datetime
import os
import pathlib
import typing as t

import pytest
import yaml

from plugins.module_utils._core.errors import InvalidInput, TrustmeshError
from plugins.module_utils._hygiene.manifest import Entry, Observed, judge, summarise
from plugins.module_utils._hygiene.stores import Directory, EnvironmentFile, ManifestReport, value_faults

NOON = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
CASES: list[dict[str, t.Any]] = yaml.safe_load((pathlib.Path(__file__).parent / "plans" / "manifest.yml").read_text())[
    "cases"
]
ENTRY: t.Final[dict[str, t.Any]] = {
    "name": "db", "store": "kv", "key": "db", "owner": "hub team", "purpose": None, "fields": [], "max_age": None,
    "rotated": None,
}  # fmt: skip


def _entry(**more: t.Any) -> Entry:
    return Entry.declared({**ENTRY, **more})


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_verdict(case: dict[str, t.Any]) -> None:
    entries = [] if case["declared"] is None else [_entry(**case["declared"])]
    held = {}
    if case["observed"] is not None:
        days = case["observed"].get("days_ago")
        changed = None if days is None else NOON - datetime.timedelta(days=days)
        fields = case["observed"].get("fields")
        held["db"] = Observed(
            changed, None if fields is None else frozenset(fields), tuple(case["observed"].get("faults", ()))
        )
    results = judge(entries, {"kv": held}, {"kv": case.get("ignore", [])}, NOON)
    assert [result["verdict"] for result in results] == case["verdicts"]
    assert [problem for result in results for problem in result["problems"]] == case.get("problems", [])
    assert all(result["ok"] is (result["verdict"] == "ok") for result in results)
    assert summarise(results)["ok"] == case["verdicts"].count("ok")


def test_every_verdict_has_a_case() -> None:
    counted = summarise([])
    assert {verdict for case in CASES for verdict in case["verdicts"]} == set(counted) - {"failed"}


def test_a_store_that_cannot_be_seen_says_nothing_of_its_secrets() -> None:
    error = TrustmeshError("permission denied")
    (result,) = judge([_entry()], {"kv": error}, {"kv": []}, NOON)
    assert (result["failed"], result["msg"], "ok" in result) == (True, "permission denied", False)
    (alone,) = judge([], {"kv": error}, {"kv": []}, NOON)
    assert (alone["item"], alone["failed"]) == ("kv", True)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"owner": " "}, "owner: is empty"),
        ({"max_age": "soon"}, "max_age: 'soon' is not a duration"),
        ({"rotated": "yesterday"}, "rotated: 'yesterday' is neither a day nor an instant"),
    ],
)
def test_what_makes_no_sense_is_refused(item: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _entry(**item)
    assert str(refused.value).startswith(problem)


def test_stores_and_keys_are_named_once() -> None:
    store = {"name": "kv", "type": "directory", "path": "/x", "ignore": []}
    for entries, stores, problem in (
        ([_entry()], [store, store], "two stores have the same name"),
        ([_entry(store="other")], [store], "there is no store other"),
        ([_entry(), _entry(name="again")], [store], "db of kv is declared twice"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            ManifestReport(entries, stores)


def test_a_directory_tells_age_and_faults(tmp_path: pathlib.Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "token").write_text("a good one\n")
    (tmp_path / "empty").write_text(" \n")
    os.utime(tmp_path / "empty", (0, 0))
    found = Directory(str(tmp_path)).observe([], values=True)
    assert set(found) == {"deep/token", "empty"}
    assert found["empty"] == Observed(
        datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc), None, ("has an empty value",)
    )
    assert found["deep/token"].faults == ()
    assert Directory(str(tmp_path)).observe([], values=False)["empty"].faults == ()
    with pytest.raises(InvalidInput, match="no such directory"):
        Directory(str(tmp_path / "none")).observe([], values=False)


def test_a_file_with_several_names_is_one_secret(tmp_path: pathlib.Path) -> None:
    """kubernetes/kubernetes#123604: a mounted secret is a file below a link, and what a crash left is beside it."""
    for day in ("..2026_01", "..2026_02"):
        (tmp_path / day).mkdir()
        for name in ("password", "token"):
            (tmp_path / day / name).write_text(f"{day} {name}\n")
    (tmp_path / "..data").symlink_to("..2026_02")
    for name in ("password", "token"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    left = {"..2026_01/password", "..2026_01/token"}
    assert set(Directory(str(tmp_path)).observe(["password"], values=True)) == {"password", "token", *left}
    declared = ["..2026_02/token", "token"]
    assert set(Directory(str(tmp_path)).observe(declared, values=False)) == {*declared, "password", *left}


def test_an_environment_file_tells_no_age(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "hub.env"
    path.write_text("# c\nA=x\nexport B='y z'\nC=\n")
    found = EnvironmentFile(str(path)).observe([], values=True)
    assert found == {"A": Observed(), "B": Observed(), "C": Observed(faults=("has an empty value",))}
    with pytest.raises(InvalidInput, match="no such file"):
        EnvironmentFile(str(tmp_path / "none")).observe([], values=False)


def test_a_value_that_is_in_print_is_unfit() -> None:
    assert list(value_faults("your-secret-key", "key")) == [
        "has a value of key that everybody knows (placeholder of a token service)"
    ]
    assert list(value_faults("something of our own")) == []
