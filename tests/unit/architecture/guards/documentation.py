# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module documents is what it takes, and it documents everything."""

from __future__ import annotations

import importlib.util
import pathlib
import typing as t

import yaml

from tests.unit.architecture.guards import tree

Options = t.Mapping[str, t.Mapping[str, t.Any]]

COLLECTION: t.Final = "trustmesh.security"
_BLOCKS: t.Final = ("DOCUMENTATION", "EXAMPLES", "RETURN")
_ATTRIBUTES: t.Final = ("check_mode", "diff_mode", "idempotent")
#: What an option says on both sides, with the value that leaving it out means.
_COMPARED: t.Final[dict[str, t.Any]] = {
    "type": "str",
    "required": False,
    "default": None,
    "choices": None,
    "elements": None,
    "aliases": None,
}


def violations(root: pathlib.Path) -> list[str]:
    """Return missing blocks, differences between documentation and SPEC, and wrong attributes, for every module."""
    found: list[str] = []
    for path in tree.modules(root):
        name = path.relative_to(root).as_posix()
        missing = [block for block in _BLOCKS if block not in tree.documents(path)]
        if missing:
            found.append(f"{name}: has no {' and no '.join(missing)}")
            continue
        documented = merged(root, path)
        problems = [
            *compare(documented.get("options", {}), loaded(path).SPEC.argument_spec()),
            *_authors(documented.get("author")),
            *_attributes(path.stem, documented.get("attributes", {})),
            *_examples(path.stem, tree.document(path, "EXAMPLES")),
            *_returned(tree.document(path, "RETURN")),
        ]
        found += [f"{name}: {problem}" for problem in problems]
    return found


def loaded(path: pathlib.Path) -> t.Any:
    """Import a module file as if it were part of the collection, wherever it is, so that relative imports work."""
    name = f"ansible_collections.{COLLECTION}.plugins.{path.parent.name}.{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def merged(root: pathlib.Path, path: pathlib.Path) -> dict[str, t.Any]:
    """Return a module's documentation with the options and attributes of its fragments."""
    own: dict[str, t.Any] = tree.document(path, "DOCUMENTATION")
    whole = dict(own)
    for name in fragments_of(own):
        fragment = _fragment(root, name)
        for key in ("options", "attributes"):
            whole[key] = {**fragment.get(key, {}), **whole.get(key, {})}
    return whole


def fragments_of(documented: t.Mapping[str, t.Any]) -> list[str]:
    """Return the names of the fragments that a module's documentation extends."""
    names = documented.get("extends_documentation_fragment", [])
    return [names] if isinstance(names, str) else list(names)


def _fragment(root: pathlib.Path, name: str) -> dict[str, t.Any]:
    """Return the fragment that ``trustmesh.security.FILE`` or ``trustmesh.security.FILE.PART`` means."""
    file, _dot, part = name.removeprefix(f"{COLLECTION}.").partition(".")
    folder = root / "plugins" / "doc_fragments"
    path = next(path for path in (folder / f"{file}.py", folder / f"_{file}.py") if path.exists())
    text = getattr(loaded(path).ModuleDocFragment, part.upper() or "DOCUMENTATION")
    content: dict[str, t.Any] = yaml.safe_load(text)
    return content


def compare(documented: Options, taken: Options, prefix: str = "") -> list[str]:
    """Return the differences between documented options and an argument spec, at any depth."""
    found = [f"{prefix}{name} is taken but not documented" for name in taken if name not in documented]
    for name, option in documented.items():
        if name not in taken:
            found.append(f"{prefix}{name} is documented but not taken")
            continue
        for key, absent in _COMPARED.items():
            said, meant = option.get(key, absent), taken[name].get(key, absent)
            if _plain(said) != _plain(meant):
                found.append(f"{prefix}{name}: {key} is documented as {said!r} and is {meant!r}")
        if not option.get("description"):
            found.append(f"{prefix}{name} has no description")
        inner = taken[name].get("options", {})
        found += compare(option.get("suboptions", {}), inner, f"{prefix}{name}.")
    return found


def _plain(value: t.Any) -> t.Any:
    """Return a value without the difference between a list and a tuple, or between nothing and an empty list."""
    return (list(value) or None) if isinstance(value, (list, tuple)) else value


def _authors(authors: t.Any) -> list[str]:
    """Nobody is named; ansible-test wants this mark on an author who has no account."""
    marked = isinstance(authors, list) and all(str(author).endswith(" (!UNKNOWN)") for author in authors)
    return [] if marked else ["author has to be a list of entries that end in (!UNKNOWN)"]


def _attributes(module: str, attributes: t.Mapping[str, t.Any]) -> list[str]:
    found = [f"has no attribute {name}" for name in _ATTRIBUTES if name not in attributes]
    if module.endswith("_info") and not found:
        # A read-only module supports check mode by nature and has no differences to show.
        wanted = {"check_mode": "full", "diff_mode": "N/A", "idempotent": "full"}
        found += [
            f"is read-only, so attribute {name} has to be {support}"
            for name, support in wanted.items()
            if attributes[name].get("support") != support
        ]
    return found


def _examples(module: str, examples: t.Any) -> list[str]:
    used = any(f"{COLLECTION}.{module}" in task for task in examples or [])
    return [] if used else [f"has no example of {COLLECTION}.{module}"]


def _returned(keys: t.Mapping[str, t.Any] | None) -> list[str]:
    return [
        f"RETURN {name} lacks {wanted}"
        for name, key in (keys or {}).items()
        for wanted in ("description", "returned", "type")
        if wanted not in key
    ]
