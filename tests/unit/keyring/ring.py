# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A keyring over real files, and the simplest kind of key there is, for tests of the order of things."""

from __future__ import annotations

import datetime
import pathlib
import secrets
import typing as t
from collections.abc import Mapping

from plugins.module_utils._core.errors import PolicyRefusal
from plugins.module_utils._core.files import Attributes
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._keyring.directory import DirectoryPublisher
from plugins.module_utils._keyring.file_custody import FileCustody, Projection
from plugins.module_utils._keyring.keyring import Keyring
from plugins.module_utils._keyring.publisher import Target
from plugins.module_utils._keyring.record import KeyMaterial, Record, Shape
from plugins.module_utils._keyring.resource import KeyResource, Terms
from plugins.module_utils._keyring.rotation import Rotation

SHAPE = Shape(("private_key",))
START = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)


class Word(KeyResource):
    """A secret word whose public part is the word with "public" before it."""

    kind = "word"
    noun = "word"
    #: Whether replaced words stay published for their overlap.
    lists_all = False

    def generate(self) -> KeyMaterial:
        text = secrets.token_hex(8)
        return KeyMaterial({"private_key": Secret(text)}, f"public {text}", {"letters": len(text)})

    def adopt(self, document: Mapping[str, t.Any]) -> KeyMaterial:
        text = str(document.get("private_key"))
        if len(text) < 4:
            raise PolicyRefusal("too short a word")
        return KeyMaterial({"private_key": Secret(text)}, f"public {text}", {"letters": len(text)})

    def public_text(self, record: Record, now: datetime.datetime) -> t.Optional[str]:
        if not self.lists_all or self.terms is None:
            return super().public_text(record, now)
        generations = [record.next, record.current, *record.previous]
        texts = []
        for generation in filter(None, generations):
            end = self.terms.rotation.published_until(generation)
            if end is None or end > now:
                texts.append(str(generation.material.public))
        return "\n".join(sorted(texts))


class Ring:
    """Words of some owners in files, published in one directory for all and in one for each audience."""

    def __init__(self, base: pathlib.Path, names: t.Sequence[str] = ("hub", "dfsp-1"), kind: type[Word] = Word) -> None:
        self.base = base
        self.names = tuple(names)
        self.kind = kind
        self.clock = START

    def keyring(self) -> Keyring:
        """Return what a run of its own would build."""
        projections = [
            Projection("private_key", "{name}.key", Attributes()),
            Projection("public_key", "{name}.pub", Attributes(mode=0o644)),
        ]
        targets = [Target(DirectoryPublisher(str(self.base / "trust")))]
        targets += [
            Target(DirectoryPublisher(str(self.base / name / "trust")), frozenset({name})) for name in self.names
        ]
        return Keyring(FileCustody(str(self.base / "keys"), "word", projections), targets, SHAPE, lambda: self.clock)

    def batch(self, *, absent: t.Sequence[str] = (), on_mismatch: str = "fail", **rotation: t.Any) -> Batch:
        """Return the owners as a batch."""
        keyring = self.keyring()
        terms = Terms(Rotation.declared({name: str(value) for name, value in rotation.items()}), on_mismatch)
        resources = [self.kind(name, keyring, None if name in absent else terms) for name in self.names]
        return Batch(resources, reads_here=True, transaction=keyring)

    def run(self, *, check: bool = False, **declared: t.Any) -> list[Outcome]:
        """Reconcile once."""
        return reconcile(self.batch(**declared), check_mode=check, clock=lambda: self.clock)

    def word(self, name: str) -> str:
        """Return what a signer reads."""
        return (self.base / "keys" / f"{name}.key").read_text()

    def trusted(self, name: str, audience: str | None = None) -> str | None:
        """Return what a verifier reads."""
        path = (self.base / audience if audience else self.base) / "trust" / f"{name}.pem"
        return path.read_text() if path.exists() else None

    def later(self, **span: int) -> None:
        """Let time pass."""
        self.clock += datetime.timedelta(**span)
