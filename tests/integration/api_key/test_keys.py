# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""api_key against a real server: the ladder, who can read what, rotation with overlap, and what a service notes."""

from __future__ import annotations

import json
import pathlib
import time
import typing as t
from collections.abc import Callable

import pytest

from plugins.test.api_key_matches import api_key_matches
from tests.integration.docs_policies.returned import differences
from tests.integration.ladder import Ladder
from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao

Name = Callable[[str], str]
Module = Callable[..., t.Any]

INTEGRATION = {"name": "integration-service", "permissions": ["certificate:validate", "trust:query"]}
CLIENTS = [INTEGRATION, {"name": "admin-dashboard", "prefix": "tm_admin_", "bits": 384, "lifetime": "365d"}]
#: What the documentation of the module demands, for the module, a client and the service.
POLICY = """
path "{mount}/data/clients/*" {{ capabilities = ["create", "read", "update"] }}
path "{mount}/metadata/clients/*" {{ capabilities = ["delete"] }}
path "{mount}/data/trust-service/api-keys" {{ capabilities = ["create", "read", "update"] }}
"""
CLIENT_POLICY = 'path "{mount}/data/clients/integration-service/*" {{ capabilities = ["read"] }}'
SERVICE_POLICY = 'path "{mount}/data/trust-service/api-keys" {{ capabilities = ["read"] }}'


@pytest.fixture
def mount(vault: OpenBao, unique_name: Name) -> str:
    """A key-value engine of version 2."""
    name = unique_name("kv")
    vault.api.write(f"sys/mounts/{name}", type="kv", options={"version": "2"})
    vault.wait_until(lambda: vault.api.request("GET", f"{name}/data/none").status == 404, what="the new engine")
    return name


class Estate:
    """What a server keeps of clients and their service."""

    def __init__(self, vault: OpenBao, mount: str, canaries: Canaries) -> None:
        self._vault = vault
        self.mount = mount
        self._canaries = canaries

    def key(self, name: str = "integration-service") -> str:
        """Return the key that a client uses now."""
        answer = self._vault.api.read(f"{self.mount}/data/clients/{name}/api-key")
        assert answer is not None
        documents = (answer["data"], *answer["data"].get("previous", ()))
        for document in documents:
            self._canaries.record(document["api_key"], "API key")
            self._canaries.record(document["api_key"].rpartition("_")[2], "API key without its prefix")
        return str(answer["data"]["api_key"])

    def records(self) -> dict[str, str]:
        """Return the records as the service reads them."""
        answer = self._vault.api.read(f"{self.mount}/data/trust-service/api-keys")
        assert answer is not None
        return t.cast("dict[str, str]", answer["data"])

    def record(self, name: str = "integration-service") -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads(self.records()[f"{name}.json"]))

    def note(self, name: str, record: dict[str, t.Any]) -> None:
        """Write a record as somebody else would."""
        changed = {**self.records(), f"{name}.json": json.dumps(record)}
        self._vault.api.write(f"{self.mount}/data/trust-service/api-keys", data=changed)

    def options(self, *clients: t.Any, **more: t.Any) -> dict[str, t.Any]:
        """Return the options of a run."""
        publish = [{"kind": "kv", "mount": self.mount, "path": "trust-service/api-keys"}]
        path = "clients/{name}/api-key"
        return {"mount": self.mount, "path": path, "publish": publish, "clients": list(clients), **more}


@pytest.fixture
def estate(vault: OpenBao, mount: str, canaries: Canaries) -> Estate:
    return Estate(vault, mount, canaries)


def test_ladder(ladder: Ladder, estate: Estate, tmp_path: pathlib.Path, canary: t.Any) -> None:
    args = estate.options(*CLIENTS, pepper=canary())
    args["publish"].append({"kind": "directory", "path": str(tmp_path / "records"), "mode": "0640"})

    def tamper() -> None:
        for client in CLIENTS:
            estate.key(str(client["name"]))
        record = estate.record()
        record["permissions"].append("trust:admin")
        estate.note("integration-service", record)
        (tmp_path / "records" / "admin-dashboard.json").unlink()

    rungs = ladder.climb(
        "api_key",
        args,
        tamper=tamper,
        absent={**args, "clients": [{"name": client["name"], "state": "absent"} for client in CLIENTS]},
    )
    assert {problem for rung in rungs.values() for problem in differences("api_key", rung.result.result)} == set()
    assert [entry["action"] for entry in rungs["mend"].items] == ["update", "update"]
    first, second = (entry["key"] for entry in rungs["create"].items)
    assert first["permissions"] == ["certificate:validate", "trust:query"]
    assert first["expires"] is None
    assert second["expires"].startswith("20")
    assert estate.records() == {}


def test_service_recognises_the_key_that_only_the_client_has(
    run_module: Module, connection: dict[str, str], vault: OpenBao, estate: Estate, token: t.Any
) -> None:
    """The token of the service reads digests alone, the token of the client its own key alone."""
    limited = {**connection, "token": token(rules=POLICY.format(mount=estate.mount))}
    assert run_module("api_key", {**limited, **estate.options(*CLIENTS)}).ok().changed
    assert not run_module("api_key", {**limited, **estate.options(*CLIENTS)}).ok().changed
    key, other = estate.key(), estate.key("admin-dashboard")

    client = vault.as_token(token(rules=CLIENT_POLICY.format(mount=estate.mount)))
    own = client.request("GET", f"{estate.mount}/data/clients/integration-service/api-key")
    assert own.data["data"]["api_key"] == key
    for path in ("clients/admin-dashboard/api-key", "trust-service/api-keys"):
        assert client.request("GET", f"{estate.mount}/data/{path}").status == 403

    service = vault.as_token(token(rules=SERVICE_POLICY.format(mount=estate.mount)))
    records = service.request("GET", f"{estate.mount}/data/trust-service/api-keys").data["data"]
    for name in ("integration-service", "admin-dashboard"):
        assert service.request("GET", f"{estate.mount}/data/clients/{name}/api-key").status == 403
    assert key not in str(records) and other not in str(records)
    assert api_key_matches(key, records["integration-service.json"], ["certificate:validate", "trust:query"])
    assert not api_key_matches(key, records["integration-service.json"], "trust:admin")
    assert not api_key_matches(other, records["integration-service.json"])
    assert api_key_matches(other, records["admin-dashboard.json"])

    gone = estate.options({**INTEGRATION, "state": "absent"})
    assert run_module("api_key", {**limited, **gone}).ok().changed
    assert list(estate.records()) == ["admin-dashboard.json"]


def test_both_keys_are_accepted_in_the_overlap_and_one_after_it(
    run_module: Module, connection: dict[str, str], vault: OpenBao, estate: Estate
) -> None:
    run_module("api_key", {**connection, **estate.options(INTEGRATION)}).ok()
    old, made = estate.key(), estate.record()["keys"][0]["created"]
    vault.wait_until(lambda: _stamp(time.time() - 1) > made, what="the second after the key was made")
    args = {**connection, **estate.options({**INTEGRATION, "not_before": _stamp(time.time()), "overlap": "8s"})}

    rotated = run_module("api_key", args).ok().result["results"][0]

    assert rotated["action"] == "replace"
    new, record = estate.key(), estate.record()
    assert new != old
    assert api_key_matches(old, record) and api_key_matches(new, record)
    assert [entry["status"] for entry in record["keys"]] == ["current", "previous"]
    vault.wait_until(lambda: not api_key_matches(old, record), 20.0, "the end that the record names")
    again = run_module("api_key", args).ok().result["results"][0]
    assert again["action"] == "update"
    assert [entry["status"] for entry in estate.record()["keys"]] == ["current"]
    assert api_key_matches(new, estate.record())


def test_use_that_a_service_noted_is_returned_and_no_difference(
    run_module: Module, connection: dict[str, str], estate: Estate, audit_window: t.Any
) -> None:
    args = {**connection, **estate.options(INTEGRATION)}
    run_module("api_key", args).ok()
    estate.key()
    record = estate.record()
    record["keys"][0].update(use_count=7, last_used_at="2026-11-20T08:00:00Z")
    estate.note("integration-service", record)
    with audit_window() as window:
        result = run_module("api_key", args).ok()
    assert window.writes == []
    (entry,) = result.result["results"]
    assert (entry["key"]["use_count"], entry["key"]["last_used_at"]) == (7, "2026-11-20T08:00:00Z")
    fewer = {**connection, **estate.options({**INTEGRATION, "permissions": ["trust:query"]})}
    assert run_module("api_key", fewer).ok().changed
    assert estate.record()["keys"][0]["use_count"] == 7


def test_record_may_have_a_secret_of_its_own(
    run_module: Module, connection: dict[str, str], vault: OpenBao, estate: Estate
) -> None:
    options = estate.options(INTEGRATION)
    options["publish"] = [{"kind": "kv", "mount": estate.mount, "path": "records/{name}", "prune": True}]
    run_module("api_key", {**connection, **options}).ok()
    key = estate.key()
    answer = vault.api.read(f"{estate.mount}/data/records/integration-service")
    assert answer is not None
    assert api_key_matches(key, answer["data"]["document"], "trust:query")
    assert not run_module("api_key", {**connection, **options}).ok().changed
    options["clients"] = [{**INTEGRATION, "state": "absent"}]
    assert run_module("api_key", {**connection, **options}).ok().changed
    assert vault.api.read(f"{estate.mount}/metadata/records/integration-service") is None


def test_keys_in_files_and_templates(play: t.Any, tmp_path: pathlib.Path, canaries: Canaries) -> None:
    """A play gives a client its key in a file and sees for itself that the service would accept it."""
    options = {
        "custody": "files",
        "directory": str(tmp_path / "clients"),
        "publish": [{"kind": "directory", "path": str(tmp_path / "records"), "prune": True}],
        "clients": [INTEGRATION],
    }
    key = f"lookup('ansible.builtin.file', '{tmp_path}/clients/integration-service/api.key')"
    record = f"lookup('ansible.builtin.file', '{tmp_path}/records/integration-service.json')"
    matches = f"{key} is trustmesh.security.api_key_matches({record}, 'trust:query')"
    result = play(
        [
            {"name": "Give it", "trustmesh.security.api_key": options},
            {"name": "Look", "ansible.builtin.assert": {"that": [matches], "quiet": True}, "no_log": True},
        ]
    ).ok()
    path = tmp_path / "clients" / "integration-service" / "api.key"
    canaries.record(path.read_text(), "API key")
    assert result.task("Give it").changed
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() not in (tmp_path / "records" / "integration-service.json").read_text()


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"bits": 128}, "clients[0] (a).bits: 128 is out of range"),
        ({"prefix": "live"}, "clients[0] (a).prefix: 'live' cannot begin a key"),
        ({"lifetime": "1h"}, "clients[0] (a).lifetime: a key that lives 1h would end before"),
        ({"permissions": ["a b"]}, "clients[0] (a).permissions: 'a b' is not a permission"),
    ],
)
def test_what_cannot_be_made_true_is_refused(
    run_module: Module,
    connection: dict[str, str],
    estate: Estate,
    more: dict[str, t.Any],
    problem: str,
    audit_window: t.Any,
) -> None:
    with audit_window() as window:
        result = run_module("api_key", {**connection, **estate.options({"name": "a", **more})})
    assert result.failed
    assert problem in result.msg
    assert window.writes == []


def test_short_pepper_is_refused_without_being_shown(
    run_module: Module, connection: dict[str, str], estate: Estate
) -> None:
    result = run_module("api_key", {**connection, **estate.options(INTEGRATION, pepper="quite short pepper")})
    assert result.failed
    assert "pepper: 18 octets can be guessed" in result.msg
    assert "quite short" not in result.stdout


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
