# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""jws_key against a real server: the ladder, adoption, pruning, limits of engines, and what a no-op costs."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_public_key

from plugins.module_utils._jose import keys

from .conftest import NAMES, Mesh

Module = t.Callable[..., t.Any]


def _private(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def test_ladder(ladder: t.Any, mesh: Mesh) -> None:
    def tamper() -> None:
        (mesh.base / "hub" / "trust" / "perffsp-1.pem").write_text("test")
        mesh.vault.api.write(f"{mesh.mount}/data/trust", data={"hub.pem": "test"})

    gone = mesh.args(participants=[{"name": name, "state": "absent"} for name in NAMES])
    rungs = ladder.climb("jws_key", mesh.args(), tamper=tamper, absent=gone)
    assert [item["action"] for item in rungs["create"].items] == ["create"] * 3
    assert [item["action"] for item in rungs["mend"].items] == ["update"] * 3
    assert mesh.trust("hub") == {}
    assert not mesh.vault.api.list(f"{mesh.mount}/metadata/jws")


def test_ladder_of_files(ladder: t.Any, mesh: Mesh) -> None:
    directory = mesh.base / "keys"
    files = {
        "custody": "files", "directory": str(directory), "key_mode": "0640",
        "publish": [{"kind": "directory", "path": f"{mesh.base}/trust", "prune": True}],
    }  # fmt: skip
    present = {**files, "participants": [{"name": "hub"}, {"name": "perffsp-1"}]}

    def tamper() -> None:
        (directory / "hub.key").chmod(0o644)
        (mesh.base / "trust" / "gone.pem").write_text("of somebody who left")

    gone = {**files, "participants": [{"name": "hub", "state": "absent"}, {"name": "perffsp-1", "state": "absent"}]}
    rungs = ladder.climb("jws_key", present, tamper=tamper, absent=gone, server=False)
    assert [item["action"] for item in rungs["mend"].items] == ["update", "none", "update"]
    assert list(directory.glob("*.key")) == []
    assert list((mesh.base / "trust").iterdir()) == []


def test_trap_jws_4_everybody_gets_the_keys_of_the_others_under_their_exact_names(
    run_module: Module, mesh: Mesh
) -> None:
    run_module("jws_key", {**mesh.connection, **mesh.args()}).ok()
    for audience in NAMES:
        held = sorted(path.name for path in (mesh.base / audience / "trust").iterdir())
        assert held == sorted(f"{name}.pem" for name in NAMES if name != audience)
    for name in NAMES:
        record = mesh.held(name)
        public = load_pem_public_key(record["public_key"].encode())
        assert isinstance(public, rsa.RSAPublicKey)
        assert public.key_size == 2048
        assert record["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
        assert keys.same_pair(keys.load_private(record["private_key"]), public)
        everybody = mesh.vault.api.read(f"{mesh.mount}/data/trust") or {}
        assert everybody["data"][f"{name}.pem"] == record["public_key"]


def test_trap_jws_2_elliptic_keys_are_sec1_and_warned_about(run_module: Module, mesh: Mesh) -> None:
    done = run_module("jws_key", {**mesh.connection, **mesh.args("hub", algorithm="ES256")}).ok()
    assert mesh.held("hub")["private_key"].startswith("-----BEGIN EC PRIVATE KEY-----")
    assert sum("RS256 works everywhere" in str(warning) for warning in done.result["warnings"]) == 1


def test_trap_jws_5_changing_a_published_key_says_who_has_to_be_restarted(run_module: Module, mesh: Mesh) -> None:
    args = {**mesh.connection, **mesh.args("hub")}
    first = run_module("jws_key", args).ok()
    assert "restart them" not in str(first.result.get("warnings"))
    changed = run_module("jws_key", {**args, "bits": 3072, "on_mismatch": "replace"}).ok()
    assert "restart them" in str(changed.result["warnings"])
    assert changed.result["results"][0]["key"]["bits"] == 3072


def test_keys_are_adopted_from_where_they_are(run_module: Module, mesh: Mesh) -> None:
    in_file, in_place, elsewhere = _private(2048), _private(2048), _private(2048)
    for text in (in_file, in_place, elsewhere):
        mesh.canaries.record(text, "signing key")
    (mesh.base / "hub.key").write_text(in_file)
    mesh.vault.api.write(f"{mesh.mount}/data/jws/perffsp-1", data={"private_key": in_place})
    mesh.vault.api.write(f"{mesh.mount}/data/old/perffsp-2", data={"key": elsewhere})
    adopt = [
        {"name": "hub", "adopt": {"file": f"{mesh.base}/{{name}}.key"}},
        {"name": "perffsp-1"},
        {"name": "perffsp-2", "adopt": {"mount": mesh.mount, "path": "old/{name}", "key": "key"}},
    ]
    args = {**mesh.connection, **mesh.args(participants=adopt)}
    done = run_module("jws_key", args).ok()
    assert [item["reasons"][0] for item in done.result["results"]] == ["exists and is adopted"] * 3
    for name, text in zip(NAMES, (in_file, in_place, elsewhere)):
        held = mesh.held(name)
        assert keys.same_pair(keys.load_private(held["private_key"]), keys.load_private(text))
        assert held["private_key"].startswith("-----BEGIN PRIVATE KEY-----"), "rewritten from PKCS#1"
    assert not run_module("jws_key", args).ok().changed
    missing = [{"name": "new", "adopt": {"file": "/nowhere/{name}.key"}}]
    refused = run_module("jws_key", {**mesh.connection, **mesh.args(participants=missing)})
    assert "adopt: /nowhere/new.key does not exist" in refused.msg


def test_trap_jws_3_a_weak_key_is_not_adopted(run_module: Module, mesh: Mesh) -> None:
    weak = mesh.canaries.record(_private(1024), "weak key")
    mesh.vault.api.write(f"{mesh.mount}/data/jws/hub", data={"private_key": weak})
    args = {**mesh.connection, **mesh.args("hub")}
    refused = run_module("jws_key", args)
    assert refused.failed
    assert "an RSA key of 1024 bits is too short" in refused.msg
    assert mesh.held("hub") == {"private_key": weak}
    run_module("jws_key", {**args, "on_mismatch": "replace"}).ok()
    assert mesh.held("hub")["bits"] == 2048


def test_who_departed_is_pruned_and_who_is_kept_elsewhere_is_published(run_module: Module, mesh: Mesh) -> None:
    args = {**mesh.connection, **mesh.args()}
    run_module("jws_key", args).ok()
    partner = keys.public_pem(keys.load_private(mesh.canaries.record(_private(2048), "key of a partner")))
    for place in args["publish"]:
        place.update(prune=True, keep=["manual"])
    (mesh.base / "hub" / "trust" / "manual.pem").write_text("put here by hand")
    args["participants"] = [{"name": "hub"}, {"name": "perffsp-1"}, {"name": "partner", "public_key": partner}]
    foretold = run_module("jws_key", args, check=True).ok()
    done = run_module("jws_key", args).ok()
    assert foretold.result["summary"] == done.result["summary"]
    assert set(mesh.trust("hub")) == {"perffsp-1", "partner", "manual"}
    assert set(mesh.trust("perffsp-1")) == {"hub", "partner"}
    assert mesh.trust("hub")["partner"] == partner
    assert mesh.held("perffsp-2"), "what is not declared keeps its key"
    assert not run_module("jws_key", args).ok().changed


@pytest.mark.parametrize("path", ["trust", "trust/{name}"])
def test_j3_nobody_undeclared_stays_trusted_in_kv(run_module: Module, mesh: Mesh, path: str) -> None:
    """J3: pruned when that is asked, told of and left alone when it is not, in one secret and in one per owner."""
    place = {"kind": "kv", "mount": mesh.mount, "path": path}
    names = ["hub", "hubb1"]
    args = {**mesh.connection, **mesh.args(participants=[{"name": name} for name in names]), "publish": [place]}
    run_module("jws_key", args).ok()
    args["participants"] = [{"name": "hub"}]
    assert not run_module("jws_key", args).ok().changed, "nothing is removed that nobody asked to remove"
    look = {key: args[key] for key in (*mesh.connection, "mount")}
    told = run_module("jws_key_info", {**look, "publish": [place], "participants": [{"name": "hub"}]})
    assert any("hubb1" in str(finding) for finding in told.result["others"]), told.result
    args["publish"] = [{**place, "prune": True}]
    assert run_module("jws_key", args, check=True).ok().changed
    assert run_module("jws_key", args).ok().changed
    assert not run_module("jws_key", args).ok().changed
    clean = run_module("jws_key_info", {**look, "publish": [place], "participants": [{"name": "hub"}]})
    assert "hubb1" not in str(clean.result["others"])


def test_what_others_wrote_meanwhile_is_not_lost(mesh: Mesh, run_module: Module) -> None:
    run_module("jws_key", {**mesh.connection, **mesh.args("hub")}).ok()
    mesh.vault.api.request("DELETE", f"{mesh.mount}/data/jws/hub")
    again = run_module("jws_key", {**mesh.connection, **mesh.args("hub")}).ok()
    assert again.result["results"][0]["action"] == "create", "a deleted newest version is written over"
    mesh.vault.api.write(f"{mesh.mount}/data/jws/hub", data={"format": 1, "private_key": "half a record"})
    damaged = run_module("jws_key", {**mesh.connection, **mesh.args("hub")})
    assert damaged.failed
    assert "holds no record of a key" in damaged.msg
    assert "half a record" not in damaged.stdout


def test_an_engine_of_version_1_serves_too(ladder: t.Any, mesh: Mesh, unique_name: t.Callable[[str], str]) -> None:
    mount = unique_name("kv1")
    mesh.vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "1"})
    publish = [{"kind": "kv", "mount": mount, "path": "trust"}]
    args = {"mount": mount, "publish": publish, "participants": [{"name": "hub"}]}
    ladder.climb("jws_key", args, absent={**args, "participants": [{"name": "hub", "state": "absent"}]})
    assert mesh.vault.api.list(f"{mount}/jws_key") == []


def test_too_many_for_one_secret_are_told_and_have_another_way(run_module: Module, mesh: Mesh) -> None:
    """OpenBao takes about a thousand texts in a request, names included; HashiCorp Vault ten thousand in one secret.

    So 600 alone are too many for the one, and for the other because of the many that are there.
    """
    others = {"data": {f"other-{at}": "" for at in range(9_900)}}
    there = mesh.vault.api.request("POST", f"{mesh.mount}/data/trust", others).status == 200
    assert there or mesh.vault.api.read(f"{mesh.mount}/data/trust") is None
    many = [{"name": f"fsp-{at}"} for at in range(600)]
    args = {**mesh.connection, **mesh.args(participants=many, algorithm="ES256")}
    args["publish"] = [{"kind": "kv", "mount": mesh.mount, "path": "trust"}]
    refused = run_module("jws_key", args)
    assert refused.failed
    count = 600 + (9_900 if there else 0)
    assert f"{count} public texts are too many for one secret on this server. End the path in /{{name}}" in refused.msg
    args["publish"] = [{"kind": "kv", "mount": mesh.mount, "path": "trust/{name}", "prune": True}]
    assert run_module("jws_key", args).ok().result["summary"]["update"] == 600
    assert not run_module("jws_key", args).ok().changed
    answer = mesh.vault.api.read(f"{mesh.mount}/data/trust/fsp-599") or {}
    assert answer["data"]["public_key"].startswith("-----BEGIN PUBLIC KEY-----")


def test_a_noop_of_many_costs_one_reading_each_and_no_write(
    run_module: Module, mesh: Mesh, audit_window: t.Any
) -> None:
    many = [{"name": f"fsp-{at}"} for at in range(40)]
    args = {**mesh.connection, **mesh.args(participants=many, algorithm="ES256")}
    run_module("jws_key", args).ok()
    with audit_window() as window:
        assert not run_module("jws_key", args).ok().changed
    assert not window.writes
    assert len(window.reads) == len(many) + 3, "the engine's version, each record, the one public secret, a listing"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bits": 1024}, "bits: 1024 is not between 2048 and 8192"),
        ({"participants": [{"name": "../hub"}]}, "cannot name files"),
        ({"participants": [{"name": "hub"}, {"name": "Hub"}]}, "upper and lower case alone"),
        ({"path": "jws"}, "path: 'jws' is the same for every owner"),
        ({"publish": [{"kind": "mcm"}]}, "publish[0].url: not given, but kind mcm needs it"),
        ({"publish": [{"kind": "directory", "path": "/a"}] * 2}, "declared more than once: directory /a"),
        (
            {"publish": [{"kind": "directory", "path": "/a/{name}"}]},
            "publish[0].path: {name} in the path of a directory",
        ),
        (
            {
                "participants": [{"name": "hub"}, {"name": "hub"}],
                "publish": [{"kind": "directory", "path": "/a/{audience}"}],
            },
            "declared more than once: jws_key hub. Keep one",
        ),
        ({"not_before": "tomorrow"}, "not_before"),
    ],
)
def test_what_cannot_be_made_true_is_refused_before_anything_is_done(
    run_module: Module, mesh: Mesh, changes: dict[str, t.Any], message: str
) -> None:
    refused = run_module("jws_key", {**mesh.connection, **mesh.args("hub"), **changes})
    assert refused.failed
    assert message in refused.msg
    assert not (pathlib.Path(mesh.base) / "perffsp-1").exists()
