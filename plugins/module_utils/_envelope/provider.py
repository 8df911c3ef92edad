# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The port to whoever holds a master key: this process, Vault, or a key service of a cloud."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._core.spec import Options, Params
from .record import Form


class KeyProvider(t.Protocol):
    """Wraps and unwraps data keys of 32 bytes, many in one go. What is wrapped is text fit for a record."""

    @property
    def identity(self) -> str:
        """What messages call it, for example ``transit/keys/master``; nothing secret is in it."""

    def wrap(self, keys: t.Sequence[bytes]) -> list[str]:
        """Return the data keys, each wrapped."""

    def unwrap(self, wrapped: t.Sequence[str]) -> list[t.Optional[bytes]]:
        """Return the data keys; ``None`` for each that this master key did not wrap, or that was changed."""

    def successor_of(self, old: KeyProvider) -> t.Optional[Mover]:
        """Return a way to take over what ``old`` wrapped that keeps the data keys where the master key is, if any."""


class Mover(t.Protocol):
    """Moves wrapped data keys from one master key, or one version of it, to another."""

    def is_current(self, wrapped: t.Sequence[str]) -> list[t.Optional[bool]]:
        """Tell of each whether it is under the new key; ``None`` when neither key knows it."""

    def move(self, wrapped: t.Sequence[str]) -> list[t.Optional[str]]:
        """Return each under the new key, ``None`` for each that the old key does not open."""


@dataclass(frozen=True)
class ProviderKind:
    """One kind of master key: the options that declare it, and those that it cannot do without."""

    name: str
    options: Options
    required: tuple[str, ...] = ()


#: Makes a provider from its declared options; the form is that of the record.
Opener = t.Callable[[Params, Form], KeyProvider]


def key_option(kinds: t.Sequence[ProviderKind], **terms: t.Any) -> dict[str, t.Any]:
    """Return the option that declares a master key of one of some kinds."""
    options: dict[str, t.Any] = {"type": {"type": "str", "choices": [kind.name for kind in kinds], "required": True}}
    for kind in kinds:
        options.update(kind.options)
    needs = [("type", kind.name, list(kind.required)) for kind in kinds if kind.required]
    # The key option is no secret as a whole; of its options, only a key given by value is.
    return {"type": "dict", "no_log": False, "options": options, "required_if": needs, **terms}


def open_provider(openers: t.Mapping[str, Opener], declared: Params, form: Form, field: str) -> KeyProvider:
    """Return the provider that an option declares; an :class:`InvalidInput` names the option."""
    try:
        return openers[declared["type"]](declared, form)
    except InvalidInput as error:
        raise error.within(field) from None
