# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The idempotence ladder: every state-keeping module climbs it against a real server.

check, apply, check, apply, tamper, check, apply, check absent, absent, absent. On each rung the module's word is held
against the server's audit log, and every prediction against what then happened.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t
from collections.abc import Callable, Iterable, Mapping

from tests.rigs.audit import AuditLog, AuditRecord
from tests.rigs.runner import ModuleResult, Runner

Args = Mapping[str, t.Any]

# What check mode must foretell exactly; other keys of an item may hold what only the server can know (an accessor).
FORETOLD = ("item", "changed", "action", "reasons")
ACTIONS = frozenset({"none", "create", "update", "replace", "delete"})
# Fingerprints are keyed per process, so the same secret looks different in two runs.
FINGERPRINT = re.compile(r"secret:[0-9a-f]{12}")


@dataclasses.dataclass(frozen=True)
class Rung:
    """One run of the module, and what the server saw of it."""

    name: str
    result: ModuleResult
    writes: list[AuditRecord]
    reads: list[AuditRecord]
    logins: list[AuditRecord]

    @property
    def items(self) -> list[dict[str, t.Any]]:
        """The per-item results."""
        return list(self.result.result["results"])

    @property
    def foretold(self) -> dict[str, t.Any]:
        """What check mode and the run itself have to agree on."""
        items = [{key: item[key] for key in FORETOLD} for item in self.items]
        return _comparable({"items": items, "diff": self.result.result["diff"]})

    def outcome(self, volatile: Iterable[str]) -> dict[str, t.Any]:
        """Everything returned, without Ansible's own keys and those that legitimately differ from run to run."""
        dropped = {"invocation", *volatile}
        kept = {key: value for key, value in self.result.result.items() if key not in dropped}
        kept["results"] = [{k: v for k, v in item.items() if k not in dropped} for item in self.items]
        return _comparable(kept)


@dataclasses.dataclass(frozen=True)
class Ladder:
    """Runs one module up the ladder. ``connection`` holds the options that reach the server."""

    runner: Runner
    audit: AuditLog
    connection: Args

    def climb(
        self,
        module: str,
        present: Args,
        *,
        tamper: Callable[[], object] | None = None,
        absent: Args | None = None,
        server: bool = True,
        volatile: Iterable[str] = (),
    ) -> dict[str, Rung]:
        """Climb, assert every rung, and return the rungs by name for assertions of the test's own.

        ``tamper`` changes the object behind the module's back; without it, or ``absent``, those rungs are left out.
        ``server=False`` is for modules that do not use Vault: no connection options are added, no writes expected.
        ``volatile`` names result keys that may differ between two runs that change nothing.
        """
        rungs: dict[str, Rung] = {}

        def step(name: str, args: Args, *, check: bool, changes: bool) -> Rung:
            rungs[name] = self.run(module, name, args, check=check, server=server)
            assert_rung(rungs[name], changes=changes, writes=server and changes and not check)
            return rungs[name]

        def pair(name: str, args: Args, *, changes: bool) -> None:
            foretold = step(f"check {name}", args, check=True, changes=changes)
            happened = step(name, args, check=False, changes=changes)
            assert foretold.foretold == happened.foretold, f"check mode foretold otherwise: {name}"
            if not changes:
                assert foretold.outcome(volatile) == happened.outcome(volatile), f"{name}: two no-op runs differ"

        pair("create", present, changes=True)
        pair("again", present, changes=False)
        if tamper is not None:
            tamper()
            pair("mend", present, changes=True)
            step("mended", present, check=False, changes=False)
        if absent is not None:
            pair("remove", absent, changes=True)
            pair("removed", absent, changes=False)
        return rungs

    def run(self, module: str, name: str, args: Args, *, check: bool, server: bool = True) -> Rung:
        """Run the module once, with diff, and look at what the server saw."""
        mark = self.audit.mark()
        given = {**(self.connection if server else {}), **args}
        result = self.runner.module(module, given, check=check, diff=True)
        return Rung(name, result, self.audit.writes(mark), self.audit.reads(mark), self.audit.logins(mark))


def assert_rung(rung: Rung, *, changes: bool, writes: bool) -> None:
    """Hold one run against its expectation: shape, changed flags, writes on the server."""
    story = f"{rung.name}: {json.dumps(rung.result.result, indent=1)}\n{rung.result.stderr}"
    assert not rung.result.failed, story
    assert rung.result.result["changed"] is changes, story
    assert any(item["changed"] for item in rung.items) is changes, story
    for item in rung.items:
        assert item["action"] in ACTIONS, story
        assert item["changed"] is (item["action"] != "none"), story
        assert bool(item["reasons"]) is item["changed"], f"a change needs a reason, a no-op must not have one: {story}"
    assert_summary(rung, story)
    if not changes:
        assert all(entry["before"] == entry["after"] for entry in rung.result.result["diff"]), story
    if writes:
        assert rung.writes, f"the module says it wrote, the server saw nothing: {story}"
    else:
        assert not rung.writes, f"the server was written to: {[str(w) for w in rung.writes]}\n{story}"


def assert_summary(rung: Rung, story: str) -> None:
    """The summary counts the items by action."""
    counts = {action: sum(item["action"] == action for item in rung.items) for action in sorted(ACTIONS)}
    assert rung.result.result["summary"] == {**counts, "failed": 0}, story


def _comparable(value: dict[str, t.Any]) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads(FINGERPRINT.sub("secret:*", json.dumps(value))))
