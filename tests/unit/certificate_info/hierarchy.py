# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A root, an intermediate and a leaf with their revocation lists, made by the openssl command alone."""

from __future__ import annotations

import pathlib

from tests.unit.pki import forge

_CONFIG = """
[ca]
default_ca = it
[it]
database = {base}/{name}.index
crlnumber = {base}/{name}.number
default_md = sha256
default_crl_days = 7
[req]
distinguished_name = dn
[dn]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:shop.lab.example
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Hierarchy:
    """Files in a directory: root.pem, int.pem, leaf.pem, full.pem (leaf and intermediate) and each one's key."""

    def __init__(self, directory: pathlib.Path, *, root_days: int = 3650, int_days: int = 900, leaf_days: int = 60):
        self.directory = directory
        for name in ("root", "int"):
            (directory / f"{name}.cnf").write_text(_CONFIG.format(base=directory, name=name))
            (directory / f"{name}.index").write_text("")
            (directory / f"{name}.number").write_text("01\n")
        self._make("root", "Root", "authority", root_days, None)
        self._make("int", "Issuing", "authority", int_days, "root")
        self._make("imposter", "Issuing", "authority", int_days, None)
        self._make("leaf", "shop.lab.example", "leaf", leaf_days, "int")
        (directory / "full.pem").write_bytes(self.read("leaf.pem") + self.read("int.pem"))

    def path(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.directory / name)

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        return (self.directory / name).read_bytes()

    def _make(self, name: str, common_name: str, section: str, days: int, issuer: str | None) -> None:
        forge.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(f"{name}.key"))
        key, config = self.path(f"{name}.key"), self.path("root.cnf")
        subject = ("-subj", f"/CN={common_name}", "-key", key, "-config", config)
        if issuer is None:
            extensions = ("-extensions", section, "-days", days)
            forge.openssl("req", "-x509", "-new", *subject, *map(str, extensions), "-out", self.path(f"{name}.pem"))
            return
        forge.openssl("req", "-new", *subject, "-out", self.path(f"{name}.csr"))
        signer = ("-CA", self.path(f"{issuer}.pem"), "-CAkey", self.path(f"{issuer}.key"), "-CAcreateserial")
        extensions = ("-extfile", config, "-extensions", section, "-days", days)
        request, made = self.path(f"{name}.csr"), self.path(f"{name}.pem")
        forge.openssl("x509", "-req", "-in", request, *signer, *map(str, extensions), "-out", made)

    def revoke(self, issuer: str, name: str) -> None:
        """Note a certificate in the database of its issuer."""
        self._ca(issuer, "-revoke", self.path(f"{name}.pem"), "-crl_reason", "keyCompromise")

    def crl(self, issuer: str, *, signer: str | None = None, **options: str) -> str:
        """Make the revocation list of an issuer and return its path; ``signer``, of the same name, signs instead."""
        path = self.path(f"{issuer}.crl")
        given = [part for name, value in options.items() for part in (f"-{name}", value)]
        self._ca(issuer, "-gencrl", *given, "-out", path, signer=signer)
        return path

    def _ca(self, issuer: str, *arguments: str, signer: str | None = None) -> None:
        name = signer or issuer
        pair = ("-cert", self.path(f"{name}.pem"), "-keyfile", self.path(f"{name}.key"))
        forge.openssl("ca", "-config", self.path(f"{issuer}.cnf"), *pair, *arguments)

    def openssl_accepts(self, *crls: str, **options: str) -> bool:
        """Let the openssl command verify the leaf, with lists the whole chain."""
        checks = [] if not crls else ["-crl_check_all", *(part for crl in crls for part in ("-CRLfile", crl))]
        checks += [part for name, value in options.items() for part in (f"-{name}", value)]
        trust = ("-CAfile", self.path("root.pem"), "-untrusted", self.path("int.pem"))
        return ": OK" in forge.openssl("verify", "-x509_strict", *trust, *checks, self.path("leaf.pem"), ok=False)
