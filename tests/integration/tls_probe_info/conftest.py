# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edges to probe: a strict one, and others that are each wrong or unusual in one way."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.integration.conftest import or_skip
from tests.integration.tls_probe_info.estate import Estate
from tests.rigs.envoy import Envoy

TYPES = "type.googleapis.com/envoy.extensions"


def edge_config(estate: Estate, *, trust: str | None = "root", by_name: t.Literal["http", "tls"] = "http") -> t.Any:
    """Configure an edge that lets in ``hub``; without ``trust`` it asks for no client certificate."""
    pair = {"certificate_chain": {"filename": estate.path("server.pem")}}
    tls: dict[str, t.Any] = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificates": [{**pair, "private_key": {"filename": estate.path("server.key")}}],
    }
    allowed: dict[str, t.Any] = {"any": True}
    if trust is not None:
        tls["validation_context"] = {"trusted_ca": {"filename": estate.path(f"{trust}.pem")}}
        if trust == "root":
            tls["validation_context"]["crl"] = {"filename": estate.path("crl.pem")}
        if by_name == "tls":
            matcher = {"san_type": "DNS", "matcher": {"exact": "hub"}}
            tls["validation_context"]["match_typed_subject_alt_names"] = [matcher]
        else:
            allowed = {"authenticated": {"principal_name": {"exact": "hub"}}}
    policy = {"permissions": [{"any": True}], "principals": [allowed]}
    manager = {
        "@type": f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "http_filters": [
            {
                "name": "rbac",
                "typed_config": {
                    "@type": f"{TYPES}.filters.http.rbac.v3.RBAC",
                    "rules": {"action": "ALLOW", "policies": {"allowed": policy}},
                },
            },
            {"name": "router", "typed_config": {"@type": f"{TYPES}.filters.http.router.v3.Router"}},
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
                }
            ]
        },
    }
    chain = {
        "transport_socket": {
            "name": "tls",
            "typed_config": {
                "@type": f"{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext",
                "require_client_certificate": trust is not None,
                "common_tls_context": tls,
            },
        },
        "filters": [{"name": "http", "typed_config": manager}],
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    return {"static_resources": {"listeners": [{"name": "edge", "address": address, "filter_chains": [chain]}]}}


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """Certificates for this run."""
    return Estate(tmp_path_factory.mktemp("estate"))


@pytest.fixture(scope="session")
def start_edge(estate: Estate) -> Iterator[Callable[..., int]]:
    """A function that starts an edge and returns its port; see `edge_config`."""
    with contextlib.ExitStack() as stack:

        def start(**options: t.Any) -> int:
            envoy: Envoy = stack.enter_context(or_skip(lambda: Envoy(edge_config(estate, **options))))
            return envoy.ports["edge"]

        yield start


@pytest.fixture(scope="session")
def edge(start_edge: Callable[..., int]) -> int:
    """Port of the strict edge."""
    return start_edge()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """A function that serves each connection with a handler, in a thread, and returns the port."""
    with contextlib.ExitStack() as stack:

        def start(handle: Callable[[socket.socket], None]) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def loop() -> None:
                while True:
                    try:
                        connection, _address = listener.accept()
                    except OSError:  # the test is over
                        return
                    with connection, contextlib.suppress(OSError):
                        handle(connection)

            threading.Thread(target=loop, daemon=True).start()
            # A thread that waits in accept() is not woken by close() alone.
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            return int(listener.getsockname()[1])

        yield start


@pytest.fixture
def tls12(estate: Estate) -> ssl.SSLContext:
    """A server's context with TLS 1.2 alone that demands client certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(estate.path("server.pem"), estate.path("server.key"))
    context.load_verify_locations(estate.path("root.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    return context
