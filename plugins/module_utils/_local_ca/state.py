# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What is declared of a development authority, and what its files hold."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._core.files import Attributes, read_file, status
from .._core.kinds import BOOLEAN, INTEGER, SET, TEXT
from .._core.own_files import Directories
from .._core.passphrase import checked_passphrase, read_passphrase
from .._core.plan import Change
from .._core.redact import Secret
from .._core.resource import ON_MISMATCH
from .._core.spec import STATE, Options
from .._core.state import UNMANAGED, Field, State, managed
from .._pki.certificate import CertificateFacts, parse_certificates, serial_number, serial_text
from .._pki.errors import PkiError
from .._pki.issuance import marked
from .._pki.keys import SIZES, KeySpec, is_encrypted, load_private_key, spki_sha256
from .._pki.names import Subject, dn_text
from .._pki.renewal import Window, seconds_of
from .._pki.revocation import REASONS, CrlFacts, parse_crl
from .store import AuthorityPaths, read_chain

if t.TYPE_CHECKING:
    from cryptography import x509

_SUBJECT: t.Final = ("organization", "country", "province", "locality")


@dataclass(frozen=True)
class AuthorityState(State):
    """The fields of an authority that are compared one by one; those that need a new key say so."""

    common_name: Field[str] = managed(TEXT, replace=True)
    organization: Field[frozenset[str]] = managed(SET, replace=True)
    country: Field[frozenset[str]] = managed(SET, replace=True)
    province: Field[frozenset[str]] = managed(SET, replace=True)
    locality: Field[frozenset[str]] = managed(SET, replace=True)
    key_type: Field[str] = managed(TEXT.choices(*SIZES), replace=True)
    key_size: Field[int] = managed(INTEGER, replace=True)
    development: Field[bool] = managed(BOOLEAN, replace=True)
    path_length: Field[int] = managed(INTEGER)
    encrypted: Field[bool] = managed(BOOLEAN)
    #: Entries such as ``39:dd:2e key_compromise``.
    revoked: Field[frozenset[str]] = managed(SET)


_OWN: t.Final = AuthorityState.options()
ITEM_OPTIONS: t.Final[Options] = {
    "name": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    **STATE,
    "common_name": _OWN["common_name"],
    **{name: _OWN[name] for name in _SUBJECT},
    "key_type": {**_OWN["key_type"], "default": "ec"},
    "key_size": _OWN["key_size"],
    "passphrase": {"type": "str", "no_log": True},
    "passphrase_file": {"type": "path", "no_log": False},
    "path_length": {**_OWN["path_length"], "default": 0},
    "ttl": {"type": "str", "default": "3650d"},
    "renew_before": {"type": "str", "default": "10%"},
    "parent": {"type": "path"},
    "parent_passphrase": {"type": "str", "no_log": True},
    "parent_passphrase_file": {"type": "path", "no_log": False},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "crl_file": {"type": "path"},
    "crl_ttl": {"type": "str", "default": "7d"},
    "crl_renew_before": {"type": "str", "default": "33%"},
    "revoked": {
        "type": "list",
        "elements": "dict",
        "options": {
            "serial": {"type": "str"},
            "certificate_file": {"type": "path"},
            "reason": {"type": "str", "choices": list(REASONS), "default": "unspecified"},
        },
        "mutually_exclusive": [("serial", "certificate_file")],
        "required_one_of": [("serial", "certificate_file")],
    },
    **ON_MISMATCH,
}
EXCLUSIVE: t.Final = [("passphrase", "passphrase_file"), ("parent_passphrase", "parent_passphrase_file")]
SHARED: t.Final = ("owner", "group")


@dataclass(frozen=True)
class DesiredCrl:
    """The revocation list an authority is to keep."""

    path: str
    ttl: int
    window: Window
    reasons: Mapping[int, str]
    #: Certificates that were named by file and have to be this authority's.
    certificates: tuple[x509.Certificate, ...]


@dataclass(frozen=True)
class Parent:
    """The authority above an intermediate."""

    paths: AuthorityPaths
    passphrase: Secret | None


@dataclass(frozen=True)
class Desired:
    """Everything declared of one authority that is to exist."""

    state: AuthorityState
    subject: Subject
    key: KeySpec
    path_length: int
    ttl: int
    window: Window
    passphrase: Secret | None
    parent: Parent | None
    crl: DesiredCrl | None


@dataclass(frozen=True)
class Placing:
    """Where the files of an authority are and what attributes they have."""

    paths: AuthorityPaths
    public: Attributes
    private: Attributes
    crl: str | None

    @classmethod
    def declared(cls, item: Mapping[str, t.Any]) -> Placing:
        """Build from module options; the mode of the key is not a matter of choice."""
        directory = os.path.abspath(item["directory"])
        public = Attributes.declared(item["owner"], item["group"], "0644")
        private = Attributes.declared(item["owner"], item["group"], "0600")
        crl = os.path.join(directory, item["crl_file"]) if item["crl_file"] else None
        return cls(AuthorityPaths(directory), public, private, crl)

    def files(self) -> dict[str, tuple[str, Attributes]]:
        """Return path and attributes of every file, by what it holds."""
        paths = self.paths
        files = {
            "key": (paths.key, self.private),
            "certificate": (paths.certificate, self.public),
            "chain": (paths.chain, self.public),
        }
        return {**files, "crl": (self.crl, self.public)} if self.crl else files


@dataclass(frozen=True)
class Held:
    """The files of an authority as found; ``None`` stands for a file that is not there."""

    state: AuthorityState
    facts: CertificateFacts | None
    key_spki: str | None
    above: tuple[x509.Certificate, ...]
    #: The chain of the declared parent as it is now, issuer first; ``None`` for a root or a parent not made yet.
    parent: tuple[x509.Certificate, ...] | None
    crl: CrlFacts | None
    #: What has to change about owners and modes, by what the file holds.
    placement: Mapping[str, tuple[Change, ...]]
    #: Whether a run was killed that changed several of them.
    unfinished: bool = False

    @property
    def is_new(self) -> bool:
        """Whether there is neither a key nor a certificate."""
        return self.key_spki is None and self.facts is None


def desired_of(item: Mapping[str, t.Any], placing: Placing) -> Desired:
    """Build what is wanted from module options; raises :class:`InvalidInput` naming the option."""
    subject = Subject.declared({**{name: item[name] for name in _SUBJECT}, "common_name": _common_name(item)})
    key = KeySpec.declared(item["key_type"], item["key_size"])
    passphrase = _passphrase(item, "passphrase")
    if item["path_length"] < 0:
        raise InvalidInput("is negative", field="path_length", remedy="0 allows leaves only.")
    crl = _desired_crl(item, placing)
    state = AuthorityState.declared(
        {**{name: item[name] or [] for name in _SUBJECT}, "path_length": item["path_length"]},
        common_name=subject.common_name,
        key_type=key.type,
        key_size=key.size,
        development=True,
        encrypted=passphrase is not None,
        revoked=UNMANAGED if crl is None else _entries(crl.reasons),
    )
    ttl, window = _life(item, "ttl", "renew_before")
    return Desired(state, marked(subject), key, item["path_length"], ttl, window, passphrase, _parent(item), crl)


def _common_name(item: Mapping[str, t.Any]) -> str:
    return str(item["common_name"] or item["name"])


def _passphrase(item: Mapping[str, t.Any], field: str) -> Secret | None:
    if item[field] is not None:
        return checked_passphrase(item[field], field)
    return read_passphrase(item[f"{field}_file"], f"{field}_file")


def _parent(item: Mapping[str, t.Any]) -> Parent | None:
    if item["parent"] is None:
        return None
    paths, directories = AuthorityPaths(os.path.abspath(item["parent"])), Directories()
    if directories.lasting(paths.directory) == directories.lasting(os.path.abspath(item["directory"])):
        raise InvalidInput(
            "is the directory of the authority itself", field="parent", remedy="Leave it out for a root."
        )
    return Parent(paths, _passphrase(item, "parent_passphrase"))


def _life(item: Mapping[str, t.Any], ttl_field: str, window_field: str) -> tuple[int, Window]:
    ttl = seconds_of(item[ttl_field], ttl_field)
    window = Window.parse(item[window_field], window_field)
    if window.seconds is not None and window.seconds >= ttl:
        raise InvalidInput(
            f"is not shorter than {ttl_field}, so that every run would sign again",
            field=window_field,
            remedy="Shorten it, or give a share of the lifetime such as 33%.",
        )
    return ttl, window


def _desired_crl(item: Mapping[str, t.Any], placing: Placing) -> DesiredCrl | None:
    if placing.crl is None:
        if item["revoked"]:
            raise InvalidInput("needs a list to appear in", field="revoked", remedy="Declare crl_file as well.")
        return None
    ttl, window = _life(item, "crl_ttl", "crl_renew_before")
    reasons: dict[int, str] = {}
    certificates = []
    for at, entry in enumerate(item["revoked"] or ()):
        try:
            certificate = _certificate(entry["certificate_file"]) if entry["certificate_file"] else None
            number = certificate.serial_number if certificate else serial_number(entry["serial"])
        except PkiError as error:
            raise error.within(f"revoked[{at}].certificate_file") from None
        except ValueError as error:
            raise InvalidInput(str(error), field=f"revoked[{at}].serial") from None
        reasons[number] = entry["reason"]
        certificates += [certificate] if certificate else []
    return DesiredCrl(placing.crl, ttl, window, reasons, tuple(certificates))


def _certificate(path: str) -> x509.Certificate:
    content = read_file(path)
    if content is None:
        raise PkiError(f"{path} does not exist on this host", remedy="Give the serial number instead.")
    return parse_certificates(content)[0]


def _entries(reasons: Mapping[int, str]) -> frozenset[str]:
    return frozenset(f"{serial_text(number)} {reason}" for number, reason in reasons.items())


def read_held(placing: Placing, wanted: Desired | None) -> Held | None:
    """Return what is there, or ``None`` when there is nothing of an authority.

    A key or certificate that is there but cannot be read is an error, never a reason to make another.
    """
    paths = placing.paths
    exchange = paths.exchange
    chain, key_pem = read_chain(paths), exchange.read("key", paths.key)
    if chain is None and key_pem is None and not exchange.unfinished:
        return None
    facts = CertificateFacts.of(chain[0]) if chain else None
    spki = _key_spki(paths.key, key_pem, wanted) if key_pem is not None and wanted else None
    crl_pem = exchange.read("crl", placing.crl) if placing.crl else None
    crl = _parsed_crl(placing.crl, crl_pem) if placing.crl and crl_pem else None
    parent = read_chain(wanted.parent.paths) if wanted and wanted.parent else None
    if facts and wanted and wanted.crl:
        _refuse_foreign(facts, wanted.crl)
    state = _held_state(facts, crl, key_pem is not None and is_encrypted(key_pem))
    above = chain[1:] if chain else ()
    return Held(state, facts, spki, above, parent, crl, _placement(placing), exchange.unfinished)


def _key_spki(path: str, pem: bytes, wanted: Desired) -> str:
    try:
        return spki_sha256(
            load_private_key(pem, wanted.passphrase if is_encrypted(pem) else None, option="passphrase_file")
        )
    except PkiError as error:
        raise error.within(path) from None


def _parsed_crl(path: str, data: bytes) -> CrlFacts:
    try:
        return parse_crl(data)
    except PkiError as error:
        raise error.within(path) from None


def _refuse_foreign(facts: CertificateFacts, crl: DesiredCrl) -> None:
    for certificate in crl.certificates:
        if certificate.issuer != facts.certificate.subject:
            raise PkiError(
                f"{dn_text(certificate.subject)} was issued by {dn_text(certificate.issuer)}, not by this authority",
                field="revoked",
                remedy="Revoke it at the authority that issued it.",
            )


def _held_state(facts: CertificateFacts | None, crl: CrlFacts | None, encrypted: bool) -> AuthorityState:
    revoked = {entry.serial_number: entry.reason for entry in crl.entries()} if crl else {}
    if facts is None:
        return AuthorityState(encrypted=encrypted, revoked=_entries(revoked))
    subject = facts.subject
    return AuthorityState(
        common_name=subject.common_name,
        **{name: frozenset(getattr(subject, name)) for name in _SUBJECT},
        key_type=facts.key.type,
        key_size=facts.key.size,
        development=facts.development,
        path_length=facts.path_length,
        encrypted=encrypted,
        revoked=_entries(revoked),
    )


def _placement(placing: Placing) -> dict[str, tuple[Change, ...]]:
    found = {}
    for what, (path, attributes) in placing.files().items():
        held = None if placing.paths.exchange.is_link(what, path) else status(path, follow=True)
        if held is None:
            continue
        found[what] = tuple(_attribute_changes(path, attributes, held))
    return {what: changes for what, changes in found.items() if changes}


def _attribute_changes(path: str, attributes: Attributes, status: os.stat_result) -> Iterator[Change]:
    name = os.path.basename(path)
    for what, held, wanted in attributes.differences(status):
        yield Change(f"{name}.{what}", held, wanted, f"{what} of {name} is {held}, declared {wanted}")
