# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C6: nginx lets TLS complete and refuses in HTTP; the probe says what it did and why."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.integration.conftest import or_skip
from tests.integration.tls_probe_info.estate import Estate
from tests.rigs.nginx import Nginx

REFUSALS = {"expired": "expired", "early": "not_yet_valid", "foreign": "unknown_ca", "revoked": "revoked"}


@pytest.fixture
def nginx(estate: Estate, tmp_path: pathlib.Path) -> Iterator[Callable[[str], int]]:
    """A function that starts an nginx which verifies clients, with further directives, and returns its port."""
    server = "\n".join(
        [
            f"ssl_certificate {estate.path('server.pem')};",
            f"ssl_certificate_key {estate.path('server.key')};",
            f"ssl_client_certificate {estate.path('root.pem')};",
            f"ssl_crl {estate.path('crl.pem')};",
            "ssl_verify_depth 3;",
            "ssl_verify_client on;",
        ]
    )
    with contextlib.ExitStack() as stack:

        def start(more: str = "") -> int:
            place = tmp_path / "nginx"
            running = stack.enter_context(
                or_skip(lambda: Nginx(place, f"{server}\n{more}\nlocation / {{ return 200; }}"))
            )
            return int(running.port)

        yield start


def _probe(run_module: t.Any, estate: Estate, port: int, **more: t.Any) -> t.Any:
    probes = [{"name": "hub", **estate.client("hub"), "expect": "accept"}]
    probes += [
        {"name": name, **estate.client(name), "expect": "refuse", "reason": reason} for name, reason in REFUSALS.items()
    ]
    probes.append({"name": "nobody", "expect": "refuse", "reason": "no_certificate"})
    common = {"host": "localhost", "port": port, "ca_cert": estate.path("root.pem"), "path": "/"}
    return run_module("tls_probe_info", {**common, "probes": probes, **more})


def test_c6_stock_nginx_refuses_by_its_pages(run_module: t.Any, estate: Estate, nginx: Callable[..., int]) -> None:
    result = _probe(run_module, estate, nginx()).ok().result
    assert result["summary"] == {"passed": 6, "failed": 0}
    assert [entry["observation"]["http_status"] for entry in result["results"]] == [200, 400, 400, 400, 400, 400]
    assert result["results"][-1]["observation"]["http_page"] == "no_certificate"


@pytest.mark.parametrize("mapped", [403, 495])
def test_c6_mapped_statuses_are_refusals(
    run_module: t.Any, estate: Estate, nginx: Callable[..., int], mapped: int
) -> None:
    port = nginx(f"error_page 495 496 ={mapped} @refused; location @refused {{ return {mapped}; }}")
    result = _probe(run_module, estate, port).result
    assert [entry["outcome"] for entry in result["results"]] == ["accepted", *["refused"] * 5]


def test_c6_a_status_of_its_own_can_be_declared(run_module: t.Any, estate: Estate, nginx: Callable[..., int]) -> None:
    port = nginx("error_page 495 496 =418 @refused; location @refused { return 418; }")
    unaware = _probe(run_module, estate, port)
    assert unaware.failed
    assert [entry["outcome"] for entry in unaware.result["results"]] == ["accepted"] * 6
    told = _probe(run_module, estate, port, refusal_status=[418]).result
    assert [entry["outcome"] for entry in told["results"]] == ["accepted", *["refused"] * 5]
