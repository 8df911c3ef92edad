# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role certificate applies, repeats without a change, and its verify entry point finds what was tampered with."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.certificate.conftest import Estate

NAMES = ("a.svc.example", "b.svc.example")


@pytest.fixture
def role(play: t.Any, estate: Estate) -> t.Any:
    """A function that runs an entry point of the role with the estate's inputs."""
    inputs = {
        "certificate_vault": estate.connection,
        "certificate_mount": estate.engine.path,
        "certificate_directory": str(estate.directory),
        "certificate_items": [{"name": name} for name in NAMES],
    }

    def run(entry: str, **options: t.Any) -> t.Any:
        task = {
            "name": "Role",
            "ansible.builtin.include_role": {"name": "trustmesh.security.certificate", "tasks_from": entry},
        }
        variables = {**inputs, **options.pop("inputs", {})}
        return play([task], variables=variables, **options)

    return run


def test_apply_repeat_verify_tamper(role: t.Any, estate: Estate) -> None:
    first_check = role("main", check=True)
    assert first_check.rc == 0, first_check.tail()
    assert first_check.changed == 1
    assert not estate.directory.exists()
    refused = role("verify")
    assert refused.rc != 0
    assert "2 of 2 certificates are not as declared: a.svc.example, b.svc.example" in refused.stdout
    assert not estate.directory.exists()
    applied = role("main")
    assert applied.rc == 0, applied.tail()
    assert applied.changed == 1
    assert role("main").changed == 0
    verified = role("verify")
    assert verified.rc == 0, verified.tail()
    assert "pass certificate a.svc.example" in verified.stdout
    estate.path("b.svc.example").unlink()
    found = role("verify")
    assert found.rc != 0
    assert "FAIL certificate b.svc.example" in found.stdout
    assert "1 of 2 certificates are not as declared: b.svc.example" in found.stdout
    assert not estate.path("b.svc.example").exists(), "verify changes nothing"


def test_a_local_provider_without_its_directory_is_refused(role: t.Any, estate: Estate) -> None:
    refused = role("main", inputs={"certificate_provider": "local"})
    assert refused.rc != 0
    assert "certificate_ca_directory: not given" in refused.stdout
    assert not estate.directory.exists()
