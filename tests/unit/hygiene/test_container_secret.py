# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of podman, beside a program that keeps them in files and writes down how it was called."""

from __future__ import annotations

import datetime
import json
import pathlib
import sys
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, TrustmeshError
from plugins.module_utils._core.plan import Action
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._hygiene import container_secret
from plugins.module_utils._hygiene.container_secret import LABEL, ContainerFailure, ContainerSecret, Engine, Podman
from plugins.module_utils._hygiene.digest import DigestKey

NOON: t.Final = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
PROGRAM: t.Final = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
held = folder / "held.json"
secrets = json.loads(held.read_text()) if held.exists() else {{}}
arguments = sys.argv[2:]
with open(folder / "calls.jsonl", "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
verb, name = arguments[0], arguments[-1]
if verb == "ls":
    print("\\n".join(secrets))
elif verb == "inspect":
    print(json.dumps([{{"Spec": {{k: v for k, v in secrets[n].items() if k != "value"}}}} for n in arguments[2:]]))
elif arguments == ["create", "--help"]:
    print("{usage}")
elif verb == "create":
    name = arguments[-2]
    if name in secrets and "--replace" not in arguments:
        sys.exit(name + ": secret name in use")
    labels = dict(arguments[at + 1].split("=", 1) for at, word in enumerate(arguments) if word == "--label")
    driver = {{"Name": arguments[arguments.index("--driver") + 1]}}
    secrets[name] = {{"Name": name, "Driver": driver, "Labels": labels, "value": sys.stdin.read()}}
    held.write_text(json.dumps(secrets))
elif verb == "rm":
    if name not in secrets:
        sys.exit("no such secret")
    del secrets[name]
    held.write_text(json.dumps(secrets))
"""


class Rig:
    """One such program."""

    def __init__(self, folder: pathlib.Path, usage: str = "--label --replace") -> None:
        self.folder = folder
        program = folder / "podman"
        program.write_text(PROGRAM.format(python=sys.executable, folder=str(folder), usage=usage))
        program.chmod(0o755)
        self.engine = Engine(Podman(str(program)), DigestKey(str(folder / "keys" / "digest")))

    def secret(self, value: str | None, **changes: t.Any) -> ContainerSecret:
        """Declare the secret of these tests; ``None`` for its absence."""
        item = {"name": "app", "state": "present" if value else "absent", "driver": "file", "labels": None}
        item.update({"value": value, "value_file": None, "vault": None}, **changes)
        return ContainerSecret.declared(self.engine, lambda *_where: Secret(""), item)

    def run(self, secret: ContainerSecret) -> Action:
        """Read, plan and apply; whatever was done, the next plan is empty."""
        self.engine.forget()
        plan = secret.plan(secret.read(), NOON)
        secret.apply(plan)
        self.engine.forget()
        assert not secret.plan(secret.read(), NOON)
        return plan.action

    @property
    def held(self) -> dict[str, t.Any]:
        """What the program keeps."""
        return t.cast("dict[str, t.Any]", json.loads((self.folder / "held.json").read_text()))

    @property
    def calls(self) -> list[list[str]]:
        """How it was called."""
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("usage", ["--label --replace", "--label"])
def test_kind_10_a_secret_is_made_kept_and_replaced_when_its_value_changes(tmp_path: pathlib.Path, usage: str) -> None:
    rig = Rig(tmp_path, usage)
    assert rig.run(rig.secret("first-value")) is Action.CREATE
    assert rig.held["app"]["value"] == "first-value"
    assert rig.run(rig.secret("first-value")) is Action.NONE
    assert rig.run(rig.secret("second-value")) is Action.REPLACE
    assert rig.held["app"]["value"] == "second-value"
    removed = any(call[0] == "rm" for call in rig.calls)
    assert removed is ("--replace" not in usage)
    assert "-value" not in (tmp_path / "calls.jsonl").read_text(), "values are on the standard input alone"


def test_kind_10_what_decides_is_the_keyed_digest(tmp_path: pathlib.Path) -> None:
    rig = Rig(tmp_path)
    rig.run(rig.secret("a-value"))
    digest = rig.held["app"]["Labels"][LABEL]
    other = Rig(tmp_path)
    assert other.run(other.secret("a-value")) is Action.NONE, "the key is in its file"
    (tmp_path / "keys" / "digest").unlink()
    other = Rig(tmp_path)
    assert other.run(other.secret("a-value")) is Action.REPLACE, "without its key a digest says nothing"
    assert rig.held["app"]["Labels"][LABEL] != digest
    assert "a-value" not in json.dumps(rig.held["app"]["Labels"])


@pytest.mark.parametrize("changes", [{"driver": "pass"}, {"labels": {"team": "hub"}}])
def test_kind_10_driver_and_labels_are_part_of_a_secret(tmp_path: pathlib.Path, changes: dict[str, t.Any]) -> None:
    rig = Rig(tmp_path)
    rig.run(rig.secret("a-value", labels={"team": "old", "kept": "yes"}))
    assert rig.run(rig.secret("a-value", **changes)) is Action.REPLACE
    found = rig.held["app"]
    assert found["Driver"]["Name"] == changes.get("driver", "file")
    assert found["Labels"]["kept"] == "yes"
    assert found["Labels"]["team"] == changes.get("labels", {"team": "old"})["team"]


def test_kind_10_a_secret_of_others_is_replaced_and_removed(tmp_path: pathlib.Path) -> None:
    rig = Rig(tmp_path)
    rig.engine.podman.create("app", Secret("theirs"), "file", {}, replace=False)
    assert rig.run(rig.secret("a-value")) is Action.REPLACE
    assert rig.run(rig.secret(None)) is Action.DELETE
    assert rig.held == {}
    assert rig.run(rig.secret(None)) is Action.NONE


def test_what_podman_says_is_the_error(tmp_path: pathlib.Path) -> None:
    rig = Rig(tmp_path)
    rig.engine.podman.create("app", Secret("theirs"), "file", {}, replace=False)
    with pytest.raises(ContainerFailure, match="podman secret create: app: secret name in use"):
        rig.engine.podman.create("app", Secret("a-value"), "file", {}, replace=False)
    with pytest.raises(TrustmeshError, match="executable"):
        Podman(str(tmp_path / "nothing")).secrets()


@pytest.mark.parametrize(
    ("value", "changes", "field"),
    [
        ("a-value", {"name": "-app"}, "name"),
        ("a-value", {"labels": {LABEL: "x"}}, "labels"),
        ("x" * 512_001, {}, "value"),
        ("a-value", {"value_file": "/etc/hostname"}, "value"),
    ],
)
def test_what_podman_would_refuse_is_refused_before(
    tmp_path: pathlib.Path, value: str, changes: dict[str, t.Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Rig(tmp_path).secret(value, **changes)
    assert caught.value.field == field
    assert not (tmp_path / "calls.jsonl").exists()


def test_more_secrets_than_a_command_line_holds_are_listed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_secret, "_MOST_NAMED", 2)
    rig = Rig(tmp_path)
    names = [f"s{number}" for number in range(5)]
    for name in names:
        rig.engine.podman.create(name, Secret("theirs"), "file", {}, replace=False)
    assert list(rig.engine.podman.secrets()) == names
    assert [len(call) - 2 for call in rig.calls if call[0] == "inspect"] == [2, 2, 1]
