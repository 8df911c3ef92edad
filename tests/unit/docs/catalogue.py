# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection offers, and whether an example uses it as it is.

`problems` walks any YAML example (tasks, plays, inventories) and returns a sentence for each use of a module, role,
playbook or action group that does not exist or does not take what it is given.
"""

from __future__ import annotations

import functools
import re
import typing as t

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.module_utils._core.spec import Spec
from tests.unit.architecture.guards import documentation, tree
from tests.unit.docs.blocks import ROOT

COLLECTION: t.Final = "trustmesh.security"
NAME: t.Final = re.compile(rf"{re.escape(COLLECTION)}\.([a-z][a-z0-9_]*)")

_TEMPLATED: t.Final[dict[str, t.Any]] = {"list": [], "dict": {}, "bool": False, "int": 0, "float": 0.0}
_INCLUDES: t.Final = tuple(
    f"{prefix}{verb}_role" for prefix in ("ansible.builtin.", "") for verb in ("include", "import")
)
_BOOKS: t.Final = ("ansible.builtin.import_playbook", "import_playbook")
_GROUP: t.Final = f"group/{COLLECTION}.vault"


@functools.cache
def specs() -> dict[str, Spec]:
    """Return the argument spec of every module."""
    return {path.stem: documentation.loaded(path).SPEC for path in tree.modules(ROOT)}


@functools.cache
def role_options() -> dict[tuple[str, str], dict[str, t.Any]]:
    """Return the documented options of every role by role and entry point."""
    found = {}
    for role in tree.roles(ROOT):
        described = tree.load(role / "meta" / "argument_specs.yml") or {}
        for entry, content in described.get("argument_specs", {}).items():
            found[role.name, entry] = dict(content.get("options") or {})
    return found


@functools.cache
def role_inputs() -> dict[str, tuple[str, str]]:
    """Return the variables that a role hands to a module as they are: variable to module and option."""
    found = {}
    for role in tree.roles(ROOT):
        for path in sorted((role / "tasks").glob("*.yml")):
            for task in _tasks(tree.load(path)):
                for key, args in task.items():
                    module = NAME.fullmatch(str(key))
                    for option, value in (args if module and isinstance(args, dict) else {}).items():
                        variable = re.fullmatch(r"\{\{ (\w+) \}\}", str(value))
                        if module and variable and variable.group(1).startswith(f"{role.name}_"):
                            found[variable.group(1)] = (module.group(1), option)
    return found


def _tasks(content: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Yield every task of a file, those in blocks included."""
    for task in content or []:
        yield task
        for part in ("block", "rescue", "always"):
            yield from _tasks(task.get(part))


@functools.cache
def names() -> frozenset[str]:
    """Return the names of everything that can be called by its full name, and of the action groups."""
    plugins = {path.stem for face in tree.FACES for path in (ROOT / "plugins" / face).glob("[!_]*.py")}
    playbooks = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    roles = {role for role, _entry in role_options()}
    groups = set((tree.load(ROOT / "meta" / "runtime.yml") or {}).get("action_groups", {}))
    fragments = {path.stem for path in (ROOT / "plugins" / "doc_fragments").glob("*.py")}
    return frozenset(plugins | playbooks | roles | groups | fragments)


def problems(example: t.Any, given: t.Mapping[str, t.Any] | None = None) -> list[str]:
    """Return what is wrong with an example; ``given`` are the module defaults that hold around it."""
    if isinstance(example, list):
        return [problem for entry in example for problem in problems(entry, given)]
    if not isinstance(example, dict):
        return []
    defaults = {**(given or {}), **example.get("module_defaults", {})}
    found = _defaults(example.get("module_defaults", {}))
    for key, value in example.items():
        name = NAME.fullmatch(str(key))
        if name is not None:
            found += _task(name.group(1), value, defaults)
        elif key in _INCLUDES:
            found += _role(value, example.get("vars", {}))
        elif key in _BOOKS:
            found += [f"there is no playbook {value}" for book in NAME.findall(str(value)) if book not in names()]
        elif key in role_inputs() and isinstance(value, list):
            found += _input(key, value)
        elif key == "vars" and isinstance(value, dict):
            found += problems(value, defaults)
        elif key == "roles" and isinstance(value, list):
            found += [problem for entry in value for problem in _listed_role(entry)]
        elif key != "module_defaults":
            found += problems(value, defaults)
    return found


def _task(module: str, args: t.Any, defaults: t.Mapping[str, t.Any]) -> list[str]:
    """Hold the arguments of a task against the argument spec, with Ansible's own validator."""
    spec = specs().get(module)
    if spec is None:
        return [f"there is no module {COLLECTION}.{module}"]
    shared = defaults.get(_GROUP, {})
    known = {name: shared[name] for name in spec.options if isinstance(shared, dict) and name in shared}
    whole = {**known, **defaults.get(f"{COLLECTION}.{module}", {}), **(args or {})}
    # With the items of sections, which AnsibleModule does not look into.
    options = {name: dict(option) for name, option in spec.options.items()}
    validator = ArgumentSpecValidator(options, **spec.constraints())
    errors = validator.validate(_plain(options, whole)).error_messages
    return [f"{COLLECTION}.{module}: {error}" for error in errors]


def _input(variable: str, items: list[t.Any]) -> list[str]:
    """Hold a variable of a role against the option of the module that gets it."""
    module, name = role_inputs()[variable]
    option = specs()[module].options.get(name)
    if option is None:
        return [f"{variable} goes to {COLLECTION}.{module}, which takes no {name}"]
    options = {name: dict(option)}
    errors = ArgumentSpecValidator(options).validate(_plain(options, {name: items})).error_messages
    return [f"{variable}: {error}" for error in errors]


def _plain(options: t.Mapping[str, t.Any], value: t.Any) -> t.Any:
    """Put a value of the right type where an example has a template."""
    if not isinstance(value, dict):
        return value
    plain = {}
    for name, entry in value.items():
        option = options.get(name, {})
        kind = option.get("type", "str")
        if isinstance(entry, str) and "{{" in entry:
            plain[name] = option.get("choices", [_TEMPLATED.get(kind, entry)])[0]
        elif isinstance(entry, list) and option.get("options"):
            plain[name] = [_plain(option["options"], item) for item in entry]
        elif isinstance(entry, dict) and option.get("options"):
            plain[name] = _plain(option["options"], entry)
        else:
            plain[name] = entry
    return plain


def _defaults(defaults: t.Mapping[str, t.Any]) -> list[str]:
    known = set().union(*(spec.options for name, spec in specs().items() if name.startswith("vault_")))
    return [
        f"module_defaults of {_GROUP}: no module takes {name}"
        for name in (defaults.get(_GROUP, {}) if isinstance(defaults.get(_GROUP, {}), dict) else {})
        if name not in known
    ]


def _listed_role(entry: t.Any) -> list[str]:
    if isinstance(entry, str):
        return _role({"name": entry}, {})
    return _role({"name": entry.get("role") or entry.get("name")}, entry.get("vars", {}))


def _role(call: t.Mapping[str, t.Any], variables: t.Mapping[str, t.Any]) -> list[str]:
    """Check that a role and its entry point exist and that variables with its prefix are inputs of it."""
    match = NAME.fullmatch(str(call.get("name")))
    if match is None:
        return []
    role, entry = match.group(1), str(call.get("tasks_from", "main")).removesuffix(".yml")
    if (role, entry) not in role_options():
        return [f"there is no role {COLLECTION}.{role} with entry point {entry}"]
    options = role_options()[role, entry]
    own = [name for name in variables if name.startswith(f"{role}_")]
    return [f"role {COLLECTION}.{role} takes no {name}" for name in own if name not in options]


def documents_of(text: str) -> list[t.Any]:
    """Return the YAML documents of a block; raises yaml.YAMLError."""
    return list(yaml.safe_load_all(text))
