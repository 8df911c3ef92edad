# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each rule for secret files fails on a wrong file and passes on a right one; nothing else changes its word."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import pathlib
import struct
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._hygiene.file_audit import ITEM_OPTIONS, FileAudit
from plugins.module_utils._hygiene.file_facts import DirectoryFacts, FileFacts, TreeFacts
from plugins.module_utils._hygiene.file_rules import RULES, AuditPolicy, judge
from plugins.module_utils._hygiene.key_material import key_in
from tests.rigs.plants import Plants

NOW = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
POLICY = AuditPolicy("/etc/hub", 0o600, 0, 0, 0o700, ("/etc/hub/keys",), True)
RIGHT = FileFacts("/etc/hub/keys/a.key", "file", key="encrypted", secret_by_name=True, identity=(1, 2))
WAY = {path: DirectoryFacts(path, mode, 0, 0) for path, mode in (("/etc/hub/keys", 0o700), ("/etc/hub", 0o755))}


def _broken(it: FileFacts, policy: AuditPolicy = POLICY, way: dict[str, DirectoryFacts] | None = None) -> list[str]:
    tree = TreeFacts(1, (it,), WAY if way is None else way)
    return [finding.rule for _rule, _file, finding in judge(tree, policy)]


def _place(path: str, **facts: t.Any) -> dict[str, DirectoryFacts]:
    return {**WAY, path: dataclasses.replace(WAY[path], **facts)}


#: rule -> files that break it, each with the policy or the directories that matter
WRONG: list[tuple[str, dict[str, t.Any], dict[str, t.Any]]] = [
    ("open-to-all", {"mode": 0o604}, {}),
    ("open-to-all", {"mode": 0o602}, {}),
    ("open-to-all", {"mode": 0o601}, {}),
    ("mode", {"mode": 0o640}, {}),
    ("mode", {"mode": 0o700}, {}),
    ("mode", {"mode": 0o4600}, {}),
    ("owner", {"uid": 12345}, {}),
    ("owner", {"gid": 12345}, {}),
    ("access-list", {"let_in": ("user 1001",)}, {}),
    ("link", {"kind": "link", "mode": 0o777, "target": None}, {}),
    ("link", {"kind": "link", "mode": 0o777, "target": "/tmp/a.key"}, {}),
    ("link", {"kind": "link", "mode": 0o777, "target": "/etc/hubris/a.key"}, {}),
    ("hard-link", {"links": 2}, {}),
    ("stray-key", {"path": "/etc/hub/a.key"}, {}),
    ("stray-key", {"path": "/etc/hub/keystore/a.key"}, {}),
    ("plain-key", {"key": "plain"}, {}),
    ("forbidden", {"forbidden": True}, {}),
    ("backup", {"backup": True}, {}),
    ("archive", {"members": ("etc/a.key",)}, {}),
    ("path", {}, _place("/etc/hub", mode=0o757)),
    ("path", {}, _place("/etc/hub", mode=0o775, gid=12345)),
    ("path", {}, _place("/etc/hub", uid=12345)),
    ("directory", {}, _place("/etc/hub/keys", mode=0o750)),
]
#: What resembles them and is right.
RIGHT_TOO: list[tuple[dict[str, t.Any], dict[str, t.Any], dict[str, DirectoryFacts]]] = [
    ({}, {}, WAY),
    ({"mode": 0o400}, {}, WAY),
    ({"mode": 0o640}, {"mode": 0o640}, WAY),
    ({"mode": 0o644}, {"mode": 0o644}, WAY),
    ({"uid": 12345}, {"uid": None}, WAY),
    ({"gid": 12345}, {"gid": None}, WAY),
    ({"kind": "link", "mode": 0o777, "target": "/etc/hub/b.key", "key": None}, {}, WAY),
    ({"key": "plain"}, {"encrypted_keys": False}, WAY),
    ({"path": "/etc/hub/a.key"}, {"key_directories": None}, WAY),
    ({"path": "/etc/hub/token", "key": None}, {}, WAY),
    ({}, {}, _place("/etc/hub", mode=0o1777)),
    ({}, {}, _place("/etc/hub", mode=0o775, gid=0)),
    ({"uid": 7}, {"uid": None}, _place("/etc/hub", uid=7)),
    ({}, {"directory_mode": 0o750}, _place("/etc/hub/keys", mode=0o750)),
]


@pytest.mark.parametrize(("rule", "file", "way"), WRONG, ids=[f"{at}-{case[0]}" for at, case in enumerate(WRONG)])
def test_a_wrong_file_breaks_its_rule_and_no_other(rule: str, file: dict[str, t.Any], way: dict[str, t.Any]) -> None:
    it = dataclasses.replace(RIGHT, **file)
    broken = set(_broken(it, way=way or None))
    # A file that lies elsewhere, or is a link, is not asked for what its directory is like.
    assert broken - ({"directory"} if it.path != RIGHT.path else set()) == {rule}


@pytest.mark.parametrize(("file", "policy", "way"), RIGHT_TOO, ids=range(len(RIGHT_TOO)))
def test_a_right_file_breaks_none(
    file: dict[str, t.Any], policy: dict[str, t.Any], way: dict[str, DirectoryFacts]
) -> None:
    it = dataclasses.replace(RIGHT, **file)
    assert set(_broken(it, dataclasses.replace(POLICY, **policy), way)) - {"directory"} == set()


def test_every_rule_has_a_wrong_file() -> None:
    assert {rule for rule, _file, _way in WRONG} == {rule.name for rule in RULES}


def test_a_second_name_inside_is_no_finding() -> None:
    pair = (dataclasses.replace(RIGHT, links=2), dataclasses.replace(RIGHT, links=2, path="/etc/hub/keys/b.key"))
    assert list(judge(TreeFacts(2, pair, WAY), POLICY)) == []


def _openssh(cipher: bytes) -> bytes:
    inside = b"openssh-key-v1\0" + struct.pack(">I", len(cipher)) + cipher + Plants(1).raw(200)
    label = b"OPENSSH PRIVATE KEY-----\n"
    return b"-----BEGIN " + label + base64.b64encode(inside) + b"\n-----END " + label


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b"", None),
        (b"no key", None),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", None),
        (Plants(1).private_key().encode(), "plain"),
        (Plants(1).private_key("RSA").encode(), "plain"),
        (Plants(1).private_key("ENCRYPTED").encode(), "encrypted"),
        (Plants(1).private_key("EC").replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n", 1).encode(), "encrypted"),
        (Plants(1).private_key("ENCRYPTED").encode() + Plants(2).private_key().encode(), "plain"),
        (_openssh(b"none"), "plain"),
        (_openssh(b"aes256-ctr"), "encrypted"),
        (Plants(1).private_key("OPENSSH").encode(), "plain"),
        (b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "plain"),
        (b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: aes256-cbc\n", "encrypted"),
        (Plants(1).age().encode(), "plain"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" + Plants(1).private_key().encode(), "plain"),
        (Plants(1).raw(5000), None),
    ],
)
def test_keys_are_known_in_every_form(content: bytes, state: str | None) -> None:
    assert key_in(content) == state


def _audit(path: pathlib.Path, **options: t.Any) -> FileAudit:
    defaults = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    return FileAudit.declared({**defaults, "path": str(path), **options}, NOW)


def test_a_plan_repairs_only_what_is_asked_for(tmp_path: pathlib.Path) -> None:
    key = tmp_path / "a.key"
    key.write_text(Plants(1).private_key())
    key.chmod(0o646)
    for repair, action, steps in (([], "none", []), (["owner"], "none", []), (["mode"], "update", ["chmod"])):
        audit = _audit(tmp_path, repair=repair)
        plan = audit.plan(audit.read(), NOW)
        assert (plan.action.value, [step.verb for step in plan.steps]) == (action, steps)
    (change,) = plan.changes
    assert (change.before, change.after) == ("0646", "0600")
    assert change.reason == f"{key}: everybody on the host can read and write it (mode 0646)"


def test_what_is_allowed_is_not_repaired(tmp_path: pathlib.Path) -> None:
    key = tmp_path / "a.key"
    key.write_text(Plants(1).private_key())
    key.chmod(0o644)
    allow = [{"rule": "open-to-all", "path": None, "fingerprint": None, "owner": "hub", "reason": "demo"}]
    audit = _audit(tmp_path, repair=["mode"], allow=[{**allow[0], "expires": "2026-06-01"}])
    assert not audit.plan(audit.read(), NOW)
    late = _audit(tmp_path, repair=["mode"], allow=[{**allow[0], "expires": "2026-05-31"}])
    plan = late.plan(late.read(), NOW)
    assert plan
    assert plan.warnings == ("the allowance of hub (demo) is expired",)


def test_a_path_that_is_not_there_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist on this host"):
        _audit(tmp_path / "none").read()
