# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What nobody declared: told of custody, removed from places and from custody where that is asked for.

An owner in custody is removed as if it were declared absent: its public part is taken back first, then its keys with
all versions, then what a holder has of them. Listing comes before the lock is taken. What comes in between is not on
the list, and each owner on it is read and planned again under the lock.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from .._core.errors import InvalidInput, PolicyRefusal, Unlisted
from .._core.reconcile import Batch
from .._core.resource import Resource
from .._core.spec import Options, Params
from .custody import Custody
from .holder import HANDLE
from .keyring import Keyring
from .names import checked_name
from .record import DamagedRecord, Record
from .resource import KeyResource, PublishedSet

PRUNE_OPTIONS: t.Final[Options] = {
    "prune_custody": {"type": "bool", "default": False},
    "prune_custody_limit": {"type": "int", "default": 10},
}
_SHOWN: t.Final = 5


def whole_batch(
    params: Params,
    keyring: Keyring,
    keys: Sequence[Resource[t.Any]],
    absent: t.Callable[[str], KeyResource],
    *,
    owners: str,
    workers: int,
    warnings: list[str],
) -> Batch:
    """Return declared keys, and what nobody declared where it is to go, as a batch.

    ``owners`` is the option that declares them. ``absent`` returns the keys of an owner who shall have none.
    """
    entries = params[owners]
    present = [entry["name"] for entry in entries if entry["state"] == "present"]
    named = _named(entries, params.get("publish") or ())
    removals: list[KeyResource] = []
    found: t.Optional[list[str]]
    if params["prune_custody"]:
        _refuse_nobody(present)
        found = keyring.custody.names(named)
        removals = _removals(keyring, found, absent, params["prune_custody_limit"], warnings)
    else:
        found = _undeclared_owners(keyring, named)
    sets = [PublishedSet(keyring, target, present) for target in keyring.targets if target.prune]
    return Batch(
        [*keys, *removals, *sets],
        workers=workers,
        reads_here=keyring.custody.reads_here,
        transaction=keyring,
        warnings=warnings,
        returned={"undeclared": found},
    )


def _named(entries: Sequence[Mapping[str, t.Any]], places: Sequence[Mapping[str, t.Any]]) -> frozenset[str]:
    """Return every name that the declaration has, whatever for."""
    names = {entry["name"] for entry in entries}
    for place in places:
        names.update(place.get("keep") or (), place.get("audiences") or ())
    return frozenset(names)


def _undeclared_owners(keyring: Keyring, named: frozenset[str]) -> t.Optional[list[str]]:
    """Return the owners in custody that are not declared, ``None`` where the right to list them was not given."""
    try:
        return keyring.custody.names(named)
    except Unlisted:
        return None


def _refuse_nobody(present: Sequence[str]) -> None:
    if not present:
        raise InvalidInput(
            "no owner is declared present, so that all keys would be removed",
            field="prune_custody",
            remedy="Declare the owners that stay. Remove the last ones with state absent.",
        )


def _removals(
    keyring: Keyring,
    found: Sequence[str],
    absent: t.Callable[[str], KeyResource],
    limit: int,
    warnings: list[str],
) -> list[KeyResource]:
    custody = keyring.custody
    removals: list[KeyResource] = []
    for name in found:
        removal = _removal(keyring, name, absent)
        if removal is None:
            warnings.append(_left_alone(custody, name))
            continue
        removals.append(removal)
        if len(removals) > limit:
            shown = ", ".join(each.name for each in removals[:_SHOWN])
            raise PolicyRefusal(
                f"more than {limit} owners in {custody.identity} are not declared, such as {shown}",
                field="prune_custody_limit",
                remedy="See whether the declaration is complete. If it is, raise the limit.",
            )
    return removals


def _left_alone(custody: Custody, name: str) -> str:
    left = "; ".join(f"{what} is {held}" for what, held, wanted in custody.misplaced(name) if wanted is None)
    if left:
        return f"{custody.place(name)} is left alone: {left}. Declare it absent to remove it with all versions"
    return f"{custody.place(name)} is not a record as this module makes them, and is left alone"


def _removal(keyring: Keyring, name: str, absent: t.Callable[[str], KeyResource]) -> t.Optional[KeyResource]:
    """Return the removal of an owner's keys, ``None`` for what the module that is running did not make."""
    try:
        checked_name(name)
        stored = keyring.read(name)
        record = None if stored is None else Record.of(stored[0], keyring.shape, keyring.custody.place(name))
    except (InvalidInput, DamagedRecord):
        return None
    key = absent(name)
    if record is None:
        return None
    facts = [generation.material.facts.keys() for generation in record.generations]
    if any(names - {HANDLE} != key.marks for names in facts):
        return None
    if key.holder is None and any(HANDLE in names for names in facts):
        raise PolicyRefusal(
            f"not given, but the private key of {name}, who is not declared, is with a holder",
            field="holder",
            remedy="Declare the holder, so that the key is removed there too.",
        )
    key.unwanted = f"{name} is in custody and not declared"
    return key
