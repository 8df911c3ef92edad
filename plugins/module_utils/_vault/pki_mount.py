# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""One mount of the PKI engine, and the base of the resources that live in it."""

from __future__ import annotations

import threading
import typing as t

from .._core.address import Address, at, route
from .._core.errors import InvalidInput
from .._core.normal import spell_duration
from .._core.plan import Step
from .._core.resource import F
from .answer import Fields
from .errors import Forbidden, NoMount, Rejected
from .port import Vault
from .resource import VaultResource, no_such_field

MOUNT_OPTION: t.Final[t.Mapping[str, t.Mapping[str, t.Any]]] = {"mount": {"type": "str", "default": "pki"}}


class PkiMount:
    """The path of one PKI engine and what is asked about the engine as a whole."""

    def __init__(self, vault: Vault, path: str) -> None:
        self.vault = vault
        self.path = path
        self._lock = threading.Lock()
        self._measured = False
        self._ceiling: int | None = None
        self._usual: int | None = None
        self._rules: Fields | None = None

    def at(self, *parts: str) -> Address:
        """Return an API path below the mount."""
        return at(self.path, *parts)

    def named(self, *parts: str) -> str:
        """Return what something below the mount is called in messages and results."""
        return "/".join((self.path, *parts))

    @property
    def ceiling(self) -> int | None:
        """The longest lifetime the mount grants, in seconds, looked up once; ``None`` when it cannot be known."""
        self.learn()
        return self._ceiling

    @property
    def usual(self) -> int | None:
        """The lifetime that the mount grants where none is asked for, looked up with the ceiling."""
        self.learn()
        return self._usual

    def learn(self) -> None:
        """Look the ceiling up once, when reading, so that plan() needs no request."""
        with self._lock:
            if not self._measured:
                self._ceiling, self._measured = self._measure(), True

    def _measure(self) -> int | None:
        """Look the ceiling up.

        Reading the tuning is a right of operators; what every user of a mount may read instead is silent (0) about a
        ceiling that comes from the system's default.
        """
        for look in (self._tuning, self._shown):
            try:
                told = look()
                told.text_or("description")  # an answer with anything else there is not of a server
                self._usual = told.number_or("default_lease_ttl") or None
                return told.number("max_lease_ttl") or None
            except (Forbidden, NoMount, Rejected):
                continue
        return None

    def revocation_rules(self) -> Fields:
        """Return the rules of the mount's revocation lists, looked up once; nothing where they may not be read."""
        with self._lock:
            if self._rules is None:
                try:
                    self._rules = self.vault.read_or_nothing(self.at("config/crl"))
                except (Forbidden, NoMount, Rejected):
                    self._rules = Fields()
            return self._rules

    def _tuning(self) -> Fields:
        return self.vault.read_or_nothing(at("sys/mounts", self.path, "tune"))

    def _shown(self) -> Fields:
        return self.vault.mount_of(self.path).mapping("config")

    def too_long(self, seconds: int) -> str | None:
        """Return the sentence that says that the mount would cut a lifetime short, if it would."""
        if self.ceiling is None or seconds <= self.ceiling:
            return None
        return (
            f"{spell_duration(seconds)} is longer than the mount {self.path} allows "
            f"({spell_duration(self.ceiling)}), so that certificates would be cut short"
        )

    def refuse_cut(self, field: str, seconds: int) -> None:
        """Raise :class:`InvalidInput` when the mount, as it is tuned now, would cut a lifetime short.

        A plan only warns: in a check run, the task that raises the ceiling may stand before this one.
        """
        with self._lock:
            self._measured = False
        problem = self.too_long(seconds)
        if problem:
            raise InvalidInput(
                problem,
                field=field,
                remedy="Raise max_lease_ttl of the mount first (trustmesh.security.vault_mount), or declare less.",
            )

    def require_fields(self, path: str, names: t.AbstractSet[str]) -> None:
        """Raise :class:`UnknownParameter` for a declared field that the endpoint does not know.

        Only for fields that not every product has. An endpoint that does not describe itself is given the benefit of
        the doubt: the write will tell.
        """
        known = self.vault.fields(path) if names else None
        if known and not names <= known:
            raise no_such_field(path, names - known)


class PkiMounts:
    """The mounts of a batch, each made once, so that its items share what one of them learned."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self._mounts: dict[str, PkiMount] = {}

    def at(self, path: str) -> PkiMount:
        """Return the mount at a path; raises :class:`InvalidInput` for an empty one."""
        path = route(path, "mount")
        return self._mounts.setdefault(path, PkiMount(self.vault, path))


class PkiResource(VaultResource[F]):
    """An object in a PKI engine; its name in messages and results is the mount, a slash and its own name."""

    def __init__(self, mount: PkiMount, name: str, desired: F | None) -> None:
        super().__init__(mount.vault, mount.named(name), desired)
        self.mount = mount

    def send(self, step: Step) -> None:
        """Carry out one step; ``guard`` checks a declared lifetime (field, seconds) against the mount as it is now."""
        if step.verb == "guard":
            self.mount.refuse_cut(step.target, step.body)
        else:
            super().send(step)
