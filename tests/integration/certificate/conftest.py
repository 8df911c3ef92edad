# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hierarchy to issue from, and certificates as the tests see them."""

from __future__ import annotations

import dataclasses
import pathlib
import subprocess
import typing as t
from collections.abc import Callable

import pytest
from cryptography import x509

from tests.integration.vault_pki.engine import Engine, MakeEngine, engine, make_engine

__all__ = ["engine", "make_engine"]

DAY = 86400


@dataclasses.dataclass(frozen=True)
class Estate:
    """A root, an intermediate that issues, and a directory for certificates."""

    root: Engine
    engine: Engine
    directory: pathlib.Path
    connection: dict[str, str]

    def args(self, *items: dict[str, t.Any], **common: t.Any) -> dict[str, t.Any]:
        """Return module arguments for certificates of this estate."""
        return {
            **self.connection,
            "mount": self.engine.path,
            "role": "mesh",
            "directory": str(self.directory),
            "certificates": list(items),
            **common,
        }

    def path(self, name: str, file: str = "cert.pem") -> pathlib.Path:
        """Return where a file of a certificate is published by default."""
        return self.directory / name / file

    def certificate(self, name: str) -> x509.Certificate:
        """Return the certificate that readers of the published path see."""
        return x509.load_pem_x509_certificate(self.path(name).read_bytes())

    def role(self, name: str, **fields: t.Any) -> None:
        """Write a role the plain way."""
        defaults = {"allowed_domains": ["svc.example"], "allow_subdomains": True, "key_type": "any", "max_ttl": "90d"}
        self.engine.write(f"roles/{name}", **{**defaults, **fields})


@pytest.fixture
def estate(make_engine: MakeEngine, tmp_path: pathlib.Path, connection: dict[str, str]) -> Estate:
    """A fresh hierarchy with the role `mesh`."""
    root, issuing = make_engine(), make_engine()
    # HashiCorp Vault signs nothing that begins before its signer does, and roles of the tests back-date by hours.
    root.make_root(not_before_duration="4h")
    request = issuing.write("intermediate/generate/internal", common_name="Test Intermediate", key_type="ec").data
    signed = root.write(
        "root/sign-intermediate", csr=request["csr"], ttl=f"{700 * DAY}s", not_before_duration="4h"
    ).data
    issuing.write("intermediate/set-signed", certificate="\n".join(signed["ca_chain"]))
    built = Estate(root, issuing, tmp_path / "pki", connection)
    built.role("mesh")
    return built


@pytest.fixture
def openssl_verify(estate: Estate) -> Callable[[str], str]:
    """A second opinion: let the openssl command verify a certificate as published, and return its text."""

    def verify(name: str) -> str:
        files = {file: str(estate.path(name, f"{file}.pem")) for file in ("ca", "chain", "cert")}
        subprocess.run(
            ["openssl", "verify", "-x509_strict", "-CAfile", files["ca"], "-untrusted", files["chain"], files["cert"]],
            check=True,
            capture_output=True,
            timeout=30,
        )
        shown = subprocess.run(
            ["openssl", "x509", "-noout", "-text", "-in", files["cert"]],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return shown.stdout

    return verify
