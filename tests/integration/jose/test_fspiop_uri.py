# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The peer's way to FSPIOP-URI is the peer's: the table that the unit tests hold, and any other path."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.module_utils._jose.errors import JoseError
from plugins.module_utils._jose.fspiop_uri import SERVICES, derive
from tests.rigs.node import Peer, PeerError
from tests.unit.jose.requests import PRIVATE
from tests.unit.jose.test_fspiop_uri import URIS

pieces = st.sampled_from([*SERVICES, "/", "/", "/", "?", "x", "a=1", "%2F", ".", "participantsX", "Transfers", ""])
urls = st.builds("".join, st.lists(pieces, max_size=10))


def asked(peer: Peer, url: str, version: str = "19.19.1") -> str:
    """Return what the library makes of a URL."""
    request = {"method": "POST", "uri": url, "headers": {"fspiop-source": "a"}, "body": {}}
    signed = peer.call("jws.sign", version=version, key=PRIVATE["RS256"], request=request)
    return str(signed["headers"]["fspiop-uri"])


@pytest.mark.parametrize("version", ["19.18.8", "19.19.1"])
@pytest.mark.parametrize(("url", "clean", "theirs"), URIS)
def test_trap_jws_7_odd_paths_as_the_peer_takes_them(
    peer: Peer, version: str, url: str, clean: str, theirs: str
) -> None:
    assert asked(peer, url, version) == theirs == derive(url, "peer")
    assert derive(url) == clean


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["", "https://h", "http://quotes:8080"]), urls)
def test_trap_jws_7_any_path_as_the_peer_takes_it(peer: Peer, origin: str, url: str) -> None:
    try:
        theirs = asked(peer, origin + url)
    except PeerError:
        with pytest.raises(JoseError):
            derive(origin + url, "peer")
    else:
        assert derive(origin + url, "peer") == theirs
