# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook rotate_keys does after a rotation: archive, notify, note."""

from __future__ import annotations

import http.server
import json
import pathlib
import threading
import typing as t
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from plugins.filter.signed_message_verify import signed_message_verify
from tests.rigs.openbao import OpenBao
from tests.rigs.process import LOOPBACK
from tests.rigs.runner import PlayResult, Runner

NAME: t.Final = "payerfsp"


class Sink:
    """A server that notes what is sent to it, and answers as told."""

    def __init__(self) -> None:
        self.received: list[t.Any] = []
        self.status = 204
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sink.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(sink.status)
                self.end_headers()

            def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002
                """Stay silent."""

        self.server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self.server.server_address[1]}/rotated"


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A server for notifications."""
    made = Sink()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join(10)


class Journey:
    """A participant with a key, and the playbook."""

    def __init__(self, runner: Runner, vault: OpenBao, connection: dict[str, str], mount: str, base: pathlib.Path):
        self.runner = runner
        self.vault = vault
        self.connection = connection
        self.path = f"{mount}/data/jws_key/{NAME}"
        self.jws = {"mount": mount, "publish": [{"kind": "directory", "path": str(base / "trust")}], "max_age": "90d"}
        self.base = base
        self.events = base / "log" / "events.jsonl"
        runner.module("jws_key", {**connection, **self.jws, "participants": [{"name": NAME}]}).ok()

    @property
    def record(self) -> dict[str, t.Any]:
        found = self.vault.api.read(self.path)
        assert found is not None
        return t.cast("dict[str, t.Any]", found["data"])

    def grow_old(self) -> None:
        """Let the key be older than it may be."""
        self.vault.api.write(self.path, data={**self.record, "created": "2026-01-01T00:00:00Z"})

    def rotate(self, *, check: bool = False, **more: t.Any) -> PlayResult:
        given = {
            "participant": NAME,
            "not_before": "2025-01-01T00:00:00Z",
            "rotate_keys_vault": self.connection,
            "rotate_keys_jws": self.jws,
            **more,
        }
        variables = self.base / "variables.json"
        variables.write_text(json.dumps(given))
        name = "trustmesh.security.rotate_keys"
        return self.runner.playbook(name, check=check, arguments=["-e", f"@{variables}"], name="rotate_keys")

    def lines(self) -> list[t.Any]:
        return [json.loads(line) for line in self.events.read_text().splitlines()]


@pytest.fixture
def journey(
    runner: Runner,
    vault: OpenBao,
    connection: dict[str, str],
    unique_name: Callable[[str], str],
    tmp_path: pathlib.Path,
) -> Journey:
    """A participant with a key in an engine of its own."""
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    (tmp_path / "log").mkdir()
    (tmp_path / "archive").mkdir()
    return Journey(runner, vault, connection, mount, tmp_path)


def test_pk_10_a_rotation_is_archived_told_and_noted_once(journey: Journey, sink: Sink) -> None:
    hooks = {
        "rotate_keys_archive": str(journey.base / "archive"),
        "rotate_keys_events": str(journey.events),
        "rotate_keys_notify": [sink.url],
    }
    assert journey.rotate(**hooks).ok().changed == 0
    assert sink.received == []
    assert not journey.events.exists(), "nothing was replaced yet"
    before = journey.record
    journey.grow_old()
    journey.rotate(**hooks, check=True).ok()
    assert sink.received == []
    assert not journey.events.exists()
    journey.rotate(**hooks).ok()
    after = journey.record
    retired = after["previous"][0]["retired"]
    (event,) = sink.received
    assert event["window_seconds"] is not None
    said = {"event": "key_rotated", "participant": NAME, "kid": after["kid"], "previous_kid": before["kid"]}
    assert event == {**said, "at": retired, "window_seconds": event["window_seconds"]}
    assert journey.lines() == [event]
    (archived,) = (journey.base / "archive").iterdir()
    assert archived.name == f"{NAME}-{before['kid']}.json"
    kept = json.loads(archived.read_text())
    assert {name: kept[name] for name in ("kid", "public_key", "created", "retired")} == {
        "kid": before["kid"],
        "public_key": before["public_key"],
        "created": "2026-01-01T00:00:00Z",
        "retired": retired,
    }
    assert "PRIVATE" not in archived.read_text()
    again = journey.rotate(**hooks).ok()
    assert (again.changed, len(sink.received), len(journey.lines())) == (0, 1, 1)


def test_pk_10_what_could_not_be_told_is_told_by_the_next_run(journey: Journey, sink: Sink) -> None:
    hooks = {"rotate_keys_events": str(journey.events), "rotate_keys_notify": [sink.url]}
    journey.grow_old()
    sink.status = 500
    assert journey.rotate(**hooks).rc != 0
    assert not journey.events.exists()
    sink.status = 200
    journey.rotate(**hooks).ok()
    assert len(sink.received) == 2
    assert sink.received[0] == sink.received[1] == journey.lines()[0]


def test_pk_10_what_is_told_is_signed_when_there_is_a_key(journey: Journey, sink: Sink, canaries: t.Any) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    hooks = {
        "rotate_keys_events": str(journey.events),
        "rotate_keys_notify": [sink.url],
        "rotate_keys_notify_key": canaries.record(key.private_bytes_raw().hex(), "signing key"),
    }
    journey.grow_old()
    journey.rotate(**hooks).ok()
    (message,) = sink.received
    verdict = signed_message_verify(message, key.public_key().public_bytes_raw().hex(), max_lifetime="5m")
    assert verdict["valid"], verdict
    assert verdict["body"] == journey.lines()[0]


def test_telling_takes_a_place_for_events(journey: Journey, sink: Sink) -> None:
    journey.grow_old()
    refused = journey.rotate(rotate_keys_notify=[sink.url])
    assert refused.rc != 0
    assert "Declare rotate_keys_events" in refused.stdout
    assert sink.received == []
