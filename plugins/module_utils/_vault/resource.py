# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Base of the resources whose world is a Vault and whose steps are requests."""

from __future__ import annotations

import typing as t

from .._core.plan import Plan, Step
from .._core.reconcile import Batch
from .._core.resource import F, Resource, StateResource
from .connection import WORKERS
from .errors import NoMount
from .port import Data, Reply, Vault


class VaultResource(StateResource[F]):
    """A resource whose steps carry a verb of the port, a path and a body; applying is sending them in order."""

    def __init__(self, vault: Vault, name: str, desired: F | None) -> None:
        super().__init__(name, desired)
        self.vault = vault

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            self.send(step)

    def send(self, step: Step) -> Reply:
        """Carry out one step and return the server's answer."""
        if step.verb == "delete":
            self.vault.delete(step.target)
            return Reply()
        if step.verb in ("patch", "merge"):
            reply: Reply = getattr(self.vault, step.verb)(step.target, step.body)
            return reply
        return self.vault.write(step.target, step.body, once=step.once)

    def lookup(self, path: str) -> Data | None:
        """Read, taking a missing mount for absence, with a warning.

        What is to live in a mount does not exist before the mount does, and a first check run has to predict both. If
        nothing creates the mount, applying fails with that error.
        """
        try:
            return self.vault.read(path)
        except NoMount as error:
            self.vault.miss(self.identity, path, error)
            return None


def vault_batch(vault: Vault, resources: t.Sequence[Resource[t.Any]], **terms: t.Any) -> Batch:
    """Return resources that share a connection as a batch; ``terms`` are further fields of it."""
    return Batch(resources, workers=WORKERS, warnings=vault.warnings, **terms)
