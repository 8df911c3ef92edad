# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""States: one frozen, canonical value for "what is" and "what should be".

A state class is a frozen dataclass whose managed fields carry metadata. The same metadata feeds the argument spec, the
planner, the request body and the redactor, so a field is described once::

    @dataclass(frozen=True)
    class PolicyState(State):
        rules: Field[str] = managed(LINES)

``declared`` builds the desired side from options and ``observed`` the current side from what a server or file says.
"""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass

from .errors import InvalidInput
from .foreign import Answer
from .kinds import Kind
from .redact import render


class Unmanaged:
    """The value of a field that the user did not declare; neither null nor empty."""

    def __repr__(self) -> str:
        return "UNMANAGED"

    def __bool__(self) -> bool:
        return False


UNMANAGED: t.Final = Unmanaged()

T = t.TypeVar("T")
S = t.TypeVar("S", bound="State")
Field = t.Union[T, Unmanaged, None]

_KEY = "trustmesh"


@dataclass(frozen=True)
class Meta:
    """What the machinery has to know about one managed field."""

    kind: Kind
    #: A change here cannot be made in place; the plan says ``replace``.
    replace: bool
    #: The server never returns it, so it takes part in creation only and is not compared.
    write_only: bool
    #: What an absent key in a server's answer means.
    server_default: t.Any
    #: The server's name of the field where it differs from ours.
    wire_name: str | None
    #: Of a mapping, only the declared keys are managed; others that the server holds are left alone.
    partial: bool
    #: Not every product and version has it; one that lacks it acts as one that has it at its server default.
    particular: bool


def managed(
    kind: Kind,
    *,
    replace: bool = False,
    write_only: bool = False,
    server_default: t.Any = None,
    wire_name: str | None = None,
    partial: bool = False,
    particular: bool = False,
) -> t.Any:
    """Declare a managed field of a state; undeclared means :data:`UNMANAGED`."""
    meta = Meta(kind, replace, write_only, server_default, wire_name, partial, particular)
    return dataclasses.field(default=UNMANAGED, metadata={_KEY: meta})  # pylint: disable=invalid-field-call


# Looked up for every comparison of every item.
_METAS: dict[type, dict[str, Meta]] = {}


@dataclass(frozen=True)
class State:
    """Base of every state; see the module docstring."""

    @classmethod
    def metas(cls) -> dict[str, Meta]:
        """Return the managed fields in order of declaration."""
        if cls not in _METAS:
            _METAS[cls] = {
                entry.name: entry.metadata[_KEY] for entry in dataclasses.fields(cls) if _KEY in entry.metadata
            }
        return _METAS[cls]

    @classmethod
    def options(cls) -> dict[str, dict[str, t.Any]]:
        """Return the argument spec of the managed fields.

        What is secret is a matter of kind, so every other field says that it is not: Ansible guesses from names.
        """
        return {name: {"no_log": False, **meta.kind.option} for name, meta in cls.metas().items()}

    @classmethod
    def declared(cls: type[S], options: t.Mapping[str, t.Any], **known: t.Any) -> S:
        """Build the desired state from module options; an option that is ``None`` stays unmanaged.

        ``known`` gives fields that are not options. Raises :class:`InvalidInput` naming the option.
        """
        values = dict(known)
        for name, meta in cls.metas().items():
            value = options.get(name)
            if value is None or name in known:
                continue
            try:
                values[name] = meta.kind.canonical(value)
            except ValueError as error:
                raise InvalidInput(str(error), field=name) from None
        return cls(**values)

    @classmethod
    def observed(cls: type[S], data: t.Mapping[str, t.Any], **known: t.Any) -> S:
        """Build the current state from what others hold; an absent key takes the field's server default.

        Raises :class:`TrustmeshError` for a value whose type is not that of its field, and for an answer with none of
        the fields: what was not understood is neither drift nor its absence.
        """
        values = dict(known)
        asked = {name: meta for name, meta in cls.metas().items() if name not in known and not meta.write_only}
        if (
            isinstance(data, Answer)
            and asked
            and all((meta.wire_name or name) not in data for name, meta in asked.items())
        ):
            raise data.wrong(
                " or ".join(meta.wire_name or name for name, meta in list(asked.items())[:3]), "is missing"
            )
        for name, meta in asked.items():
            value = data.get(meta.wire_name or name)
            if value is None:
                value = meta.server_default
            values[name] = None if value is None else _as_held(meta, name, value, data)
        return cls(**values)

    def managed_values(self) -> dict[str, t.Any]:
        """Return the canonical values of the fields that are managed."""
        values = {name: getattr(self, name) for name in self.metas()}
        return {name: value for name, value in values.items() if value is not UNMANAGED}

    def wire(self, only: t.Iterable[str] | None = None) -> dict[str, t.Any]:
        """Return the request body of all managed fields, or of those named in ``only``."""
        chosen = None if only is None else set(only)
        metas = self.metas()
        return {
            metas[name].wire_name or name: None if value is None else metas[name].kind.wire(value)
            for name, value in self.managed_values().items()
            if chosen is None or name in chosen
        }

    def shown(self) -> dict[str, t.Any]:
        """Return the managed fields as plain data fit for a result; secrets as fingerprints."""
        rendered: dict[str, t.Any] = render(self.managed_values())
        return rendered


def _as_held(meta: Meta, name: str, value: t.Any, data: t.Mapping[str, t.Any]) -> t.Any:
    """Return the canonical form; what breaks the rules of its kind stays as it is and so differs from any declared."""
    problem = meta.kind.misfit(value)
    if problem is not None:
        answer = data if isinstance(data, Answer) else Answer.of(data, "what is held")
        raise answer.wrong(meta.wire_name or name, problem)
    try:
        return meta.kind.canonical(value)
    except (TypeError, ValueError):
        return tuple(value) if isinstance(value, list) else value
