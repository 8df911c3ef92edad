# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""FSPIOP-URI: the path from the service on; the peer's own way is a table of what it was seen to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._jose.errors import JoseError
from plugins.module_utils._jose.fspiop_uri import SERVICES, derive
from tests.unit.jose.requests import check, signed

#: What is asked for, the clean value, the peer's value; the same values are asked of the peer itself in the
#: integration tests.
URIS = [
    ("https://sw:443/pre/transfers", "/transfers", "/transfers"),
    ("/transfers/1/error", "/transfers/1/error", "/transfers/1/error"),
    ("https://h/bulkQuotes/7?y=/z", "/bulkQuotes/7?y=/z", "/bulkQuotes/7?y=/z"),
    ("https://h/x/parties/ALIAS/quotes/9", "/parties/ALIAS/quotes/9", "/quotes/9"),
    ("https://h/transfers/", "/transfers/", "/"),
    ("https://h/transfers//abc", "/transfers//abc", "//abc"),
    ("https://h/ping", "/ping", "//h/ping"),
    ("https://h/services/FXP", "/services/FXP", "//h/services/FXP"),
    ("https://h/transfers?x=1", "/transfers?x=1", "//h/transfers?x=1"),
    ("http://transfers/quotes/1", "/quotes/1", "/quotes/1"),
    ("https://h/transfersX/fxTransfers/1", "/fxTransfers/1", "/fxTransfers/1"),
    ("//quotes//transfers", "/quotes//transfers", "/transfers"),
]


@pytest.mark.parametrize(("url", "clean", "peer"), URIS)
def test_trap_jws_7_odd_paths_stay_as_they_are(url: str, clean: str, peer: str) -> None:
    assert derive(url) == clean
    assert derive(url, "peer") == peer


@given(st.sampled_from(SERVICES), st.lists(st.from_regex(r"[A-Za-z0-9._%-]{1,9}", fullmatch=True), max_size=4))
def test_on_the_paths_of_the_api_both_ways_agree(service: str, rest: list[str]) -> None:
    path = "/".join(["", service, *(part for part in rest if part not in SERVICES)])
    for url in (path, f"https://switch.example.com{path}", f"https://switch.example.com:8443/fsp/api{path}"):
        assert derive(url) == derive(url, "peer") == path


@pytest.mark.parametrize("url", ["", "transfers", "https://h", "https://h?x", "/a b", "/ä", "/a#b", "/a\n", None, 1])
def test_what_is_no_path_is_refused(url: str) -> None:
    with pytest.raises(JoseError) as caught:
        derive(url)
    assert caught.value.field == "url"


def test_the_peer_finds_nothing_in_some_paths() -> None:
    with pytest.raises(JoseError, match="nothing that the reference library takes for a path"):
        derive("/ping", "peer")


@given(st.text())
def test_deriving_raises_nothing_but_its_own_error(url: str) -> None:
    for text in (url, f"https://h/{url}", f"/transfers/{url}"):
        try:
            assert derive(text).startswith("/")
        except JoseError:
            continue


def test_trap_jws_7_the_peers_way_is_verified_when_it_is_asked_for() -> None:
    request = signed(url="https://h/x/parties/ALIAS/quotes/9", uri_mode="peer")
    assert request.uri == "/quotes/9"
    problem = check(request, url="/x/parties/ALIAS/quotes/9").problems[0]
    assert problem.field == "FSPIOP-URI" and "verify with uri_mode peer" in str(problem)
    assert check(request, url="/x/parties/ALIAS/quotes/9", uri_mode="peer").valid


def test_a_path_can_be_given_and_is_warned_of_when_it_is_no_service() -> None:
    request = signed(uri="/prefix/transfers")
    assert request.uri == "/prefix/transfers"
    assert "begins with no service" in request.warnings[0]
    assert check(request, uri="/prefix/transfers").valid
