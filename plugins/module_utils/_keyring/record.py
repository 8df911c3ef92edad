# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a keyring keeps of one owner: the key in use, the one that comes next, and those that were in use before.

A record travels to and from custody as a *document*, a mapping of JSON values. The key in use lies flat at its top,
under names that consumers of a Vault secret can address (``private_key``, ``public_key``, ``kid``); the others lie
below ``next`` and ``previous``. One document is written at once, so that no reader meets halves of two keys.
"""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .._core.errors import TrustmeshError
from .._core.normal import instant
from .._core.redact import Secret

Document = dict[str, t.Any]

#: The form of the documents; one without it was made by somebody else.
FORMAT: t.Final = 1
_TIMES: t.Final = ("created", "offered", "published", "activated", "retired", "until")
_RESERVED: t.Final = frozenset({*_TIMES, "format", "next", "previous"})


class DamagedRecord(TrustmeshError):
    """What custody holds cannot be understood; it is never overwritten for that."""


@dataclass(frozen=True)
class Shape:
    """The names under which a kind of key keeps its secret texts and its public text."""

    secrets: tuple[str, ...]
    public: t.Optional[str] = "public_key"


@dataclass(frozen=True)
class KeyMaterial:
    """One key or secret: secret texts by name, the public text if there is one, and public facts (JSON values)."""

    secrets: Mapping[str, Secret]
    public: t.Optional[str] = None
    facts: Mapping[str, t.Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Generation:
    """One key and the moments of its life, in UTC."""

    material: KeyMaterial
    created: datetime.datetime
    #: When its public text began to be published.
    offered: t.Optional[datetime.datetime] = None
    #: When its public text was known to be published everywhere; kept only where it has to wait before it is used.
    published: t.Optional[datetime.datetime] = None
    #: When it became the key in use.
    activated: t.Optional[datetime.datetime] = None
    #: When another took its place.
    retired: t.Optional[datetime.datetime] = None
    #: From when on it is no longer published: the earliest end that was ever declared, so that it does not come back.
    until: t.Optional[datetime.datetime] = None

    @property
    def window_seconds(self) -> t.Optional[float]:
        """Upper bound of the time in which verifiers had this key while signers used the one before it."""
        if self.offered is None or self.activated is None:
            return None
        return round((self.activated - self.offered).total_seconds(), 3)

    def document(self, shape: Shape) -> Document:
        """Return this key as a document, secrets in clear."""
        document: Document = {name: secret.reveal() for name, secret in self.material.secrets.items()}
        if shape.public is not None and self.material.public is not None:
            document[shape.public] = self.material.public
        document.update(self.material.facts)
        moments = ((name, getattr(self, name)) for name in _TIMES)
        document.update((name, spell_instant(moment)) for name, moment in moments if moment is not None)
        return document

    @classmethod
    def of(cls, document: Mapping[str, t.Any], shape: Shape) -> Generation:
        """Read a key from its document."""
        secrets = {name: Secret(str(document[name])) for name in shape.secrets if name in document}
        public = document.get(shape.public) if shape.public is not None else None
        known = {*_RESERVED, *shape.secrets, shape.public}
        facts = {name: value for name, value in document.items() if name not in known}
        moments = {name: instant(document[name]) for name in _TIMES if document.get(name) is not None}
        if "created" not in moments:
            raise ValueError("a key has no time of creation")
        return cls(KeyMaterial(secrets, public, facts), **moments)


@dataclass(frozen=True)
class Record:
    """All keys of one owner."""

    current: Generation
    next: t.Optional[Generation] = None
    #: Newest first.
    previous: tuple[Generation, ...] = ()

    @property
    def newest(self) -> Generation:
        """The key that is, or is to come, in use."""
        return self.next or self.current

    @property
    def generations(self) -> tuple[Generation, ...]:
        """Every key, the one in use first."""
        return (self.current, *filter(None, (self.next,)), *self.previous)

    def document(self, shape: Shape) -> Document:
        """Return the record as custody keeps it, secrets in clear."""
        document = {"format": FORMAT, **self.current.document(shape)}
        if self.next is not None:
            document["next"] = self.next.document(shape)
        if self.previous:
            document["previous"] = [generation.document(shape) for generation in self.previous]
        return document

    @classmethod
    def of(cls, document: Mapping[str, t.Any], shape: Shape, place: str) -> Record:
        """Read a record; raises :class:`DamagedRecord` naming ``place``."""
        try:
            if document["format"] != FORMAT:
                raise ValueError(f"the format is {document['format']}, known is {FORMAT}")
            following = document.get("next")
            return cls(
                Generation.of(document, shape),
                None if following is None else Generation.of(following, shape),
                tuple(Generation.of(entry, shape) for entry in document.get("previous") or ()),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # The text of a mistake in JSON data may quote the data.
            why = str(error) if isinstance(error, ValueError) else f"it is not built like one ({type(error).__name__})"
            raise DamagedRecord(
                f"holds no record of a key: {why}",
                field=place,
                remedy="Restore it from a backup; it may hold the only copy of a key and is left alone.",
            ) from None

    def with_next(self, generation: Generation) -> Record:
        """Return the record with a key that is to be published before it is used."""
        return replace(self, next=generation)

    def offered(self, at: datetime.datetime) -> Record:
        """Return the record with the moment noted at which publishing the next key began, unless it began before."""
        if self.next is None or self.next.offered is not None:
            return self
        return replace(self, next=replace(self.next, offered=at))

    def published(self, at: datetime.datetime) -> Record:
        """Return the record with the moment noted at which the next key was known to be everywhere."""
        if self.next is None or self.next.published is not None:
            return self
        return replace(self, next=replace(self.next, published=at))

    def switched(self, at: datetime.datetime) -> Record:
        """Return the record with the next key in use and the one before it retired."""
        if self.next is None:
            return self
        retired = replace(self.current, retired=at)
        return Record(replace(self.next, activated=at), None, (retired, *self.previous))

    def without(self, expired: t.Collection[Generation]) -> Record:
        """Return the record without some of the previous keys."""
        return replace(self, previous=tuple(entry for entry in self.previous if entry not in expired))


def spell_instant(moment: datetime.datetime) -> str:
    """Return an instant as RFC 3339 text in UTC, to the millisecond where it has a fraction."""
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(datetime.timezone.utc).isoformat(timespec=precision).replace("+00:00", "Z")
