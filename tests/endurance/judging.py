# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to hold after a kill, after the next run, and after two runs at once."""

from __future__ import annotations

import collections
from collections.abc import Iterator

from tests.endurance.subject import Meeting, Seen, Subject, Wish
from tests.endurance.workshop import Run

#: What no outside event may make a module say.
_NEVER = ("Traceback", "defect in")


def after_a_kill(before: Seen, after: Seen, wish: Wish) -> Iterator[str]:
    """Yield what a run that was killed must not have left."""
    yield from after.problems
    if wish.onto_base and not wish.removes:
        yield from (f"not there in between: {what}" for what in after.missing)
    if wish.keeps:
        yield from _lost(before, after, "was in force")


def when_done(
    before: Seen, between: Seen | None, after: Seen, wish: Wish, subject: Subject, least: int
) -> Iterator[str]:
    """Yield what is not as declared once a run has ended well.

    ``between`` is what a killed one had left, ``least`` the least number of keys that were to be made.
    """
    yield from (*after.problems, *after.missing, *after.unfinished)
    if wish.removes:
        yield from (f"{name} is still there" for name in after.kept if name in (wish.names or subject.names))
        return
    yield from _count(
        before, after, wish.names or subject.names, (least, wish.made + (subject.spare if between else 0))
    )
    if wish.keeps:
        yield from _lost(before, after, "was in force")
        yield from _lost(between or before, after, "was put in force by the run that was killed")
        if between is not None and not subject.spare:
            for name, made in between.kept.items():
                yield from (
                    f"a key of {name} that the killed run made ({key}) is lost"
                    for key in made
                    if key not in after.kept[name]
                )


def after_a_meeting(before: Seen, after: Seen, meeting: Meeting, subject: Subject, runs: list[Run]) -> Iterator[str]:
    """Yield what two runs at once must not have left, or said."""
    yield from after.problems
    parted = {name for wish in (meeting.left, meeting.right) if not wish.keeps for name in wish.names or subject.names}
    replaced = meeting.final.keeps is False
    yield from _lost(before, after, "was in force", but=set(subject.names) if replaced else parted)
    others = [name for name in subject.names if name not in parted]
    yield from _count(before, after, others, meeting.made)
    if not replaced:
        yield from _made_and_lost(before, after, others, _makers(meeting, subject, runs))


def _makers(meeting: Meeting, subject: Subject, runs: list[Run]) -> collections.Counter[str]:
    """Return how many runs say that they made a key, by owner."""
    makers: collections.Counter[str] = collections.Counter()
    for wish, run in zip((meeting.left, meeting.right), runs):
        items = (run.result or {}).get("results") or ()
        makers.update(
            name
            for name, item in zip(wish.names or subject.names, items)
            if item["action"] in ("create", "replace") and not item.get("failed")
        )
    return makers


def _made_and_lost(before: Seen, after: Seen, names: list[str], makers: collections.Counter[str]) -> Iterator[str]:
    for name in names:
        made = len(set(after.kept.get(name, ())) - set(before.kept.get(name, ())))
        if makers[name] > made:
            yield f"{makers[name]} runs say that they made a key of {name}, and {made} can be read: one is lost"


def said(runs: list[Run], excuses: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield failures, but those that name another run as their reason where that may be one."""
    for run in runs:
        failure = run.failure
        if failure is None:
            continue
        if any(word in failure for word in _NEVER) or not any(excuse in failure for excuse in excuses):
            yield f"failed: {failure}"


def settled(run: Run, before: str, after: str) -> Iterator[str]:
    """Yield what a run did where nothing was left to do; the digests are those of its spot."""
    if run.failure is not None:
        yield f"the last run failed: {run.failure}"
    elif run.changed:
        reasons = [reason for item in (run.result or {}).get("results") or () for reason in item["reasons"]]
        yield f"the last run says that it changed something: {reasons}"
    elif before != after:
        yield "the last run wrote, and says that it changed nothing"


def _lost(before: Seen, after: Seen, what: str, but: set[str] | None = None) -> Iterator[str]:
    for name, secret in before.in_force.items():
        if name not in (but or ()) and secret not in after.kept.get(name, ()):
            yield f"the key of {name} that {what} ({secret}) is lost; there are {after.kept.get(name)}"


def _count(before: Seen, after: Seen, names: list[str] | tuple[str, ...], allowed: tuple[int, int]) -> Iterator[str]:
    for name in names:
        made = len(set(after.kept.get(name, ())) - set(before.kept.get(name, ())))
        if not allowed[0] <= made <= allowed[1]:
            yield f"{name} has {made} new keys, expected {allowed[0]} to {allowed[1]}"
