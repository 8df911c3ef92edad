# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a host holds of a certificate: the pair, the chains, the links and their attributes."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.plan import Change
from .._pki.certificate import CertificateFacts, facts_of, parse_certificates
from .._pki.errors import PkiError
from .._pki.keys import KeySpec, load_private_key, public_key, spec_of, spki_sha256
from . import generation
from .layout import Layout
from .look import Look, look

if t.TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True)
class HeldKey:
    """A private key on disk, known by its kind and public half."""

    spec: KeySpec
    spki_sha256: str


@dataclass(frozen=True)
class Holding:
    """The files of a certificate as found; what cannot be read is ``None`` and has a sentence in ``problems``."""

    key: t.Optional[HeldKey]
    facts: t.Optional[CertificateFacts]
    #: Content of the files beside key and certificate, by their role; those that exist.
    texts: Mapping[str, str]
    problems: tuple[str, ...]
    #: What has to change about names, owners and modes without a new certificate.
    placement: tuple[Change, ...]
    #: The files that exist but were not made by this collection, by their role.
    foreign: frozenset[str]
    #: The certificates of the CA that would sign now, issuer first; ``None`` while there is no such CA.
    authority: t.Optional[tuple[x509.Certificate, ...]]
    #: Since when there is the pair; of one that others made when its validity begins.
    made_at: t.Optional[datetime.datetime] = None
    #: The certificates of former generations: since when there is each, and its file.
    previous: tuple[tuple[datetime.datetime, str], ...] = ()
    #: Since when and why the authority has revoked the certificate.
    revoked: t.Optional[str] = None
    #: Sentences on directories outside the store that keep the declared owner from its files.
    obstacles: tuple[str, ...] = ()
    #: What lies in the store and is kept no longer, such as what a run left that was killed.
    left: tuple[str, ...] = ()


def read_holding(
    layout: Layout, authority: t.Optional[tuple[x509.Certificate, ...]], keep: t.Optional[int] = None
) -> t.Optional[Holding]:
    """Return what is there, or ``None`` when no file of the certificate exists.

    ``keep`` is the number of generations that stay; without it none shall, and any remains in the store count as well.
    """
    seen = look(layout)
    left = (*seen.leftovers, *(seen.generations if keep is None else generation.surplus(seen, keep)))
    if seen.nothing and (keep is not None or seen.item is None):
        return None
    contents = seen.contents
    foreign = frozenset(seen.foreign)
    problems: list[str] = []
    key = _parsed(problems, "key", contents, _held_key)
    facts = _parsed(problems, "certificate", contents, lambda data: facts_of(parse_certificates(data)[0]))
    return Holding(
        key,
        facts,
        {
            role: content.decode("ascii", "replace")
            for role, content in contents.items()
            if role not in ("key", "certificate")
        },
        tuple(problems),
        tuple(_placement(layout, seen)),
        foreign,
        authority,
        _made_at(seen.used, facts, foreign),
        tuple(generation.previous(layout, seen)),
        obstacles=seen.obstacles,
        left=left,
    )


def _made_at(
    used: t.Optional[str], facts: t.Optional[CertificateFacts], foreign: frozenset[str]
) -> t.Optional[datetime.datetime]:
    """Return since when there is a pair; authorities back-date, so that its validity tells only of those of others."""
    stamp = generation.made_at(used) if used and not foreign & {"key", "certificate"} else None
    return stamp or (facts.not_before if facts else None)


def _held_key(data: bytes) -> HeldKey:
    key = load_private_key(data)
    public = public_key(key)
    return HeldKey(spec_of(public), spki_sha256(public))


T = t.TypeVar("T")


def _parsed(
    problems: list[str], role: str, contents: Mapping[str, bytes], parse: t.Callable[[bytes], T]
) -> t.Optional[T]:
    if role not in contents:
        problems.append(f"the {role} is missing")
        return None
    try:
        return parse(contents[role])
    except PkiError as error:
        problems.append(f"the {role} cannot be used: {error.problem}")
        return None


def _placement(layout: Layout, seen: Look) -> t.Iterator[Change]:
    for role, path in layout.published.items():
        if role not in seen.linked:
            held = "a file of its own" if role in seen.foreign else None
            wanted = f"link to {layout.link_targets[role]}"
            why = "is not kept as a generation" if held else "is missing"
            yield Change(f"{role}_file", held, wanted, f"{path} {why}")
    for role, found in seen.stored.items():
        for what, is_held, is_wanted in layout.attributes[role].differences(found.status):
            yield Change(
                f"{role}.{what}", is_held, is_wanted, f"{what} of the {role} is {is_held}, declared {is_wanted}"
            )
    for path, what, is_held, is_wanted in seen.faults:
        yield Change(f"store.{what}", is_held, is_wanted, f"{what} of {path} is {is_held}, needed {is_wanted}")
