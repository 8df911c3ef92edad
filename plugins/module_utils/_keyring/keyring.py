# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""One custody and its publishers, shared by the owners of a batch, and the safe order in which they are written.

The items of a batch stage their work; committing carries out each phase for all of them: write what is new to custody,
publish it everywhere, put it in use, take back what is no longer valid, remove. An owner whose phase failed goes no
further, so that no signer ever uses a key that some verifier was not given. What is left undone is in the record, and
the next run completes it.
"""

from __future__ import annotations

import datetime
import threading
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._core.errors import NotConverged, Overtaken, TrustmeshError
from .custody import Custody, Entry, Misplacement, Version
from .publisher import Target
from .record import Document, Record, Shape
from .rotation import Rotation, advanced

Clock = t.Callable[[], datetime.datetime]
#: What to publish: by target, by owner; ``None`` takes a text back.
Texts = Mapping[str, Mapping[str, t.Optional[str]]]
#: Why what was to be published is not, by owner.
Refused = Mapping[str, TrustmeshError]
_ATTEMPTS: t.Final = 5


def precise_clock() -> datetime.datetime:
    """Return the current instant in UTC; a window of rotation is a matter of milliseconds."""
    return datetime.datetime.now(tz=datetime.timezone.utc)


@dataclass
class Work:
    """What one item wants done."""

    identity: str
    name: str
    version: Version = None
    record: t.Optional[Record] = None
    rotation: Rotation = field(default_factory=Rotation)
    #: Whether the record has to be written before anything is published.
    writes: bool = False
    removes: bool = False
    texts: Texts = field(default_factory=dict)
    #: What has to be published of a record; asked again when the next key is in use.
    published: t.Callable[[Record, datetime.datetime], Texts] = lambda record, now: {}
    #: Whether this run has changed anything for the item.
    wrote: bool = False
    #: Called when everything is done, for what lives outside custody.
    finish: t.Callable[[], None] = lambda: None


class Keyring:
    """See the module docstring. It is the transaction of its batch."""

    def __init__(
        self, custody: Custody, targets: t.Sequence[Target], shape: Shape, clock: Clock = precise_clock
    ) -> None:
        self.custody = custody
        self.targets = tuple(targets)
        self.shape = shape
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Mapping[str, str]] = {}
        self._works: list[Work] = []

    def read(self, name: str) -> t.Optional[tuple[Document, Version]]:
        """Return what custody holds of an owner, and its version."""
        return self.custody.read(name)

    def own_files(self, name: str) -> t.Iterator[tuple[str, str]]:
        """Yield the files of this host that have something of an owner: the option that names each, and its path."""
        yield from self.custody.files(name)
        for target in self.targets:
            path = target.publisher.file(name) if target.serves(name) else None
            if path is not None:
                yield "publish", path

    def misplaced(self, name: str) -> t.Sequence[Misplacement]:
        """Return what is wrong about the record of an owner beside its content."""
        return self.custody.misplaced(name)

    def held(self, target: Target) -> Mapping[str, str]:
        """Return everything published at a target; read once until something is committed."""
        with self._lock:
            if target.identity not in self._held:
                self._held[target.identity] = target.publisher.held()
            return self._held[target.identity]

    def published(self, name: str) -> dict[str, t.Optional[str]]:
        """Return the text of an owner at each target that is to have it, ``None`` where it is missing."""
        return {target.identity: self.held(target).get(name) for target in self.targets if target.serves(name)}

    def stage(self, work: Work) -> None:
        """Note what an item wants done when the batch is committed."""
        self._works.append(work)  # in one step, whatever other threads do

    def commit(self) -> dict[str, TrustmeshError]:
        """Carry out all staged work; return failures by the identity of the item."""
        works, self._works = self._works, []
        failures: dict[str, TrustmeshError] = {}
        try:
            self._write(failures, [work for work in works if work.writes], self._clock(), Record.offered)
            self._publish(failures, works)
            self._put_in_use(failures, works)
            self._remove(failures, [work for work in works if work.removes])
        finally:
            self._held.clear()
        for work in works:
            if work.identity not in failures:
                _noted(failures, work, work.finish)
            failure = failures.get(work.identity)
            if work.wrote and isinstance(failure, Overtaken):
                failures[work.identity] = NotConverged(failure.problem, remedy=failure.remedy)
        return failures

    def _write(
        self,
        failures: dict[str, TrustmeshError],
        works: t.Sequence[Work],
        at: datetime.datetime,
        change: t.Callable[[Record, datetime.datetime], Record],
    ) -> None:
        """Write the changed records, and note their new versions."""
        entries: list[Entry] = []
        by_name: dict[str, Work] = {}
        for work in works:
            if work.record is not None and work.identity not in failures:
                work.record = change(work.record, at)
                entries.append((work.name, work.record.document(self.shape), work.version))
                by_name[work.name] = work
        written = self.custody.write(entries) if entries else {}
        for name, outcome in written.items():
            if isinstance(outcome, TrustmeshError):
                failures[by_name[name].identity] = outcome
            else:
                by_name[name].version, by_name[name].wrote = outcome, True

    def _publish(self, failures: dict[str, TrustmeshError], works: t.Sequence[Work]) -> None:
        for target in self.targets:
            texts: dict[str, t.Optional[str]] = {}
            owners: dict[str, Work] = {}
            for work in works:
                if work.identity not in failures:
                    chosen = work.texts.get(target.identity, {})
                    texts.update(chosen)
                    owners.update(dict.fromkeys(chosen, work))
            if not texts:
                continue
            try:
                refused = self._publish_at(target, texts, owners)
            except TrustmeshError as error:
                refused = dict.fromkeys(texts, error)
            for name, work in owners.items():
                if name in refused:
                    failures.setdefault(work.identity, refused[name])
                else:
                    work.wrote = True

    def _publish_at(self, target: Target, texts: Mapping[str, t.Optional[str]], owners: Mapping[str, Work]) -> Refused:
        """Publish; where others were faster, the text of the record that custody has now is the one that counts."""
        refused = target.publisher.publish(texts)
        for _attempt in range(_ATTEMPTS):
            overtaken = [name for name, error in refused.items() if isinstance(error, Overtaken)]
            if not overtaken:
                break
            # Looked at before custody is asked: whoever writes there later finds this text, and publishes over it.
            target.publisher.held()
            ours = {name: texts[name] for name in overtaken if self._is_latest(owners[name])}
            if not ours:
                break
            others = {name: error for name, error in refused.items() if name not in ours}
            refused = {**others, **target.publisher.publish(ours)}
        return refused

    def _is_latest(self, work: Work) -> bool:
        """Tell whether custody still has the version of a record that an item was planned for, or wrote."""
        if not work.name:
            return False
        stored = self.custody.read(work.name)
        return work.version == (stored[1] if stored is not None else None)

    def _put_in_use(self, failures: dict[str, TrustmeshError], works: t.Sequence[Work]) -> None:
        """Use the next keys that are published and need not wait, and publish what follows from that."""
        now = self._clock()
        changed = []
        for work in works:
            if work.record is not None and work.record.next is not None and work.identity not in failures:
                following = advanced(work.record, work.rotation, now)
                if following != work.record:
                    work.record = following
                    changed.append(work)
        self._write(failures, changed, now, lambda record, at: record)
        for work in changed:
            work.texts = _differing(work.published(t.cast(Record, work.record), now), work.texts)
        self._publish(failures, changed)

    def _remove(self, failures: dict[str, TrustmeshError], works: t.Sequence[Work]) -> None:
        owners = {work.name: work for work in works if work.identity not in failures}
        refused = self.custody.remove(list(owners)) if owners else {}
        for name, work in owners.items():
            if name in refused:
                failures[work.identity] = refused[name]
            else:
                work.wrote = True


def _differing(wanted: Texts, done: Texts) -> Texts:
    """Return what is wanted and was not just published."""
    return {
        target: {name: text for name, text in texts.items() if done.get(target, {}).get(name, object()) != text}
        for target, texts in wanted.items()
    }


def _noted(failures: dict[str, TrustmeshError], work: Work, act: t.Callable[[], None]) -> None:
    try:
        act()
    except TrustmeshError as error:
        failures[work.identity] = error
