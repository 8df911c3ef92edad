# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Envoy rig: it proxies on loopback, says what is wrong with a bad configuration, and is gone afterwards."""

from __future__ import annotations

import http.client
import pathlib
import typing as t
from collections.abc import Iterator

import pytest
import yaml

from tests.integration.conftest import or_skip
from tests.rigs.envoy import Envoy
from tests.rigs.process import LOOPBACK, RigError, listening

FILTERS = "type.googleapis.com/envoy.extensions.filters"


def hello(address: str = LOOPBACK, port: int = 0) -> dict[str, t.Any]:
    """A listener that answers every request itself."""
    route = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "hello"}}}
    manager = {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "hello",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {
                "name": "router",
                "typed_config": {"@type": f"{FILTERS}.http.router.v3.Router"},
            }
        ],
    }
    listener = {
        "name": "hello",
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return {"static_resources": {"listeners": [listener]}}


@pytest.fixture(scope="module")
def envoy() -> Iterator[Envoy]:
    """One Envoy with its admin interface on."""
    with or_skip(lambda: Envoy(hello(), admin=True)) as server:
        yield server


def get(port: int) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_serves_its_configuration(envoy: Envoy) -> None:
    assert get(envoy.ports["hello"]) == (200, b"hello")
    assert '"state": "LIVE"' in envoy.admin("/server_info")


def test_two_run_side_by_side_and_from_yaml(envoy: Envoy) -> None:
    with Envoy(yaml.safe_dump(hello())) as other:
        assert other.ports["hello"] != envoy.ports["hello"]
        assert get(other.ports["hello"]) == get(envoy.ports["hello"]) == (200, b"hello")
        assert other.admin_port is None
        with pytest.raises(RigError, match="off"):
            other.admin("/ready")


def test_stop_leaves_nothing() -> None:
    server = or_skip(lambda: Envoy(hello()))
    pid, directory = server.pid, server.directory
    assert pid is not None
    assert listening(pid) == {(LOOPBACK, server.ports["hello"])}
    server.stop()
    assert not pathlib.Path(f"/proc/{pid}").exists()
    assert not directory.exists()


def test_bad_configuration_is_reported(envoy: Envoy) -> None:
    broken = hello()
    broken["static_resources"]["listeners"][0]["no_such_field"] = True
    with pytest.raises(RigError, match="no_such_field"):
        Envoy(broken)


def test_port_that_is_taken_is_reported(envoy: Envoy) -> None:
    with pytest.raises(RigError, match="cannot bind"):
        Envoy(hello(port=envoy.ports["hello"]))


def test_other_addresses_are_refused(envoy: Envoy) -> None:
    with pytest.raises(RigError, match="loopback"):
        Envoy(hello(address="0.0.0.0"))
