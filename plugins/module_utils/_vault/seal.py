# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Initialising, unsealing and sealing (``sys/init``, ``sys/unseal``, ``sys/seal``) with keys kept in a file."""

from __future__ import annotations

import datetime
import json
import time
import typing as t
from dataclasses import dataclass

from .._core.errors import InvalidInput, Overtaken, PolicyRefusal, certain
from .._core.files import Attributes, put_file, read_file, reserve_file
from .._core.foreign import parse_object
from .._core.plan import NO_PLAN, Action, Change, Plan, Step
from .._core.redact import Secret
from .._core.resource import Resource
from .._core.spec import Params
from .errors import Rejected, Unreachable
from .login import METHODS
from .port import Vault

# More than twice what the largest number of shares (255) needs.
_KEYS_FILE_SIZE = 65536
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Keys:
    """The content of a keys file: the shares in base64 and the root token, which may have been removed from it."""

    shares: tuple[Secret, ...]
    root_token: Secret | None

    @classmethod
    def load(cls, path: str) -> Keys | None:
        """Read a keys file; raises :class:`InvalidInput` when it is something else."""
        content = read_file(path)
        if content is None:
            return None
        try:
            data = parse_object(content)
            shares = tuple(Secret(str(key)) for key in data["keys_base64"])
            token = data.get("root_token")
        except (ValueError, KeyError, TypeError):
            raise InvalidInput(
                f"{path} is not a keys file", field="keys_file", remedy="Give the file that the initialisation wrote."
            ) from None
        return cls(shares, Secret(str(token)) if token else None)


@dataclass(frozen=True)
class SealState:
    """What a server says about its seal, and which keys are at hand."""

    initialized: bool
    sealed: bool
    #: ``shamir`` when people unseal with key shares; anything else unseals by itself.
    type: str
    shares: int
    threshold: int
    #: Shares that somebody has given already towards the threshold.
    progress: int
    keys: Keys | None
    #: Content of the root token's own file.
    root_token: Secret | None


@dataclass(frozen=True)
class SealTerms:
    """What is declared."""

    sealed: bool
    keys_file: str | None
    root_token_file: str | None
    shares: int
    threshold: int
    attributes: Attributes
    #: Return the token for the one request that needs one.
    login: t.Callable[[Vault], Secret]
    #: Seconds to wait for a node to be elected after unsealing.
    patience: int

    @classmethod
    def declared(cls, params: Params) -> SealTerms:
        """Build from the options of the module; raises :class:`InvalidInput` without touching the network."""
        method = METHODS[params["auth_method"]]
        sealed = params["state"] == "sealed"
        if sealed:
            method.check(params)
        _check_shares(params["shares"], params["threshold"])
        return cls(
            sealed,
            None if sealed else params["keys_file"],
            None if sealed else params["root_token_file"],
            params["shares"],
            params["threshold"],
            Attributes.declared(params["owner"], params["group"], "0600"),
            lambda vault: method.login(vault, params),
            params["timeout"],
        )


def _check_shares(shares: int, threshold: int) -> None:
    """The server's own rule: a key that is split at all needs two people."""
    if not (shares == threshold == 1 or 2 <= threshold <= shares <= 255):
        raise InvalidInput(
            f"{threshold} of {shares} shares is not possible",
            field="threshold",
            remedy="Use 1 of 1, or at least 2 of up to 255 shares.",
        )


class Seal(Resource[SealState]):
    """The seal of the server behind a port; its name is the address."""

    kind = "vault_seal"
    noun = "seal"

    def __init__(self, vault: Vault, terms: SealTerms, gate: Vault | None = None) -> None:
        """``gate`` is a port to where a login is made, where that is another namespace."""
        super().__init__(vault.url, None)
        self.vault = vault
        self.terms = terms
        self._gate = gate or vault

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        named = (("keys_file", self.terms.keys_file), ("root_token_file", self.terms.root_token_file))
        return ((option, path) for option, path in named if path)

    def read(self) -> SealState | None:
        status = self.vault.read_bare("sys/seal-status")
        held = read_file(self.terms.root_token_file) if self.terms.root_token_file else None
        return SealState(
            status.flag("initialized"),
            status.flag("sealed"),
            status.text("type"),
            status.number("n"),
            status.number("t"),
            status.number("progress"),
            Keys.load(self.terms.keys_file) if self.terms.keys_file else None,
            Secret(held.decode("utf-8", "replace").strip()) if held else None,
        )

    def plan(self, current: SealState | None, now: datetime.datetime) -> Plan:
        if current is None:
            return NO_PLAN
        if self.terms.sealed:
            if current.sealed:
                return NO_PLAN
            change = Change("sealed", False, True, "the server is unsealed, declared sealed")
            return Plan(Action.UPDATE, (change,), (Step("seal", "sys/seal"),))
        if not current.initialized:
            return self._plan_initialisation(current)
        changes, steps = [], []
        if current.sealed:
            self._refuse_hopeless(current)
            changes.append(Change("sealed", True, False, "the server is sealed, declared unsealed"))
            steps += [Step("reset", "sys/unseal")] if current.progress else []
            steps.append(Step("unseal", "sys/unseal", current.keys))
        wanted = current.keys.root_token if current.keys else None
        if self.terms.root_token_file and wanted is not None and current.root_token != wanted:
            changes.append(self._token_change(current, wanted))
            steps.append(Step("put", self.terms.root_token_file, wanted))
        return Plan(Action.UPDATE, tuple(changes), tuple(steps)) if changes else NO_PLAN

    def _plan_initialisation(self, current: SealState) -> Plan:
        self._refuse_self_unsealing(current)
        if current.keys is not None:
            raise PolicyRefusal(
                f"{self.terms.keys_file} exists, but the server at {self.name} is not initialised",
                field="keys_file",
                remedy="It may hold the only keys of another server. Name another file, or move it away.",
            )
        changes = [
            Change("initialized", False, True, "the server is not initialised"),
            Change("sealed", True, False, "the server is sealed, declared unsealed"),
        ]
        if self.terms.root_token_file:
            changes.append(self._token_change(current, "the root token"))
        body = {"secret_shares": self.terms.shares, "secret_threshold": self.terms.threshold}
        return Plan(Action.CREATE, tuple(changes), (Step("initialise", "sys/init", body, once=True),))

    def _token_change(self, current: SealState, wanted: t.Any) -> Change:
        reason = "root_token_file does not exist" if current.root_token is None else "root_token_file differs"
        return Change("root_token_file", current.root_token, wanted, reason)

    def _refuse_self_unsealing(self, current: SealState) -> None:
        if current.type != "shamir":
            raise InvalidInput(
                f"the server unseals itself ({current.type})",
                field="url",
                remedy="Initialise it by its own command, and see why its key service is out of reach.",
            )

    def _refuse_hopeless(self, current: SealState) -> None:
        """Raise unless the keys at hand can unseal."""
        self._refuse_self_unsealing(current)
        if current.keys is None:
            raise InvalidInput(
                f"{self.terms.keys_file} does not exist, but the server is initialised and sealed",
                field="keys_file",
                remedy="Name the file that holds its keys. They cannot be made again.",
            )
        if len(current.keys.shares) < current.threshold:
            raise InvalidInput(
                f"{self.terms.keys_file} holds {len(current.keys.shares)} of the {current.threshold} keys needed",
                field="keys_file",
                remedy="Add the others to keys_base64.",
            )

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            if step.verb == "initialise":
                self._initialise(step)
            elif step.verb == "reset":
                self.vault.write(step.target, {"reset": True})
            elif step.verb == "unseal":
                self._unseal(step.body)
            elif step.verb == "put":
                self._put_root_token(step.body)
            else:
                self.vault.use_token(self.terms.login(self._gate).reveal())
                self.vault.write(step.target)

    def _initialise(self, step: Step) -> None:
        """Initialise, with the keys on disk before anything else can fail."""
        with reserve_file(certain(self.terms.keys_file), _KEYS_FILE_SIZE, self.terms.attributes) as keep:
            try:
                made = self.vault.write(step.target, step.body, once=step.once).body
            except Rejected as error:
                if "already initialized" not in str(error):
                    raise
                raise Overtaken(
                    f"the server at {self.name} was initialised by others meanwhile",
                    remedy="They have its keys; run again with the file that holds them.",
                ) from None
            # Whatever it is: a server is initialised only once.
            keep((json.dumps({"url": self.name, **made}, indent=2) + "\n").encode())
        root_token = Secret(made.text("root_token"))
        self._unseal(Keys(tuple(Secret(key) for key in made.texts("keys_base64")), root_token))
        if self.terms.root_token_file:
            self._put_root_token(root_token)

    def _unseal(self, keys: Keys) -> None:
        for share in keys.shares:
            try:
                status = self.vault.write("sys/unseal", {"key": share.reveal()}).body
            except Rejected:
                raise InvalidInput(
                    f"the keys in {self.terms.keys_file} do not open the server at {self.name}",
                    field="keys_file",
                    remedy="They belong to another server, or its storage was initialised again.",
                ) from None
            if not status.flag("sealed"):
                break
        self._await_service()

    def _await_service(self) -> None:
        """Wait until requests are served: after unsealing, a node of a cluster has to be elected first."""
        deadline = time.monotonic() + self.terms.patience
        while not self._serves():
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"no node became active within {self.terms.patience} seconds of unsealing {self.name}",
                    field="timeout",
                    remedy="Raise it, or see the server's log.",
                )
            time.sleep(_PAUSE_SECONDS)

    def _serves(self) -> bool:
        """Tell whether this node is active, or a standby that knows another active one."""
        status, _health = self.vault.probe("sys/health")
        if status != 429:
            return status in (200, 472, 473)
        leader = self.vault.read_bare("sys/leader")
        return bool(leader.text_or("leader_address")) and leader.get("is_self") is not True

    def _put_root_token(self, token: Secret) -> None:
        put_file(certain(self.terms.root_token_file), f"{token.reveal()}\n".encode(), self.terms.attributes)

    def describe(self, current: SealState | None) -> dict[str, t.Any]:
        if current is None:
            return {}
        return {
            "initialized": current.initialized,
            "sealed": current.sealed,
            "type": current.type,
            "shares": current.shares,
            "threshold": current.threshold,
        }
