# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Kinds of field: the canonical form of a value, its Ansible option and its spelling on the wire."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from . import normal
from .redact import Secret


def _same(value: t.Any) -> t.Any:
    return value


@dataclass(frozen=True)
class Kind:
    """How one sort of value is declared, compared and sent.

    ``canonical`` maps any spelling (declared or read back) to the one form that states hold and raises ``ValueError``;
    ``wire`` maps that form to what an API takes; ``option`` is the part of an Ansible argument spec.
    """

    canonical: t.Callable[[t.Any], t.Any]
    option: t.Mapping[str, t.Any] = field(default_factory=dict)
    wire: t.Callable[[t.Any], t.Any] = _same

    def choices(self, *values: str) -> Kind:
        """Return this kind limited to some values."""
        return Kind(self.canonical, {**self.option, "choices": list(values)}, self.wire)


def _boolean(value: t.Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is not true or false")


def _integer(value: t.Any) -> int:
    """Return a whole number; a fraction is refused rather than cut off."""
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]+", text):
        raise ValueError(f"{value!r} is not a whole number")
    return int(text)


def _texts(value: t.Any) -> tuple[str, ...]:
    """Split a comma separated text or take a list; some endpoints store one and return the other."""
    entries = value.split(",") if isinstance(value, str) else list(value)
    return tuple(entry for entry in (str(entry).strip() for entry in entries) if entry)


def _each(canonical: t.Callable[[t.Any], str]) -> t.Callable[[t.Any], frozenset[str]]:
    return lambda value: frozenset(canonical(entry) for entry in _texts(value))


def _mapping(value: t.Any) -> dict[str, str]:
    if not isinstance(value, t.Mapping):
        raise ValueError(f"{value!r} is not a mapping")
    return {str(key): str(entry) for key, entry in value.items()}


_LIST = {"type": "list", "elements": "str"}

TEXT = Kind(str, {"type": "str"})
#: Text whose line ends and trailing white space carry no meaning, such as a policy.
LINES = Kind(normal.text_lines, {"type": "str"})
LOWER = Kind(lambda value: str(value).lower(), {"type": "str"})
BOOLEAN = Kind(_boolean, {"type": "bool"})
INTEGER = Kind(_integer, {"type": "int"})
#: A duration in any spelling, held and sent as whole seconds.
SECONDS = Kind(normal.duration, {"type": "str"})
#: A list whose order means something.
ORDERED = Kind(_texts, _LIST, list)
#: A list whose order and repetitions mean nothing.
SET = Kind(_each(str), _LIST, sorted)
NAMES = Kind(_each(normal.dns_name), _LIST, sorted)
ADDRESSES = Kind(_each(normal.ip_address), _LIST, sorted)
NETWORKS = Kind(_each(normal.cidr), _LIST, sorted)
PEM = Kind(normal.pem, {"type": "str"})
MAPPING = Kind(_mapping, {"type": "dict"})
SECRET = Kind(
    lambda value: value if isinstance(value, Secret) else Secret(str(value)),
    {"type": "str", "no_log": True},
    lambda value: value.reveal(),
)
