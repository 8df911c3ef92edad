# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R9: a name with characters that mean something in an address is kept whole, or refused before anything is sent."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Callable

import pytest

from tests.integration.faults.deck import VARIABLE
from tests.rigs.openbao import OpenBao

Args = dict[str, t.Any]
#: ``victim`` is the neighbour that a careless client would reach.
NAMES: t.Final = (
    "victim#x",
    "victim?list=true",
    "x%2f..%2fvictim",
    "victim%23",
    "../victim",
    "x/../victim",
    "victim/",
    "victim//",
    "victim x",
    " victim",
    "vict\u00efm",
    "victim\u202e",
    "victim\r\nX: y",
    "victim;x",
    "..",
)


def _kv(name: str, mounts: Args) -> tuple[Args, str]:
    return {"secrets": [{"mount": mounts["kv"], "path": name, "data": {"a": "b"}}]}, f"{mounts['kv']}/metadata"


#: By module, the arguments for a name and the place whose listing shows it.
MODULES: t.Final[dict[str, Callable[[str, Args], tuple[Args, str]]]] = {
    "vault_policy": lambda name, _mounts: ({"policies": [{"name": name, "rules": "# none"}]}, "sys/policies/acl"),
    "vault_kv_secret": _kv,
    "vault_pki_role": lambda name, mounts: (
        {"roles": [{"name": name, "mount": mounts["pki"], "allow_any_name": True}]},
        f"{mounts['pki']}/roles",
    ),
    "vault_approle": lambda name, mounts: (
        {"roles": [{"name": name, "mount": mounts["approle"]}]},
        f"auth/{mounts['approle']}/role",
    ),
    "vault_transit_key": lambda name, mounts: (
        {"keys": [{"name": name, "mount": mounts["transit"], "type": "aes256-gcm96"}]},
        f"{mounts['transit']}/keys",
    ),
    "jws_key": lambda name, mounts: (
        {"mount": mounts["kv"], "algorithm": "ES256", "participants": [{"name": name}]},
        f"{mounts['kv']}/metadata/jws_key",
    ),
}


@pytest.fixture(scope="module")
def mounts(vault: OpenBao) -> Args:
    """Engines with a neighbour in each, whatever its module calls it."""
    made = {kind: f"hostile-{kind}" for kind in ("kv", "pki", "transit", "approle")}
    vault.api.write(f"sys/mounts/{made['kv']}", type="kv", options={"version": "2"})
    vault.api.write(f"sys/mounts/{made['pki']}", type="pki")
    vault.api.write(f"sys/mounts/{made['transit']}", type="transit")
    vault.api.write(f"sys/auth/{made['approle']}", type="approle")
    return made


def _names(vault: OpenBao, place: str) -> set[str]:
    """Return all names in a listing, with those in folders."""
    found: set[str] = set()
    for name in vault.api.list(place):
        found |= {f"{name}{deeper}" for deeper in _names(vault, f"{place}/{name}")} if name.endswith("/") else {name}
    return found


#: A third of the table, in which each module and each name comes up; all of it with ``make faults``.
DEALT: t.Final = [
    (module, name)
    for row, module in enumerate(MODULES)
    for column, name in enumerate(NAMES)
    if (row + column) % 3 == 0 or os.environ.get(VARIABLE) == "all"
]


@pytest.mark.parametrize(("module", "name"), DEALT)
def test_r9_name_reaches_what_it_names_or_nothing(
    run_module: t.Any, vault: OpenBao, connection: Args, mounts: Args, module: str, name: str
) -> None:
    args, place = MODULES[module](name, mounts)
    before = _names(vault, place)
    done = run_module(module, {**connection, **args})
    made = _names(vault, place) - before
    everything = done.stdout + done.stderr
    assert "Traceback" not in everything
    assert "defect in trustmesh.security" not in everything
    if done.failed:
        assert made == set(), done.msg
        assert not done.changed
        assert done.msg.count(". ") >= 1, done.msg
    else:
        # Slashes around a path mean nothing to this collection, blanks around the name of a policy nothing to servers.
        kept = (name.strip() if module == "vault_policy" else name).strip("/")
        assert made <= {kept}, f"{made} was made for {name!r}"
        assert kept in _names(vault, place)
        assert not run_module(module, {**connection, **args}).ok().changed
