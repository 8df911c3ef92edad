# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""A secret-id that arrives response-wrapped: unwrapped once, kept on this host, and used by every later run.

A wrapping token is good for one unwrapping, and what it wraps can be had nowhere else. So the file that keeps it is
made, with its owner, mode and room on the disk, before the token is spent. One run at a time does that.
"""

from __future__ import annotations

import functools
import os
import re
import typing as t
from dataclasses import dataclass

from ..._core.errors import InvalidInput
from ..._core.files import Attributes, FileFailure, hold, read_found, remove, reserve_file
from ..._core.redact import Secret
from ..._core.spec import Params
from ..errors import Forbidden, Rejected
from ..port import Vault, looks_like_token
from .method import content_of, file_of, from_environment, looks_wrapped, required

# How servers write the secret-ids that they make.
_PLAIN: t.Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# What a server says of a secret-id that it does not know, which is not what it says of an address or a mount.
_UNKNOWN: t.Final = re.compile(r"invalid (role or )?secret[ _]id", re.IGNORECASE)
# Longer than any secret-id, and than any wrapping token.
_SIZE: t.Final = 1024

#: Logs in with a secret-id and returns the token; raises :class:`Rejected` for one that the server refuses.
Enter = t.Callable[[str], Secret]
#: The same, but ``None`` for one that the server does not know; it is asked once.
Attempt = t.Callable[[Secret], "Secret | None"]


class Spent(InvalidInput):
    """A wrapping token that the server does not know (any more)."""


@dataclass(frozen=True)
class Kept:
    """What a file keeps: a secret-id, or why there is none that could be tried."""

    secret: Secret | None
    why: str = ""

    @classmethod
    def at(cls, path: str) -> Kept:
        """Read a file; one that is no place for a secret-id is an error, one that is damaged keeps nothing."""
        try:
            found = read_found(path, limit=_SIZE)
        except FileFailure as failure:
            raise failure.within("secret_id_file") from None
        if found is None:
            return cls(None, f"{path} does not exist")
        text = found.content.decode("utf-8", "replace").strip()
        if not text:
            return cls(None, f"{path} is empty")
        if not looks_like_token(text):
            return cls(None, f"{path} is damaged (it holds more than one word of ASCII)")
        if looks_wrapped(text):
            return cls(None, f"{path} holds a wrapping token")
        return cls(Secret(text))


@dataclass(frozen=True)
class Delivery:
    """How a wrapping token reaches this host, and the file that keeps what was in it."""

    #: The option that a message names.
    field: str
    #: The token that is given by itself; else it lies in the file ``arrival``, which is removed once it is unwrapped.
    given: str | None
    arrival: str | None
    #: ``None`` where no file is declared.
    place: str | None

    @classmethod
    def declared(cls, params: Params) -> Delivery:
        """Build from the options; raises :class:`InvalidInput` when neither says anything."""
        given = params["secret_id"]
        if given is None and params["secret_id_file"] is None:
            given = from_environment("secret_id")
        if given is not None:
            return cls("secret_id", str(given), None, params["secret_id_file"])
        field, path = file_of(params, "secret_id") or ("secret_id", None)
        if path is None:
            required(params, "secret_id", "approle")
        return cls(field, None, path, f"{path}.unwrapped")

    def token(self) -> str | None:
        """Return the wrapping token; ``None`` when its file is gone, as it is after it was unwrapped."""
        return self.given if self.arrival is None else content_of(self.field, self.arrival)

    def kept(self) -> Kept:
        """Return what is kept on this host."""
        if self.place is None:
            return Kept(None)
        return Kept.at(self.place)

    def check(self) -> None:
        """Refuse when there is nothing to log in with, without touching the network."""
        kept = self.kept()
        if self.token() is None and kept.secret is None:
            raise self._nothing(kept.why)

    def log_in(self, vault: Vault, mount: str, enter: Enter) -> Secret:
        """Log in with what is kept; only where that does not do, or a new token has come, unwrap one and keep it."""
        if self.place is None:
            self._check_origin(vault, mount, str(self.given), "")
            return enter(self._open(vault, str(self.given)).reveal())
        attempt = functools.cache(functools.partial(_attempt, enter))
        token = self._with_kept(attempt)
        if token is not None:
            return token
        # Every module logs in before it locks what it works on, so that this one does not wait for itself.
        with hold([os.path.dirname(self.place) or "."]):
            # Another run may have unwrapped it before this one got the lock.
            return self._with_kept(attempt) or self._with_new(vault, mount, enter, attempt)

    def _with_kept(self, attempt: Attempt) -> Secret | None:
        """Log in with what is kept, unless it is about to be replaced by what has come."""
        secret = self.kept().secret
        return None if secret is None or (self.arrival and self.token()) else attempt(secret)

    def _with_new(self, vault: Vault, mount: str, enter: Enter, attempt: Attempt) -> Secret:
        """Log in with what is unwrapped now; where it is too late for that, with what is kept after all."""
        kept, wrapping = self.kept(), self.token()
        why = kept.why if kept.secret is None else f"the server does not accept role_id with what {self.place} keeps"
        if wrapping is None:
            raise self._nothing(why)
        try:
            self._check_origin(vault, mount, wrapping, f", and {why}")
        except Spent:
            token = None if kept.secret is None else attempt(kept.secret)
            if token is None:
                raise
            vault.warn(
                f"the wrapping token in {self.arrival} does not exist, and what {self.place} keeps is used instead. "
                "If it did not simply expire, destroy the secret-id, and find out who has it."
            )
            return token
        return enter(self._keep(vault, wrapping).reveal())

    def _keep(self, vault: Vault, wrapping: str) -> Secret:
        """Unwrap into a file that is known to be writable."""
        try:
            with reserve_file(str(self.place), _SIZE, Attributes()) as keep:
                secret = self._open(vault, wrapping)
                keep(f"{secret.reveal()}\n".encode())
        except FileFailure as failure:
            raise failure.within("secret_id_file") from None
        if self.arrival is not None:
            self._take_away(vault, self.arrival, wrapping)
        return secret

    def _take_away(self, vault: Vault, arrival: str, spent: str) -> None:
        """Remove a delivery that was unwrapped, unless another one has come meanwhile."""
        try:
            if self.token() == spent:
                remove(arrival)
        except FileFailure as failure:
            vault.warn(f"the spent wrapping token could not be removed: {failure}")

    def _check_origin(self, vault: Vault, mount: str, wrapping: str, besides: str) -> None:
        """Raise for a wrapping token that the AppRole engine has not made, or that does not exist.

        Somebody who intercepts a wrapping token can unwrap it and wrap a secret of their own; the creation path is
        what they cannot forge. A token that was unwrapped before fails here, which is the alarm the scheme is for.
        """
        try:
            about = vault.write("sys/wrapping/lookup", {"token": wrapping}).data
        except (Forbidden, Rejected):
            raise self._unknown(wrapping, besides) from None
        path = about.text_or("creation_path")
        if not (path.startswith(f"auth/{mount}/role/") and path.endswith("/secret-id")):
            raise InvalidInput(
                f"the wrapping token was made by {path or 'an unknown path'}, not by auth/{mount}",
                field=self.field,
                remedy="Treat it as tampered with and get a new one.",
            )

    def _unknown(self, wrapping: str, besides: str) -> InvalidInput:
        if _PLAIN.fullmatch(wrapping):
            return InvalidInput(
                "has the form of a secret-id, not of a wrapping token",
                field=self.field,
                remedy="Leave out secret_id_wrapped, or give the token that the secret-id is wrapped in.",
            )
        keeping = "" if self.place else " Name a file in secret_id_file: it keeps what is unwrapped for later runs."
        return Spent(
            f"the wrapping token does not exist: it expired, or it has been unwrapped before{besides}",
            field=self.field,
            remedy=f"If it did not simply expire, destroy the secret-id, find out who has it, and get a new one."
            f"{keeping}",
        )

    def _nothing(self, why: str) -> InvalidInput:
        return InvalidInput(
            f"{self.arrival} does not exist, and {why}",
            field=self.field,
            remedy=f"Deliver a new wrapped secret-id into {self.arrival} (trustmesh.security.vault_approle), or "
            "correct the path or role_id.",
        )

    @staticmethod
    def _open(vault: Vault, wrapping: str) -> Secret:
        # The wrapping token is itself the right to unwrap.
        vault.use_token(wrapping)
        try:
            return Secret(vault.write("sys/wrapping/unwrap", once=True).data.text("secret_id"))
        finally:
            vault.use_token("")


def _attempt(enter: Enter, secret: Secret) -> Secret | None:
    """Log in with what is kept; ``None`` when the server does not know it, which is no other failure."""
    try:
        return enter(secret.reveal())
    except Rejected as error:
        if _UNKNOWN.search(error.problem):
            return None
        raise
