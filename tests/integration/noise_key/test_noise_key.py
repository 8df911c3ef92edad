# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module noise_key against a real server and real files."""

from __future__ import annotations

import pathlib
import stat
import typing as t
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.integration.conftest import or_skip
from tests.integration.docs_policies.returned import differences
from tests.integration.ladder import Ladder
from tests.rigs.node import PeerError
from tests.rigs.noise_peers import NoisePeers
from tests.rigs.openbao import OpenBao

PEERS: t.Final = ("alice", "bob", "carol")


@pytest.fixture
def kv(vault: OpenBao, unique_name: Callable[[str], str]) -> str:
    """The path of a new key-value engine."""
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    return mount


@pytest.fixture(scope="module")
def noise_peers() -> Iterator[NoisePeers]:
    """Two peers that speak Noise_IK."""
    with or_skip(NoisePeers) as made:
        yield made


def peers(*names: str, **options: t.Any) -> list[dict[str, t.Any]]:
    return [{"name": name, **options} for name in names or PEERS]


def record(vault: OpenBao, mount: str, name: str) -> dict[str, t.Any]:
    found = vault.api.read(f"{mount}/data/noise_key/{name}")
    assert found is not None
    return t.cast("dict[str, t.Any]", found["data"])


def private(text: str) -> X25519PrivateKey:
    assert len(text) == 64
    return X25519PrivateKey.from_private_bytes(bytes.fromhex(text))


def test_pk_05_ladder(ladder: Ladder, vault: OpenBao, kv: str) -> None:
    common = {"mount": kv, "publish": [{"kind": "kv", "mount": kv, "path": "peers"}]}
    rungs = ladder.climb(
        "noise_key",
        {**common, "peers": peers()},
        tamper=lambda: vault.api.write(f"{kv}/data/peers", data={"alice.pub": "00" * 32}),
        absent={**common, "peers": peers(state="absent")},
    )
    mended = {item["item"]: item for item in rungs["mend"].items}
    assert {name: item["action"] for name, item in mended.items()} == dict.fromkeys(PEERS, "update")
    assert [said for rung in rungs.values() for said in differences("noise_key", rung.result.result)] == []


def test_pk_06_every_peer_gets_the_keys_of_the_others_and_nobody_elses(
    run_module: t.Any, connection: t.Any, vault: OpenBao, kv: str, tmp_path: pathlib.Path
) -> None:
    publish = [{"kind": "directory", "path": f"{tmp_path}/{{audience}}/peers", "prune": True}]
    given = {**connection, "mount": kv, "publish": publish, "peers": peers()}
    (tmp_path / "alice/peers").mkdir(parents=True)
    (tmp_path / "alice/peers/mallory.pub").write_text("00" * 32)
    run_module("noise_key", given).ok()
    secret = {name: private(record(vault, kv, name)["private_key"]) for name in PEERS}
    for name in PEERS:
        files = {path.stem: path.read_text() for path in (tmp_path / name / "peers").iterdir()}
        assert set(files) == set(PEERS) - {name}
        for other, text in files.items():
            assert bytes.fromhex(text) == secret[other].public_key().public_bytes_raw()
    again = run_module("noise_key", given).ok()
    assert not again.changed
    assert differences("noise_key", again.result) == []


def test_pk_05_06_peers_connect_with_the_keys_they_were_given_and_no_others(
    run_module: t.Any, connection: t.Any, vault: OpenBao, kv: str, tmp_path: pathlib.Path, noise_peers: NoisePeers
) -> None:
    publish = [{"kind": "directory", "path": f"{tmp_path}/{{audience}}/peers", "prune": True}]
    given = {**connection, "mount": kv, "publish": publish, "peers": peers()}
    run_module("noise_key", given).ok()

    def connect(caller: str, called: str, answerer: str | None = None) -> str:
        """Let one peer call another, with the keys in its own directory; somebody else may answer."""
        answering = answerer or called
        return noise_peers.connect(
            caller=record(vault, kv, caller)["private_key"],
            called=(tmp_path / caller / "peers" / f"{called}.pub").read_text(),
            answerer=record(vault, kv, answering)["private_key"],
            allowed=[path.read_text() for path in (tmp_path / answering / "peers").iterdir()],
        )

    for caller in PEERS:
        for called in set(PEERS) - {caller}:
            assert connect(caller, called) == "hello"
    with pytest.raises(PeerError, match="the answerer is not who was called"):
        connect("alice", "bob", answerer="carol")
    # Who leaves is let in no longer, and its place is pruned from the lists of the others.
    mallory = record(vault, kv, "carol")["private_key"]
    run_module("noise_key", {**given, "peers": [*peers("alice", "bob"), *peers("carol", state="absent")]}).ok()
    assert connect("alice", "bob") == "hello"
    with pytest.raises(PeerError, match="the caller is not let in"):
        noise_peers.connect(
            caller=mallory,
            called=(tmp_path / "alice/peers/bob.pub").read_text(),
            answerer=record(vault, kv, "bob")["private_key"],
            allowed=[path.read_text() for path in (tmp_path / "bob/peers").iterdir()],
        )


def test_a_key_is_replaced_once(run_module: t.Any, connection: t.Any, vault: OpenBao, kv: str) -> None:
    given = {**connection, "mount": kv, "peers": peers("alice")}
    first = run_module("noise_key", given).ok().result["results"][0]["key"]
    held = record(vault, kv, "alice")
    held["created"] = "2026-01-01T00:00:00Z"
    vault.api.write(f"{kv}/data/noise_key/alice", data=held)
    due = {**given, "max_age": "30d"}
    replaced = run_module("noise_key", due).ok().result["results"][0]
    assert replaced["action"] == "replace"
    assert replaced["key"]["public_key"] != first["public_key"]
    assert replaced["key"]["previous"] == 1
    assert not run_module("noise_key", due).ok().changed
    assert (
        private(record(vault, kv, "alice")["private_key"]).public_key().public_bytes_raw().hex()
        == (replaced["key"]["public_key"])
    )


def test_files_are_for_their_owner_alone(run_module: t.Any, connection: t.Any, tmp_path: pathlib.Path) -> None:
    given = {**connection, "custody": "files", "directory": str(tmp_path), "peers": peers("alice")}
    made = run_module("noise_key", given).ok().result["results"][0]
    key = tmp_path / "alice/noise.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert private(key.read_text()).public_key().public_bytes_raw().hex() == made["key"]["public_key"]
    assert (tmp_path / "alice/noise.pub").read_text() == made["key"]["public_key"]
    assert not run_module("noise_key", given).ok().changed


def test_a_key_that_is_there_is_adopted(
    run_module: t.Any, connection: t.Any, vault: OpenBao, kv: str, canaries: t.Any
) -> None:
    key = X25519PrivateKey.generate()
    text = canaries.record(key.private_bytes_raw().hex(), "private key")
    vault.api.write(f"{kv}/data/noise_key/alice", data={"private_key": text})
    given = {**connection, "mount": kv, "peers": peers("alice")}
    adopted = run_module("noise_key", given, diff=True).ok().result["results"][0]
    assert adopted["key"]["public_key"] == key.public_key().public_bytes_raw().hex()
    assert record(vault, kv, "alice")["private_key"] == text
    assert not run_module("noise_key", given).ok().changed


@pytest.mark.parametrize("text", ["", "not a key", "00" * 31, None, 5])
def test_what_is_no_key_is_left_alone(
    run_module: t.Any, connection: t.Any, vault: OpenBao, kv: str, text: t.Any
) -> None:
    vault.api.write(f"{kv}/data/noise_key/alice", data={"private_key": text})
    given = {**connection, "mount": kv, "peers": peers("alice")}
    refused = run_module("noise_key", given)
    assert refused.failed
    assert "64 hexadecimal digits" in refused.msg + str(refused.result.get("results"))
    assert record(vault, kv, "alice") == {"private_key": text}
    assert run_module("noise_key", {**given, "on_mismatch": "replace"}).ok().changed
    private(record(vault, kv, "alice")["private_key"])


def test_a_public_part_that_does_not_follow_from_the_key_kept_is_put_right(
    run_module: t.Any, connection: t.Any, vault: OpenBao, kv: str
) -> None:
    given = {**connection, "mount": kv, "peers": peers("alice")}
    made = run_module("noise_key", given).ok().result["results"][0]["key"]["public_key"]
    vault.api.write(f"{kv}/data/noise_key/alice", data={**record(vault, kv, "alice"), "public_key": "00" * 32})
    mended = run_module("noise_key", given).ok().result["results"][0]
    assert (mended["action"], mended["key"]["public_key"]) == ("update", made)
    assert record(vault, kv, "alice")["public_key"] == made


def test_a_damaged_key_is_an_error_and_stays(run_module: t.Any, connection: t.Any, vault: OpenBao, kv: str) -> None:
    given = {**connection, "mount": kv, "peers": peers("alice")}
    run_module("noise_key", given).ok()
    damaged = {**record(vault, kv, "alice"), "private_key": "damaged"}
    vault.api.write(f"{kv}/data/noise_key/alice", data=damaged)
    refused = run_module("noise_key", given)
    assert refused.failed
    assert "unusable" in refused.msg + str(refused.result.get("results"))
    assert record(vault, kv, "alice") == damaged
