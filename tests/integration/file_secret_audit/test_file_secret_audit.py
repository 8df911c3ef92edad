# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secret files of a real directory are found and judged; only what is asked for is repaired."""

from __future__ import annotations

import os
import pathlib
import shutil
import typing as t

import pytest

from tests.rigs.plants import Plants


@pytest.fixture
def service(tmp_path: pathlib.Path, canary: t.Any) -> pathlib.Path:
    """A directory of a service with secrets that are in order."""
    folder = tmp_path / "hub"
    (folder / "keys").mkdir(parents=True)
    (folder / "hub.conf").write_text("listen 8443\n")
    (folder / "keys" / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    _secret(folder / "keys" / "hub.key", Plants(1).private_key())
    _secret(folder / "secret-id", canary())
    return folder


def _secret(path: pathlib.Path, text: str, mode: int = 0o600) -> pathlib.Path:
    path.touch(mode=0o600)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def audit(run_module: t.Any) -> t.Any:
    """A function that audits one path and returns the facts: ``audit(path, mode="0640")``."""

    def run(path: pathlib.Path, **options: t.Any) -> dict[str, t.Any]:
        done = run_module("file_secret_audit", {"targets": [{"path": str(path), **options}]})
        assert not done.failed, done.result
        return t.cast("dict[str, t.Any]", done.result["results"][0]["audit"])

    return run


def _rules(facts: dict[str, t.Any]) -> list[tuple[str, str]]:
    return [(finding["rule"], pathlib.Path(finding["path"]).name) for finding in facts["findings"]]


def test_what_is_in_order_is(audit: t.Any, service: pathlib.Path) -> None:
    facts = audit(service, key_directories=[str(service / "keys")], forbidden=[".env"])
    nothing: dict[str, t.Any] = {"findings": [], "allowances": [], "unread": {}}
    assert facts == {"ok": True, "complete": True, "examined": 4, "secret_files": 2, **nothing}


def test_each_wrong_is_found_on_a_real_file(audit: t.Any, service: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _secret(service / "notes.txt", Plants(2).private_key("RSA"), 0o644)
    _secret(service / ".env", "A=1\n")
    _secret(service / "secret-id~", "old\n", 0o640)
    outside = _secret(tmp_path / "outside.key", "x")
    (service / "link.key").symlink_to(outside)
    (service / "gone.key").symlink_to(tmp_path / "gone")
    os.link(_secret(service / "twin.token", "x"), tmp_path / "twin")
    (service / "open").mkdir()
    (service / "open").chmod(0o777)
    _secret(service / "open" / "a.token", "x")
    facts = audit(service, key_directories=[str(service / "keys")], forbidden=[".env"], encrypted_keys=True)
    assert sorted(_rules(facts)) == [
        ("backup", "secret-id~"),
        ("forbidden", ".env"),
        ("hard-link", "twin.token"),
        ("link", "gone.key"),
        ("link", "link.key"),
        ("mode", "secret-id~"),
        ("open-to-all", "notes.txt"),
        ("path", "a.token"),
        ("plain-key", "hub.key"),
        ("plain-key", "notes.txt"),
        ("stray-key", "notes.txt"),
    ]
    assert facts["findings"][0]["severity"] == "critical"


@pytest.mark.parametrize("form", ["tar", "gztar", "zip"])
def test_secrets_in_backups(audit: t.Any, service: pathlib.Path, tmp_path: pathlib.Path, form: str) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    archive = pathlib.Path(shutil.make_archive(str(backups / "hub"), form, service))
    archive.chmod(0o600)
    (backups / "broken.tar.gz").write_bytes(archive.read_bytes()[:50])
    assert audit(backups)["ok"], "archives are looked into on request only"
    (finding,) = audit(backups, archives=True)["findings"]
    assert (finding["rule"], finding["path"]) == ("archive", str(archive))
    assert "hub.key" in finding["problem"]
    assert "secret-id" in finding["problem"]
    assert "hub.conf" not in finding["problem"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files to others")
def test_owners_and_access_lists(audit: t.Any, service: pathlib.Path) -> None:
    os.chown(service / "secret-id", 65534, -1)
    assert _rules(audit(service, owner="root")) == [("owner", "secret-id")]
    os.chown(service / "secret-id", 0, -1)
    # An access list as acl(5) has it: user::rw-, user:65534:r--, group::---, mask::r--, other::---
    entries = [(1, 6, 0xFFFFFFFF), (2, 4, 65534), (4, 0, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)]
    import struct

    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(service / "secret-id", "system.posix_acl_access", packed)
    except OSError:
        pytest.skip("not applicable: this file system has no access lists")
    facts = audit(service, mode="0640")
    assert _rules(facts) == [("access-list", "secret-id")]
    assert "lets in user 65534" in facts["findings"][0]["problem"]
    # The mask of a list is what the mode shows as the rights of the group: without them it lets nobody in.
    os.chmod(service / "secret-id", 0o600)
    assert audit(service)["ok"]


def test_the_ladder_of_a_repair(ladder: t.Any, service: pathlib.Path) -> None:
    wrong = [service / "secret-id", service / "keys" / "hub.key"]

    def tamper() -> None:
        for path in wrong:
            path.chmod(0o664)

    tamper()
    rungs = ladder.climb(
        "file_secret_audit", {"targets": [{"path": str(service), "repair": ["mode"]}]}, tamper=tamper, server=False
    )
    assert {path.stat().st_mode & 0o777 for path in wrong} == {0o600}
    assert rungs["create"].items[0]["audit"]["ok"]
    assert not rungs["check create"].items[0]["audit"]["ok"]
    assert rungs["check create"].items[0]["action"] == "update"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files to others")
def test_the_owner_is_repaired(run_module: t.Any, service: pathlib.Path) -> None:
    os.chown(service / "secret-id", 65534, 65534)
    os.chmod(service / "secret-id", 0o644)
    target = {"path": str(service), "owner": "root", "group": "root", "repair": ["mode", "owner"]}
    done = run_module("file_secret_audit", {"targets": [target]})
    assert done.changed, done.result
    status = (service / "secret-id").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (0, 0, 0o600)


def test_nothing_is_changed_without_being_asked(run_module: t.Any, service: pathlib.Path) -> None:
    (service / "secret-id").chmod(0o644)
    done = run_module("file_secret_audit", {"targets": [{"path": str(service)}]})
    assert not done.changed
    assert not done.result["results"][0]["audit"]["ok"]
    assert (service / "secret-id").stat().st_mode & 0o777 == 0o644


def test_another_file_system_is_not_entered_and_a_pipe_not_read(audit: t.Any, service: pathlib.Path) -> None:
    os.mkfifo(service / "pipe.key")
    assert audit(service)["ok"]
    assert audit(pathlib.Path("/proc/self/fdinfo"))["ok"]


def test_a_missing_path_and_an_unknown_owner(run_module: t.Any, service: pathlib.Path) -> None:
    missing = run_module("file_secret_audit", {"targets": [{"path": str(service / "none")}, {"path": str(service)}]})
    assert missing.failed
    assert "does not exist on this host" in missing.result["msg"]
    assert missing.result["results"][1]["audit"]["ok"]
    nobody = run_module("file_secret_audit", {"targets": [{"path": str(service), "owner": "no-such-user"}]})
    assert "owner: 'no-such-user' does not exist on this host" in nobody.result["msg"]


def test_in_a_play(play: t.Any, service: pathlib.Path) -> None:
    (service / "secret-id").chmod(0o604)
    done = play(
        [
            {"trustmesh.security.file_secret_audit": {"targets": [{"path": str(service)}]}, "register": "audit"},
            {"ansible.builtin.assert": {"that": "audit.results | rejectattr('audit.ok') | length == 1"}},
        ]
    )
    assert done.rc == 0, done.tail()
