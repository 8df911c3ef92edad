# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that speaks the API of AWS KMS: moto, from an environment of its own.

It is `moto_server` in ``build/env/moto/bin`` (``make build/env/moto/.stamp``), or what ``TRUSTMESH_MOTO_BIN`` names.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
import typing as t
import weakref

import boto3

from tests.rigs.process import LOOPBACK, MissingPartError, Process, clean_environment, free_port, listening

VARIABLE = "TRUSTMESH_MOTO_BIN"
BUILT = pathlib.Path(__file__).resolve().parents[2] / "build" / "env" / "moto" / "bin" / "moto_server"
START_DEADLINE = 60.0
REGION = "eu-central-1"
#: It takes any credentials; these are nobody's.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


class AwsKms:
    """One server. Usable as a context manager."""

    def __init__(self) -> None:
        program = os.environ.get(VARIABLE) or str(BUILT)
        if shutil.which(program) is None:
            raise MissingPartError(f"no moto_server at {program} (make build/env/moto/.stamp)")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rig-moto-"))
        self._cleanup = weakref.finalize(self, shutil.rmtree, self.directory, ignore_errors=True)
        self.port = free_port()
        argv = [program, "--host", LOOPBACK, "--port", str(self.port)]
        self._process = Process(
            "moto", argv, self.directory, clean_environment(HOME=str(self.directory), **CREDENTIALS)
        )
        self._process.start()
        try:
            self._process.ready(self._listens, START_DEADLINE, "the port")
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> AwsKms:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Address of the service."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def client(self) -> t.Any:
        """A second, independent client."""
        return boto3.client(
            "kms",
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    @property
    def log_path(self) -> pathlib.Path:
        """One line for each request."""
        return self._process.log_path

    def new_key(self, **fields: t.Any) -> str:
        """Create a key and return its id."""
        return str(self.client.create_key(**fields)["KeyMetadata"]["KeyId"])

    def options(self, key_id: str, **fields: t.Any) -> dict[str, t.Any]:
        """Return the option of the plugins that declares a key."""
        return {"type": "aws_kms", "key_id": key_id, "region": REGION, "endpoint_url": self.url, **fields}

    def stop(self) -> None:
        """End the server and remove its directory; harmless when done already."""
        self._process.stop()
        self._cleanup()

    def _listens(self) -> bool:
        pid = self._process.pid
        return pid is not None and self.port in {port for _address, port in listening(pid)}
