# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Argument specs that compose.

A domain declares its options once, beside the code that consumes them, and names the documentation fragment that
describes them. A module adds pieces together.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from .deps import Library
from .errors import InvalidInput, certain
from .redact import render

Options = Mapping[str, Mapping[str, t.Any]]
Params = Mapping[str, t.Any]

STATE: t.Final[Options] = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}
_HIDDEN: t.Final = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


@dataclass(frozen=True)
class Spec:
    """Options with their constraints, the libraries they need and the fragment that documents them."""

    options: Options = field(default_factory=dict)
    fragment: str | None = None
    requires: tuple[Library, ...] = ()
    mutually_exclusive: tuple[tuple[str, ...], ...] = ()
    required_together: tuple[tuple[str, ...], ...] = ()
    required_one_of: tuple[tuple[str, ...], ...] = ()
    required_if: tuple[tuple[t.Any, ...], ...] = ()
    #: The option that holds the batch, and the item options that may also be given once for all items.
    plural: str | None = None
    shared: tuple[str, ...] = ()
    #: Those of the shared options that have to be given in one of the two places.
    shared_required: tuple[str, ...] = ()
    #: Lists whose items Ansible neither sees through nor checks; `_core.sections` does.
    sections: tuple[str, ...] = ()

    def __add__(self, other: Spec) -> Spec:
        return Spec(
            {**self.options, **other.options},
            None,
            tuple(dict.fromkeys(self.requires + other.requires)),
            self.mutually_exclusive + other.mutually_exclusive,
            self.required_together + other.required_together,
            self.required_one_of + other.required_one_of,
            self.required_if + other.required_if,
            self.plural or other.plural,
            self.shared + other.shared,
            self.shared_required + other.shared_required,
            self.sections + other.sections,
        )

    def argument_spec(self) -> dict[str, dict[str, t.Any]]:
        """Return the options as AnsibleModule takes them."""
        return {
            name: _opaque(option) if name in self.sections else dict(option) for name, option in self.options.items()
        }

    def constraints(self) -> dict[str, t.Any]:
        """Return the constraints as AnsibleModule takes them."""
        names = ("mutually_exclusive", "required_together", "required_one_of", "required_if")
        return {name: [list(entry) for entry in getattr(self, name)] for name in names}


def batch(plural: str, item: Options, *, shared: t.Sequence[str] = (), **constraints: t.Any) -> Spec:
    """Return the spec of a module that takes a list of items.

    Each option in ``shared`` may also be given beside the list, as the value for every item that does not give it.
    ``constraints`` are those of one item (``required_if``, ``mutually_exclusive`` and so on). A shared option keeps its
    default beside the list only, where it cannot hide what the item says; a required one may be given in either place,
    which :func:`build_each` checks.
    """
    inner = {
        name: _without(option, "default", "required") if name in shared else option for name, option in item.items()
    }
    options: dict[str, Mapping[str, t.Any]] = {
        plural: {"type": "list", "elements": "dict", "required": True, "options": inner, **constraints}
    }
    options.update({name: _without(item[name], "required") for name in shared})
    needed = tuple(name for name in shared if item[name].get("required"))
    return Spec(options, plural=plural, shared=tuple(shared), shared_required=needed)


def _opaque(section: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a section as Ansible takes it: a list of anything, secret as a whole if anything in it is.

    So it is until its items are known by their options; from then on only what is secret is hidden.
    """
    return {"type": "list", "elements": "dict", "no_log": _holds_secret(section["options"])}


def _holds_secret(options: Options) -> bool:
    return any(option.get("no_log") or _holds_secret(option.get("options", {})) for option in options.values())


def _without(option: Mapping[str, t.Any], *keys: str) -> dict[str, t.Any]:
    return {key: value for key, value in option.items() if key not in keys}


def items(spec: Spec, params: Params) -> list[dict[str, t.Any]]:
    """Return the items of a batch, each completed by the shared options."""
    common = {name: params[name] for name in spec.shared}
    return [
        {**entry, **{name: value for name, value in common.items() if entry.get(name) is None}}
        for entry in params[certain(spec.plural)]
    ]


P = t.TypeVar("P")


def build_each(spec: Spec, params: Params, build: t.Callable[[dict[str, t.Any]], P], key: str = "name") -> list[P]:
    """Build one object per item; an :class:`InvalidInput` is reported with the item's place and name."""
    built = []
    for at, item in enumerate(items(spec, params)):
        try:
            for name in spec.shared_required:
                if item[name] is None:
                    raise InvalidInput("not given", field=name, remedy=f"Give it here or beside {spec.plural}.")
            built.append(build(item))
        except InvalidInput as error:
            given = params[certain(spec.plural)][at]
            if _beside(spec, params, given, error.field):
                raise
            raise error.within(f"{spec.plural}[{at}] ({item.get(key)})") from None
    return built


def _beside(spec: Spec, params: Params, item: Params, field: str | None) -> bool:
    """Tell whether a field stands beside the list of items: no item has it, or it is given for those that do not."""
    name = re.split(r"[.\[ ]", field or "")[0]
    if name not in spec.options or name == spec.plural:
        return False
    if name not in spec.options[certain(spec.plural)]["options"]:
        return True
    return item.get(name) is None and params.get(name) is not None


def redacted(options: Options, params: t.Any, hide: t.Callable[[t.Any], t.Any] = lambda value: _HIDDEN) -> t.Any:
    """Return ``params`` with the value of every ``no_log`` option hidden, at any depth, and of private keys elsewhere.

    Ansible itself masks by value, which mangles unrelated text when a secret happens to be ``true`` or ``1h``; hiding
    by name leaves the rest of the invocation readable. Inside a batch only what was given is shown: the many options
    that an item left out would outweigh the results.
    """
    if not isinstance(params, Mapping):
        # Ansible accepts a mapping written as text; a secret may be anywhere in it.
        return hide(params) if params is not None and _holds_secret(options) else render(params)
    # A value given under an alias is in the parameters under both names.
    by_name = {alias: option for option in options.values() for alias in option.get("aliases", ())}
    by_name.update(options)
    shown: dict[str, t.Any] = {}
    for name, value in params.items():
        # Under a name that nobody knows may be a secret whose name was mistyped.
        option = by_name.get(name, {"no_log": True})
        if value is not None and (option.get("no_log") or (not option.get("options") and _private(value))):
            shown[name] = hide(value)
        elif isinstance(value, list) and option.get("options"):
            shown[name] = [redacted(option["options"], _given(entry), hide) for entry in value]
        else:
            shown[name] = redacted(option["options"], value, hide) if option.get("options") else render(value)
    return shown


def secret_texts(options: Options, params: Params) -> set[str]:
    """Return every text below a ``no_log`` option, for masking it wherever else it turns up."""
    found: set[str] = set()
    redacted(options, params, lambda value: found.update(_texts(value)))
    return found


def _private(value: t.Any) -> bool:
    """Tell whether a value holds a private key in PEM, at any depth."""
    text = str(value)
    return "PRIVATE KEY" in text and "-----BEGIN " in text


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, (Mapping, list)):
        for entry in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(entry)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _given(entry: t.Any) -> t.Any:
    return {name: value for name, value in entry.items() if value is not None} if isinstance(entry, Mapping) else entry
