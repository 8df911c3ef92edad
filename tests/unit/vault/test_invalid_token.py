# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J11: a token that the server does not know is told apart from one that lacks a right."""

from __future__ import annotations

import pytest

from plugins.module_utils._vault.errors import Forbidden, InvalidToken
from tests.unit.vault.scripted import Answer, ScriptedServer
from tests.unit.vault.test_port_answers import at

UNKNOWN = {
    "OpenBao": Answer(403, {"errors": ["permission denied"]}),
    "HashiCorp Vault": Answer(403, {"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}),
}
DENIED = Answer(403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]})
ITSELF = Answer(200, {"data": {"policies": ["default"]}})


def paths(server: ScriptedServer) -> list[str]:
    return [seen.path for seen in server.seen]


@pytest.mark.parametrize("unknown", UNKNOWN.values(), ids=UNKNOWN)
def test_j11_unknown_token_is_no_lack_of_a_right(unknown: Answer) -> None:
    with ScriptedServer(unknown) as server, at(server.url) as vault:
        vault.use_token("s.gone")
        for path in ("pki/roles/a", "pki/roles/b"):
            with pytest.raises(InvalidToken, match=r"the server does not accept the token: .*Log in") as seen:
                vault.read(path)
            assert not isinstance(seen.value, Forbidden)
        assert paths(server) == ["/v1/pki/roles/a", "/v1/auth/token/lookup-self", "/v1/pki/roles/b"], "asked once"


def test_j11_right_that_a_policy_denies_costs_no_second_look() -> None:
    with ScriptedServer(DENIED) as server, at(server.url) as vault:
        vault.use_token("s.valid")
        with pytest.raises(Forbidden):
            vault.read("pki/roles/a")
        assert paths(server) == ["/v1/pki/roles/a"]


@pytest.mark.parametrize(
    "look",
    [ITSELF, DENIED, Answer(503, {"errors": ["Vault is sealed"]})],
    ids=["knows it", "may not look", "no answer"],
)
@pytest.mark.parametrize("unknown", UNKNOWN.values(), ids=UNKNOWN)
def test_j11_doubt_that_is_not_confirmed_stays_a_lack_of_a_right(unknown: Answer, look: Answer) -> None:
    with ScriptedServer(unknown, look) as server, at(server.url) as vault:
        vault.use_token("s.valid")
        with pytest.raises(Forbidden):
            vault.read("pki/roles/a")


def test_j11_without_a_token_nothing_is_said_of_one() -> None:
    with ScriptedServer(UNKNOWN["OpenBao"]) as server, at(server.url) as vault:
        with pytest.raises(Forbidden):
            vault.read("pki/roles/a")
        assert len(server.seen) == 1
