# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hold what a module returns against what its documentation says that it returns."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from tests.unit.architecture.guards import tree
from tests.unit.docs.blocks import ROOT

#: Keys that every module has by Ansible's own rules.
COMMON: t.Final = frozenset({"changed", "diff", "failed", "invocation", "msg", "warnings"})
TYPES: t.Final[dict[str, t.Any]] = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict, "float": float}


def differences(module: str, result: Mapping[str, t.Any]) -> list[str]:
    """Return each key that is not documented, or has another type, or is missing although it is always returned."""
    documented = tree.document(ROOT / "plugins" / "modules" / f"{module}.py", "RETURN")
    shown = {key: value for key, value in result.items() if key in documented or key not in COMMON}
    return list(_compare(documented, shown, module))


def _compare(documented: Mapping[str, t.Any], value: Mapping[str, t.Any], place: str) -> Iterator[str]:
    for key, entry in value.items():
        here = f"{place}.{key}"
        if key not in documented:
            yield f"{here} is returned and not documented"
            continue
        said = documented[key]
        if entry is not None and not isinstance(entry, TYPES[said["type"]]):
            yield f"{here} is documented as {said['type']} and is {type(entry).__name__}"
        for inner in entry if isinstance(entry, list) else [entry]:
            if "contains" in said and isinstance(inner, Mapping):
                yield from _compare(said["contains"], inner, here)
    for key, said in documented.items():
        if said["returned"] == "always" and key not in value:
            yield f"{place}.{key} is documented as returned always and is not there"
