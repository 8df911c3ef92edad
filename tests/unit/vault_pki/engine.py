# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PKI engine in memory: its issuers, keys and roles, and the issuers that are declared in it."""

from __future__ import annotations

import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._vault.pki_issuer import PkiIssuer
from plugins.module_utils._vault.pki_issuer_declaration import ISSUER_OPTIONS, declared_issuer
from plugins.module_utils._vault.pki_mount import PkiMounts
from tests.unit.vault.memory import Data, Memory, Reply, found, refused
from tests.unit.vault_pki.certificates import Authority, authority
from tests.unit.vault_pki.subjects import DAY, NOON

ROOT: t.Final = {"type": "root", "common_name": "Root", "key_type": "ec", "ttl": "3650d"}


class Engine:
    """A PKI engine at ``pki``: issuers by id, keys by id, roles by name."""

    def __init__(self) -> None:
        self.memory = Memory(pki="pki")
        self.issuers: dict[str, Data] = {}
        self.keys: dict[str, Data] = {}
        #: What was imported.
        self.bundle = ""
        self.memory.on("list", "pki/issuers", lambda _path, _body: self._listed(self.issuers, "issuer_name", "key_id"))
        self.memory.on("list", "pki/keys", lambda _path, _body: self._listed(self.keys, "key_name"))
        self.memory.on("get", "pki/issuer/[^/]+(/json)?", self._issuer)
        self.memory.on("get", "pki/key/[^/]+", lambda path, _body: found(self.keys[path.rpartition("/")[2]]))

    @property
    def asked(self) -> list[str]:
        """What was asked, in order."""
        return [f"{method} {path}" for method, path, _body in self.memory.asked]

    def add(self, issuer_id: str, name: str, ca: Authority, key: str = "k", **more: t.Any) -> None:
        """Put an issuer into the engine."""
        data = {"issuer_id": issuer_id, "issuer_name": name, "key_id": key, "certificate": ca.pem, "ca_chain": [ca.pem]}
        self.issuers[issuer_id] = {**data, **more}

    def _listed(self, objects: dict[str, Data], *shown: str) -> Reply:
        if not objects:
            return 404, {"errors": []}
        info = {name: {field: held.get(field, "") for field in shown} for name, held in objects.items()}
        return found({"keys": list(objects), "key_info": info})

    def _issuer(self, path: str, _body: Data) -> Reply:
        wanted = path.split("/")[2]
        for issuer_id, held in self.issuers.items():
            if wanted in (issuer_id, held["issuer_name"]):
                return found(held)
        return refused(500, f"unable to find PKI issuer for reference: {wanted}")

    def issuer(self, **item: t.Any) -> PkiIssuer:
        """Return a declared issuer, a root unless another type is given."""
        options = {**dict.fromkeys(ISSUER_OPTIONS), "on_mismatch": "fail", "force": False, "delete_key": False}
        wanted = {} if item.get("state") == "absent" else ROOT
        declared = {**options, "name": "ca", "mount": "pki", "state": "present", **wanted, **item}
        return t.cast(PkiIssuer, declared_issuer(PkiMounts(self.memory.vault), FileTransaction(), declared))


def root(name: str = "Root", days: int = 3650) -> Authority:
    """Return a root of some days."""
    return authority(name, NOON, days * DAY)


def request(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a request of the lower CA in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lower")])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()
