# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of the quickstart, verified, tampered with and put right on the quickstart that runs."""

from __future__ import annotations

import json
import pathlib

from tests.integration.quickstart.conftest import Quickstart
from tests.rigs.runner import PlayResult
from tests.rigs.vault_api import VaultApi

INVENTORY = pathlib.Path(__file__).resolve().parents[3] / "inventories" / "quickstart"


def run(quickstart: Quickstart, playbook: str, *arguments: str) -> PlayResult:
    """Run a playbook with the inventory of the quickstart."""
    given = ["-i", str(INVENTORY), "-e", f"quickstart_directory={quickstart.directory}", *arguments]
    return quickstart.runner.playbook(f"trustmesh.security.{playbook}", arguments=given, name=playbook)


def test_inventory_says_what_the_quickstart_does(quickstart: Quickstart) -> None:
    assert run(quickstart, "site").ok().changed == 0
    verified = run(quickstart, "verify").ok()
    assert verified.changed == 0
    assert "Everything is as declared." in verified.stdout


def test_verify_fails_on_every_tampering_and_writes_nothing(quickstart: Quickstart, api: VaultApi) -> None:
    certificate = quickstart.directory / "certificates" / "perffsp-7" / "cert.pem"
    store = certificate.resolve().parent
    content = (store / "key.pem").read_text()
    (store / "key.pem").unlink()
    role = api.read("pki_int/roles/mesh")
    assert role is not None
    api.write("pki_int/roles/mesh", **{**role, "allow_any_name": True})
    api.write("sys/policies/acl/quickstart-issuer", policy='path "pki_int/*" { capabilities = ["sudo"] }')
    try:
        verified = run(quickstart, "verify")
        assert verified.rc != 0
        told = verified.stdout
        assert "FAIL pki_roles pki_int/mesh" in " ".join(told.split())
        assert "FAIL policies quickstart-issuer" in " ".join(told.split())
        assert "FAIL certificate perffsp-7" in " ".join(told.split())
        assert "pass certificate perffsp-6" in " ".join(told.split())
        assert not (store / "key.pem").exists(), "verify must not mend"
        tampered = api.read("pki_int/roles/mesh")
        assert tampered is not None
        assert tampered["allow_any_name"] is True, "verify must not mend"
    finally:
        (store / "key.pem").write_text(content)
        (store / "key.pem").chmod(0o600)
    assert run(quickstart, "site").ok().changed > 0
    run(quickstart, "verify").ok()
    mended = api.read("pki_int/roles/mesh")
    assert mended is not None
    assert mended["allow_any_name"] is False


def test_report_lists_everything_with_the_most_urgent_first(quickstart: Quickstart, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "report.json"
    run(quickstart, "certificate_report", "-e", f"certificate_report_file={file}").ok()
    report = json.loads(file.read_text())
    rows = report["certificates"]
    assert report["troubles"] == []
    names = {row["certificate"] for row in rows}
    assert {"switch", "perffsp-8", "the edge as it answers", "authority pki_int/issuing"} <= names
    assert len(rows) == 18
    left = [row["days_left"] for row in rows]
    assert left == sorted(left)
    assert rows[-1]["certificate"] == "authority pki_root/root"
    served = next(row for row in rows if row["certificate"] == "the edge as it answers")
    kept = next(row for row in rows if row["certificate"] == "trust-service.internal")
    assert served["fingerprint_sha256"] == kept["fingerprint_sha256"]
    assert not any(row["problems"] for row in rows), rows


def test_strict_report_fails_on_what_is_urgent_or_unreadable(quickstart: Quickstart) -> None:
    strict = ("-e", "certificate_report_strict=true")
    run(quickstart, "certificate_report", *strict).ok()
    urgent = run(quickstart, "certificate_report", *strict, "-e", "certificate_report_expires_within=60d")
    assert urgent.rc != 0
    assert "16 of 18 certificates need" in " ".join(urgent.stdout.split())
    missing = json.dumps({"certificate_report_sources": [{"name": "gone", "path": "/no/such/file.pem"}]})
    broken = run(quickstart, "certificate_report", *strict, "-e", missing)
    assert broken.rc != 0
    assert "1 of 18 certificates need" in " ".join(broken.stdout.split())
