# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""One login for many tasks: a token kept in a file and used again while it lives (``auth/token``)."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from .._core.errors import InvalidInput, certain
from .._core.files import Attributes, put_file, read_found, remove
from .._core.normal import duration, spell_duration
from .._core.plan import ABSENT, NO_PLAN, UNWANTED, Action, Change, Plan, Step
from .._core.redact import Secret
from .._core.resource import Resource
from .._core.spec import Params
from .answer import Fields
from .errors import Forbidden, InvalidToken, VaultError
from .login import METHODS
from .login.method import Method
from .port import Vault, looks_like_token


@dataclass(frozen=True)
class SessionState:
    """A token file, and what the server says about the token in it."""

    token: Secret
    #: Seconds left, ``None`` for a token that does not expire; meaningless unless ``valid``.
    ttl: int | None
    valid: bool
    accessor: str
    #: The path at which the token was obtained, such as ``auth/approle/login``.
    origin: str
    policies: tuple[str, ...]
    #: What is wrong with owner, group or mode: (what, held, wanted).
    misplaced: tuple[tuple[str, str, str], ...]

    @property
    def by_login(self) -> bool:
        """Whether a login made the token, so that it is ours to revoke; a token given to us is not."""
        return self.valid and self.origin.startswith("auth/") and not self.origin.startswith("auth/token/")


@dataclass(frozen=True)
class SessionTerms:
    """What a usable session is: how it is obtained, where it is kept, how long it has to last."""

    method: Method
    params: Params
    attributes: Attributes
    min_ttl: int

    @classmethod
    def declared(cls, params: Params) -> SessionTerms:
        """Build from the options of the module; raises :class:`InvalidInput` without touching the network."""
        method = METHODS[params["auth_method"]]
        if method.name == "token":
            raise InvalidInput(
                "a token needs no login, and keeping a copy of one is of no use",
                field="auth_method",
                remedy="Give token or token_file to the other tasks, or choose another method here.",
            )
        method.check(params)
        try:
            min_ttl = duration(params["min_ttl"])
        except ValueError as error:
            raise InvalidInput(str(error), field="min_ttl") from None
        return cls(method, params, Attributes.declared(params["owner"], params["group"], "0600"), min_ttl)

    @property
    def origin(self) -> str:
        return f"auth/{self.params['auth_mount'] or self.method.name}/login"


class Session(Resource[SessionState]):
    """The token file of a play; its name is its path."""

    kind = "vault_token"
    noun = "session"

    def __init__(self, vault: Vault, path: str, terms: SessionTerms | None) -> None:
        super().__init__(path, None)
        self.vault = vault
        self.terms = terms

    def read(self) -> SessionState | None:
        found = read_found(self.name)
        if found is None:
            return None
        token = Secret(found.content.decode("ascii", "replace").strip())
        misplaced = self.terms.attributes.differences(found.status) if self.terms else []
        about = self._ask(token)
        return SessionState(
            token,
            _seconds_left(about),
            bool(about),
            about.text_or("accessor"),
            about.text_or("path"),
            tuple(about.texts("policies")),
            tuple(misplaced),
        )

    def _ask(self, token: Secret) -> Fields:
        """Return what the server knows about a token; nothing when it does not accept it."""
        if not token or not looks_like_token(token.reveal()):
            return Fields()
        self.vault.use_token(token.reveal())
        try:
            about = self.vault.own_token()
        except (Forbidden, InvalidToken):
            return Fields()
        for name in ("accessor", "path"):
            about.text(name)
        return about

    def plan(self, current: SessionState | None, now: datetime.datetime) -> Plan:
        if self.terms is None:
            return NO_PLAN if current is None else self._plan_end(current)
        reason = self._why_login(self.terms, current)
        if reason is not None:
            held = None if current is None else current.token
            change = Change("token", held, f"a new login with {self.terms.method.name}", reason)
            action = Action.CREATE if current is None else Action.REPLACE
            retired = [Step("revoke", "token", current.token)] if current is not None and current.by_login else []
            return Plan(action, (change,), (Step("login", self.terms.origin), *retired))
        if current is None or not current.misplaced:
            return NO_PLAN
        changes = [
            Change(what, held, wanted, f"{what} is {held}, declared {wanted}")
            for what, held, wanted in current.misplaced
        ]
        return Plan(Action.UPDATE, tuple(changes), (Step("put", self.name, current.token),))

    def _why_login(self, terms: SessionTerms, current: SessionState | None) -> str | None:
        if current is None:
            return ABSENT
        if not current.valid:
            return "the server does not accept the token (any more)"
        if not f"{current.origin}/".startswith(f"{terms.origin}/"):
            return f"the token was made by {current.origin}, declared {terms.origin}"
        if current.ttl is not None and current.ttl < terms.min_ttl:
            left, wanted = spell_duration(current.ttl), spell_duration(terms.min_ttl)
            return f"the token expires in {left}, min_ttl is {wanted}"
        return None

    def _plan_end(self, current: SessionState) -> Plan:
        revoked = [Step("revoke", "token", current.token)] if current.by_login else []
        change = Change("token", current.token, None, UNWANTED)
        return Plan(Action.DELETE, (change,), (*revoked, Step("remove", self.name)))

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            if step.verb == "login":
                self._log_in()
            elif step.verb == "put":
                self._put(step.body)
            elif step.verb == "revoke":
                self._revoke(step.body)
            else:
                remove(self.name)

    def _log_in(self) -> None:
        """Log in and keep the token; one that cannot be kept is given back."""
        terms = certain(self.terms)
        self.vault.use_token("")
        token = terms.method.login(self.vault, terms.params)
        try:
            self._refuse_unusable(terms, token)
            self._put(token)
        except BaseException:
            self._revoke(token)
            raise

    def _refuse_unusable(self, terms: SessionTerms, token: Secret) -> None:
        self.vault.use_token(token.reveal())
        about = self.vault.own_token()
        left = _seconds_left(about)
        if left is not None and left <= terms.min_ttl:
            raise InvalidInput(
                f"a login at {terms.origin} lasts {spell_duration(left)}, so no later task could use it",
                field="min_ttl",
                remedy="Lower it, or raise the token TTL of the role.",
            )
        uses = about.number_or("num_uses")
        if uses:
            self.vault.warn(f"a token of {terms.origin} is good for {uses} more requests; a task spends several")

    def _put(self, token: Secret) -> None:
        put_file(self.name, f"{token.reveal()}\n".encode(), certain(self.terms).attributes)

    def _revoke(self, token: Secret) -> None:
        """Give a token back; it expires by itself if that fails, so a failure is a warning."""
        self.vault.use_token(token.reveal())
        try:
            self.vault.write("auth/token/revoke-self")
        except VaultError as error:
            self.vault.warn(f"the token of {self.name} could not be revoked: {error}")

    def describe(self, current: SessionState | None) -> dict[str, t.Any]:
        if current is None:
            return {}
        return {
            "path": self.name,
            "valid": current.valid,
            "accessor": current.accessor,
            "origin": current.origin,
            "policies": list(current.policies),
            "ttl": current.ttl,
        }


def _seconds_left(about: Fields) -> int | None:
    """Return the TTL of a looked-up token; the server says 0 and no time of expiry for one that lives for ever."""
    return None if about.get("expire_time") is None else about.number("ttl")
