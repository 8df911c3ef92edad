# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Signing with a key of our own: the development authority.

Everything signed here carries the development mark (:mod:`.development`); production certificates come from an
authority that keeps its key somewhere better than in a file.
"""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from .development import DEVELOPMENT_UNIT, policy_extension
from .errors import PkiError
from .names import Subject, SubjectAltNames
from .request import signature_hash
from .usages import extended_key_usage_extension, key_usage_extension

try:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
except ImportError:  # reported through Spec.requires before any of this is called
    pass

if t.TYPE_CHECKING:
    from .keys import PrivateKey

_AUTHORITY_USAGE: t.Final = frozenset({"CertSign", "CRLSign", "DigitalSignature"})
#: A node of a mesh is client and server at once.
DEFAULT_EXTENDED_KEY_USAGE: t.Final = frozenset({"ServerAuth", "ClientAuth"})


@dataclass(frozen=True)
class Authority:
    """A certificate authority that can sign: its certificate and private key."""

    certificate: x509.Certificate
    key: PrivateKey


@dataclass(frozen=True)
class Span:
    """First and last instant of a certificate, aware and in whole seconds."""

    not_before: datetime.datetime
    not_after: datetime.datetime


def marked(subject: Subject) -> Subject:
    """Return the subject of an authority with the development unit first among its units."""
    units = tuple(unit for unit in subject.organizational_unit if unit != DEVELOPMENT_UNIT)
    return Subject(**{**subject.__dict__, "organizational_unit": (DEVELOPMENT_UNIT, *units)})


def sign_authority(
    subject: Subject, key: PrivateKey, span: Span, path_length: int | None, parent: Authority | None = None
) -> x509.Certificate:
    """Make the certificate of an authority: a root signed by itself, or an intermediate signed by ``parent``."""
    issuer_name = parent.certificate.subject if parent else marked(subject).name()
    builder = _builder(marked(subject).name(), issuer_name, key.public_key(), span)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(key_usage_extension(_AUTHORITY_USAGE), critical=True)
    return _sign(builder, parent.key if parent else key)


def sign_leaf(
    request: x509.CertificateSigningRequest,
    issuer: Authority,
    span: Span,
    key_usage: t.AbstractSet[str] | None = None,
    extended_key_usage: t.AbstractSet[str] | None = None,
) -> x509.Certificate:
    """Sign a request: subject and alternative names are the request's, everything else is decided here.

    A request cannot make itself an authority. Usages default to what a service of a mesh needs, as client and server.
    """
    public = request.public_key()
    usage = key_usage
    if usage is None:
        rsa_only = {"KeyEncipherment"} if isinstance(public, rsa.RSAPublicKey) else set()
        usage = {"DigitalSignature", *rsa_only}
    extended = DEFAULT_EXTENDED_KEY_USAGE if extended_key_usage is None else extended_key_usage
    builder = _builder(request.subject, issuer.certificate.subject, public, span)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    if usage:
        builder = builder.add_extension(key_usage_extension(usage), critical=True)
    if extended:
        builder = builder.add_extension(extended_key_usage_extension(extended), critical=False)
    names = requested_names(request)
    if names:
        extension = x509.SubjectAlternativeName(names.general_names())
        builder = builder.add_extension(extension, critical=not request.subject.rdns)
    return _sign(builder, issuer.key)


def requested_names(request: x509.CertificateSigningRequest) -> SubjectAltNames:
    """Return the alternative names that a request asks for, in canonical form."""
    try:
        extension = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return SubjectAltNames()
    except ValueError as error:
        raise PkiError(f"the names in the request are malformed: {error}", remedy="Make a new request.") from None
    return SubjectAltNames.observed(extension)


def _builder(subject: x509.Name, issuer: x509.Name, public: t.Any, span: Span) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span.not_before)
        .not_valid_after(span.not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(policy_extension(), critical=False)
    )


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    signed = builder.add_extension(identifier, critical=False)
    return signed.sign(key, t.cast(t.Any, signature_hash(key)))
