# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory for authorities, and openssl as second opinion."""

from __future__ import annotations

import dataclasses
import pathlib
import subprocess
import typing as t

import pytest


@dataclasses.dataclass(frozen=True)
class Estate:
    """Authorities below one directory."""

    directory: pathlib.Path
    passphrase: str

    def pair(self, **mesh: t.Any) -> dict[str, t.Any]:
        """Return module arguments for an encrypted root and an intermediate with a revocation list."""
        root = {
            "name": "root",
            "directory": str(self.directory / "root"),
            "path_length": 1,
            "passphrase": self.passphrase,
        }
        below = {
            "name": "mesh",
            "directory": str(self.directory / "mesh"),
            "parent": str(self.directory / "root"),
            "parent_passphrase": self.passphrase,
            "ttl": "1000d",
            "crl_file": "crl.pem",
            "revoked": [{"serial": "39:dd:2e", "reason": "key_compromise"}],
        }
        return {"authorities": [root, {**below, **mesh}]}

    def absent(self) -> dict[str, t.Any]:
        """Return module arguments that remove both."""
        names = ("root", "mesh")
        gone = [{"name": name, "directory": str(self.directory / name), "state": "absent"} for name in names]
        gone[1]["crl_file"] = "crl.pem"
        return {"authorities": gone}

    def path(self, name: str, file: str = "ca-cert.pem") -> pathlib.Path:
        """Return the path of a file."""
        return self.directory / name / file

    def files(self) -> dict[str, bytes]:
        """Return the content of every file."""
        return {str(path): path.read_bytes() for path in self.directory.rglob("[!.]*") if path.is_file()}


@pytest.fixture
def estate(tmp_path: pathlib.Path, canary: t.Any) -> Estate:
    """An empty directory and a passphrase that must turn up nowhere."""
    return Estate(tmp_path / "ca", canary())


@pytest.fixture
def openssl() -> t.Callable[..., str]:
    """A function that runs the openssl command and returns both its outputs."""

    def run(*arguments: str | pathlib.Path, ok: bool = True) -> str:
        command = ["openssl", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert not ok or done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run
