# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Situations of public reports about certificates below links, rebuilt; tests/public_reports.yml lists all of them."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import typing as t

import pytest

#: Reads two files as a user who is nobody's friend until it is told to stop; says how often, and what failed.
_READER: t.Final = """
import os, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
reads, failures = 0, set()
while not os.path.exists(sys.argv[1]):
    for path in sys.argv[2:]:
        try:
            with open(path, "rb") as file:
                file.read()
            reads += 1
        except OSError as error:
            failures.add(str(error))
print(reads > 0, sorted(failures))
"""


def test_who_may_read_a_certificate_may_while_it_is_exchanged(run_module: t.Any) -> None:
    """certbot/certbot#5257: behind the links was a directory that nobody but root could pass."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only root reads as somebody else")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        authority = {"name": "ca", "directory": str(folder / "ca"), "crl_file": "ca.crl", "on_mismatch": "replace"}
        run_module("local_ca", {"authorities": [authority]}).ok()
        files = [str(folder / "ca" / file) for file in ("ca-cert.pem", "ca.crl")]
        argv = [sys.executable, "-c", _READER, str(folder / "stop"), *files]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as reader:
            for key_type in ("ed25519", "ec", "ed25519"):
                assert run_module("local_ca", {"authorities": [{**authority, "key_type": key_type}]}).ok().changed
            (folder / "stop").touch()
            said, _nothing = reader.communicate(timeout=30)
        assert said == "True []\n"
