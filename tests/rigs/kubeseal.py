# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real kubeseal, without a cluster: it seals for a certificate, and opens with the controller's private key."""

from __future__ import annotations

import base64
import json
import pathlib
import subprocess
import typing as t

from tests.rigs.go_program import go_program
from tests.rigs.process import clean_environment

Object = dict[str, t.Any]

_PACKAGE: t.Final = "github.com/bitnami-labs/sealed-secrets/cmd/kubeseal"
_DEADLINE: t.Final = 60.0


class Refused(Exception):
    """kubeseal did not do it; the message is its own."""


class Kubeseal:
    """The program with the key pair of a controller."""

    def __init__(self, folder: pathlib.Path, certificate: bytes, key: bytes) -> None:
        self._program = go_program("kubeseal", _PACKAGE)
        self._folder = folder
        self._certificate = folder / "sealing.pem"
        self._certificate.write_bytes(certificate)
        self._key = folder / "sealing.key"
        self._key.touch(mode=0o600)
        self._key.write_bytes(key)

    def seal(self, secret: Object, *options: str) -> Object:
        """Return the SealedSecret that kubeseal makes of a Secret."""
        return self._run(secret, "--cert", str(self._certificate), *options)

    def unseal(self, sealed: Object) -> tuple[Object, dict[str, bytes]]:
        """Return the Secret that a controller would make, and its values; raises `Refused`."""
        secret = self._run(sealed, "--recovery-unseal", "--recovery-private-key", str(self._key))
        # It writes an empty value as null.
        return secret, {name: base64.b64decode(text or "") for name, text in secret["data"].items()}

    def _run(self, given: Object, *options: str) -> Object:
        # Without a kubeconfig it takes the namespace "default" and asks no server.
        env = clean_environment(HOME=str(self._folder), KUBECONFIG=str(self._folder / "none"))
        done = subprocess.run(
            [str(self._program), "--format", "json", *options],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
            env=env,
        )
        if done.returncode != 0:
            raise Refused(done.stderr.strip())
        return t.cast("Object", json.loads(done.stdout))
