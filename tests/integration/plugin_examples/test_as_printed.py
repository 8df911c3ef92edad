# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F4: the examples of tests and filters run as printed; on a wrong target they fail, on wrong input they say why."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import secrets
import typing as t
from dataclasses import dataclass, field

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from plugins.module_utils._keyring.api_key import generate
from tests.rigs.runner import Runner
from tests.unit.api_key.test_text import entry, record
from tests.unit.architecture.guards import tree
from tests.unit.docs.blocks import ROOT

Play = dict[str, t.Any]


@dataclass(frozen=True)
class Case:
    """What an example needs, how to break it, and input that it cannot take with what is said about that."""

    plugin: str
    variables: Play
    broken: Play
    wrong: Play
    said: str
    files: dict[str, str] = field(default_factory=dict)


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _ilp() -> list[Case]:
    octets = secrets.token_bytes(32)
    fulfilment, condition = _base64url(octets), _base64url(hashlib.sha256(octets).digest())
    other = _base64url(secrets.token_bytes(32))
    answer = {"answer": {"fulfilment": fulfilment}}
    return [
        Case(
            "test/ilp_fulfils",
            {**answer, "transfer": {"condition": condition}},
            {"transfer": {"condition": other}},
            {"answer": {"fulfilment": f"{fulfilment}="}},
            "Assertion failed",
        ),
        Case(
            "filter/ilp_condition",
            {"transfer": {"fulfilment": fulfilment}},
            {},
            {"transfer": {"fulfilment": "short"}},
            "ilp_condition: fulfilment: ",
        ),
    ]


def _ed25519() -> Case:
    key = ed25519.Ed25519PrivateKey.generate()
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(encoding, form).decode()
    note, content = "version 2 is out", '{"state": "COMMITTED"}'
    return Case(
        "test/ed25519_valid",
        {
            "note": note,
            "maintainers_key": public,
            "service_key": public,
            "answer": {"content": content, "x_signature": key.sign(content.encode()).hex()},
        },
        {"note": f"{note}!"},
        {"maintainers_key": 5},
        "ed25519_valid: public_key: takes a text, not a whole number",
        {"note.sig": base64.b64encode(key.sign(note.encode())).decode()},
    )


def _api_key(directory: pathlib.Path) -> Case:
    key = generate("tm_live_", 256).reveal()
    known, other = record(entry(key)), record(entry(generate("tm_live_", 256).reveal()))
    (directory / "other.json").write_text(json.dumps(other))
    return Case(
        "test/api_key_matches",
        {},
        {"record": str(directory / "other.json")},
        {"record": "/dev/null"},
        "api_key_matches: record: is not a record of API keys",
        {"api.key": key, "integration-service.json": json.dumps(known)},
    )


CASES: t.Final = ("test/ilp_fulfils", "filter/ilp_condition", "test/ed25519_valid", "test/api_key_matches")


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Case:
    cases = {each.plugin: each for each in [*_ilp(), _ed25519(), _api_key(tmp_path)]}
    return cases[request.param]


def _tasks(case: Case, directory: pathlib.Path) -> list[Play]:
    """Return the example as printed, with absolute paths below the directory of the test."""
    printed = tree.load(ROOT / "plugins" / f"{case.plugin}.yml")["EXAMPLES"]
    for name, content in case.files.items():
        (directory / name).write_text(content)
    for path in ("/etc/clients/integration-service/", "/etc/trust-service/api-keys/"):
        printed = printed.replace(path, f"{directory}/")
    return t.cast("list[Play]", yaml.safe_load(printed))


def _lookup(path: str) -> str:
    return f"{{{{ lookup('ansible.builtin.file', '{path}') }}}}"


def _run(runner: Runner, directory: pathlib.Path, tasks: list[Play], variables: Play) -> t.Any:
    path = directory / "play.yml"
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
    path.write_text(yaml.safe_dump([play]))
    return runner.playbook(path)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_f4_example_runs_as_printed(runner: Runner, tmp_path: pathlib.Path, case: Case) -> None:
    done = _run(runner, tmp_path, _tasks(case, tmp_path), case.variables)
    assert done.rc == 0, done.stdout


@pytest.mark.parametrize("case", [name for name in CASES if name.startswith("test/")], indirect=True)
def test_f4_example_fails_on_a_wrong_target(runner: Runner, tmp_path: pathlib.Path, case: Case) -> None:
    tasks = _tasks(case, tmp_path)
    variables = {**case.variables, **case.broken}
    if "record" in case.broken:
        tasks[0]["vars"]["record"] = _lookup(case.broken["record"])
    done = _run(runner, tmp_path, tasks, variables)
    assert done.rc != 0
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_f4_wrong_input_is_named(runner: Runner, tmp_path: pathlib.Path, case: Case) -> None:
    tasks = _tasks(case, tmp_path)
    if "record" in case.wrong:
        tasks[0]["vars"]["record"] = _lookup(case.wrong["record"])
        tasks[0].pop("no_log")
    done = _run(runner, tmp_path, tasks, {**case.variables, **case.wrong})
    assert done.rc != 0
    assert case.said in " ".join((done.stdout + done.stderr).split()), done.stdout
    assert "Traceback" not in done.stdout
