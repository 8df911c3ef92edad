# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Key usages under the names that Go and Vault use, as data."""

from __future__ import annotations

import re
import typing as t

try:
    from cryptography import x509
except ImportError:  # reported through Spec.requires before any of this is called
    pass

#: RFC 5280, 4.2.1.3: name as in Vault's ``key_usage`` and the library's argument.
KEY_USAGES: t.Final[t.Mapping[str, str]] = {
    "DigitalSignature": "digital_signature",
    "ContentCommitment": "content_commitment",
    "KeyEncipherment": "key_encipherment",
    "DataEncipherment": "data_encipherment",
    "KeyAgreement": "key_agreement",
    "CertSign": "key_cert_sign",
    "CRLSign": "crl_sign",
    "EncipherOnly": "encipher_only",
    "DecipherOnly": "decipher_only",
}
#: RFC 5280, 4.2.1.12: name as in Vault's ``ext_key_usage`` and its object identifier.
EXTENDED_KEY_USAGES: t.Final[t.Mapping[str, str]] = {
    "Any": "2.5.29.37.0",
    "ServerAuth": "1.3.6.1.5.5.7.3.1",
    "ClientAuth": "1.3.6.1.5.5.7.3.2",
    "CodeSigning": "1.3.6.1.5.5.7.3.3",
    "EmailProtection": "1.3.6.1.5.5.7.3.4",
    "IPSECEndSystem": "1.3.6.1.5.5.7.3.5",
    "IPSECTunnel": "1.3.6.1.5.5.7.3.6",
    "IPSECUser": "1.3.6.1.5.5.7.3.7",
    "TimeStamping": "1.3.6.1.5.5.7.3.8",
    "OCSPSigning": "1.3.6.1.5.5.7.3.9",
    "MicrosoftServerGatedCrypto": "1.3.6.1.4.1.311.10.3.3",
    "NetscapeServerGatedCrypto": "2.16.840.1.113730.4.1",
}
_ALIASES: t.Final = {"keycertsign": "CertSign", "nonrepudiation": "ContentCommitment"}
_KEY_NAMES: t.Final = {name.lower(): name for name in KEY_USAGES}
_EXTENDED_NAMES: t.Final = {name.lower(): name for name in EXTENDED_KEY_USAGES}
_EXTENDED_BY_OID: t.Final = {oid: name for name, oid in EXTENDED_KEY_USAGES.items()}
_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")


def key_usage(value: t.Any) -> str:
    """Return the canonical name of a key usage in any case, with or without Go's ``KeyUsage`` prefix."""
    text = str(value).strip().lower()
    text = text[len("keyusage") :] if text.startswith("keyusage") else text
    name = _ALIASES.get(text) or _KEY_NAMES.get(text)
    if name is None:
        raise ValueError(f"{value!r} is not a key usage; use {', '.join(KEY_USAGES)}")
    return name


def extended_key_usage(value: t.Any) -> str:
    """Return the canonical name of an extended key usage, or the dotted identifier of one without a name."""
    text = str(value).strip()
    if _OID.fullmatch(text):
        return _EXTENDED_BY_OID.get(text, text)
    short = text.lower()
    short = short[len("extkeyusage") :] if short.startswith("extkeyusage") else short
    name = _EXTENDED_NAMES.get(short)
    if name is None:
        raise ValueError(
            f"{value!r} is not an extended key usage; use {', '.join(EXTENDED_KEY_USAGES)} or a dotted identifier"
        )
    return name


def key_usage_names(extension: x509.KeyUsage) -> frozenset[str]:
    """Return the names of the bits that are set."""
    names = set()
    for name, attribute in KEY_USAGES.items():
        # The library refuses to tell these two unless key agreement, which they qualify, is set.
        if attribute in ("encipher_only", "decipher_only") and not extension.key_agreement:
            continue
        if getattr(extension, attribute):
            names.add(name)
    return frozenset(names)


def extended_key_usage_names(extension: x509.ExtendedKeyUsage) -> frozenset[str]:
    """Return names, and dotted identifiers where there is no name."""
    return frozenset(extended_key_usage(oid.dotted_string) for oid in extension)


def key_usage_extension(names: t.AbstractSet[str]) -> x509.KeyUsage:
    """Return the extension with the named bits set."""
    return x509.KeyUsage(**{attribute: name in names for name, attribute in KEY_USAGES.items()})


def extended_key_usage_extension(names: t.AbstractSet[str]) -> x509.ExtendedKeyUsage:
    """Return the extension with the named usages, in a fixed order."""
    return x509.ExtendedKeyUsage([x509.ObjectIdentifier(EXTENDED_KEY_USAGES.get(name, name)) for name in sorted(names)])
