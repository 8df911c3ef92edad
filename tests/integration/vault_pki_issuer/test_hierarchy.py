# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roots and intermediates against a real server: the ladder, what is continued, what is refused."""

from __future__ import annotations

import datetime
import pathlib
import subprocess
import typing as t
from collections.abc import Callable

import pytest

from tests.integration.ladder import Ladder
from tests.integration.vault_pki.engine import Engine, MakeEngine
from tests.integration.vault_pki_issuer.declarations import PLAIN, ROOT, Item, loaded, mesh, only_issuer
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import ModuleResult

Manage = Callable[..., ModuleResult]


def test_ladder(ladder: Ladder, engine: Engine, above: Engine) -> None:
    root = {**ROOT, "mount": above.path}
    below = mesh(above, leaf_not_after_behavior="truncate", default=True, usage=["issuing-certificates", "crl-signing"])

    def tamper() -> None:
        engine.api.request(
            "PATCH",
            engine.at("issuer/mesh"),
            {"usage": "read-only", "leaf_not_after_behavior": "err", "ocsp_servers": ["http://keep.example"]},
            Content_Type="application/merge-patch+json",
        )

    rungs = ladder.climb(
        "vault_pki_issuer",
        {"mount": engine.path, "issuers": [root, below]},
        tamper=tamper,
        absent={
            "mount": engine.path,
            "issuers": [
                {"name": "mesh", "state": "absent", "delete_key": True},
                {"name": "root", "mount": above.path, "state": "absent", "delete_key": True},
            ],
        },
    )
    assert rungs["mend"].items[1]["reasons"] == [
        "usage lacks crl-signing, issuing-certificates",
        "leaf_not_after_behavior is err, declared truncate",
    ]
    assert [(write.operation, write.path.split("/")[-1]) for write in rungs["mend"].writes] == [
        ("patch", rungs["mend"].items[1]["issuer"]["issuer_id"])
    ]
    assert rungs["mended"].items[1]["issuer"]["ocsp_servers"] == ["http://keep.example"]
    assert engine.keys() == above.keys() == {}


def test_f7_a_path_length_of_zero_is_a_wish_and_no_warning(manage: Manage, engine: Engine, above: Engine) -> None:
    made = manage({**PLAIN, "mount": above.path}, mesh(above), {**PLAIN, "name": "flat", "max_path_length": 0}).ok()

    assert "CA" in made.stdout
    assert "path length" not in str(made.result.get("warnings"))


def test_everything_is_foretold_on_an_empty_server(run_module: t.Any, connection: Item, audit_window: t.Any) -> None:
    parent = Engine(None, "not-there")  # type: ignore[arg-type]
    issuers = [{**ROOT, "mount": "not-there"}, {**mesh(parent), "mount": "nor-there"}]
    with audit_window() as window:
        result = run_module("vault_pki_issuer", {**connection, "issuers": issuers}, check=True, diff=True).ok()
    assert [item["action"] for item in result.result["results"]] == ["create", "create"]
    assert not window.writes
    failed = run_module("vault_pki_issuer", {**connection, "issuers": issuers})
    assert failed.failed and "nothing is mounted for not-there" in failed.msg
    assert "not attempted, because vault_pki_issuer not-there/root failed" in failed.msg


def test_facts_and_second_opinion(manage: Manage, engine: Engine, above: Engine, tmp_path: pathlib.Path) -> None:
    results = manage({**ROOT, "mount": above.path}, mesh(above)).ok().result["results"]
    root, below = (item["issuer"] for item in results)
    certificate = loaded(below["certificate"])
    assert below["subject"] == "CN=Example Mesh CA,O=Example Hub"
    assert below["issuer"] == root["subject"]
    assert below["not_after"] == certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert below["serial"] == engine.issuers()[below["issuer_id"]]["serial_number"]
    assert (below["chain_length"], below["chain_complete"]) == (2, True)
    assert below["chain"] == below["certificate"] + root["certificate"]
    assert loaded(root["certificate"]).subject.rfc4514_string().count("Example Hub") == 1
    assert "SubjectAlternativeName" not in str(certificate.extensions)
    for name, text in (("root.pem", root["certificate"]), ("mesh.pem", below["certificate"])):
        (tmp_path / name).write_text(text)
    verified = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", tmp_path / "root.pem", tmp_path / "mesh.pem"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr


# -- continued, not begun again ----------------------------------------------------------------------------------------


def test_trap_35_run_that_ended_after_the_key_is_continued_with_that_key(
    manage: Manage, engine: Engine, above: Engine
) -> None:
    above.make_root()
    waiting = engine.write("intermediate/generate/internal", common_name="x", key_name="mesh", key_type="ec").data
    facts = only_issuer(manage(mesh(above)))
    assert facts["key_id"] == waiting["key_id"]
    assert list(engine.keys()) == [waiting["key_id"]]
    assert not manage(mesh(above)).ok().changed


def test_trap_35_run_that_ended_after_the_import_is_continued_by_naming(
    manage: Manage, engine: Engine, above: Engine, audit_window: t.Any
) -> None:
    above.make_root(organization="Example Hub")
    subject = {"common_name": "Example Mesh CA", "organization": "Example Hub", "exclude_cn_from_sans": True}
    asked = engine.write("intermediate/generate/internal", **subject, key_name="mesh", key_type="ec").data["csr"]
    body = {**subject, "csr": asked, "ttl": "1825d", "max_path_length": 0}
    signed = above.write("issuer/root/sign-intermediate", **body).data
    engine.write("issuers/import/cert", pem_bundle=signed["certificate"] + "\n" + signed["issuing_ca"])
    with audit_window() as window:
        (item,) = manage(mesh(above)).ok().result["results"]
    assert item["action"] == "update"
    assert item["reasons"] == ["issuer_name is empty, declared mesh"]
    assert [write.operation for write in window.writes] == ["patch"]
    assert len(engine.keys()) == 1 and len(engine.issuers()) == 2


def test_trap_35_waiting_key_of_another_type_is_refused(manage: Manage, engine: Engine, above: Engine) -> None:
    above.make_root()
    engine.write("intermediate/generate/internal", common_name="x", key_name="mesh", key_type="rsa")
    result = manage(mesh(above))
    assert result.failed
    assert "key_name: a key mesh waits in the engine and is rsa, declared ec" in result.msg
    assert engine.issuers() == {}


def test_trap_34_second_run_makes_no_second_root(manage: Manage, engine: Engine) -> None:
    first = only_issuer(manage(PLAIN))
    second = manage(PLAIN).ok()
    assert not second.changed
    assert list(engine.issuers()) == [first["issuer_id"]]
    assert len(engine.keys()) == 1


def test_trap_34_nameless_root_is_named_and_not_made_again(manage: Manage, engine: Engine) -> None:
    engine.write("root/generate/internal", common_name="Example Root CA", key_type="ec", ttl="3650d")
    (item,) = manage(PLAIN).ok().result["results"]
    assert (item["action"], item["reasons"]) == ("update", ["issuer_name is empty, declared root"])
    assert [info["issuer_name"] for info in engine.issuers().values()] == ["root"]


def test_trap_34_which_of_two_nameless_roots_is_not_guessed(manage: Manage, engine: Engine) -> None:
    for _copy in range(2):
        engine.write("root/generate/internal", common_name="Example Root CA", key_type="ec", ttl="3650d")
    result = manage(PLAIN)
    assert result.failed
    assert "name: 2 nameless issuers fit" in result.msg
    assert len(engine.issuers()) == 2


def test_deleted_root_is_made_again_from_the_key_that_was_kept(manage: Manage, engine: Engine) -> None:
    first = only_issuer(manage(PLAIN))
    manage({"name": "root", "state": "absent"}).ok()
    assert list(engine.keys()) == [first["key_id"]]
    again = only_issuer(manage(PLAIN))
    assert again["key_id"] == first["key_id"]
    assert again["fingerprint_sha256"] != first["fingerprint_sha256"]


# -- lifetimes ---------------------------------------------------------------------------------------------------------


def test_trap_41_root_that_the_mount_would_cut_is_refused(manage: Manage, make_engine: MakeEngine) -> None:
    engine = make_engine(max_lease_ttl="768h")
    foretold = manage(PLAIN, mount=engine.path, check=True).ok()
    assert foretold.result["results"][0]["action"] == "create"
    result = manage(PLAIN, mount=engine.path)
    assert result.failed
    assert f"ttl: 3650d is longer than the mount {engine.path} allows (32d)" in result.msg
    assert engine.issuers() == engine.keys() == {}


def test_trap_41_intermediate_that_the_signing_mount_would_cut_is_refused(
    manage: Manage, engine: Engine, make_engine: MakeEngine
) -> None:
    above = make_engine(max_lease_ttl="87600h")
    above.make_root()
    above.api.write(f"sys/mounts/{above.path}/tune", max_lease_ttl="768h")
    result = manage(mesh(above))
    assert result.failed
    assert f"ttl: 1825d is longer than the mount {above.path} allows (32d)" in result.msg
    assert engine.keys() == {}


def test_trap_21_intermediate_that_would_outlive_its_root_is_refused(
    manage: Manage, engine: Engine, above: Engine, audit_window: t.Any
) -> None:
    above.make_root(ttl="100d")
    for check in (True, False):
        with audit_window() as window:
            result = manage(mesh(above, ttl="200d"), check=check)
        assert result.failed
        assert "ttl: the CA would live until" in result.msg and "longer than CN=Test Root" in result.msg
        assert not window.writes


def test_trap_21_intermediate_that_would_outlive_a_root_of_the_same_run_is_refused(
    manage: Manage, engine: Engine, above: Engine
) -> None:
    result = manage({**PLAIN, "mount": above.path, "ttl": "100d"}, mesh(above, ttl="100d"))
    assert result.failed
    assert "ttl: the CA would live until" in result.msg
    assert [item["action"] for item in result.result["results"]] == ["create", "create"]
    assert len(above.issuers()) == 1
    assert engine.issuers() == engine.keys() == {}


def test_change_of_ttl_is_not_ignored(manage: Manage, engine: Engine) -> None:
    manage(PLAIN).ok()
    result = manage({**PLAIN, "ttl": "1000d"})
    assert result.failed
    # The certificate lives half a minute longer than was asked for, because it is dated back by that.
    assert "cannot be changed in place: ttl is 315360030, declared 86400000" in result.msg


# -- declarations ------------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Item, str]] = {
    "reserved name": ({"name": "default"}, "name: 'default' cannot be the name of an issuer"),
    "size of another type": ({"key_bits": 2048}, "key_bits: 2048 means nothing for keys of type ec"),
    "root signed by another": ({"signed_by": {"mount": "x"}}, "signed_by: has no meaning for type root"),
    "no lifetime": ({"ttl": 0}, "ttl: a CA has to live for a while"),
    "path length": ({"max_path_length": -2}, "max_path_length: -2 is not a number of CAs"),
    "intermediate without signer": ({"type": "intermediate"}, "signed_by: an intermediate is signed either by"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused(manage: Manage, audit_window: t.Any, change: Item, message: str) -> None:
    with audit_window() as window:
        result = manage({**PLAIN, **change})
    assert result.failed
    assert message in result.msg
    assert not window.requests


def test_ca_in_its_last_tenth_is_warned_about(manage: Manage, engine: Engine) -> None:
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=40)
    began = ends - datetime.timedelta(days=30)
    engine.make_root(ttl="", not_after=ends.strftime("%Y-%m-%dT%H:%M:%SZ"), not_before_duration="30d")
    (item,) = manage({"name": "root", "type": "root", "common_name": "Test Root"}).ok().result["results"]
    assert loaded(item["issuer"]["certificate"]).not_valid_before_utc - began < datetime.timedelta(minutes=2)
    assert "is in the last tenth of its life" in item["warnings"][0]


def test_documented_policy_suffices(
    run_module: t.Any, vault: OpenBao, engine: Engine, above: Engine, token: Callable[..., str]
) -> None:
    rules = f"""
    path "sys/mounts/+/tune" {{ capabilities = ["read"] }}
    path "{above.path}/root/generate/*" {{ capabilities = ["update"] }}
    path "{above.path}/issuer/root/json" {{ capabilities = ["read"] }}
    path "{above.path}/issuer/root/sign-intermediate" {{ capabilities = ["update"] }}
    path "{engine.path}/intermediate/generate/*" {{ capabilities = ["update"] }}
    path "{engine.path}/issuers/import/cert" {{ capabilities = ["update"] }}
    """
    for path in (engine.path, above.path):
        rules += f"""
        path "{path}/issuer/*" {{ capabilities = ["read", "update", "patch", "delete"] }}
        path "{path}/key/*" {{ capabilities = ["read", "update", "delete"] }}
        path "{path}/config/issuers" {{ capabilities = ["read", "update"] }}
        path "{path}/issuers" {{ capabilities = ["list"] }}
        path "{path}/keys" {{ capabilities = ["list"] }}
        path "{path}/roles" {{ capabilities = ["list"] }}
        path "{path}/roles/*" {{ capabilities = ["read"] }}
        """
    args = {"url": vault.url, "ca_cert": vault.ca_path, "token": token(rules=rules), "mount": engine.path}
    root = {**PLAIN, "mount": above.path, "default": True}
    for root_change, change in (({}, {}), ({"common_name": "New", "on_mismatch": "replace"}, {})):
        issuers = [{**root, **root_change}, mesh(above, on_mismatch="replace", **change)]
        run_module("vault_pki_issuer", {**args, "issuers": issuers}).ok()
        run_module("vault_pki_issuer", {**args, "issuers": issuers}).ok()
    gone = [{"name": "mesh", "state": "absent", "delete_key": True}]
    assert run_module("vault_pki_issuer", {**args, "issuers": gone}).ok().changed
