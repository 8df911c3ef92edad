# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declarations that the tests of the issuers share."""

from __future__ import annotations

import typing as t

from cryptography import x509

from tests.integration.vault_pki.engine import Engine
from tests.rigs.runner import ModuleResult

Item = dict[str, t.Any]

ROOT: Item = {
    "name": "root",
    "type": "root",
    "common_name": "Example Root CA",
    "organization": ["Example Hub", "Another"],
    "ou": ["PKI"],
    "country": ["TZ"],
    "province": ["Arusha"],
    "locality": ["Arusha"],
    "street_address": ["1 Example Road"],
    "postal_code": ["12345"],
    "key_type": "ec",
    "key_bits": 384,
    "ttl": "3650d",
    "max_path_length": 1,
    "permitted_dns_domains": ["Example.com", "svc.example.org"],
    "default": True,
    "issuing_certificates": ["http://pki.example.com/root.der"],
    "revocation_signature_algorithm": "ECDSAWithSHA512",
}
PLAIN: Item = {"name": "root", "type": "root", "common_name": "Example Root CA", "key_type": "ec", "ttl": "3650d"}


def mesh(parent: Engine, **fields: t.Any) -> Item:
    """An intermediate below the root of another engine."""
    return {
        "name": "mesh",
        "type": "intermediate",
        "signed_by": {"mount": parent.path, "issuer": "root"},
        "common_name": "Example Mesh CA",
        "organization": ["Example Hub"],
        "key_type": "ec",
        "ttl": "1825d",
        "max_path_length": 0,
        **fields,
    }


def only_issuer(result: ModuleResult) -> Item:
    """Return the facts of the only item."""
    (item,) = result.ok().result["results"]
    return dict(item["issuer"])


def loaded(certificate: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.encode())
