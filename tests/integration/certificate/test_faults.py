# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong is one clear message with field and remedy; nothing is half-written and other items go on."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t
from collections.abc import Callable

import pytest

from .conftest import Estate

NAME = "a.svc.example"


def _files(directory: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


def test_trap_20_a_ttl_that_the_role_would_cut_is_refused_before_signing(
    run_module: t.Any, estate: Estate, audit_window: t.Any
) -> None:
    with audit_window() as window:
        refused = run_module("certificate", estate.args({"name": NAME}, ttl="91d"))
    assert refused.failed
    assert "ttl: 91d exceeds the max_ttl of role mesh, 90d" in refused.msg
    assert not window.writes
    assert not estate.directory.exists()


def test_trap_20_a_ttl_that_the_mount_cuts_is_refused_before_signing(
    run_module: t.Any, estate: Estate, vault: t.Any, audit_window: t.Any
) -> None:
    estate.role("loose", max_ttl=0)
    vault.api.write(f"sys/mounts/{estate.engine.path}/tune", max_lease_ttl="10d")
    args = estate.args({"name": NAME}, role="loose", ttl="30d")
    with audit_window() as window:
        refusals = [run_module("certificate", args, check=True), run_module("certificate", args)]
    for refused in refusals:
        assert refused.failed
        assert f"ttl: 30d exceeds the max_lease_ttl of mount {estate.engine.path}, 10d" in refused.msg
    assert not window.writes
    assert not estate.path(NAME).is_symlink()


def test_trap_20_a_life_inside_the_renewal_margin_is_refused_instead_of_looping(
    run_module: t.Any, estate: Estate, audit_window: t.Any
) -> None:
    estate.role("short", max_ttl="1h")
    args = estate.args({"name": NAME}, role="short", renew_before="7d")
    with audit_window() as window:
        refusals = [run_module("certificate", args, check=True), run_module("certificate", args)]
    for refused in refusals:
        assert refused.failed
        assert "renew_before: " in refused.msg
        assert "every run would issue again" in refused.msg
    assert not window.writes
    assert not estate.path(NAME).is_symlink()


def test_f8_one_refused_name_does_not_stop_the_others_and_counts_as_unchanged(
    run_module: t.Any, estate: Estate
) -> None:
    done = run_module("certificate", estate.args({"name": "evil.example"}, {"name": NAME}))
    assert done.failed
    assert "1 of 2 items failed" in done.msg
    assert "evil.example" in done.msg
    assert [item["changed"] for item in done.result["results"]] == [False, True], "F8: the failed one changed nothing"
    assert [item["action"] for item in done.result["results"]] == ["none", "create"]
    assert {name: count for name, count in done.result["summary"].items() if count} == {"create": 1, "failed": 1}
    assert estate.path(NAME).exists()
    assert not estate.path("evil.example").is_symlink()


def test_a_foreign_file_that_is_no_key_is_never_overwritten(run_module: t.Any, estate: Estate) -> None:
    estate.path(NAME).parent.mkdir(parents=True)
    estate.path(NAME, "key.pem").write_text("precious notes")
    refused = run_module("certificate", estate.args({"name": NAME}))
    assert refused.failed
    assert str(estate.path(NAME, "key.pem")) in refused.msg
    assert "is not overwritten" in refused.msg
    assert estate.path(NAME, "key.pem").read_text() == "precious notes"
    assert _files(estate.directory) == [f"{NAME}/key.pem"]


def test_a_foreign_pair_is_adopted_when_it_serves_and_kept_when_it_does_not(run_module: t.Any, estate: Estate) -> None:
    run_module("certificate", estate.args({"name": NAME})).ok()
    pair = {file: estate.path(NAME, file).read_bytes() for file in ("key.pem", "cert.pem")}
    run_module("certificate", estate.args({"name": NAME, "state": "absent"})).ok()
    for file, content in pair.items():
        estate.path(NAME, file).write_bytes(content)
    adopted = run_module("certificate", estate.args({"name": NAME})).ok().result["results"][0]
    assert adopted["action"] == "update"
    assert estate.path(NAME, "key.pem").is_symlink()
    assert estate.path(NAME, "key.pem").read_bytes() == pair["key.pem"]
    run_module("certificate", estate.args({"name": NAME, "state": "absent"})).ok()
    for file, content in pair.items():
        estate.path(NAME, file).write_bytes(content)
    replaced = run_module("certificate", estate.args({"name": NAME, "ip_addresses": ["10.0.0.1"]})).ok()
    assert replaced.result["results"][0]["action"] == "replace"
    kept = [path.read_bytes() for path in estate.directory.glob(f".trustmesh/{NAME}/g-*/key.pem")]
    assert pair["key.pem"] in kept
    assert len(kept) == 2


def test_a_token_that_may_only_sign_is_enough_and_is_told_what_it_costs(
    run_module: t.Any, estate: Estate, token: Callable[..., str]
) -> None:
    limited = token(rules=f'path "{estate.engine.path}/sign/mesh" {{ capabilities = ["update"] }}')
    args = {**estate.args({"name": NAME}, ttl="1d"), "token": limited}
    done = run_module("certificate", args).ok()
    assert "role mesh cannot be read" in str(done.result.get("warnings"))
    assert not run_module("certificate", args).ok().changed


def test_a_role_that_ignores_the_names_of_the_request_is_given_them(run_module: t.Any, estate: Estate) -> None:
    estate.role("strict", use_csr_sans=False, use_csr_common_name=False)
    args = estate.args({"name": NAME, "dns_names": ["b.svc.example"], "ip_addresses": ["10.0.0.1"]}, role="strict")
    run_module("certificate", args).ok()
    assert not run_module("certificate", args).ok().changed


def test_trap_23_a_usage_that_the_role_does_not_give_is_an_error_not_a_loop(run_module: t.Any, estate: Estate) -> None:
    refused = run_module("certificate", estate.args({"name": NAME}, extended_key_usage=["CodeSigning"]))
    assert refused.failed
    assert "extended_key_usage lacks CodeSigning" in refused.msg
    assert "role" in refused.msg
    assert not estate.path(NAME).is_symlink()


def test_no_ca_yet_is_foretold_in_check_mode_and_named_when_applying(
    run_module: t.Any, estate: Estate, make_engine: t.Any
) -> None:
    empty = make_engine()
    args = estate.args({"name": NAME}, mount=empty.path)
    foretold = run_module("certificate", args, check=True).ok()
    assert foretold.result["results"][0]["action"] == "create"
    assert "no certificate can be issued yet" in str(foretold.result["warnings"])
    assert run_module("certificate", args).failed
    assert run_module("certificate", estate.args({"name": NAME}, mount="nowhere"), check=True).ok().changed
    refused = run_module("certificate", estate.args({"name": NAME}, mount="nowhere"))
    assert refused.failed
    assert "nothing is mounted" in refused.msg


BAD_INPUT = [
    ({"key_type": "ec", "key_size": 100}, "key_size: 100 is not allowed for ec keys"),
    ({"ttl": "soon"}, "ttl: 'soon' is not a duration"),
    ({"renew_before": "40d", "ttl": "30d"}, "renew_before: is not shorter than ttl"),
    ({"renew_before": "one week"}, "renew_before: "),
    ({"ip_addresses": ["10.0.0.300"]}, "ip_addresses: "),
    ({"dns_names": ["bad name"]}, "dns_names: "),
    ({"key_mode": "0644"}, "key_mode: a private key may not be open to everybody"),
    ({"mode": "rw-r--r--"}, "mode: "),
    ({"owner": "nobody-of-that-name"}, "owner: "),
    ({"name": "../escape"}, "name: '../escape' cannot name files"),
    ({"keep_generations": 0}, "keep_generations: has to be at least 1"),
    ({"provider": "local"}, "ca_directory: not given"),
    ({"key_usage": ["Signing"]}, "key_usage: "),
]


@pytest.mark.parametrize(
    ("change", "message"),
    BAD_INPUT,
    ids=[next(iter(change)) + str(at) for at, (change, _message) in enumerate(BAD_INPUT)],
)
def test_bad_input_names_item_and_field_before_anything_happens(
    run_module: t.Any, estate: Estate, audit_window: t.Any, change: dict[str, t.Any], message: str
) -> None:
    with audit_window() as window:
        refused = run_module("certificate", estate.args({"name": "good.svc.example"}, {"name": NAME, **change}))
    assert refused.failed
    assert f"certificates[1] ({change.get('name', NAME)})" in refused.msg
    assert message in refused.msg
    assert "Traceback" not in refused.msg + refused.stderr
    assert not window.writes
    assert not estate.directory.exists()


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            [{"name": name, "key_file": "shared.pem"} for name in (NAME, "b.svc.example")],
            f"key_file of certificate {NAME} and key_file of certificate b.svc.example are the same file, ",
        ),
        (
            [{"name": NAME, "key_file": "x.pem", "certificate_file": "x.pem"}],
            f"certificate {NAME}: key_file and certificate_file are the same file, ",
        ),
    ],
)
def test_two_certificates_at_one_path_are_refused(
    run_module: t.Any, estate: Estate, items: list[dict[str, t.Any]], message: str
) -> None:
    refused = run_module("certificate", estate.args(*items))
    assert refused.failed
    assert message in refused.msg
    assert not estate.directory.exists()


def _fill(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        with pytest.raises(OSError, match="No space"):
            _write_until_full(descriptor)
    finally:
        os.close(descriptor)


def _write_until_full(descriptor: int) -> None:
    while os.write(descriptor, b"x" * 1024):
        pass


def test_a_full_disk_leaves_the_old_pair_and_says_so(
    run_module: t.Any, estate: Estate, small_disk: pathlib.Path
) -> None:
    args = estate.args({"name": NAME}, directory=str(small_disk))
    run_module("certificate", args).ok()
    before = {path: (small_disk / NAME / path).read_bytes() for path in ("key.pem", "cert.pem")}
    _fill(small_disk / "filler")
    refused = run_module("certificate", {**args, "certificates": [{"name": NAME, "ip_addresses": ["10.0.0.1"]}]})
    assert refused.failed
    assert "the disk is full" in refused.msg
    assert {path: (small_disk / NAME / path).read_bytes() for path in before} == before
    (small_disk / "filler").unlink()
    run_module("certificate", {**args, "certificates": [{"name": NAME, "ip_addresses": ["10.0.0.1"]}]}).ok()


def test_a_file_system_without_an_inode_left_is_named(
    run_module: t.Any, estate: Estate, few_inodes: pathlib.Path, audit_window: t.Any
) -> None:
    """Kind 9: there is room for content, and none for another file."""
    with audit_window() as window:
        refused = run_module("certificate", estate.args({"name": NAME}, directory=str(few_inodes)))
    assert refused.failed
    assert "the file system has no inode left for another file. Remove files (df -i)" in refused.msg
    assert not [record for record in window.writes if "/sign/" in record.path]
    assert not [path for path in few_inodes.rglob("*") if path.is_file()]


def test_a_read_only_file_system_is_named(run_module: t.Any, estate: Estate, small_disk: pathlib.Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True, timeout=30)
    refused = run_module("certificate", estate.args({"name": NAME}, directory=str(small_disk)))
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True, timeout=30)
    assert refused.failed
    assert "read-only" in refused.msg
    assert str(small_disk) in refused.msg


def _local(estate: Estate, ca: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    args = estate.args({"name": NAME}, provider="local", ca_directory=str(ca), **more)
    return {key: value for key, value in args.items() if key not in ("url", "ca_cert", "token")}


def test_trap_mb_47_a_development_ca_is_refused_unless_allowed(
    run_module: t.Any, estate: Estate, tmp_path: pathlib.Path
) -> None:
    run_module("local_ca", {"authorities": [{"name": "dev", "directory": str(tmp_path / "ca")}]}).ok()
    refused = run_module("certificate", _local(estate, tmp_path / "ca"))
    assert refused.failed
    assert "allow_development_ca: the signing CA is marked as a development CA" in refused.msg
    assert not estate.path(NAME).is_symlink()
    run_module("certificate", _local(estate, tmp_path / "ca", allow_development_ca=True)).ok()
    assert not run_module("certificate", _local(estate, tmp_path / "ca", allow_development_ca=True)).ok().changed
    assert run_module("certificate", _local(estate, tmp_path / "ca")).failed, "also refused once it is there"
