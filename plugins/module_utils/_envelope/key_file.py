# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Master keys in files of this host: made where they are used, readable by their owner alone."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import os
import typing as t
from dataclasses import dataclass

from .._core.errors import InvalidInput, PolicyRefusal
from .._core.files import Attributes, FileTransaction, read_found
from .._core.plan import ABSENT, NO_PLAN, UNWANTED, Action, Change, Plan, Step
from .._core.reconcile import Batch
from .._core.redact import Secret
from .._core.resource import ON_MISMATCH, Resource
from .._core.spec import STATE, Options, Params
from . import cipher
from .errors import EnvelopeError
from .local import master_key

#: The modes that keep others out.
_MODES: t.Final = ("0400", "0600")
_MADE: t.Final = "a generated key of 32 bytes"
_CHECKED: t.Final = b"trustmesh.security master key"


@dataclass(frozen=True)
class KeyFile:
    """What is at the path: a key, or why it is none, and (what, held, wanted) of owner, group and mode."""

    key: t.Optional[Secret]
    flaw: t.Optional[str] = None
    misplaced: tuple[tuple[str, str, str], ...] = ()


class MasterKeyFile(Resource[KeyFile]):
    """One file with a master key of 64 hexadecimal characters."""

    kind = "envelope_key"
    noun = "key"

    def __init__(self, files: FileTransaction, item: Params) -> None:
        super().__init__(item["path"], None)
        if not os.path.isabs(item["path"]):
            raise InvalidInput("is not absolute", field="path", remedy="Write it from the root on.")
        self._files = files
        self._wanted = item["state"] == "present"
        self._attributes = Attributes.declared(item["owner"], item["group"], item["mode"])
        self._on_mismatch = item["on_mismatch"]
        self._give_up = bool(item["deletion_allowed"])

    @property
    def workplaces(self) -> t.Sequence[str]:
        return (os.path.dirname(self.name),)

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        return (("path", self.name),)

    def read(self) -> KeyFile | None:
        found = read_found(self.name)
        if found is None:
            return None
        misplaced = tuple(self._attributes.differences(found.status))
        try:
            return KeyFile(master_key(found.content.decode("ascii", "replace").strip()), None, misplaced)
        except EnvelopeError as error:
            return KeyFile(None, error.problem, misplaced)

    def plan(self, current: KeyFile | None, now: datetime.datetime) -> Plan:
        if not self._wanted:
            return NO_PLAN if current is None else self._removal()
        if current is None:
            return Plan(Action.CREATE, (Change("key", None, _MADE, ABSENT),), (Step("make", self.name),))
        moves = tuple(
            Change(what, held, wanted, f"{what} is {held}, declared {wanted}")
            for what, held, wanted in current.misplaced
        )
        if current.flaw is not None:
            return self._replacement(current.flaw, moves)
        return Plan(Action.UPDATE, moves, (Step("place", self.name, current.key),)) if moves else NO_PLAN

    def _replacement(self, flaw: str, moves: tuple[Change, ...]) -> Plan:
        if self._on_mismatch == "fail":
            raise PolicyRefusal(
                f"what is in {self.name} {flaw}",
                field="on_mismatch",
                remedy="Put the right key there, or set on_mismatch to replace, which gives up what is there now.",
            )
        change = Change("key", "what is no key", _MADE, f"what is there {flaw}")
        return Plan(Action.REPLACE, (change, *moves), (Step("make", self.name),))

    def _removal(self) -> Plan:
        if not self._give_up:
            raise PolicyRefusal(
                "everything that this key wrapped would be lost with it",
                field="deletion_allowed",
                remedy="Set deletion_allowed to true beside state: absent if that is meant.",
            )
        return Plan(Action.DELETE, (Change("key", "a key", None, UNWANTED),), (Step("remove", self.name),))

    def apply(self, plan: Plan) -> None:
        (step,) = plan.steps
        with self._files.group(self.identity) as group:
            if step.verb == "remove":
                group.remove(self.name)
                return
            key = step.body.reveal() if step.verb == "place" else Secret(cipher.new_key().hex()).reveal()
            # What another run made meanwhile may have wrapped something already.
            group.put(self.name, f"{key}\n".encode(), self._attributes, fresh=plan.action is Action.CREATE)

    def describe(self, current: KeyFile | None) -> dict[str, t.Any]:
        if current is None:
            return {}
        facts: dict[str, t.Any] = {"path": self.name, "usable": current.key is not None}
        if current.key is not None:
            facts["check_value"] = check_value(current.key)
        return facts


def check_value(key: Secret) -> str:
    """Return what tells two master keys apart, and says nothing about a key that was made at random."""
    return hmac.new(bytes.fromhex(key.reveal()), _CHECKED, hashlib.sha256).hexdigest()[:16]


KEY_FILE: t.Final[Options] = {
    "path": {"type": "path", "required": True},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str", "choices": list(_MODES), "default": "0600"},
    "deletion_allowed": {"type": "bool", "default": False},
    **ON_MISMATCH,
    **STATE,
}


def key_files(items: t.Callable[[t.Callable[[Params], MasterKeyFile]], t.Sequence[MasterKeyFile]]) -> Batch:
    """Return declared files as a batch whose files take effect together."""
    files = FileTransaction()
    return Batch(items(lambda item: MasterKeyFile(files, item)), reads_here=True, transaction=files)
