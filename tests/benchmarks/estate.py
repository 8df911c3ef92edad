# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What certificates are issued from: a real server over TLS with an EC root, an EC intermediate and a role."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.rigs.openbao import OpenBao
from tests.rigs.pki import write_private

ROOT_MOUNT = "bench_root"
MOUNT = "bench_int"
ROLE = "bench"
DOMAIN = "bench.example"
TTL = "720h"
RULES = f"""
path "{MOUNT}/*" {{ capabilities = ["read", "list", "create", "update"] }}
"""


@dataclasses.dataclass(frozen=True)
class Estate:
    """What a contender has to know. ``token`` and ``secret_id`` are handed over in the environment alone."""

    server: OpenBao
    root_pem: str
    intermediate_pem: str
    local_ca: pathlib.Path
    """Directory with ca.pem and ca.key of an EC authority for those who sign by themselves"""
    token: str
    role_id: str
    secret_id: str

    @property
    def connection(self) -> dict[str, str]:
        """Address and CA, as every contender's options spell them."""
        return {"url": self.server.url, "ca_cert": self.server.ca_path}

    @property
    def by_token(self) -> dict[str, str]:
        """Environment of those who are handed a token, which saves them every login."""
        return {"VAULT_TOKEN": self.token}

    @property
    def by_approle(self) -> dict[str, str]:
        """Environment of those who log in."""
        return {"VAULT_ROLE_ID": self.role_id, "VAULT_SECRET_ID": self.secret_id}


def build_estate(server: OpenBao, directory: pathlib.Path) -> Estate:
    """Make the hierarchy, the role, a token and an AppRole."""
    api = server.api
    for mount, life in ((ROOT_MOUNT, "87600h"), (MOUNT, "43800h")):
        api.write(f"sys/mounts/{mount}", type="pki", config={"max_lease_ttl": life})
    key = {"key_type": "ec", "key_bits": 256}
    root = api.write(f"{ROOT_MOUNT}/root/generate/internal", common_name="Bench Root", ttl="87600h", **key).data
    request = api.write(f"{MOUNT}/intermediate/generate/internal", common_name="Bench Issuing", **key).data
    signed = api.write(
        f"{ROOT_MOUNT}/root/sign-intermediate", csr=request["csr"], common_name="Bench Issuing", ttl="43800h"
    ).data
    api.write(f"{MOUNT}/intermediate/set-signed", certificate=f"{signed['certificate']}\n{root['certificate']}\n")
    api.write(
        f"{MOUNT}/roles/{ROLE}",
        allowed_domains=[DOMAIN],
        allow_subdomains=True,
        key_type="ec",
        key_bits=256,
        ttl=TTL,
        max_ttl="2160h",
        no_store=False,
    )
    api.write("sys/auth/approle", type="approle")
    api.write("sys/policies/acl/bench", policy=RULES)
    api.write("auth/approle/role/bench", token_policies=["bench"], token_ttl="1h", bind_secret_id=True)
    return Estate(
        server=server,
        root_pem=root["certificate"],
        intermediate_pem=signed["certificate"],
        local_ca=_local_ca(directory),
        token=server.make_token(["bench"], ttl="24h"),
        role_id=api.read("auth/approle/role/bench/role-id")["role_id"],  # type: ignore[index]
        secret_id=api.write("auth/approle/role/bench/secret-id").data["secret_id"],
    )


def _local_ca(directory: pathlib.Path) -> pathlib.Path:
    """Make an EC authority on disk; its key is made now and goes with the run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Bench Local CA")])
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "ca.key").unlink(missing_ok=True)
    write_private(
        directory / "ca.key",
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    return directory
