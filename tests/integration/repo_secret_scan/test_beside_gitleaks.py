# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every planted secret, as repo_secret_scan and as gitleaks see it; whoever misses one, there is a reason on record."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest
import yaml

from tests.integration.conftest import or_skip
from tests.integration.repo_secret_scan.corpus import DECOYS, PLANTED, Corpus
from tests.rigs.go_program import go_program
from tests.rigs.process import clean_environment

RECORD: t.Final = yaml.safe_load((pathlib.Path(__file__).parent / "judgements.yml").read_text())
_EVERYTHING: t.Final = "--log-opts=--all --full-history -m"

Rules = dict[str, list[str]]


@pytest.fixture(scope="module")
def gitleaks(corpus: Corpus) -> Rules:
    """What gitleaks finds: path to rules."""
    program = or_skip(lambda: go_program("gitleaks", "github.com/zricethezav/gitleaks/v8"))
    argv = [str(program), "git", "--no-banner", _EVERYTHING, "-f", "json", "-r", "-", str(corpus.path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=clean_environment())
    assert done.returncode == 1, done.stderr
    return _by_path((entry["File"], entry["RuleID"]) for entry in json.loads(done.stdout))


@pytest.fixture
def ours(scan: t.Any, corpus: Corpus) -> Rules:
    """What the module finds: path to rules."""
    return _by_path((entry["path"], entry["rule"]) for entry in scan(corpus.path)["findings"])


def _by_path(pairs: t.Iterable[tuple[str, str]]) -> Rules:
    found: dict[str, set[str]] = {}
    for path, rule in pairs:
        found.setdefault(path, set()).add(rule)
    return {path: sorted(rules) for path, rules in found.items()}


def test_both_find_what_is_on_record(ours: Rules, gitleaks: Rules) -> None:
    measured = {it.path: {"ours": ours.get(it.path, []), "gitleaks": gitleaks.get(it.path, [])} for it in PLANTED}
    recorded = {path: {who: entry[who] for who in ("ours", "gitleaks")} for path, entry in RECORD["plants"].items()}
    assert measured == recorded


def test_neither_takes_a_decoy(ours: Rules, gitleaks: Rules) -> None:
    decoys = {plant.path for plant in DECOYS}
    assert (decoys & set(ours), decoys & set(gitleaks)) == (set(), set())


def test_nothing_is_found_where_nothing_was_planted(ours: Rules, gitleaks: Rules) -> None:
    planted = {plant.path for plant in PLANTED}
    assert set(ours) <= planted
    assert set(gitleaks) <= planted


def test_whatever_one_of_them_misses_is_judged() -> None:
    missed = {path for path, entry in RECORD["plants"].items() if not (entry["ours"] and entry["gitleaks"])}
    judged = {path for path, entry in RECORD["plants"].items() if "judged" in entry}
    assert missed == judged
    used = {RECORD["plants"][path]["judged"] for path in judged}
    assert used == set(RECORD["judgements"])
    assert all(len(reason) > 60 for reason in RECORD["judgements"].values())


def test_what_only_gitleaks_finds_is_what_we_left_on_purpose() -> None:
    only = [path for path, entry in RECORD["plants"].items() if entry["gitleaks"] and not entry["ours"]]
    assert only == ["src/access.rb"]
