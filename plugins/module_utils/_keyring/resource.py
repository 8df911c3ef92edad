# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The keys of one owner as a resource; what kind of keys they are, a subclass says."""

from __future__ import annotations

import abc
import datetime
import hashlib
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .._core.errors import PolicyRefusal, certain
from .._core.normal import instant
from .._core.plan import ABSENT, NO_PLAN, UNWANTED, Action, Change, Plan, Step
from .._core.resource import Resource
from .custody import Misplacement, Version
from .holder import HANDLE, Holder
from .keyring import Keyring, Texts, Work
from .publisher import Target
from .record import Document, Generation, KeyMaterial, Record, spell_instant
from .rotation import Decision, Rotation, Verb, by_this_clock, decide, limited

#: Returns what lies where a key is to be adopted from: texts by the names of the shape, and perhaps ``created``.
Source = t.Callable[[], t.Optional[Document]]


@dataclass(frozen=True)
class Terms:
    """What is declared about a key beside its kind."""

    rotation: Rotation
    on_mismatch: str = "fail"
    source: t.Optional[Source] = None


@dataclass(frozen=True)
class Holding:
    """What there is of an owner."""

    record: t.Optional[Record]
    version: Version
    #: What somebody else left in custody, or what the source of an adoption holds.
    foreign: t.Optional[Document]
    #: The published text by target, ``None`` where it is missing.
    published: Mapping[str, t.Optional[str]]
    misplaced: t.Sequence[Misplacement] = ()
    #: Sentences on what is wrong about the newest key outside custody.
    problems: t.Sequence[str] = ()


class KeyResource(Resource[Holding]):
    """The keys of one owner. ``terms`` is ``None`` when it shall have none.

    Subclasses set ``kind``, ``noun`` and ``marks`` and implement the hooks :meth:`generate`, :meth:`adopt`,
    :meth:`mismatches` and :meth:`facts`; :meth:`public_text` when more than the newest public part is published.
    """

    #: The names of the facts that every key of this kind has, by which its records are told from those of others.
    marks: t.ClassVar[frozenset[str]] = frozenset()
    #: Who has the private keys, if custody does not.
    holder: t.Optional[Holder] = None
    #: Why the keys of an owner that shall have none go.
    unwanted = UNWANTED

    def __init__(self, name: str, keyring: Keyring, terms: t.Optional[Terms]) -> None:
        super().__init__(name, None)
        self.keyring = keyring
        self.terms = terms

    @property
    def lock_directory(self) -> t.Optional[str]:
        return self.keyring.custody.store

    @property
    def makes_lock_directory(self) -> bool:
        return self.terms is not None

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        return self.keyring.own_files(self.name)

    @abc.abstractmethod
    def generate(self) -> KeyMaterial:
        """Make a new key as declared."""

    @abc.abstractmethod
    def adopt(self, document: Mapping[str, t.Any]) -> KeyMaterial:
        """Return the key in a document that somebody else made; pure; raises :class:`TrustmeshError` when unusable."""

    def settle(self, material: KeyMaterial) -> KeyMaterial:
        """Return a kept key with public part and facts as its secret part has them; pure.

        Somebody may have put another secret in its place, and what is used is the truth. Raises
        :class:`TrustmeshError` when it is unusable.
        """
        return material

    def mismatches(self, material: KeyMaterial) -> t.Sequence[str]:
        """Return sentences on how a key differs from the declaration; pure."""
        return ()

    def inspect(self, material: KeyMaterial) -> t.Sequence[str]:
        """Return sentences on what is wrong about a key outside custody, where its holder is; changes nothing."""
        return ()

    def facts(self, material: KeyMaterial) -> dict[str, t.Any]:
        """Return public facts of a key for the result; short, for there may be a thousand of them."""
        return dict(material.facts)

    def public_text(self, record: Record, now: datetime.datetime) -> t.Optional[str]:
        """Return what is to be published of a record; by default the public part of the newest key."""
        return record.newest.material.public

    def same_text(self, held: t.Optional[str], wanted: t.Optional[str]) -> bool:
        """Tell whether what is published is as wanted; a reader of it may have been given room of its own there."""
        return held == wanted

    def cautions(self, plan: Plan) -> t.Iterable[str]:
        """Return warnings about a plan; pure."""
        return ()

    def destroy(self, generation: Generation) -> None:
        """Destroy what a key has outside custody, once it is in no record any more."""
        handle = generation.material.facts.get(HANDLE)
        if self.holder is not None and isinstance(handle, str):
            self.holder.destroy(handle)

    # -- read, plan, apply ------------------------------------------------------------------------------------------

    def read(self) -> t.Optional[Holding]:
        # What is published is read first: of a key that others rotate meanwhile, the older text is then mended by the
        # newer record, and never the newer text by the older record.
        published = self.keyring.published(self.name)
        stored = self.keyring.read(self.name)
        record, version, foreign = None, None, None
        if stored is not None:
            document, version = stored
            if "format" in document:
                record = Record.of(document, self.keyring.shape, self.keyring.custody.place(self.name))
            else:
                foreign = document
        if record is None and foreign is None and self.terms is not None and self.terms.source is not None:
            foreign = self.terms.source()
        misplaced = self.keyring.misplaced(self.name)
        nowhere = not any(text is not None for text in published.values())
        if record is None and foreign is None and nowhere and not misplaced:
            return None
        problems = self.inspect(record.newest.material) if record is not None and self.terms is not None else ()
        return Holding(record, version, foreign, published, misplaced, problems)

    def plan(self, current: t.Optional[Holding], now: datetime.datetime) -> Plan:
        held = current or Holding(None, None, None, self._nowhere())
        if self.terms is None:
            return self._plan_removal(held)
        plan = self._plan_presence(self.terms, held, now)
        warnings = tuple(self.cautions(plan))
        return Plan(plan.action, plan.changes, plan.steps, (*plan.warnings, *warnings))

    def _plan_presence(self, terms: Terms, held: Holding, now: datetime.datetime) -> Plan:
        adopted = self._adopted(terms, held, now)
        settled = adopted if held.record is None else self._settled(held.record)
        record = settled and limited(by_this_clock(settled, terms.rotation, now), terms.rotation)
        differs = (*self.mismatches(record.newest.material), *held.problems) if record is not None else ()
        decision = decide(record, terms.rotation, now, differs)
        if differs and terms.on_mismatch == "fail":
            raise PolicyRefusal(
                f"the key is not what is declared: {'; '.join(differs)}",
                field="on_mismatch",
                remedy="Correct the declaration, or set on_mismatch to replace, which rotates the key.",
            )
        changes = [*self._key_changes(decision, held, adopted)]
        if held.record is not None and settled != held.record:
            changes.append(
                Change("public_part", "stale", "derived", "the recorded public part does not match the private key")
            )
        changes += _ends(settled, record, now)
        changes += self._publication_changes(decision, record, held, now)
        changes += [
            Change(what, before, after, f"{what} is {before or 'missing'}, declared {after}")
            for what, before, after in held.misplaced
            if after is not None
        ]
        warnings: tuple[str, ...] = ()
        if decision.waits_until is not None:
            warnings = (
                f"the new key of {self.name} is published and waits until {spell_instant(decision.waits_until)}",
            )
        if not changes:
            return Plan(warnings=warnings)
        makes = decision.verb in (Verb.CREATE, Verb.ROTATE)
        body = {"held": held, "at": now, "record": record, "makes": makes, "decision": decision}
        return Plan(_action(decision, held), tuple(changes), (Step("keep", self.name, body),), warnings)

    def _plan_removal(self, held: Holding) -> Plan:
        if held.foreign is not None:
            raise PolicyRefusal(
                f"{self.keyring.custody.place(self.name)} was not made by this module and is not removed by it",
                remedy="Remove it yourself if unused.",
            )
        changes = [
            Change(f"published.{target}", label(text), None, self.unwanted)
            for target, text in held.published.items()
            if text is not None
        ]
        if held.record is not None:
            changes.insert(0, Change("key", _made(held.record.current), None, self.unwanted))
        else:
            changes += [Change(what, before, None, f"{what} is {before}") for what, before, _none in held.misplaced]
        if not changes:
            return NO_PLAN
        return Plan(Action.DELETE, tuple(changes), (Step("remove", self.name, {"held": held}),))

    def _settled(self, record: Record) -> Record:
        following = record.next and replace(record.next, material=self.settle(record.next.material))
        return replace(
            record, current=replace(record.current, material=self.settle(record.current.material)), next=following
        )

    def _adopted(self, terms: Terms, held: Holding, now: datetime.datetime) -> t.Optional[Record]:
        """Return the record that adopting would make; ``None`` when there is nothing to adopt that may be."""
        if held.record is not None or held.foreign is None:
            return None
        try:
            material = self.adopt(held.foreign)
        except PolicyRefusal:
            if terms.on_mismatch == "fail":
                raise
            return None
        since = held.foreign.get("created")
        created = min(instant(since) if isinstance(since, str) else now, now)
        return Record(Generation(material, created, activated=created))

    def _key_changes(self, decision: Decision, held: Holding, adopted: t.Optional[Record]) -> Iterator[Change]:
        before = _made(held.record.current) if held.record is not None else None
        if held.record is None and adopted is None:
            why = "what is there cannot be adopted" if held.foreign is not None else ABSENT
            yield Change("key", held.foreign and "unusable", "a new key", why)
        elif held.record is None:
            yield Change("key", "kept by others", _made(certain(adopted).current), "exists and is adopted")
        for reason in decision.reasons:
            after = "a new key" if decision.verb is Verb.ROTATE else "the next key"
            yield Change("key", before, after, reason)
        for generation in decision.expired:
            yield Change("previous", _made(generation), None, f"the key made at {_made(generation)} is kept no longer")

    def _publication_changes(
        self, decision: Decision, record: t.Optional[Record], held: Holding, now: datetime.datetime
    ) -> Iterator[Change]:
        """Yield what has to be published; of a key that is yet to be made the text is not known."""
        makes = decision.verb in (Verb.CREATE, Verb.ROTATE)
        wanted = None if makes or record is None else self.public_text(record, now)
        for target, text in held.published.items():
            if makes:
                why = "; ".join(decision.reasons) or f"{target} lacks {self.name}"
                yield Change(f"published.{target}", label(text), "the new key", why)
            elif not self.same_text(text, wanted):
                why = f"{target} lacks {self.name}" if text is None else f"{target} has another text for {self.name}"
                yield Change(f"published.{target}", label(text), label(wanted), why)

    def apply(self, plan: Plan) -> None:
        step = plan.steps[0]
        held: Holding = step.body["held"]
        if step.verb == "remove":
            self._stage_removal(held)
            return
        terms, now, decision = certain(self.terms), step.body["at"], step.body["decision"]
        record: t.Optional[Record] = step.body["record"]
        if step.body["makes"]:
            made = Generation(self.generate(), now)
            record = record.with_next(made) if record else Record(Generation(made.material, now, activated=now))
        kept = certain(record).without(decision.expired)
        texts = {
            target: chosen
            for target, chosen in self._texts(kept, now).items()
            if not self.same_text(held.published.get(target), chosen[self.name])
        }
        work = Work(
            self.identity,
            self.name,
            held.version,
            kept,
            terms.rotation,
            writes=kept != held.record or bool(held.misplaced),
            texts=texts,
            published=self._texts,
        )
        work.finish = lambda: self._destroy(_dropped(held.record, work.record))
        self.keyring.stage(work)

    def _stage_removal(self, held: Holding) -> None:
        texts = {target: {self.name: None} for target, text in held.published.items() if text is not None}
        removes = held.record is not None or bool(held.misplaced)
        work = Work(self.identity, self.name, held.version, removes=removes, texts=texts)
        work.finish = lambda: self._destroy(_all(held.record))
        self.keyring.stage(work)

    def _destroy(self, generations: t.Iterable[Generation]) -> None:
        for generation in generations:
            self.destroy(generation)

    def _texts(self, record: Record, now: datetime.datetime) -> Texts:
        text = self.public_text(record, now)
        return {target.identity: {self.name: text} for target in self.keyring.targets if target.serves(self.name)}

    def _nowhere(self) -> dict[str, t.Optional[str]]:
        return {target.identity: None for target in self.keyring.targets if target.serves(self.name)}

    def describe(self, current: t.Optional[Holding]) -> dict[str, t.Any]:
        if current is None or current.record is None:
            return {}
        record = current.record
        return {
            **self.facts(record.current.material),
            "created": spell_instant(record.current.created),
            "next_created": spell_instant(record.next.created) if record.next else None,
            "previous": len(record.previous),
            "window_seconds": record.current.window_seconds,
            "custody": self.keyring.custody.place(self.name),
            "published_to": [target for target, text in current.published.items() if text is not None],
        }


class PublishedSet(Resource[frozenset[str]]):
    """What is published at a target that is to hold nothing but the declared owners."""

    kind = "published_set"
    noun = "target"

    def __init__(self, keyring: Keyring, target: Target, declared: t.Collection[str]) -> None:
        super().__init__(target.identity, None)
        self.keyring = keyring
        self.target = target
        self.wanted = frozenset(name for name in declared if target.serves(name)) | target.keep

    def read(self) -> frozenset[str]:
        return frozenset(self.keyring.held(self.target))

    def plan(self, current: t.Optional[frozenset[str]], now: datetime.datetime) -> Plan:
        extra = sorted((current or frozenset()) - self.wanted)
        if not extra:
            return NO_PLAN
        changes = tuple(
            Change(name, "published", None, f"{self.name} has {name}, who is not declared") for name in extra
        )
        return Plan(Action.UPDATE, changes, (Step("withdraw", self.name, extra),))

    def apply(self, plan: Plan) -> None:
        texts = {self.target.identity: dict.fromkeys(plan.steps[0].body)}
        self.keyring.stage(Work(self.identity, "", texts=texts))


def _ends(before: t.Optional[Record], after: t.Optional[Record], now: datetime.datetime) -> Iterator[Change]:
    """Yield the replaced keys that are still published, and shall be for a shorter time than was declared before."""
    for old, new in zip(before.previous if before else (), after.previous if after else ()):
        if old.until is not None and new.until is not None and old.until > max(now, new.until):
            was, will = spell_instant(old.until), spell_instant(new.until)
            why = f"the key made at {_made(old)} is published until {was}, declared {will}"
            yield Change("previous", was, will, why)


def _action(decision: Decision, held: Holding) -> Action:
    if held.record is None:
        return Action.CREATE
    return Action.UPDATE if decision.verb is Verb.NONE else Action.REPLACE


def _all(record: t.Optional[Record]) -> Iterator[Generation]:
    if record is not None:
        yield from record.generations


def _dropped(before: t.Optional[Record], after: t.Optional[Record]) -> list[Generation]:
    """Return the keys that were in a record and no longer are, whatever was noted about them meanwhile."""
    left = [generation.material for generation in _all(after)]
    return [generation for generation in _all(before) if generation.material not in left]


def _made(generation: Generation) -> str:
    return spell_instant(generation.created)


def label(text: t.Optional[str]) -> t.Optional[str]:
    """Name a public text by its digest; the text itself is long, and two of them look alike."""
    return None if text is None else f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
