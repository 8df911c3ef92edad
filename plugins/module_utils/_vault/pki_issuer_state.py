# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What an issuer is: a certificate, which cannot be changed, and what the engine keeps beside it, which can."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .._core.errors import InvalidInput
from .._core.kinds import BOOLEAN, INTEGER, NAMES, NETWORKS, ORDERED, PEM, SECONDS, SET, TEXT, Kind
from .._core.plan import plan_state
from .._core.spec import Options
from .._core.state import Field, State, managed
from .._pki.certificate import CertificateFacts, certificate_pem, iso, parse_certificates
from .._pki.chain import is_self_signed, order_chain
from .._pki.extensions import extensions_of
from .answer import Fields
from .pki_key import settled_bits
from .port import Data

try:
    from cryptography import x509
except ImportError:  # reported through Spec.requires before any of this is called
    pass

#: Who signed a root.
ITSELF: t.Final = "itself"
#: The server dates certificates back by half a minute, so that they live that much longer than asked for.
_BACKDATING_SECONDS: t.Final = 120

_USAGES: t.Final = ("read-only", "issuing-certificates", "crl-signing", "ocsp-signing")
_NEVER_CUT: t.Final = -1

_USAGE = Kind(
    lambda value: SET.canonical(value) | {"read-only"},
    {**SET.option, "choices": list(_USAGES)},
    lambda value: ",".join(sorted(value)),
)


@dataclass(frozen=True)
class IssuerState(State):
    """An issuer; durations are seconds, a path length of -1 is no limit."""

    # -- in the certificate ------------------------------------------------------------------------------------------
    signed_by: Field[str] = managed(TEXT, replace=True)
    certificate: Field[str] = managed(PEM, replace=True)
    common_name: Field[str] = managed(TEXT, replace=True)
    organization: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    ou: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    country: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    province: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    locality: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    street_address: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    postal_code: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    key_type: Field[str] = managed(TEXT.choices("rsa", "ec", "ed25519"), replace=True)
    key_bits: Field[int] = managed(INTEGER, replace=True)
    ttl: Field[int] = managed(SECONDS, replace=True)
    max_path_length: Field[int] = managed(INTEGER, replace=True)
    permitted_dns_domains: Field[frozenset[str]] = managed(NAMES, replace=True, server_default=())
    excluded_dns_domains: Field[frozenset[str]] = managed(NAMES, replace=True, server_default=())
    permitted_ip_ranges: Field[frozenset[str]] = managed(NETWORKS, replace=True, server_default=())
    excluded_ip_ranges: Field[frozenset[str]] = managed(NETWORKS, replace=True, server_default=())
    permitted_email_addresses: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    excluded_email_addresses: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    permitted_uri_domains: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    excluded_uri_domains: Field[frozenset[str]] = managed(SET, replace=True, server_default=())
    signature_bits: Field[int] = managed(INTEGER, write_only=True)
    use_pss: Field[bool] = managed(BOOLEAN, write_only=True)
    # -- beside it ---------------------------------------------------------------------------------------------------
    issuer_name: Field[str] = managed(TEXT, server_default="")
    has_key: Field[bool] = managed(BOOLEAN)
    usage: Field[frozenset[str]] = managed(_USAGE, server_default=())
    leaf_not_after_behavior: Field[str] = managed(
        TEXT.choices("err", "truncate", "permit", "always_enforce_err"), server_default="err"
    )
    manual_chain: Field[tuple[str, ...]] = managed(ORDERED, server_default=())
    revocation_signature_algorithm: Field[str] = managed(TEXT, server_default="")
    issuing_certificates: Field[tuple[str, ...]] = managed(ORDERED, server_default=())
    crl_distribution_points: Field[tuple[str, ...]] = managed(ORDERED, server_default=())
    delta_crl_distribution_points: Field[tuple[str, ...]] = managed(ORDERED, server_default=())
    ocsp_servers: Field[tuple[str, ...]] = managed(ORDERED, server_default=())
    enable_aia_url_templating: Field[bool] = managed(BOOLEAN, server_default=False)
    default: Field[bool] = managed(BOOLEAN)

    @classmethod
    def declared(cls, options: t.Mapping[str, t.Any], **known: t.Any) -> IssuerState:
        """Build from an item of the module; raises :class:`InvalidInput` for what cannot become true."""
        if options.get("default") is False:
            # An engine always has its first issuer as default, so that "not the default" cannot be made true.
            options = {**options, "default": None}
        state = super().declared(options, **known)
        if isinstance(state.max_path_length, int) and state.max_path_length < _NEVER_CUT:
            raise InvalidInput(
                f"{state.max_path_length} is not a number of CAs",
                field="max_path_length",
                remedy="Use -1 for no limit.",
            )
        if isinstance(state.ttl, int) and state.ttl <= 0:
            raise InvalidInput(
                "a CA has to live for a while", field="ttl", remedy="Declare its lifetime, like 10y as 3650d."
            )
        return replace(state, key_bits=settled_bits(state.key_bits, state.key_type))


#: Given to the engine when the certificate is made, by what they concern.
SUBJECT: t.Final = (
    "common_name",
    "organization",
    "ou",
    "country",
    "province",
    "locality",
    "street_address",
    "postal_code",
)
KEY: t.Final = ("key_type", "key_bits")
CONSTRAINTS: t.Final = tuple(name for name in IssuerState.metas() if name.startswith(("permitted_", "excluded_")))
MAKING: t.Final = ("ttl", "max_path_length", "signature_bits", "use_pss", *CONSTRAINTS)
#: Kept beside the certificate and changed by a merge.
SETTINGS: t.Final = (
    "issuer_name",
    "usage",
    "leaf_not_after_behavior",
    "manual_chain",
    "revocation_signature_algorithm",
    "issuing_certificates",
    "crl_distribution_points",
    "delta_crl_distribution_points",
    "ocsp_servers",
    "enable_aia_url_templating",
)
#: Not every product and version has these; of the constraints, everybody has the permitted DNS domains.
PARTICULAR_MAKING: t.Final = frozenset(CONSTRAINTS) - {"permitted_dns_domains"}


def state_options() -> Options:
    """Return the options that declare fields of the state under their own names."""
    hidden = ("signed_by", "issuer_name", "has_key")
    return {name: option for name, option in IssuerState.options().items() if name not in hidden}


@dataclass(frozen=True)
class Held:
    """An issuer as the server holds it: its answer, what the certificate says, and whether it is the default."""

    data: Fields
    facts: CertificateFacts
    default: bool = False
    #: The default would move to the next issuer that comes along.
    fleeting: bool = False

    @classmethod
    def of(cls, data: Data, **known: bool) -> Held:
        """Read the certificate in an answer of ``<mount>/issuer``."""
        held = Fields.of(data, "the issuer")
        return cls(held, CertificateFacts.of(parse_certificates(held.text("certificate").encode())[0]), **known)

    @property
    def issuer_id(self) -> str:
        return self.data.text("issuer_id")

    @property
    def key_id(self) -> str:
        return self.data.text_or("key_id")

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The certificate and its issuers as the server builds them, in order."""
        others = parse_certificates("\n".join(self.data.texts("ca_chain") or [self.data.text("certificate")]).encode())
        return order_chain(self.facts.certificate, others)

    def state(self, desired: IssuerState | None, signed_by: str, names: t.Mapping[str, str]) -> IssuerState:
        """Return the state; ``names`` are those of all issuers of the engine by id, as far as they matter."""
        lifetime, asked = self.facts.lifetime_seconds, desired.ttl if desired else None
        if isinstance(asked, int) and 0 <= lifetime - asked <= _BACKDATING_SECONDS:
            lifetime = asked
        chain = tuple(names.get(entry) or entry for entry in self.data.texts("manual_chain"))
        return IssuerState.observed(
            Fields.of({**_certificate_fields(self.facts), **self.data, "manual_chain": chain}, self.data.place),
            certificate=certificate_pem(self.facts.certificate),
            signed_by=signed_by,
            ttl=lifetime,
            has_key=bool(self.key_id),
            default=self.default and not self.fleeting,
        )

    def shown(self, state: IssuerState) -> dict[str, t.Any]:
        """Return the facts for a result."""
        kept = state.shown()
        chain = self.chain
        return {
            "issuer_id": self.issuer_id,
            "key_id": self.key_id,
            **{name: kept[name] for name in (*SETTINGS, *KEY)},
            "default": self.default,
            "subject": self.facts.subject_dn,
            "issuer": self.facts.issuer_dn,
            "serial": self.facts.serial,
            "fingerprint_sha256": self.facts.fingerprint_sha256,
            "not_before": iso(self.facts.not_before),
            "not_after": iso(self.facts.not_after),
            "chain_length": len(chain),
            "chain_complete": is_self_signed(chain[-1]),
            "certificate": certificate_pem(self.facts.certificate),
            "chain": certificate_pem(*chain),
        }


def misfits(facts: CertificateFacts, wanted: IssuerState) -> list[str]:
    """Return how a certificate that is to be installed differs from what is declared about it, in sentences."""
    plan = plan_state(IssuerState.observed(_certificate_fields(facts)), wanted)
    told = {*SUBJECT, *KEY, *CONSTRAINTS, "max_path_length"}
    return [change.reason for change in plan.changes if change.path in told]


def _certificate_fields(facts: CertificateFacts) -> dict[str, t.Any]:
    subject = facts.subject
    return {
        "common_name": subject.common_name,
        "organization": list(subject.organization),
        "ou": list(subject.organizational_unit),
        "country": list(subject.country),
        "province": list(subject.province),
        "locality": list(subject.locality),
        "street_address": list(subject.street_address),
        "postal_code": list(subject.postal_code),
        "key_type": facts.key.type,
        "key_bits": facts.key.size or 0,
        "max_path_length": _NEVER_CUT if facts.path_length is None else facts.path_length,
        **_constraint_fields(facts.certificate),
    }


_CONSTRAINED: t.Final = {
    "DNSName": "dns_domains",
    "IPAddress": "ip_ranges",
    "RFC822Name": "email_addresses",
    "UniformResourceIdentifier": "uri_domains",
}


def _constraint_fields(certificate: x509.Certificate) -> dict[str, list[str]]:
    """Return the name constraints (RFC 5280, 4.2.1.10) under the names of the options."""
    fields: dict[str, list[str]] = {}
    for extension in extensions_of(certificate):
        if isinstance(extension.value, x509.NameConstraints):
            for side in ("permitted", "excluded"):
                for subtree in getattr(extension.value, f"{side}_subtrees") or ():
                    kind = _CONSTRAINED.get(type(subtree).__name__)
                    if kind:
                        fields.setdefault(f"{side}_{kind}", []).append(str(subtree.value))
    return fields
