# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A podman with a storage of its own."""

from __future__ import annotations

import base64
import json
import pathlib
import shutil
import subprocess
import tempfile
import typing as t
from collections.abc import Iterator

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.process import MissingPartError


class Podman:
    """The real podman (Debian: podman), whose storage is a directory of the test."""

    def __init__(self, directory: pathlib.Path) -> None:
        program = shutil.which("podman")
        if program is None:
            raise MissingPartError("podman is not installed (Debian package podman)")
        self.directory = directory
        self.key = directory / "keys" / "digest.key"
        self.executable = directory / "podman"
        storage = f"--storage-driver vfs --root {directory}/root --runroot {directory}/run --tmpdir {directory}/tmp"
        self.executable.write_text(f'#!/bin/sh\nexec {program} {storage} "$@"\n')
        self.executable.chmod(0o755)

    def secret(self, *arguments: str, given: str = "") -> str:
        """Run ``podman secret`` behind the module's back."""
        done = subprocess.run(
            [str(self.executable), "secret", *arguments], input=given, capture_output=True, text=True, check=True
        )
        return done.stdout

    def value(self, name: str) -> str:
        """Return what containers would see, from where podman keeps it."""
        identity = json.loads(self.secret("inspect", name))[0]["ID"]
        (store,) = self.directory.rglob("secretsdata.json")
        return base64.b64decode(json.loads(store.read_text())[identity]).decode()

    def labels(self, name: str) -> dict[str, str]:
        """Return the labels of a secret."""
        return t.cast("dict[str, str]", json.loads(self.secret("inspect", name))[0]["Spec"]["Labels"])

    def args(self, *secrets: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the module's arguments."""
        return {"secrets": list(secrets), "executable": str(self.executable), "digest_key_file": str(self.key)}


@pytest.fixture
def podman() -> Iterator[Podman]:
    """Podman without secrets; it takes no path of more than 50 characters for its state."""
    with tempfile.TemporaryDirectory(prefix="pod-", dir="/tmp") as folder:
        yield or_skip(lambda: Podman(pathlib.Path(folder)))
