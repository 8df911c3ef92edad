# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that may open few files leaves nothing behind, and says what it lacks (kind 9: full, read-only, killed)."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t

import pytest

_REACHED = "the limit for open files of this process is reached"
_MOST = 14

Steps = list[tuple[str, dict[str, t.Any]]]

_AUTHORITY = {"name": "root", "directory": "{}/ca/root", "crl_file": "crl.pem"}
_KEYS = {"custody": "files", "directory": "{}/keys/deep", "publish": [{"kind": "directory", "path": "{}/trust"}]}
RUNS: dict[str, Steps] = {
    "environment_file": [
        ("environment_file", {"files": [{"path": f"{{}}/{name}.env", "variables": {"A": "b"}} for name in "ab"]}),
    ],
    "systemd_credential": [
        (
            "systemd_credential",
            {
                "directory": "{}/credentials",
                "unit_directory": "{}/units",
                "encrypt": "never",
                "services": [
                    {"service": "a", "credentials": [{"name": name, "value": "v" * 20} for name in ("one", "two")]}
                ],
            },
        )
    ],
    "envelope_key": [("envelope_key", {"keys": [{"path": "{}/one.key"}, {"path": "{}/two.key"}]})],
    "local_ca": [("local_ca", {"authorities": [_AUTHORITY]})],
    "local_ca, replaced": [
        ("local_ca", {"authorities": [_AUTHORITY]}),
        ("local_ca", {"authorities": [{**_AUTHORITY, "key_size": 384, "on_mismatch": "replace"}]}),
    ],
    "certificate": [
        ("local_ca", {"authorities": [_AUTHORITY]}),
        (
            "certificate",
            {
                "provider": "local",
                "ca_directory": "{}/ca/root",
                "allow_development_ca": True,
                "directory": "{}/pki",
                "certificates": [{"name": "a.example"}, {"name": "b.example"}],
            },
        ),
    ],
    "jws_key": [("jws_key", {**_KEYS, "algorithm": "ES256", "participants": [{"name": "a"}, {"name": "b"}]})],
    "jwt_key": [("jwt_key", {**_KEYS, "algorithm": "HS256", "publish": [], "issuers": [{"name": "a"}]})],
}


@pytest.mark.parametrize("what", RUNS)
def test_too_few_open_files_leave_nothing_and_are_named(what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.core.starved", str(_MOST)],
        input=json.dumps(RUNS[what]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = json.loads(done.stdout)
    for spare, each in enumerate(outcomes):
        assert each["left"] == [], f"with {spare} to open"
        if each["starved"].get("failed"):
            assert _REACHED in each["starved"]["msg"], f"with {spare} to open: {each['starved']['msg']}"
        assert not each["again"].get("failed"), each["again"]["msg"]
    assert outcomes[0]["starved"].get("failed")
