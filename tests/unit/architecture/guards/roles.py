# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's argument spec, its defaults and its README tell of the same variables."""

from __future__ import annotations

import pathlib
import re
import typing as t

import yaml

from tests.unit.architecture.guards import tree

FILES: t.Final = (
    "README.md",
    "defaults/main.yml",
    "meta/argument_specs.yml",
    "meta/main.yml",
    "tasks/configure.yml",
    "tasks/main.yml",
    "tasks/preflight.yml",
    "tasks/verify.yml",
)
_TABLE: t.Final = re.compile(r"^\|\s*variable\s*\|.*\n(?:\|.*\n)+", re.MULTILINE | re.IGNORECASE)
_ROW: t.Final = re.compile(r"^\|\s*`(?P<name>[^`]+)`\s*\|(?P<rest>.*)\|\s*$", re.MULTILINE)
_COMMENTED: t.Final = re.compile(r"^#\s?(?P<name>[a-z][a-z0-9_]*):", re.MULTILINE)


def violations(root: pathlib.Path) -> list[str]:
    """Return, for every role, missing files and each variable that the three places do not agree on."""
    found: list[str] = []
    for role in tree.roles(root):
        missing = [name for name in FILES if not (role / name).exists()]
        problems = [f"has no {name}" for name in missing] or [*_entry_points(role), *_variables(role)]
        found += [f"roles/{role.name}: {problem}" for problem in problems]
    return found


def _specs(role: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    specs: dict[str, dict[str, t.Any]] = tree.load(role / "meta" / "argument_specs.yml")["argument_specs"]
    return specs


def _entry_points(role: pathlib.Path) -> list[str]:
    specs = _specs(role)
    found = [f"has no argument spec for entry point {name}" for name in ("main", "verify") if name not in specs]
    return found + [
        f"has an argument spec for {name}, but no tasks/{name}.yml"
        for name in specs
        if not (role / "tasks" / f"{name}.yml").exists()
    ]


def _variables(role: pathlib.Path) -> list[str]:
    options = {name: option for spec in _specs(role).values() for name, option in (spec.get("options") or {}).items()}
    text = (role / "defaults" / "main.yml").read_text(encoding="utf-8")
    defaults: dict[str, t.Any] = tree.load(role / "defaults" / "main.yml") or {}
    commented = {match["name"] for match in _COMMENTED.finditer(text)}
    tables = "".join(_TABLE.findall((role / "README.md").read_text(encoding="utf-8")))
    rows = {match["name"]: match["rest"] for match in _ROW.finditer(tables)}
    found = [f"{name} does not begin with {role.name}_" for name in options if not name.startswith(f"{role.name}_")]
    found += [f"{name} has a default but is in no argument spec" for name in defaults if name not in options]
    found += [f"{name} is in the README but in no argument spec" for name in rows if name not in options]
    for name, option in options.items():
        found += _variable(name, option, defaults, commented)
        if name not in rows:
            found.append(f"{name} has no row in the README")
        else:
            found += _row(name, option, rows[name].split("|"))
    return found


def _row(name: str, option: dict[str, t.Any], cells: list[str]) -> list[str]:
    """Return what is wrong with the cells after the name in a variable's row: type, default, meaning."""
    if len(cells) != 3:
        return [f"{name}: its row in the README needs four cells: variable, type, default, meaning"]
    kind, default = cells[0].strip(), cells[1].strip()
    wanted = option.get("type", "str")
    found = [] if kind == wanted else [f"{name}: the README says its type is {kind}, the argument spec says {wanted}"]
    if option.get("required"):
        return found if default == "required" else [*found, f"{name} is required, which the README does not say"]
    value = option.get("default")
    if value is not None and default != f"`{value}`" and yaml.safe_load(default.strip("`")) != value:
        found.append(f"{name}: the README says its default is {default}, the argument spec says {value!r}")
    return found


def _variable(name: str, option: dict[str, t.Any], defaults: dict[str, t.Any], commented: set[str]) -> list[str]:
    """Return what is wrong between one variable's spec and the defaults."""
    if option.get("required"):
        # No default is safe: the file shows the name, commented, and sets nothing.
        if name in defaults:
            return [f"{name} is required and has a default"]
        return [] if name in commented else [f"{name} is required and not shown, commented, in the defaults"]
    if "{{" in str(option.get("default")) and option.get("type", "str") != "str":
        return [f"{name}: the argument spec gives an expression where a {option['type']} is due; leave it out there"]
    if name not in defaults:
        return [] if name in commented and "default" not in option else [f"{name} has no default"]
    if "default" in option and option["default"] != defaults[name]:
        return [f"{name}: default is {defaults[name]!r}, the argument spec says {option['default']!r}"]
    if "default" not in option and not _computed(defaults[name]):
        return [f"{name}: default is {defaults[name]!r}, the argument spec says nothing"]
    return []


def _computed(value: t.Any) -> bool:
    """Tell whether a default depends on other variables (which an argument spec cannot say), or means 'nothing'."""
    return value is None or (isinstance(value, str) and "{{" in value)
