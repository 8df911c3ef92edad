# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every parser answers a slice of what `make fuzz` gives with errors of the collection alone."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.fuzz.feeding import CORPUS, Target, corpus, fuzz
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_errors_of_the_collection(target: Target) -> None:
    report = fuzz(target, int(150 * target.share), 8, sizes=(), seconds=0.5)
    found = {what: given for what, given in report.findings.items() if not what.startswith("slow")}
    assert found == {}
    assert report.inputs


def test_another_error_is_a_finding() -> None:
    def run(given: t.Any) -> object:
        return json.loads(given)

    report = fuzz(Target("any", run, lambda: [b'{"a": 1}']), 50, 8, sizes=())
    assert any(what.startswith("JSONDecodeError") for what in report.findings)


def test_documents_stay_mappings() -> None:
    report = fuzz(Target("any", lambda given: given.items(), lambda: [{"a": {"b": "c"}, "d": [1]}]), 500, 8)
    assert report.findings == {}


def test_every_corpus_is_of_a_parser() -> None:
    names = {target.name: target for target in TARGETS}
    assert {path.stem for path in CORPUS.iterdir()} <= set(names)
    assert corpus(names["key_set_texts"])
