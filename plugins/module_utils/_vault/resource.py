# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Base of the resources whose world is a Vault and whose steps are requests."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import replace

from .._core.errors import Overtaken
from .._core.plan import Action, Plan, Step
from .._core.reconcile import Batch
from .._core.resource import F, Resource, StateResource
from .._core.state import UNMANAGED, Meta, State
from .answer import Fields
from .connection import WORKERS
from .errors import NoMount, UnknownParameter
from .port import Data, Vault


class VaultResource(StateResource[F]):
    """A resource whose steps carry a verb of the port, a path and a body; applying is sending them in order."""

    def __init__(self, vault: Vault, name: str, desired: F | None) -> None:
        super().__init__(name, desired)
        self.vault = vault

    def plan(self, current: F | None, now: datetime.datetime) -> Plan:
        """What is destroyed to be made anew is looked at again before: others may have replaced it already."""
        plan = super().plan(current, now)
        if plan.action is not Action.REPLACE:
            return plan
        return plan.with_steps([Step("expect", self.name, current), *plan.steps])

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            self.send(step)

    def send(self, step: Step) -> None:
        """Carry out one step."""
        if step.verb == "expect":
            if self.read() != step.body:
                raise overtaken(self.name)
        elif step.verb == "delete":
            self.vault.delete(step.target)
        elif step.verb == "merge":
            self.vault.merge(step.target, step.body)
        else:
            self.vault.write(step.target, step.body, once=step.once)

    def lookup(self, path: str, read: t.Callable[[str], Fields | None] | None = None) -> Fields | None:
        """Read, taking a missing mount for absence, with a warning.

        What is to live in a mount does not exist before the mount does, and a first check run has to predict both. If
        nothing creates the mount, applying fails with that error.
        """
        try:
            return (read or self.vault.read)(path)
        except NoMount as error:
            self.vault.miss(self.identity, path, error)
            return None

    def check_support(self, path: str, data: Data | None) -> None:
        """Compare the declaration with the fields that this server has; ``data`` is what it keeps at the path now.

        Only what it does not show is asked for, and only of fields that not every product has. An endpoint that does
        not describe itself is given the benefit of the doubt: the write will tell.
        """
        doubtful = [name for name in self.unreported(data or {}) if self.metas[name].particular]
        known = self.vault.fields(path) if doubtful else None
        if known is not None:
            unknown = [name for name in doubtful if (self.metas[name].wire_name or name) not in known]
            self.drop_unsupported(path, unknown)

    @property
    def metas(self) -> t.Mapping[str, Meta]:
        """What is known about the fields of the declaration."""
        return self.desired.metas() if self.desired is not None else {}

    def unreported(self, data: Data) -> list[str]:
        """Return the declared fields of which a server's answer says nothing."""
        declared = self.desired.managed_values() if self.desired is not None else {}
        return sorted(name for name in declared if (self.metas[name].wire_name or name) not in data)

    def drop_unsupported(self, path: str, missing: t.Sequence[str]) -> None:
        """Take declared fields that the server lacks out of the declaration, where it acts as declared all the same.

        Elsewhere raise :class:`UnknownParameter`, before anything is written: servers drop such fields without a word.
        """
        if self.desired is None:
            return
        without = type(self.desired).observed({})
        demanded = [
            name
            for name in missing
            if not (self.metas[name].particular and getattr(self.desired, name) == getattr(without, name))
        ]
        if demanded:
            raise no_such_field(path, demanded)
        self.desired = replace(self.desired, **dict.fromkeys(missing, UNMANAGED))


def overtaken(name: str) -> Overtaken:
    """Return the error of a run that finds the deed of others where it was about to act."""
    return Overtaken(f"others changed {name} meanwhile", remedy="See who does, and run again.")


def no_such_field(path: str, names: t.Iterable[str]) -> UnknownParameter:
    """Return the error of fields that the endpoint at a path does not have."""
    return UnknownParameter(
        f"this server has no such field at {path}",
        field=", ".join(sorted(names)),
        remedy="The product or version lacks the feature; remove the option or upgrade the server.",
    )


def unsupported(state: type[State], data: Data, desired: State | None) -> dict[str, t.Any]:
    """Return the fields that a server does not have, as unmanaged: it left them out, and they are not declared."""
    return {
        name: UNMANAGED
        for name, meta in state.metas().items()
        if (meta.wire_name or name) not in data and (desired is None or getattr(desired, name) is UNMANAGED)
    }


def vault_batch(vault: Vault, resources: t.Sequence[Resource[t.Any]], **terms: t.Any) -> Batch:
    """Return resources that share a connection as a batch; ``terms`` are further fields of it."""
    return Batch(resources, workers=WORKERS, warnings=vault.warnings, **terms)
