# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""S5: what a user may not read is an error that names it, in every search; it never counts as clean."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.as_root.conftest import Person

SEARCHES: dict[str, t.Callable[[str], dict[str, t.Any]]] = {
    "repo_secret_scan": lambda path: {"repositories": [{"path": path, "history": False}]},
    "log_scan": lambda path: {"paths": [path]},
    "file_secret_audit": lambda path: {"targets": [{"path": path}]},
    "secret_manifest": lambda path: {
        "check_values": True,
        "stores": [{"name": "files", "type": "directory", "path": path}],
        "secrets": [],
    },
}


@pytest.mark.parametrize("module", SEARCHES)
@pytest.mark.parametrize("closed", ["directory", "file"])
def test_s5_what_may_not_be_read_is_an_error(person: Person, module: str, closed: str) -> None:
    place = person.home / "searched"
    hidden = place / "hidden"
    hidden.mkdir(parents=True)
    inner = hidden / "inner.yml"
    inner.write_text("password: x\n")
    for path in (place, hidden, inner):
        path.chmod(0o755)
    target = hidden if closed == "directory" else inner
    target.chmod(0)
    result = person.module(module, SEARCHES[module](str(place)))
    assert result["failed"] and f"{target}: permission denied" in result["msg"], result
    assert not any(entry.get("ok") for entry in result["results"])
