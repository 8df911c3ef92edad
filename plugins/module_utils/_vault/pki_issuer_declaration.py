# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""From an item of the module to the issuer it declares."""

from __future__ import annotations

import typing as t

from .._core.address import word
from .._core.deps import CRYPTOGRAPHY
from .._core.errors import InvalidInput
from .._core.files import FileTransaction
from .._core.reconcile import Batch
from .._core.redact import Secret
from .._core.resource import ON_MISMATCH
from .._core.sections import Each, Section
from .._core.spec import STATE, Options
from .._core.state import UNMANAGED
from .._pki.certificate import certificate_pem, parse_certificates
from .._pki.chain import order_chain
from .pki_issuer import Declaration, PkiIssuer
from .pki_issuer_kinds import External, Imported, Intermediate, Root
from .pki_issuer_state import ITSELF, IssuerState, state_options
from .pki_mount import MOUNT_OPTION, PkiMount, PkiMounts
from .port import Vault
from .resource import vault_batch

Item = t.Mapping[str, t.Any]

ISSUER_OPTIONS: t.Final[Options] = {
    "name": {"type": "str", "required": True},
    **MOUNT_OPTION,
    "type": {"type": "str", "choices": ["root", "intermediate", "imported"]},
    "signed_by": {
        "type": "dict",
        "options": {
            "mount": {"type": "str", "required": True},
            "issuer": {"type": "str", "default": "default"},
        },
    },
    "csr_file": {"type": "path"},
    **state_options(),
    "private_key": {"type": "str", "no_log": True},
    "key_name": {"type": "str", "no_log": False},
    "delete_key": {"type": "bool", "default": False, "no_log": False},
    "force": {"type": "bool", "default": False},
    **ON_MISMATCH,
    **STATE,
}

# What decides about the certificate is decided elsewhere when somebody else makes it.
_MADE_ELSEWHERE: t.Final = ("ttl", "signature_bits", "use_pss")
_MEANINGLESS: t.Final[t.Mapping[str, tuple[str, ...]]] = {
    "root": ("signed_by", "csr_file", "certificate", "private_key"),
    "intermediate": ("private_key",),
    "imported": ("signed_by", "csr_file", *_MADE_ELSEWHERE),
}


def declared_issuer(mounts: PkiMounts, files: FileTransaction, item: Item) -> PkiIssuer:
    """Return the issuer that an item declares; raises :class:`InvalidInput` naming the option."""
    mount, name = mounts.at(item["mount"]), word(item["name"].strip())
    if name == "default":
        raise InvalidInput(f"{name!r} cannot be the name of an issuer", field="name", remedy="Choose another one.")
    if item["state"] == "absent":
        return Root(mount, _declaration(name, item, None), files)
    _refuse_meaningless(item, item["type"], _MEANINGLESS[item["type"]])
    build = {"root": _root, "intermediate": _intermediate, "imported": _imported}[item["type"]]
    return build(mounts, mount, name, files, item)


def _declaration(name: str, item: Item, wanted: IssuerState | None) -> Declaration:
    return Declaration(
        name=name,
        key_name=word(item["key_name"] or name, "key_name"),
        wanted=wanted,
        on_mismatch=item["on_mismatch"],
        force=item["force"],
        delete_key=item["delete_key"],
        no_default=item["default"] is False,
    )


def _refuse_meaningless(item: Item, where: str, names: t.Iterable[str]) -> None:
    for name in names:
        if item.get(name) is not None:
            raise InvalidInput(f"has no meaning for type {where}", field=name, remedy="Remove it.")


def _state(name: str, item: Item, **known: t.Any) -> IssuerState:
    known = {"signed_by": UNMANAGED, "certificate": UNMANAGED, "has_key": UNMANAGED, **known}
    return IssuerState.declared(item, issuer_name=name, **known)


def _root(mounts: PkiMounts, mount: PkiMount, name: str, files: FileTransaction, item: Item) -> PkiIssuer:
    return Root(mount, _declaration(name, item, _state(name, item, signed_by=ITSELF)), files)


def _intermediate(mounts: PkiMounts, mount: PkiMount, name: str, files: FileTransaction, item: Item) -> PkiIssuer:
    if (item["signed_by"] is None) == (item["csr_file"] is None):
        raise InvalidInput(
            "an intermediate is signed either by an issuer of this server or elsewhere",
            field="signed_by",
            remedy="Declare either signed_by or csr_file.",
        )
    if item["signed_by"] is None:
        return _external(mount, name, files, item)
    _refuse_meaningless(item, "intermediate with signed_by", ("certificate",))
    parent_mount, parent = mounts.at(item["signed_by"]["mount"]), word(item["signed_by"]["issuer"], "signed_by.issuer")
    if parent_mount is mount and parent == name:
        raise InvalidInput("a CA that signs itself is a root", field="signed_by", remedy="Declare type: root.")
    state = _state(name, item, signed_by=parent_mount.named(parent))
    return Intermediate(mount, _declaration(name, item, state), files, parent_mount, parent)


def _external(mount: PkiMount, name: str, files: FileTransaction, item: Item) -> PkiIssuer:
    _refuse_meaningless(item, "intermediate with csr_file", _MADE_ELSEWHERE)
    first, bundle = _bundle(item["certificate"]) if item["certificate"] else (UNMANAGED, "")
    state = _state(name, item, certificate=first)
    return External(mount, _declaration(name, item, state), files, item["csr_file"], bundle)


def _imported(mounts: PkiMounts, mount: PkiMount, name: str, files: FileTransaction, item: Item) -> PkiIssuer:
    first, bundle = _bundle(item["certificate"])
    key = Secret(item["private_key"]) if item["private_key"] else None
    state = _state(name, item, certificate=first, has_key=True if key else UNMANAGED)
    return Imported(mount, _declaration(name, item, state), files, bundle, key)


def _bundle(text: str) -> tuple[str, str]:
    """Return the first certificate of a PEM text, and the whole in order from it upwards."""
    try:
        first, *others = parse_certificates(text.encode())
    except InvalidInput as error:
        raise error.within("certificate") from None
    return certificate_pem(first), certificate_pem(*order_chain(first, others))


def _gather(vault: Vault, each: Each) -> Batch:
    """An issuer may be signed by one before it, so they are made in order."""
    mounts, files = PkiMounts(vault), FileTransaction()
    issuers = each(lambda item: declared_issuer(mounts, files, item))
    return vault_batch(vault, issuers, ordered=True, transaction=files)


ISSUERS: t.Final = Section(
    "issuers",
    ISSUER_OPTIONS,
    _gather,
    shared=("mount",),
    constraints={
        "required_if": [
            ("state", "present", ("type",)),
            ("type", "root", ("common_name",)),
            ("type", "intermediate", ("common_name",)),
            ("type", "imported", ("certificate",)),
        ]
    },
    requires=(CRYPTOGRAPHY,),
)
