# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Situations of public reports about credentials of systemd, rebuilt; tests/public_reports.yml lists all of them."""

from __future__ import annotations

import os
import pathlib
import shutil
import typing as t

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.environment_readers import credentials
from tests.rigs.process import MissingPartError

MIB = 1 << 20
#: What the names and values of a service take at most.
FULL = {"a": "x" * (MIB // 2 - 1), "b": "x" * (MIB // 2 - 1)}
TOO_MUCH = {"a": "x" * (MIB // 2), "b": "x" * (MIB // 2 - 1)}


def _args(
    tmp_path: pathlib.Path, values: dict[str, str], encrypt: str = "never", folder: str = "c"
) -> dict[str, t.Any]:
    named = [{"name": name, "value": value} for name, value in values.items()]
    return {
        "directory": str(tmp_path / folder),
        "unit_directory": str(tmp_path / "units"),
        "with_key": "host",
        "encrypt": encrypt,
        "services": [{"service": "hub", "credentials": named}],
    }


def _sealer() -> str:
    found = shutil.which("systemd-creds")
    if found is None:
        raise MissingPartError("systemd-creds is not installed (Debian package systemd)")
    return found


def test_what_a_service_may_have_together(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    """systemd/systemd#23170: the limit of 1 MiB is one of a service, and one too much keeps it from starting."""
    failed = run_module("systemd_credential", _args(tmp_path, TOO_MUCH), check=True)
    assert "credentials are larger than 1 MiB together" in failed.result["msg"].replace(": ", " ")
    assert not list(tmp_path.iterdir())
    run_module("systemd_credential", _args(tmp_path, FULL)).ok()
    drop_in = (tmp_path / "units" / "hub.service.d" / "60-trustmesh-credentials.conf").read_text()
    assert or_skip(lambda: credentials(drop_in)) == FULL
    (tmp_path / "c" / "hub.service" / "a").write_text(TOO_MUCH["a"])
    assert credentials(drop_in) is None, "the limit is that of the real systemd"


def test_an_encrypted_credential_that_systemd_would_not_open(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    """systemd/systemd#23170: an encrypted file is read up to 1152 KiB, and base64 counts."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only root has the key of the host")
    or_skip(_sealer)
    large = _args(tmp_path, {"a": "x" * (850 << 10)}, "always")
    assert "a is larger than 850 KiB" in run_module("systemd_credential", large, check=True).result["msg"]
    fits = _args(tmp_path, {"a": "x" * ((850 << 10) - 1)}, "always")
    run_module("systemd_credential", fits).ok()
    assert not run_module("systemd_credential", fits).ok().changed


def test_a_percent_sign_in_the_path_of_a_credential(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    """systemd/systemd#27970: what stands in the setting and where the file lies have to agree, or nothing starts."""
    run_module("systemd_credential", _args(tmp_path, {"a": "one value"}, folder="c%n d")).ok()
    drop_in = (tmp_path / "units" / "hub.service.d" / "60-trustmesh-credentials.conf").read_text()
    assert or_skip(lambda: credentials(drop_in)) == {"a": "one value"}
