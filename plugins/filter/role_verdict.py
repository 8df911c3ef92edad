# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``role_verdict``."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._core.errors import InvalidInput, TrustmeshError
from ..module_utils._core.normal import kind_of
from ..plugin_utils.arguments import mapping, text

Entry = t.Mapping[str, t.Any]


def role_verdict(result: t.Any, role: t.Any, kinds: t.Any, kind: t.Any = None) -> dict[str, t.Any]:
    """Return what a role says of the result of its module in check mode: a line per item, and what is wrong."""
    try:
        given = mapping(result, "result")
        words = (text(role, "role"), text(kinds, "kinds"), None if kind is None else text(kind, "kind"))
        return _verdict(given, _entries(given.get("results")), *words)
    except TrustmeshError as error:
        raise AnsibleFilterError(f"role_verdict: {error}") from None


def _entries(results: t.Any) -> list[Entry]:
    if results is None:
        return []
    if not isinstance(results, (list, tuple)):
        raise InvalidInput(f"takes a list, not {kind_of(results)}", field="result.results")
    return [mapping(entry, f"result.results[{at}]") for at, entry in enumerate(results)]


def _verdict(result: Entry, entries: list[Entry], role: str, kinds: str, kind: str | None) -> dict[str, t.Any]:
    states = [_state(entry) for entry in entries]
    names = [str(entry.get("item")) if kind else f"{entry.get('section')} {entry.get('item')}" for entry in entries]
    left, unread = ([name for name, its in zip(names, states) if its == state] for state in ("FAIL", "ERROR"))
    trouble = str(result.get("msg") or "") if unread or result.get("results") is None else ""

    def counted(some: list[str], what: str) -> str:
        which = f": {', '.join(some)}" if kind else f" ({', '.join(some)})"
        return f"{len(some)} of {len(entries)} {kinds} {what}{which}."

    parts = []
    if left:
        parts.append(f"{counted(left, 'are not as declared')} Apply the role {role} to put them right.")
    if unread:
        parts.append(counted(unread, "could not be read"))
    elif trouble:
        parts.append(f"The {kinds} could not be read.")
    elif not entries:
        remedy = "Declare something, or leave the role out."
        parts.append(f"{role}: no {kinds} are declared, so that nothing was looked at. {remedy}")
    labels = [f"{kind} {name}" if kind else name for name in names]
    return {
        "looked_at": len(entries),
        "problem": " ".join([*parts, trouble]).strip(),
        "report": [_line(f"{state} {label}", entry) for state, label, entry in zip(states, labels, entries)],
    }


def _state(entry: Entry) -> str:
    """Return what an item is; one that could not be read is not called different."""
    if entry.get("changed") or "refused" in entry:
        return "FAIL"
    return "ERROR" if "failed" in entry else "pass"


def _line(label: str, entry: Entry) -> str:
    reasons = entry.get("reasons")
    said = [str(reason) for reason in reasons] if isinstance(reasons, (list, tuple)) else []
    return ": ".join(filter(None, [label, "; ".join(said), str(entry.get("msg") or "")]))


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"role_verdict": role_verdict}
