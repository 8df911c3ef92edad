# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuers that were made or are signed elsewhere, from their first run to their last."""

from __future__ import annotations

import pathlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._vault.pki_issuer import PkiIssuer
from tests.unit.vault.memory import Data, Reply, found
from tests.unit.vault_pki.certificates import Authority, authority
from tests.unit.vault_pki.engine import ROOT, Engine, request, root
from tests.unit.vault_pki.subjects import DAY, NOON


def _imports(engine: Engine, issuer_id: str, ca: Authority) -> list[tuple[str, str]]:
    """Let the engine take what is imported; return where it came and what it was."""
    seen: list[tuple[str, str]] = []

    def take(path: str, body: Data) -> Reply:
        seen.append((path, body["pem_bundle"]))
        engine.add(issuer_id, "", ca)
        return found({"imported_issuers": [issuer_id], "existing_issuers": []})

    def name(path: str, body: Data) -> Reply:
        engine.issuers[path.rpartition("/")[2]].update(body)
        return found(body)

    engine.memory.on("post", "pki/issuers/import/.*", take)
    engine.memory.on("patch", "pki/issuer/.*", name)
    engine.memory.on("post", "pki/key/.*", lambda path, body: engine.keys[path.rpartition("/")[2]].update(body))
    return seen


def _run(issuer: PkiIssuer) -> Outcome:
    batch = Batch([issuer], transaction=issuer.files)
    (outcome,) = reconcile(batch, check_mode=False, clock=lambda: NOON)
    return outcome


@pytest.mark.parametrize("with_key", [True, False])
def test_a_ca_that_was_made_elsewhere_is_imported_once(with_key: bool) -> None:
    engine, ca = Engine(), root("Imported")
    engine.keys = {"k": {"key_name": ""}}
    key = ca.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    seen = _imports(engine, "imported", ca)
    item = {
        **dict.fromkeys(ROOT),
        "type": "imported",
        "certificate": ca.pem,
        "private_key": key if with_key else None,
    }
    outcome = _run(engine.issuer(**item))
    assert (outcome.error, outcome.action.value) == (None, "create")
    assert seen == [(f"pki/issuers/import/{'bundle' if with_key else 'cert'}", ca.pem + (key if with_key else ""))]
    assert engine.keys["k"]["key_name"] == ("ca" if with_key else "")
    assert key not in str(outcome.result())
    if with_key:
        assert not _run(engine.issuer(**item)).changed


def test_a_key_that_does_not_belong_to_its_certificate_is_not_imported() -> None:
    engine, ca, other = Engine(), root("Imported"), root("Other")
    seen = _imports(engine, "imported", ca)
    key = other.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    item = {**dict.fromkeys(ROOT), "type": "imported", "certificate": ca.pem, "private_key": key}
    outcome = _run(engine.issuer(**item))
    assert isinstance(outcome.error, InvalidInput)
    assert outcome.error.field == "private_key"
    assert seen == []


def test_a_ca_that_is_signed_elsewhere_waits_for_its_certificate(tmp_path: pathlib.Path) -> None:
    engine, above, path = Engine(), root(), tmp_path / "ca.csr"
    lower = authority("Lower", NOON, 100 * DAY, parent=above)
    ski = x509.SubjectKeyIdentifier.from_public_key(lower.key.public_key()).digest.hex()
    made: list[Data] = []

    def generate(_path: str, body: Data) -> Reply:
        made.append(body)
        engine.keys["k"] = {"key_name": "ca", "key_type": "ec", "subject_key_id": ski}
        return found({"csr": request(lower.key)})

    engine.memory.on("post", "pki/intermediate/generate/.*", generate)
    item = {"type": "intermediate", "common_name": "Lower", "ttl": None, "key_type": "ec", "csr_file": str(path)}
    outcome = _run(engine.issuer(**item))
    assert (outcome.error, outcome.action.value) == (None, "create")
    assert made[0]["key_name"] == "ca"
    assert "BEGIN CERTIFICATE REQUEST" in path.read_text()
    assert any("waits for its certificate" in text for text in outcome.result()["warnings"])
    waiting = _run(engine.issuer(**item))
    assert (waiting.error, waiting.changed, len(made)) == (None, False, 1)
    assert waiting.facts == {"csr": path.read_text()}
    path.write_text(request(root("Other").key))
    again = _run(engine.issuer(**item))
    assert again.plan.reasons == ["csr_file does not hold a request for the waiting key"]
    assert made[1]["key_ref"] == "k", "a second request is for the same key"
    seen = _imports(engine, "lower", lower)
    outcome = _run(engine.issuer(**item, certificate=lower.pem + above.pem))
    assert outcome.error is None
    assert seen == [("pki/issuers/import/cert", lower.pem + above.pem)]


def test_a_certificate_for_another_key_is_not_installed(tmp_path: pathlib.Path) -> None:
    engine = Engine()
    lower = authority("Lower", NOON, 100 * DAY, parent=root())
    engine.keys["k"] = {"key_name": "ca", "key_type": "ec", "subject_key_id": "ab" * 20}
    seen = _imports(engine, "lower", lower)
    item = {"type": "intermediate", "common_name": "Lower", "ttl": None, "csr_file": str(tmp_path / "ca.csr")}
    outcome = _run(engine.issuer(**item, certificate=lower.pem))
    assert isinstance(outcome.error, InvalidInput)
    assert outcome.error.field == "certificate"
    engine.keys.clear()
    outcome = _run(engine.issuer(**item, certificate=lower.pem))
    assert isinstance(outcome.error, InvalidInput)
    assert seen == []
