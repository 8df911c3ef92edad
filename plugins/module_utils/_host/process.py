# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""A background process of the invoking user, for development and tests.

The pid file says which process it is and what it was started with: line one is the pid, so that ``pkill -F`` works,
line two a JSON object with the start time, the boot, the arguments, and digests of the environment and of the watched
files. Comparing that with the declaration tells whether the process has to be started anew.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import hmac
import json
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from .._core.errors import InvalidInput, certain
from .._core.files import Attributes, FileFailure, exists, open_file, put_file, read_found, remove
from .._core.foreign import parse_object
from .._core.free_text import free_texts, in_the_clear
from .._core.kinds import BOOLEAN, MAPPING, TEXT, Kind
from .._core.plan import NO_PLAN, Action, Change, Plan, Step, plan_state
from .._core.redact import Secret
from .._core.resource import Resource
from .._core.state import UNMANAGED, Field, State, managed
from .control import Program, end, lasting_complaint, launch, refuse_taken_port, wait_until_ready
from .procfs import ProcessId, boot_id, runs
from .readiness import Readiness

# Text by text: unlike a list of names, an argument may hold commas or be empty.
_ARGV = Kind(lambda value: tuple(str(entry) for entry in value), {"type": "list", "elements": "str"}, list)
_PART: t.Final = 2**20
_LARGEST_WATCHED: t.Final = 2**30
_DIGESTS = Kind(lambda value: {name: Secret(digest) for name, digest in value.items()})


@dataclass(frozen=True)
class ProcessState(State):
    """What a process runs, and what it was started with."""

    argv: Field[tuple[str, ...]] = managed(_ARGV, replace=True)
    chdir: Field[str] = managed(TEXT, replace=True)
    #: Digest of each value, keyed with the boot id; secrets, because a digest lets a reader test guesses.
    environment: Field[Mapping[str, Secret]] = managed(_DIGESTS, replace=True)
    #: SHA-256 of each watched file; of the current state, as it was when the process was started.
    files: Field[Mapping[str, str]] = managed(MAPPING, replace=True)
    ready: Field[bool] = managed(BOOLEAN)
    process: ProcessId | None = None
    alive: bool = True
    #: Why a process that runs is not ready.
    complaint: str | None = None


class LocalProcess(Resource[ProcessState]):
    """One process, known by the pid file that was written when it was started."""

    kind = "local_process"
    noun = "process"

    def __init__(self, name: str, program: Program, readiness: Readiness | None, *, wanted: bool) -> None:
        self.program = program
        self.readiness = readiness
        super().__init__(name, _desired(program, readiness) if wanted else None)

    @classmethod
    def declared(cls, item: Mapping[str, t.Any]) -> LocalProcess:
        """Build from an item of the module; raises :class:`InvalidInput` naming the option."""
        wanted = item["state"] == "started"
        environment: dict[str, str | Secret] = {**free_texts(item["environment"], "environment")}
        hidden = free_texts(item["secret_environment"], "secret_environment")
        environment.update({name: Secret(value) for name, value in hidden.items()})
        program = Program(
            argv=tuple(item["argv"] or ()),
            chdir=item["chdir"],
            environment=environment,
            pid_file=item["pid_file"],
            log_file=item["log_file"],
            watch_files=tuple(item["watch_files"]),
            start_timeout=item["start_timeout"],
            stop_timeout=item["stop_timeout"],
        )
        if wanted:
            program.check()
        readiness = Readiness.declared(item["ready"]) if wanted and item["ready"] else None
        return cls(item["name"], program, readiness, wanted=wanted)

    @property
    def identity(self) -> str:
        return f"{self.kind} {self.program.pid_file}"

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        return (("pid_file", self.program.pid_file),)

    def read(self) -> ProcessState | None:
        record = _load(self.program.pid_file)
        process = None if record is None else ProcessId(record["pid"], record["ticks"])
        alive = process is not None and certain(record)["boot"] == boot_id() and runs(process)
        if self.readiness is not None and not alive:
            refuse_taken_port(self.readiness)
        if record is None:
            return None
        complaint = lasting_complaint(self.readiness) if alive and self.readiness is not None else None
        seen = {**record, "ready": alive and self.readiness is not None and complaint is None}
        return ProcessState.observed(seen, process=process, alive=alive, complaint=complaint)

    def plan(self, current: ProcessState | None, now: datetime.datetime) -> Plan:
        plan = self._planned(current)
        shown = self.program.environment if self.desired is not None else {}
        doubts = in_the_clear(shown, "environment", "Give it in secret_environment.")
        return replace(plan, warnings=(*plan.warnings, *doubts))

    def _planned(self, current: ProcessState | None) -> Plan:
        if self.desired is None:
            return self._plan_stop(current)
        if current is None or not current.alive:
            reason = "is not running" if current is None else f"{_process_label(current)} has ended"
            plan = _with_reasons(plan_state(None, self.desired), lambda _change: reason)
            return plan.with_steps([Step("start", self.name), Step("wait", self.name)])
        plan = _with_reasons(plan_state(current, self.desired), partial(_reason, current))
        if plan.action is Action.REPLACE:
            return plan.with_steps(
                [Step("stop", self.name, current.process), Step("start", self.name), Step("wait", self.name)]
            )
        return plan.with_steps([Step("wait", self.name)]) if plan else NO_PLAN

    def _plan_stop(self, current: ProcessState | None) -> Plan:
        if current is None:
            return NO_PLAN
        if current.alive:
            running = _with_reasons(plan_state(current, None), lambda _change: "is running but declared stopped")
            return running.with_steps([Step("stop", self.name, current.process)])
        reason = f"{_process_label(current)} has ended and left its pid file"
        stale = Change("pid_file", self.program.pid_file, None, reason)
        return Plan(Action.DELETE, (stale,), (Step("forget", self.name),))

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            if step.verb == "stop":
                end(step.body, self.program.stop_timeout)
            if step.verb in ("stop", "forget"):
                remove(self.program.pid_file)
            if step.verb == "start":
                self._start()
            if step.verb == "wait" and self.readiness is not None:
                wait_until_ready(self.program, self._process(), self.readiness)

    def describe(self, current: ProcessState | None) -> dict[str, t.Any]:
        if current is None or current.process is None:
            return {}
        facts: dict[str, t.Any] = {"pid": current.process.pid, "running": current.alive}
        facts.update({name: value for name, value in current.shown().items() if name in ("argv", "chdir")})
        if self.readiness is not None:
            facts["ready"] = current.ready
        return {**facts, "pid_file": self.program.pid_file, "log_file": self.program.log_file}

    def _start(self) -> None:
        process, desired = launch(self.program), certain(self.desired)
        record = {
            "ticks": process.ticks,
            "boot": boot_id(),
            "argv": desired.argv,
            "chdir": desired.chdir,
            "environment": _digests(self.program),
            "files": desired.files,
        }
        put_file(self.program.pid_file, f"{process.pid}\n{json.dumps(record)}\n".encode(), Attributes())

    def _process(self) -> ProcessId:
        record = certain(_load(self.program.pid_file))
        return ProcessId(record["pid"], record["ticks"])


def _desired(program: Program, readiness: Readiness | None) -> ProcessState:
    return ProcessState(
        argv=program.argv,
        chdir=program.chdir,
        environment={name: Secret(digest) for name, digest in _digests(program).items()},
        files={path: _file_digest(path) for path in program.watch_files},
        ready=UNMANAGED if readiness is None else True,
    )


def _digests(program: Program) -> dict[str, str]:
    key = boot_id().encode()
    values = {name: v.reveal() if isinstance(v, Secret) else v for name, v in program.environment.items()}
    return {name: hmac.new(key, value.encode(), hashlib.sha256).hexdigest() for name, value in values.items()}


def _file_digest(path: str) -> str:
    """Return what stands for the content of a watched file; in a first check run it may not exist yet."""
    try:
        if not exists(path):
            return "absent"
        digest, size = hashlib.sha256(), 0
        with open_file(path) as handle:
            for part in iter(partial(handle.read, _PART), b""):
                digest.update(part)
                size += len(part)
                if size > _LARGEST_WATCHED:
                    raise InvalidInput("is larger than 1 GiB", field=path, remedy="Do not watch it.")
        return digest.hexdigest()
    except (FileFailure, InvalidInput) as error:
        raise error.within("watch_files") from None


def _load(path: str) -> dict[str, t.Any] | None:
    """Return what a pid file of ours says; a foreign one is an error, since its process is not ours to end."""
    found = read_found(path)
    if found is None:
        return None
    if not found.ours:
        raise InvalidInput(
            f"others than its user can have written {path}, so that the process it names may be any",
            field="pid_file",
            remedy="Remove it, and keep it in a directory that only the user who runs this can write.",
        )
    first, _newline, rest = found.content.decode("utf-8", "replace").partition("\n")
    try:
        return _record(first, parse_object(rest))
    except (ValueError, TypeError, KeyError):
        raise InvalidInput(
            f"{path} was not written by this module",
            field="pid_file",
            remedy="Name another file, or remove this one if nothing else uses it.",
        ) from None


def _record(pid: str, held: t.Any) -> dict[str, t.Any]:
    """Return a record whose fields are what a start writes; raises ``ValueError``, ``TypeError`` or ``KeyError``."""
    types = {"ticks": int, "boot": str, "argv": list, "chdir": str, "environment": dict, "files": dict}
    if not isinstance(held, dict) or not all(isinstance(held[name], kind) for name, kind in types.items()):
        raise TypeError
    process = int(pid)
    if process <= 1:
        raise ValueError
    return {**held, "pid": process}


def _with_reasons(plan: Plan, reason: t.Callable[[Change], str]) -> Plan:
    changes = tuple(dataclasses.replace(change, reason=reason(change)) for change in plan.changes)
    return dataclasses.replace(plan, changes=changes)


def _reason(current: ProcessState, change: Change) -> str:
    field, _dot, key = change.path.partition(".")
    if field == "files":
        if change.before is None:
            return f"{key} is watched now"
        return f"{key} is no longer watched" if change.after is None else f"{key} changed since the process was started"
    if field == "argv":
        return "argv differs from what the process was started with"
    if field == "ready":
        return f"is not ready: {current.complaint}" if current.complaint else "is not ready"
    return change.reason


def _process_label(state: ProcessState) -> str:
    return f"process {state.process.pid}" if state.process else "the process"
