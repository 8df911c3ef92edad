# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The manifest of secrets: what is declared, with owner and rotation, against what is there.

Pure: a store is observed elsewhere (see :class:`Store`), and the clock is an argument. What cannot be told is never
taken for good: a secret that has to be rotated and whose age nobody knows is a problem.
"""

from __future__ import annotations

import datetime
import fnmatch
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._core.errors import InvalidInput, TrustmeshError
from .._core.normal import duration, spell_duration
from .._core.spec import Options

ENTRY_OPTIONS: t.Final[Options] = {
    "name": {"type": "str", "required": True},
    "store": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},
    "owner": {"type": "str", "required": True},
    "purpose": {"type": "str"},
    "fields": {"type": "list", "elements": "str", "default": []},
    "max_age": {"type": "str"},
    "rotated": {"type": "str"},
}


class Observation(t.Protocol):
    """What a store says of one secret; see :class:`Observed`."""

    @property
    def changed(self) -> t.Optional[datetime.datetime]: ...

    @property
    def fields(self) -> t.Optional[frozenset[str]]: ...

    @property
    def faults(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Observed:
    """One secret that is there. No value is in it."""

    #: When it was last changed; ``None`` when the store does not say.
    changed: t.Optional[datetime.datetime] = None
    #: The names of its fields; ``None`` when it has none, or was not looked into.
    fields: t.Optional[frozenset[str]] = None
    #: What is wrong with its values, such as an empty one.
    faults: tuple[str, ...] = ()


class Store(t.Protocol):
    """Where secrets are kept."""

    def observe(self, keys: Sequence[str], *, values: bool) -> Mapping[str, Observation]:
        """Return everything that is there, by key; of ``keys`` with their age, and with ``values`` their content."""


@dataclass(frozen=True)
class Entry:
    """One declared secret."""

    name: str
    store: str
    key: str
    owner: str
    purpose: t.Optional[str]
    fields: tuple[str, ...]
    max_age: t.Optional[int]
    rotated: t.Optional[datetime.datetime]

    @classmethod
    def declared(cls, item: Mapping[str, t.Any]) -> Entry:
        """Build from an item of the module; raises :class:`InvalidInput` naming the option."""
        if not item["owner"].strip():
            raise InvalidInput("is empty", field="owner", remedy="Name who is responsible for the secret.")
        try:
            max_age = None if item["max_age"] is None else duration(item["max_age"])
        except ValueError as error:
            raise InvalidInput(str(error), field="max_age") from None
        return cls(
            item["name"],
            item["store"],
            item["key"].strip("/"),
            item["owner"],
            item["purpose"],
            tuple(item["fields"]),
            max_age,
            None if item["rotated"] is None else _instant(item["rotated"]),
        )

    @property
    def due_after(self) -> t.Optional[datetime.timedelta]:
        """How old it may become."""
        return None if self.max_age is None else datetime.timedelta(seconds=self.max_age)


def _instant(text: str) -> datetime.datetime:
    """Return a day, or an instant, of ISO 8601 in UTC."""
    try:
        found = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise InvalidInput(
            f"{text!r} is neither a day nor an instant", field="rotated", remedy='Write it quoted, like "2026-01-31".'
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=datetime.timezone.utc)


def judge(
    entries: Sequence[Entry],
    held: Mapping[str, t.Union[Mapping[str, Observation], TrustmeshError]],
    ignore: Mapping[str, Sequence[str]],
    now: datetime.datetime,
) -> list[dict[str, t.Any]]:
    """Return a verdict per declared secret, in order, and then one per secret that nobody declared.

    ``held`` is what each store has, or why it could not be seen; ``ignore`` the keys of it that do not count.
    """
    return [*(_declared(entry, held[entry.store], now) for entry in entries), *_undeclared(entries, held, ignore)]


def _declared(
    entry: Entry, held: t.Union[Mapping[str, Observation], TrustmeshError], now: datetime.datetime
) -> dict[str, t.Any]:
    result: dict[str, t.Any] = {"item": entry.name, "store": entry.store, "key": entry.key, "owner": entry.owner}
    if entry.purpose is not None:
        result["purpose"] = entry.purpose
    if isinstance(held, TrustmeshError):
        return {**result, "failed": True, "msg": str(held)}
    found = held.get(entry.key)
    changed = None if found is None else max(filter(None, (found.changed, entry.rotated)), default=None)
    problems = [("missing", "is not there")] if found is None else list(_problems(entry, found, changed, now))
    result.update(
        ok=not problems,
        verdict=problems[0][0] if problems else "ok",
        problems=[f"{entry.name} {sentence}" for _verdict, sentence in problems],
        changed_at=None if changed is None else _spell(changed),
        due_at=None if changed is None or entry.due_after is None else _spell(changed + entry.due_after),
    )
    return result


def _problems(
    entry: Entry, found: Observation, changed: t.Optional[datetime.datetime], now: datetime.datetime
) -> Iterator[tuple[str, str]]:
    for fault in found.faults:
        yield "unfit", fault
    lacking = sorted(set(entry.fields) - (found.fields or frozenset()))
    if lacking:
        yield "incomplete", f"lacks {', '.join(lacking)}"
    if entry.due_after is None:
        return
    if changed is None:
        yield "unknown_age", "has to be rotated, and its store does not say how old it is; give rotated"
    elif changed > now + datetime.timedelta(days=1):
        yield "unknown_age", f"was changed in the future ({_spell(changed)})"
    elif now - changed > entry.due_after:
        age, limit = spell_duration(int((now - changed).total_seconds())), spell_duration(entry.max_age or 0)
        yield "overdue", f"is {age} old and has to be rotated every {limit}"


def _undeclared(
    entries: Sequence[Entry],
    held: Mapping[str, t.Union[Mapping[str, Observation], TrustmeshError]],
    ignore: Mapping[str, Sequence[str]],
) -> Iterator[dict[str, t.Any]]:
    declared = {(entry.store, entry.key) for entry in entries}
    for store, found in held.items():
        if isinstance(found, TrustmeshError):
            if not any(entry.store == store for entry in entries):
                yield {"item": store, "store": store, "failed": True, "msg": str(found)}
            continue
        for key in sorted(found):
            ignored = any(fnmatch.fnmatchcase(key, pattern) for pattern in ignore[store])
            if (store, key) not in declared and not ignored:
                problem = f"{key} is in {store} and is not declared"
                facts = {"item": f"{store}/{key}", "store": store, "key": key, "owner": None}
                yield {**facts, "ok": False, "verdict": "undeclared", "problems": [problem]}


def summarise(results: Sequence[Mapping[str, t.Any]]) -> dict[str, int]:
    """Count the verdicts."""
    names = ("ok", "missing", "undeclared", "overdue", "incomplete", "unfit", "unknown_age")
    counted = {name: sum(1 for result in results if result.get("verdict") == name) for name in names}
    return {**counted, "failed": sum(1 for result in results if result.get("failed"))}


def _spell(instant: datetime.datetime) -> str:
    return instant.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
