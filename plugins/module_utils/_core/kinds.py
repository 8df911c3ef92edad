# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Kinds of field: the canonical form of a value, its Ansible option and its spelling on the wire."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from . import normal
from .free_text import spelled
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
    option: Mapping[str, t.Any] = field(default_factory=dict)
    wire: t.Callable[[t.Any], t.Any] = _same
    #: Of a text, whether others also give it as a number.
    numbers: bool = False

    def choices(self, *values: str) -> Kind:
        """Return this kind limited to some values."""
        return replace(self, option={**self.option, "choices": list(values)})

    def misfit(self, value: t.Any) -> t.Optional[str]:
        """Return what is wrong with the type of a value that others hold, in words that follow its name.

        What the option takes is cast by Ansible first; what others hold has its type already, or is something else.
        """
        sort = self.option.get("type")
        if sort in ("str", "path"):
            fits = isinstance(value, (str, Secret)) or (self.numbers and _is_number(value))
            return None if fits else "is not a text"
        if sort == "bool":
            return None if isinstance(value, bool) else "is not true or false"
        if sort == "int":
            return None if isinstance(value, str) or _is_number(value) else "is not a whole number"
        if sort == "list":
            fits = isinstance(value, str) or (isinstance(value, _LISTS) and all(isinstance(x, str) for x in value))
            return None if fits else "is not a list of texts"
        if sort != "dict":
            return None
        if not isinstance(value, Mapping):
            return "is not an object"
        nested = self.canonical is _mapping and any(isinstance(entry, (*_LISTS, dict)) for entry in value.values())
        return "has a list or an object where a text belongs" if nested else None


_LISTS: t.Final = (list, tuple, set, frozenset)


def _is_number(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


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
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a mapping")
    found = {}
    for key, entry in value.items():
        try:
            found[str(key)] = spelled(entry)
        except ValueError as error:
            raise ValueError(f"{key} {error}; write the text that is meant in quotes, or leave it out") from None
    return found


_LIST = {"type": "list", "elements": "str"}

TEXT = Kind(str, {"type": "str"})
#: Text whose line ends and trailing white space carry no meaning, such as a policy.
LINES = Kind(normal.text_lines, {"type": "str"})
LOWER = Kind(lambda value: str(value).lower(), {"type": "str"})
BOOLEAN = Kind(_boolean, {"type": "bool"})
INTEGER = Kind(_integer, {"type": "int"})
#: A duration in any spelling, held and sent as whole seconds.
SECONDS = Kind(normal.duration, {"type": "str"}, numbers=True)
#: A list whose order means something.
ORDERED = Kind(_texts, _LIST, list)
#: A list whose order and repetitions mean nothing.
SET = Kind(_each(str), _LIST, sorted)
NAMES = Kind(_each(normal.dns_name), _LIST, sorted)
ADDRESSES = Kind(_each(normal.ip_address), _LIST, sorted)
NETWORKS = Kind(_each(normal.cidr), _LIST, sorted)
PEM = Kind(normal.pem, {"type": "str"})
MAPPING = Kind(_mapping, {"type": "dict"})
#: Texts under names of the user's own, where everybody sees them.
PUBLIC_TEXTS = Kind(_mapping, {"type": "dict"})
SECRET = Kind(
    lambda value: value if isinstance(value, Secret) else Secret(str(value)),
    {"type": "str", "no_log": True},
    lambda value: value.reveal(),
)
