# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The repository full of planted secrets, and the module's word on it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.integration.repo_secret_scan.corpus import Corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The repository; tests do not change it."""
    return Corpus(tmp_path_factory.mktemp("corpus") / "hub")


@pytest.fixture
def scan(run_module: t.Any) -> t.Any:
    """A function that scans one repository and returns its result: ``scan(path, history=False)``."""

    def run(path: pathlib.Path, **options: t.Any) -> dict[str, t.Any]:
        done = run_module("repo_secret_scan", {"repositories": [{"path": str(path)}], "max_findings": 1000, **options})
        assert not done.changed
        return {**done.result["results"][0], "allowances": done.result.get("allowances")}

    return run
