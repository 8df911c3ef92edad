# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let tests import the collection from this checkout under its real name, and refuse skips in CI."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
from collections.abc import Generator

import pytest

from tests.tooling.counts import NOT_APPLICABLE

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_IMPORTS = _ROOT / "build" / "dev"
_COLLECTION = _IMPORTS / "ansible_collections" / "trustmesh" / "security"

_COLLECTION.parent.mkdir(parents=True, exist_ok=True)
with contextlib.suppress(FileExistsError):
    # Relative, so that the checkout can be moved.
    _COLLECTION.symlink_to("../../../..", target_is_directory=True)
sys.path.insert(0, str(_IMPORTS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a part that is missing as a failure in CI; a test that does not apply says so in its reason."""
    report = yield
    expected = hasattr(report, "wasxfail") or NOT_APPLICABLE in str(report.longrepr)
    if report.skipped and not expected and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"In CI a part that is missing is a failure. {reason}"
    return report
