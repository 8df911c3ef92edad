# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind 2: a module that needs no root for a path of a service user does all of its work as that user."""

from __future__ import annotations

import pathlib
import shutil
import typing as t

import pytest

from tests.integration.as_root.conftest import UID, Person
from tests.integration.certificate.conftest import Estate


def _certificate(person: Person, estate: Estate) -> dict[str, t.Any]:
    authority = person.home / "ca.pem"
    shutil.copy(estate.connection["ca_cert"], authority)
    person.give(authority).chmod(0o644)
    return {
        **estate.connection,
        "ca_cert": str(authority),
        "mount": estate.engine.path,
        "role": "mesh",
        "directory": str(person.home / "tls"),
        "certificates": [{"name": "a.svc.example"}],
    }


def _keys(person: Person, _estate: Estate) -> dict[str, t.Any]:
    return {"custody": "files", "directory": str(person.home / "keys"), "participants": [{"name": "fsp"}]}


def _environment(person: Person, _estate: Estate) -> dict[str, t.Any]:
    return {
        "files": [{"path": str(person.home / "app.env"), "secrets": [{"name": "TOKEN", "value": "value-of-a-test"}]}]
    }


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("certificate", _certificate), ("jws_key", _keys), ("environment_file", _environment)],
)
def test_module_runs_as_the_service_user_in_its_own_directory(
    person: Person, estate: Estate, module: str, arguments: t.Any
) -> None:
    args = arguments(person, estate)
    first = person.module(module, args)
    assert first.get("changed"), first
    second = person.module(module, args)
    assert second["changed"] is False, second
    made = [path for path in person.home.rglob("*") if not path.is_symlink()]
    assert made and {path.stat().st_uid for path in made} == {UID}
    assert [path for path in made if path.is_file() and _is_secret(path) and path.stat().st_mode & 0o077] == []


def _is_secret(path: pathlib.Path) -> bool:
    return b"PRIVATE KEY" in path.read_bytes() or path.suffix == ".env"
