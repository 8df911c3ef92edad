# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Keys with which participants sign FSPIOP messages, and keys of participants that are kept elsewhere."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.errors import InvalidInput, PolicyRefusal
from .._core.plan import NO_PLAN, UNWANTED, Action, Change, Plan, Step
from .._core.redact import Secret
from .._core.resource import Resource
from .._jose import keys
from .._jose.errors import JoseError
from .._jose.jwks import thumbprint
from .._pki import keys as pki
from .holder import HANDLE, Holder
from .keyring import Keyring, Work
from .lost import lost
from .record import Generation, KeyMaterial, Shape, spell_instant
from .resource import Holding, KeyResource, Terms, label

PRIVATE: t.Final = "private_key"
SHAPE: t.Final = Shape((PRIVATE,))
ALGORITHMS: t.Final = ("RS256", "ES256")
EC_WARNING: t.Final = (
    "ES256 is not in the FSPIOP signature specification, and a connection manager holds EC keys for invalid; "
    "RS256 works everywhere"
)
RELOAD_NOTE: t.Final = (
    "a published key changed: verifiers that read it from a mounted Kubernetes Secret or ConfigMap notice new and "
    "removed files but not changed ones; restart them, and check with a signed message"
)
_SMALLEST = keys.MINIMUM_RSA_BITS
_LARGEST = 8192
_EC_BITS = 256


@dataclass(frozen=True)
class JwsSpec:
    """What is declared of a key; ``bits`` is that of RSA and the least of a key that is there."""

    algorithm: str = "RS256"
    bits: int = _SMALLEST

    @classmethod
    def declared(cls, algorithm: str, bits: int) -> JwsSpec:
        """Build from options; raises :class:`InvalidInput` for what would be weak or cannot be made."""
        if algorithm == "RS256" and not _SMALLEST <= bits <= _LARGEST:
            raise InvalidInput(
                f"{bits} is not between {_SMALLEST} and {_LARGEST}",
                field="bits",
                remedy="The FSPIOP signature specification demands 2048 at least; verifiers do not check it.",
            )
        return cls(algorithm, bits if algorithm == "RS256" else _EC_BITS)


def material_of(private: keys.PrivateKey) -> KeyMaterial:
    """Return a key in the form that FSPIOP software reads, with its facts."""
    facts = {
        "algorithm": keys.algorithm(private),
        "bits": pki.spec_of(private).size,
        "kid": thumbprint(keys.public_of(private)),
    }
    return KeyMaterial({PRIVATE: keys.private_pem(private)}, keys.public_pem(private), facts)


class JwsKey(KeyResource):
    """The signing key of one participant."""

    kind = "jws_key"
    noun = "key"
    marks = frozenset({"algorithm", "bits", "kid"})

    def __init__(
        self,
        name: str,
        keyring: Keyring,
        terms: t.Optional[Terms],
        spec: JwsSpec,
        holder: t.Optional[Holder] = None,
    ) -> None:
        super().__init__(name, keyring, terms)
        self.spec = spec
        self.holder = holder

    def generate(self) -> KeyMaterial:
        if self.holder is not None:
            handle, public = self.holder.generate(self.name, self.spec.algorithm, self.spec.bits)
            return _held_elsewhere(handle, public)
        rsa = self.spec.algorithm == "RS256"
        return material_of(pki.generate(pki.KeySpec("rsa" if rsa else "ec", self.spec.bits)))

    def adopt(self, document: Mapping[str, t.Any]) -> KeyMaterial:
        text = document.get(PRIVATE)
        if not isinstance(text, str):
            raise PolicyRefusal(
                f"what is at {self.keyring.custody.place(self.name)} has no {PRIVATE}",
                field="on_mismatch",
                remedy="Move it away, or set on_mismatch to replace, which makes a new key there.",
            )
        try:
            return material_of(keys.load_private(Secret(text)))
        except JoseError as error:
            raise PolicyRefusal(
                f"the key that is there cannot be adopted: {error.problem}",
                field="on_mismatch",
                remedy="Set on_mismatch to replace, which makes a new key, or put a usable one there.",
            ) from None

    def settle(self, material: KeyMaterial) -> KeyMaterial:
        if PRIVATE not in material.secrets:
            return material
        try:
            settled = material_of(keys.load_private(material.secrets[PRIVATE]))
        except JoseError as error:
            raise PolicyRefusal(
                f"the private key kept at {self.keyring.custody.place(self.name)} is unusable: {error.problem}",
                field=PRIVATE,
                remedy="Restore it, or remove the record, so that a new key is made.",
            ) from None
        return KeyMaterial(settled.secrets, settled.public, {**material.facts, **settled.facts})

    def mismatches(self, material: KeyMaterial) -> t.Sequence[str]:
        held = material.facts
        differs = []
        if held.get("algorithm") != self.spec.algorithm:
            differs.append(f"the algorithm is {held.get('algorithm')}, declared {self.spec.algorithm}")
        elif int(held.get("bits") or 0) < self.spec.bits:
            differs.append(f"the key has {held.get('bits')} bits, declared {self.spec.bits}")
        if (PRIVATE in material.secrets) == (self.holder is not None):
            where = "in custody" if PRIVATE in material.secrets else "with a holder"
            differs.append(f"the private key is {where}, declared otherwise")
        return differs

    def inspect(self, material: KeyMaterial) -> t.Sequence[str]:
        return lost(self.holder, material)

    def facts(self, material: KeyMaterial) -> dict[str, t.Any]:
        return {name: material.facts.get(name) for name in ("algorithm", "bits", "kid")}

    def describe(self, current: t.Optional[Holding]) -> dict[str, t.Any]:
        shown = super().describe(current)
        if current is not None and current.record is not None:
            shown["replaced"] = next(map(_replaced_facts, current.record.previous), None)
        return shown

    def cautions(self, plan: Plan) -> t.Iterable[str]:
        if any(change.path.startswith("published.") and change.before and change.after for change in plan.changes):
            yield RELOAD_NOTE


def _replaced_facts(generation: Generation) -> dict[str, t.Any]:
    """Return what is worth knowing of a replaced key: what it was, and from when to when."""
    moments = {name: getattr(generation, name) for name in ("created", "activated", "retired")}
    return {
        "kid": generation.material.facts.get("kid"),
        "public_key": generation.material.public,
        **{name: moment and spell_instant(moment) for name, moment in moments.items()},
    }


def _held_elsewhere(handle: str, public: str) -> KeyMaterial:
    key = keys.load_public(public)
    facts = {
        "algorithm": keys.algorithm(key),
        "bits": pki.spec_of(key).size,
        "kid": thumbprint(key),
        HANDLE: handle,
    }
    return KeyMaterial({}, keys.public_pem(key), facts)


class TrustedKey(Resource[dict[str, t.Optional[str]]]):
    """The public key of a participant whose private key is kept elsewhere; its state is what each target holds."""

    kind = "jws_key"
    noun = "key"

    def __init__(self, name: str, keyring: Keyring, public: t.Optional[str]) -> None:
        super().__init__(name, None)
        self.keyring = keyring
        self.public = keys.load_public(public) if public is not None else None

    def read(self) -> dict[str, t.Optional[str]]:
        return self.keyring.published(self.name)

    def plan(self, current: t.Optional[dict[str, t.Optional[str]]], now: datetime.datetime) -> Plan:
        held = current or {}
        wanted = None if self.public is None else keys.public_pem(self.public)
        differing = {target: text for target, text in held.items() if text != wanted}
        if not differing:
            return NO_PLAN
        changes = [
            Change(
                f"published.{target}",
                label(text),
                label(wanted),
                UNWANTED
                if wanted is None
                else f"{target} {'lacks' if text is None else 'has another text for'} {self.name}",
            )
            for target, text in differing.items()
        ]
        action = Action.UPDATE
        if wanted is None:
            action = Action.DELETE
        elif all(text is None for text in held.values()):
            action = Action.CREATE
        texts = {target: {self.name: wanted} for target in differing}
        warnings = (RELOAD_NOTE,) if any(change.before and change.after for change in changes) else ()
        return Plan(action, tuple(changes), (Step("publish", self.name, texts),), warnings)

    def apply(self, plan: Plan) -> None:
        self.keyring.stage(Work(self.identity, self.name, texts=plan.steps[0].body))

    def describe(self, current: t.Optional[dict[str, t.Optional[str]]]) -> dict[str, t.Any]:
        if self.public is None:
            return {}
        return {
            "algorithm": keys.algorithm(self.public),
            "bits": pki.spec_of(self.public).size,
            "kid": thumbprint(self.public),
            "published_to": [target for target, text in (current or {}).items() if text is not None],
        }
