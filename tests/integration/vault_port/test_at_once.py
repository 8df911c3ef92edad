# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R22, runs at once: what is made once is made by one run, which alone reports a change, and no run fails."""

from __future__ import annotations

import pathlib
import time
import typing as t
from collections.abc import Callable
from concurrent import futures

import pytest

from tests.rigs.openbao import OpenBao

Name = Callable[[str], str]
Module = Callable[..., t.Any]
RUNS = 4


@pytest.fixture
def at_once(run_module: Module, connection: dict[str, str]) -> Callable[[str, dict[str, t.Any]], list[bool]]:
    """Run a module several times at once and return which of the runs report a change; none may fail."""

    def run(module: str, args: dict[str, t.Any]) -> list[bool]:
        with futures.ThreadPoolExecutor(RUNS) as pool:
            results = list(pool.map(lambda _run: run_module(module, {**connection, **args}), range(RUNS)))
        return [bool(result.ok().changed) for result in results]

    return run


def test_r22_one_run_enables_a_mount(at_once: t.Any, unique_name: Name) -> None:
    for _attempt in range(2):
        assert sum(at_once("vault_mount", {"mounts": [{"path": unique_name("m"), "type": "transit"}]})) == 1


def test_r22_one_run_makes_and_rotates_a_transit_key(at_once: t.Any, vault: OpenBao, unique_name: Name) -> None:
    mount = unique_name("transit")
    vault.api.write(f"sys/mounts/{mount}", type="transit")
    key = {"name": "hub", "mount": mount, "type": "aes256-gcm96"}
    changed = sum(at_once("vault_transit_key", {"keys": [key]}))
    # OpenBao says of a key that it was there already. HashiCorp Vault answers as if it had made it.
    tells = bool(vault.api.write(f"{mount}/keys/hub", type="aes256-gcm96").body.get("warnings"))
    assert changed == 1 if tells else changed >= 1
    made = time.time()
    vault.wait_until(lambda: time.time() > made + 1.1, what="the next second")
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    # The server has no check-and-set for this: a second look leaves milliseconds.
    changed = sum(at_once("vault_transit_key", {"keys": [{**key, "not_before": moment}]}))
    held = vault.api.read(f"{mount}/keys/hub")
    assert held is not None
    assert held["latest_version"] == 1 + changed
    assert 1 <= changed < RUNS


def test_r22_one_run_makes_a_key_in_a_secret(at_once: t.Any, vault: OpenBao, unique_name: Name) -> None:
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    vault.wait_until(lambda: vault.api.request("GET", f"{mount}/data/none").status == 404, what="the new engine")
    for name in ("a", "b"):
        assert sum(at_once("ilp_secret", {"mount": mount, "participants": [{"name": name}]})) == 1
    held = vault.api.read(f"{mount}/data/ilp_secret/a")
    assert held is not None
    assert held["metadata"]["version"] == 1


def test_r22_one_run_delivers_a_secret_id(
    at_once: t.Any, vault: OpenBao, unique_name: Name, tmp_path: pathlib.Path
) -> None:
    mount = unique_name("approle")
    vault.api.write(f"sys/auth/{mount}", type="approle")
    vault.api.write(f"auth/{mount}/role/r", bind_secret_id=True)
    delivery = {"path": str(tmp_path / "secret-id"), "wrapped": False}
    assert sum(at_once("vault_approle", {"roles": [{"name": "r", "mount": mount, "delivery": delivery}]})) == 1
    assert len(vault.api.request("LIST", f"auth/{mount}/role/r/secret-id").data["keys"]) == 1, (
        "the server keeps no secret-id that nobody has"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret-id", "secret-id.accessor"]
