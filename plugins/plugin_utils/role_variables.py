# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What is wrong with the variables that a role is given, beyond what Ansible itself validates.

Ansible passes over a variable that nobody reads, over null, over a mapping where a text is due and over a text where a
list is. The role would then do nothing, or something else than what was meant, and succeed.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ..module_utils._core.normal import kind_of
from .arguments import VAULTED
from .names import closest

#: What variables are called; one with another letter is for no role, however much it looks like an option.
_PLAIN: t.Final = re.compile(r"[a-z0-9_]+")
_LOOKS_ALIKE: t.Final = 0.8
_KINDS: t.Final = {"list": "a list", "dict": "a mapping", "bool": "a truth value", "int": "a whole number"}


@dataclass(frozen=True)
class Role:
    """A role's name, the options of its argument spec, and its defaults as they are written."""

    name: str
    options: Mapping[str, Mapping[str, t.Any]]
    defaults: Mapping[str, t.Any]

    def declarations(self) -> list[str]:
        """Return the options that hold what the role keeps: lists of mappings that are empty by default."""
        return [
            name
            for name, option in self.options.items()
            if option.get("elements") == "dict" and option.get("default") == []
        ]


@dataclass(frozen=True)
class Given:
    """Variables as they are written, and a function that evaluates the text of a template."""

    variables: Mapping[str, t.Any]
    evaluate: t.Callable[[t.Any], t.Any]

    def value(self, name: str) -> t.Any:
        """Return the value of a variable; what stands in a list or mapping is as it was written."""
        return self.seen(self.variables.get(name))

    def seen(self, value: t.Any) -> t.Any:
        """Return a value, evaluated unless it is plainly no template."""
        if value is None or isinstance(value, (bool, int, float, list, tuple, Mapping)):
            return value
        return self.evaluate(value)


def problems(role: Role, given: Given, others: t.Sequence[str] = (), *, insist: bool = False) -> list[str]:
    """Return a sentence for each variable that is wrong.

    ``others`` are patterns of names that begin like those of the role and are for something else. With ``insist`` one
    of the role's declarations has to hold something, which is said when everything else is right.
    """
    found = [*_misspelt(role, given, others), *_wrong(role, given)]
    empty = role.declarations()
    if not found and insist and empty and not any(given.value(name) for name in empty):
        remedy = "Declare something, or leave the role out."
        found.append(f"{', '.join(empty)}: empty, so that there is nothing to do. {remedy}")
    return found


def _misspelt(role: Role, given: Given, others: t.Sequence[str]) -> t.Iterator[str]:
    """Yield names that are nearly that of an option which nobody gave."""
    prefix = f"{role.name}_"
    own = re.compile("|".join([rf"{prefix}(?:result|verdict)$", *others]))
    endings = [name[len(prefix) :] for name in role.options]
    for name in sorted(set(given.variables).difference(role.options)):
        if own.match(name):
            continue
        if name.startswith(prefix):
            near = closest(name[len(prefix) :], endings)
        else:
            near = "" if _PLAIN.fullmatch(name) else closest(name, role.options, _LOOKS_ALIKE)[len(prefix) :]
        if near and _is_left_out(role, given, prefix + near):
            yield f"{name}: is not a variable of the role {role.name}. Correct the name; did you mean {prefix}{near}?"


def _is_left_out(role: Role, given: Given, name: str) -> bool:
    """Tell whether an option is as the role's defaults have it."""
    return name not in given.variables or bool(given.value(name) == given.seen(role.defaults.get(name)))


def _wrong(role: Role, given: Given) -> t.Iterator[str]:
    """Yield options that are null or of another kind than the argument spec has them."""
    for name, option in role.options.items():
        if name not in given.variables:
            continue
        value, kind = given.value(name), option.get("type", "str")
        if value is not None:
            yield from _unfit(name, kind, value)
            if option.get("elements") and isinstance(value, (list, tuple)):
                for at, entry in enumerate(value):
                    yield from _unfit(f"{name}[{at}]", option["elements"], given.seen(entry))
        elif role.defaults.get(name) is not None:
            yield f"{name}: is null. Give {_KINDS.get(kind, 'a text')}, or leave it out."


def _unfit(place: str, kind: str, value: t.Any) -> t.Iterator[str]:
    """Yield what is wrong with a value of another kind; Ansible itself looks at whole numbers and truth values."""
    if kind == "list":
        fits = isinstance(value, (list, tuple))
    elif kind == "dict":
        fits = isinstance(value, Mapping)
    elif kind in ("str", "path"):
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and kind == "str"
        fits = isinstance(value, str) or number or type(value).__name__ == VAULTED
    else:
        fits = kind != "int" or not isinstance(value, bool)
    if not fits:
        wanted = _KINDS.get(kind, "a text")
        yield f"{place}: takes {wanted}, not {kind_of(value)}. Give {wanted}."
