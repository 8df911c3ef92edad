# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deliveries of secret-ids that fail half-way: nothing that no run knows stays alive at the server (R16, kind 10)."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t
from types import SimpleNamespace

import pytest

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._core.files import Attributes
from plugins.module_utils._vault.answer import Fields
from plugins.module_utils._vault.errors import Rejected
from plugins.module_utils._vault.secret_id import Delivery, DeliveryTerms, Record

ROLE = "auth/approle/role/app"


class Server:
    """The secret-ids of one role, each known by its accessor; ``fails`` names the end of a path that is refused."""

    def __init__(self, fails: str = "") -> None:
        self.alive: dict[str, dict[str, t.Any]] = {}
        self.warnings: list[str] = []
        self._fails = fails
        self._made = 0

    def list(self, _path: str) -> list[str]:
        return list(self.alive)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def write(self, path: str, body: dict[str, t.Any], *, once: bool = False, wrap_ttl: str | None = None) -> t.Any:
        assert once is (path in (f"{ROLE}/secret-id", "sys/wrapping/unwrap")), "these two must not be done twice"
        if self._fails and path.endswith(self._fails):
            raise Rejected("refused by the test")
        if path == f"{ROLE}/secret-id":
            return self._make(body, wrap_ttl)
        if path == "sys/wrapping/unwrap":
            accessor = body["token"].removeprefix("wrapping-")
            return SimpleNamespace(data=Fields({"secret_id": f"secret-{accessor}", "secret_id_accessor": accessor}))
        accessor = body["secret_id_accessor"]
        if accessor not in self.alive:
            raise Rejected("failed to find accessor entry")
        if path.endswith("/destroy"):
            del self.alive[accessor]
            return SimpleNamespace(data=Fields())
        return SimpleNamespace(data=Fields(self.alive[accessor]))

    def _make(self, body: dict[str, t.Any], wrap_ttl: str | None) -> t.Any:
        self._made += 1
        accessor = f"accessor-{self._made}"
        metadata = json.loads(body["metadata"])
        self.alive[accessor] = {"metadata": metadata, "expiration_time": "0001-01-01T00:00:00Z"}
        if wrap_ttl is None:
            return SimpleNamespace(data=Fields({"secret_id": f"secret-{accessor}", "secret_id_accessor": accessor}))
        info = {"token": f"wrapping-{accessor}", "creation_time": "2026-01-01T12:00:00.123456789Z", "ttl": 1}
        return SimpleNamespace(wrap_info=Fields(info))


def delivery(server: Server, path: pathlib.Path, *, wrapped: bool) -> Delivery:
    terms = DeliveryTerms(Attributes(), wrapped, 1, None, 0, 0, frozenset(), frozenset(), {})
    return Delivery(t.cast(t.Any, server), ROLE, str(path), terms)


def run(resource: Delivery, hour: int = 0) -> None:
    now = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc) + datetime.timedelta(hours=hour)
    resource.apply(resource.plan(resource.read(), now))


@pytest.mark.parametrize("wrapped", [False, True])
def test_r16_secret_id_is_destroyed_when_its_file_does_not_take_effect(tmp_path: pathlib.Path, wrapped: bool) -> None:
    server, path = Server(), tmp_path / "secret-id"
    path.mkdir()
    resource = delivery(server, path, wrapped=wrapped)
    with pytest.raises(TrustmeshError, match="a directory is in the way"):
        resource._deliver(t.cast(DeliveryTerms, resource.terms), None)
    assert server.alive == {}


@pytest.mark.parametrize("wrapped", [False, True])
def test_r16_secret_id_is_destroyed_when_its_record_cannot_be_kept(tmp_path: pathlib.Path, wrapped: bool) -> None:
    server, path = Server(), tmp_path / "secret-id"
    pathlib.Path(f"{path}.accessor").mkdir()
    resource = delivery(server, path, wrapped=wrapped)
    with pytest.raises(TrustmeshError, match="a directory is in the way"):
        resource._deliver(t.cast(DeliveryTerms, resource.terms), None)
    assert server.alive == {}


def test_r16_secret_id_whose_accessor_cannot_be_found_is_destroyed_through_its_wrapping(
    tmp_path: pathlib.Path,
) -> None:
    server = Server(fails="/lookup")
    with pytest.raises(TrustmeshError, match="is not among its accessors"):
        run(delivery(server, tmp_path / "secret-id", wrapped=True))
    assert server.alive == {}


def test_r16_secret_id_that_cannot_be_destroyed_is_named_in_a_warning(tmp_path: pathlib.Path) -> None:
    server = Server(fails="/destroy")
    pathlib.Path(f"{tmp_path}/secret-id.accessor").mkdir()
    resource = delivery(server, tmp_path / "secret-id", wrapped=False)
    with pytest.raises(TrustmeshError, match="a directory is in the way"):
        resource._deliver(t.cast(DeliveryTerms, resource.terms), None)
    assert server.warnings == ["the secret-id accessor-1 could not be destroyed: refused by the test"]


def test_r16_what_nobody_takes_never_piles_up(tmp_path: pathlib.Path) -> None:
    server = Server()
    for hour in range(4):
        run(delivery(server, tmp_path / "secret-id", wrapped=True), hour)
    assert list(server.alive) == ["accessor-4"]


def test_r16_file_that_was_replaced_costs_its_secret_id_the_life(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "secret-id"
    run(delivery(server, path, wrapped=False))
    path.write_text("something else\n")
    run(delivery(server, path, wrapped=False))
    assert list(server.alive) == ["accessor-2"]


def test_r16_plain_file_that_goes_every_time_leaves_two_alive_at_most(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "secret-id"
    for _at in range(4):
        run(delivery(server, path, wrapped=False))
        path.unlink()
    assert list(server.alive) == ["accessor-3", "accessor-4"], "the one before the last may still be in use"


def test_r16_next_is_not_made_when_the_one_before_cannot_be_destroyed(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "secret-id"
    run(delivery(server, path, wrapped=False))
    path.write_text("something else\n")
    server._fails = "/destroy"
    with pytest.raises(Rejected):
        run(delivery(server, path, wrapped=False))
    assert list(server.alive) == ["accessor-1"]


@pytest.mark.parametrize(
    "damage",
    [
        "[]",
        "null",
        "{",
        "{}",
        '{"accessor": ["a"]}',
        '{"expires": "never"}',
        '{"unwrap_before": "2026-01-01T12:00:00"}',
        '{"terms": 5}',
        '{"earlier": {}}',
        '{"unknown": 1}',
        "[" * 100_000,
    ],
)
def test_record_that_makes_no_sense_counts_as_none(tmp_path: pathlib.Path, damage: str) -> None:
    sound = {"role": ROLE, "accessor": "a", "sha256": "b", "terms": {}, "expires": None, "unwrap_before": None}
    path = tmp_path / "record"
    path.write_text(json.dumps(sound))
    assert Record.load(str(path)) is not None
    try:
        held = json.loads(damage)
    except (ValueError, RecursionError):
        held = None
    path.write_text(json.dumps({**sound, **held}) if isinstance(held, dict) and held else damage)
    assert Record.load(str(path)) is None


def test_a_secret_id_that_the_server_forgot_is_delivered_again(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "secret-id"
    run(delivery(server, path, wrapped=False))
    state = delivery(server, path, wrapped=False).read()
    assert state is not None and state.alive
    server.alive.clear()
    state = delivery(server, path, wrapped=False).read()
    assert state is not None and not state.alive
    run(delivery(server, path, wrapped=False))
    assert list(server.alive) == ["accessor-2"]
