# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module can be imported without the libraries that it asks for later, and says so then."""

from __future__ import annotations

import builtins
import importlib.util
import pathlib
import re
import sys
import typing as t

import pytest

BASE: t.Final = pathlib.Path("plugins/module_utils")
LIBRARIES: t.Final = frozenset(
    {"boto3", "botocore", "cryptography", "hvac", "jwt", "pkcs11", "psycopg", "requests", "urllib3", "yaml"}
)
_TRIES: t.Final = re.compile(rf"^try:\n(    .*\n)*    (from|import) ({'|'.join(LIBRARIES)})\b", re.MULTILINE)
FILES: t.Final = sorted(path for path in BASE.rglob("*.py") if _TRIES.search(path.read_text("utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(BASE).as_posix())
def test_a_file_is_imported_without_libraries(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = ".".join(path.with_suffix("").parts)
    found = builtins.__import__
    missing: set[str] = set()

    def refuse(wanted: str, variables: t.Any = None, *rest: t.Any) -> t.Any:
        top = wanted.partition(".")[0]
        if top in LIBRARIES and variables is not None and variables.get("__name__") == name:
            missing.add(top)
            raise ImportError(wanted)
        return found(wanted, variables, *rest)

    __import__(name)
    specification = importlib.util.spec_from_file_location(name, path.resolve())
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(builtins, "__import__", refuse)
    specification.loader.exec_module(module)
    assert missing


def test_there_are_such_files() -> None:
    assert len(FILES) > 20
