# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issue certificates with hvac and nothing else: what the fastest reasonable program without Ansible costs.

Reads what to do as JSON from standard input and the token from VAULT_TOKEN. Writes through temporary names, without
waiting for the disk.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor

import hvac
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def _write(path: pathlib.Path, content: bytes, mode: int) -> None:
    temporary = path.with_suffix(f"{path.suffix}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def _issue(client: hvac.Client, task: dict[str, t.Any], leaf: dict[str, t.Any]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, leaf["common_name"])]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in leaf["dns_names"]]), critical=False)
        .sign(key, hashes.SHA256())
    )
    signed = client.secrets.pki.sign_certificate(
        name=task["role"],
        csr=request.public_bytes(serialization.Encoding.PEM).decode(),
        common_name=leaf["common_name"],
        extra_params={"ttl": task["ttl"]},
        mount_point=task["mount"],
    )["data"]
    target = pathlib.Path(task["target"])
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(target / f"{leaf['name']}.key", private, 0o600)
    _write(target / f"{leaf['name']}.pem", f"{signed['certificate']}\n{signed['ca_chain'][0]}\n".encode(), 0o644)


def main() -> None:
    """Do what standard input says."""
    task = json.load(sys.stdin)
    client = hvac.Client(url=task["url"], token=os.environ["VAULT_TOKEN"], verify=task["ca_cert"])
    with ThreadPoolExecutor(task["threads"]) as pool:
        list(pool.map(lambda leaf: _issue(client, task, leaf), task["leaves"]))


if __name__ == "__main__":
    main()
