# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Sections: kinds of objects that a module of their own takes, or one module beside others.

A section says once what an item is and how items become resources. The module of the kind adds the shared options;
a module of several kinds takes complete items, which are checked here by the same options, because Ansible would want
each of them documented twice.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from .deps import Library
from .errors import InvalidInput
from .reconcile import Batch
from .resource import Resource
from .spec import Options, Params, Spec, batch, build_each

W = t.TypeVar("W")
Item = dict[str, t.Any]
Items = dict[str, list[Item]]
#: Calls a constructor with one item after the other and names the item in its errors.
Each = t.Callable[[t.Callable[[Item], Resource[t.Any]]], list[Resource[t.Any]]]


@dataclass(frozen=True)
class Section(t.Generic[W]):
    """One kind of object. ``gather`` makes a batch of all items; ``W`` is the port through which they are reached."""

    plural: str
    item: Options
    gather: t.Callable[[W, Each], Batch]
    #: The option that names an item in messages.
    key: str = "name"
    shared: tuple[str, ...] = ()
    #: Those of one item, such as ``required_if``.
    constraints: t.Mapping[str, t.Any] = field(default_factory=dict)
    requires: tuple[Library, ...] = ()

    @property
    def spec(self) -> Spec:
        """The options of a module that takes this kind alone."""
        # The list is no secret as a whole: its items say which of their options are.
        given = batch(self.plural, self.item, shared=self.shared, no_log=False, **self.constraints)
        return Spec(requires=self.requires) + given

    def batch(self, port: W, params: Params) -> Batch:
        """Return the items of such a module as resources."""
        spec = self.spec
        return self.gather(port, lambda declare: build_each(spec, params, declare, self.key))


Sections = t.Mapping[str, Section[W]]


def combined(sections: Sections[W]) -> Spec:
    """Return the options of a module that takes several kinds, each under the name of its section."""
    options = {
        name: {"type": "list", "elements": "dict", "options": section.item, **section.constraints}
        for name, section in sections.items()
    }
    return Spec(options, required_one_of=(tuple(sections),), sections=tuple(sections))


def checked(sections: Sections[W], params: Params) -> Items:
    """Return the items of the sections that are given, checked and completed as their own modules would.

    Raises :class:`InvalidInput` with the place of the item, and :class:`MissingLibrary` for what a given section needs.
    """
    found: Items = {}
    for name, section in sections.items():
        if params[name]:
            for library in section.requires:
                library.check()
            validator = ArgumentSpecValidator({**section.item}, **section.constraints)
            found[name] = [_checked(validator, f"{name}[{at}]", section.key, it) for at, it in enumerate(params[name])]
    return found


def _checked(validator: ArgumentSpecValidator, place: str, key: str, item: Item) -> Item:
    result = validator.validate(item)
    if result.error_messages:
        problems = [
            f"unsupported options: {error.msg}" if isinstance(error, UnsupportedError) else error.msg
            for error in result.errors.errors
        ]
        raise InvalidInput("; ".join(problems)).within(f"{place} ({item.get(key)})")
    completed: Item = result.validated_parameters
    return completed


def in_turn(sections: Sections[W], port: W, items: Items) -> list[Batch]:
    """Return checked items as batches in the order in which they depend on each other.

    What is declared absent comes last and in reverse: a role goes before the engine that it lives in, and a policy
    after the role that used to name it.
    """
    making: list[Batch] = []
    removing: list[Batch] = []
    for name, section in sections.items():
        if name in items:
            whole = _batch(name, section, port, items[name])
            gone = [item.get("state") == "absent" for item in items[name]]
            for batches, wanted in ((making, False), (removing, True)):
                resources = [resource for resource, absent in zip(whole.resources, gone) if absent is wanted]
                if resources:
                    batches.append(replace(whole, resources=resources))
    return [*making, *reversed(removing)]


def _batch(name: str, section: Section[W], port: W, items: list[Item]) -> Batch:
    alone = Spec(plural=name)
    whole = section.gather(port, lambda declare: build_each(alone, {name: items}, declare, section.key))
    return replace(whole, section=name)
