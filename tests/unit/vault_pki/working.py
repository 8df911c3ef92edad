# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PKI engine in memory that makes keys, requests and certificates, as far as issuers rely on it."""

from __future__ import annotations

import datetime
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plugins.module_utils._core.reconcile import Outcome, reconcile
from plugins.module_utils._vault.pki_issuer_declaration import ISSUERS
from plugins.module_utils._vault.port import Vault
from tests.unit.vault.memory import Data, Memory, Reply, found, refused
from tests.unit.vault.subjects import completed
from tests.unit.vault_pki.subjects import NOON

_PEM: t.Final = serialization.Encoding.PEM
NO_MORE: t.Final = (
    "Max path length of the generated certificate is zero. This certificate cannot be used to issue more."
)


class Working:
    """One engine: its issuers and keys by id, and what becomes of requests."""

    def __init__(self, memory: Memory, mount: str) -> None:
        self.mount = mount
        self.issuers: dict[str, Data] = {}
        self.keys: dict[str, Data] = {}
        self.config: Data = {"default": "", "default_follows_latest_issuer": False}
        self._count = 0
        memory._mount("sys/mounts", mount, {"type": "pki"})
        memory.tables["sys/mounts"][f"{mount}/"]["config"]["max_lease_ttl"] = 10**9
        self._private: dict[str, ec.EllipticCurvePrivateKey] = {}
        for method, place, handler in (
            ("list", "issuers", lambda _p, _b: self._listed(self.issuers, "issuer_name", "key_id")),
            ("list", "keys", lambda _p, _b: self._listed(self.keys, "key_name")),
            ("get", "issuer/[^/]+(/json)?", self._read),
            ("patch", "issuer/[^/]+", self._rename),
            ("delete", "issuer/[^/]+", lambda path, _b: self._forget(self.issuers, path)),
            ("get", "key/[^/]+", lambda path, _b: found(self.keys[path.rpartition("/")[2]])),
            ("post", "key/[^/]+", self._name_key),
            ("delete", "key/[^/]+", lambda path, _b: self._forget(self.keys, path)),
            ("get", "config/issuers", lambda _p, _b: found(self.config)),
            ("post", "config/issuers", lambda _p, body: found(self.config.update(body))),
            ("post", "root/generate/(internal|existing)", self._root),
            ("post", "intermediate/generate/(internal|existing)", self._request),
            ("post", "issuer/[^/]+/sign-intermediate", self._sign),
            ("post", "issuers/import/(cert|bundle)", self._import),
        ):
            memory.on(method, f"{mount}/{place}", handler)

    @property
    def names(self) -> list[str]:
        """The names of the issuers, in the order in which they came."""
        return [held["issuer_name"] for held in self.issuers.values()]

    def named(self, name: str) -> Data:
        """Return an issuer by its name."""
        return next(held for held in self.issuers.values() if held["issuer_name"] == name)

    def certificate(self, name: str) -> x509.Certificate:
        """Return the certificate of an issuer."""
        return x509.load_pem_x509_certificate(self.named(name)["certificate"].encode())

    # -- what is asked -------------------------------------------------------------------------------------------------

    def _listed(self, objects: dict[str, Data], *shown: str) -> Reply:
        if not objects:
            return 404, {"errors": []}
        info = {name: {field: held.get(field, "") for field in shown} for name, held in objects.items()}
        return found({"keys": list(objects), "key_info": info})

    def _found(self, reference: str) -> Data | None:
        reference = self.config["default"] if reference == "default" else reference
        for issuer_id, held in self.issuers.items():
            if reference in (issuer_id, held["issuer_name"]):
                return held
        return None

    def _read(self, path: str, _body: Data) -> Reply:
        held = self._found(path.split("/")[2])
        return refused(500, "unable to find PKI issuer for reference") if held is None else found(held)

    # -- what changes something ----------------------------------------------------------------------------------------

    def _forget(self, objects: dict[str, Data], path: str) -> Reply:
        objects.pop(path.rpartition("/")[2], None)
        return 204, {}

    def _rename(self, path: str, body: Data) -> Reply:
        held = self._found(path.rpartition("/")[2])
        if held is None:
            return refused(500, "unable to find PKI issuer for reference")
        if body.get("issuer_name", held["issuer_name"]) in set(self.names) - {held["issuer_name"], ""}:
            return refused(400, "issuer name already in use")
        held.update(body)
        return found(held)

    def _name_key(self, path: str, body: Data) -> Reply:
        held = self.keys[path.rpartition("/")[2]]
        if body["key_name"] in {key["key_name"] for key in self.keys.values() if key is not held} - {""}:
            return refused(400, "key name already in use")
        held.update(body)
        return found(held)

    def _key(self, body: Data) -> str:
        """Return the id of the key that a request names or has made."""
        if "key_ref" in body:
            assert "key_type" not in body, "a key that is there has its type already"
            return t.cast(str, body["key_ref"])
        return self._keep_key(ec.generate_private_key(ec.SECP256R1()), body["key_name"])

    def _keep_key(self, key: ec.EllipticCurvePrivateKey, name: str) -> str:
        self._count += 1
        key_id = f"key-{self._count}"
        ski = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex(":")
        self._private[key_id] = key
        self.keys[key_id] = {"key_id": key_id, "key_name": name, "key_type": "ec", "subject_key_id": ski}
        return key_id

    def _keep(self, certificate: x509.Certificate, name: str, key_id: str, chain: list[str]) -> str:
        self._count += 1
        issuer_id = f"issuer-{self._count}"
        pem = certificate.public_bytes(_PEM).decode()
        about = {"issuer_id": issuer_id, "issuer_name": name, "key_id": key_id, "certificate": pem}
        self.issuers[issuer_id] = {**about, "ca_chain": [pem, *chain], "usage": "issuing-certificates,read-only"}
        self.config["default"] = self.config["default"] or issuer_id
        return issuer_id

    def _root(self, path: str, body: Data) -> Reply:
        if body["issuer_name"] in self.names:
            return refused(400, "issuer name already in use")
        if body.get("key_name") in {key["key_name"] for key in self.keys.values()}:
            return refused(400, "key name already in use")
        assert path.endswith("existing" if "key_ref" in body else "internal")
        key_id = self._key(body)
        key = self._private[key_id]
        made = issue(body, _name(body), key, key.public_key())
        answer = {"issuer_id": self._keep(made, body["issuer_name"], key_id, []), "key_id": key_id}
        return 200, {"data": answer, "warnings": [NO_MORE] if body.get("max_path_length") == 0 else None}

    def _request(self, path: str, body: Data) -> Reply:
        if body.get("key_name") in {key["key_name"] for key in self.keys.values()}:
            return refused(400, "key name already in use")
        assert path.endswith("existing" if "key_ref" in body else "internal")
        key_id = self._key(body)
        made = x509.CertificateSigningRequestBuilder().subject_name(_name(body))
        csr = made.sign(self._private[key_id], hashes.SHA256()).public_bytes(_PEM).decode()
        return found({"csr": csr, "key_id": key_id})

    def _sign(self, path: str, body: Data) -> Reply:
        above = self._found(path.split("/")[2])
        if above is None:
            return refused(500, "unable to find PKI issuer for reference")
        issuer = x509.load_pem_x509_certificate(above["certificate"].encode())
        request = x509.load_pem_x509_csr(body["csr"].encode())
        key = self._private[above["key_id"]]
        made = issue(body, issuer.subject, key, t.cast(ec.EllipticCurvePublicKey, request.public_key()))
        answer = {"certificate": made.public_bytes(_PEM).decode(), "issuing_ca": above["certificate"]}
        warnings = [NO_MORE] if body.get("max_path_length") == 0 else None
        return 200, {"data": {**answer, "ca_chain": above["ca_chain"]}, "warnings": warnings}

    def _import(self, path: str, body: Data) -> Reply:
        bundle = body["pem_bundle"].encode()
        imported, chain = [], x509.load_pem_x509_certificates(bundle)
        if path.endswith("bundle"):
            key = serialization.load_pem_private_key(bundle[bundle.index(b"-----BEGIN PRIVATE") :], None)
            self._keep_key(t.cast(ec.EllipticCurvePrivateKey, key), "")
        for at, certificate in reversed(list(enumerate(chain))):
            pem = certificate.public_bytes(_PEM).decode()
            held = next((entry for entry in self.issuers.values() if entry["certificate"] == pem), None)
            own = [name for name, key in self._private.items() if key.public_key() == certificate.public_key()]
            if held is not None:
                held["key_id"] = held["key_id"] or "".join(own[:1])
                continue
            above = [entry.public_bytes(_PEM).decode() for entry in chain[at + 1 :]]
            imported.append(self._keep(certificate, "", "".join(own[:1]), above))
        existing = [name for name in self.issuers if name not in imported]
        return found({"imported_issuers": imported, "existing_issuers": existing})


def issue(
    body: Data, issuer: x509.Name, signing: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey
) -> x509.Certificate:
    """Return the certificate of a CA as it was asked for; it begins half a minute early and is made at noon."""
    end = NOON + datetime.timedelta(seconds=body.get("ttl", 86400))
    length = body.get("max_path_length", -1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(body))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOON - datetime.timedelta(seconds=30))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None if length < 0 else length), critical=True)
    )
    return builder.sign(signing, hashes.SHA256())


def _name(body: Data) -> x509.Name:
    assert body["exclude_cn_from_sans"] is True, "the name of a CA is not the name of a host"
    kinds = {"organization": NameOID.ORGANIZATION_NAME, "ou": NameOID.ORGANIZATIONAL_UNIT_NAME}
    parts = [x509.NameAttribute(kind, entry) for field, kind in kinds.items() for entry in body.get(field, ())]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, body["common_name"])])


ROOT: t.Final[Data] = {"mount": "above", "name": "root", "type": "root", "common_name": "Root", "ttl": "3650d"}
MESH: t.Final[Data] = {
    "name": "mesh",
    "type": "intermediate",
    "common_name": "Mesh",
    "ttl": "365d",
    "signed_by": {"mount": "above", "issuer": "root"},
}


class Server(Memory):
    """Two engines, and a port that tries a second time where that is safe."""

    def __init__(self) -> None:
        super().__init__()
        self.above = Working(self, "above")
        self.pki = Working(self, "pki")
        self._vault = Vault(t.cast(t.Any, self), retries=1, sleep=lambda _seconds: None)

    @property
    def vault(self) -> Vault:
        return self._vault

    def run(self, *items: Data, check: bool = False) -> list[Outcome]:
        """Reconcile items as the module does."""
        self._vault = Vault(t.cast(t.Any, self), retries=1, sleep=lambda _seconds: None)
        batch = ISSUERS.batch(self._vault, completed(ISSUERS.spec, mount="pki", issuers=list(items)))
        self.asked.clear()
        return reconcile(batch, check_mode=check, clock=lambda: NOON)

    def settle(self, *items: Data) -> list[str]:
        """Run, let nothing fail, prove that another run changes nothing, and return what was done to each."""
        foretold = self.run(*items, check=True)
        assert self.writes == []
        made = self.run(*items)
        assert [outcome.error for outcome in made] == [None] * len(items)
        assert [outcome.plan.reasons for outcome in made] == [outcome.plan.reasons for outcome in foretold]
        for outcome in self.run(*items):
            assert (outcome.error, outcome.changed) == (None, False)
        return [outcome.action.value for outcome in made]
