# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is repeated, how often and after which pause, and what is not (traps 7 and 52)."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
import requests
from hvac.adapters import RawAdapter

from plugins.module_utils._core.plan import Step
from plugins.module_utils._vault.errors import (
    NoMount,
    NotVault,
    RateLimited,
    Rejected,
    Sealed,
    ServerFault,
    Standby,
    Unreachable,
    Unsent,
    VaultError,
)
from plugins.module_utils._vault.policy import Policy
from plugins.module_utils._vault.port import Vault
from tests.unit.vault.memory import Memory
from tests.unit.vault.scripted import DROP, HANG, Answer, ScriptedServer

RETRIES = 3
GOOD = Answer(200, {"type": "shamir", "data": {"k": "v", "keys": [], "data": {}, "metadata": {"version": 1}}})
Request = Callable[[Vault], t.Any]


def read(vault: Vault) -> t.Any:
    """A read can always be repeated."""
    return vault.read("kv/a")


def write(vault: Vault) -> t.Any:
    """A write of a declared state can be repeated: the second one makes the same state."""
    return vault.write("kv/a", {"k": "v"})


def write_once(vault: Vault) -> t.Any:
    """Issuing or signing makes something new each time."""
    return vault.write("pki/issue/r", {"common_name": "a"}, once=True)


def patch(vault: Vault) -> t.Any:
    """A merge can be repeated."""
    return vault.patch("pki/roles/r", {"ttl": 1})


def delete(vault: Vault) -> t.Any:
    """A deletion can be repeated."""
    return vault.delete("kv/a")


def list_keys(vault: Vault) -> t.Any:
    """A listing can always be repeated."""
    return vault.list("kv")


def read_version(vault: Vault) -> t.Any:
    """So can the reading of a version."""
    return vault.read_version("kv/data/a")


def read_bare(vault: Vault) -> t.Any:
    """So can a question that everybody may ask."""
    return vault.read_bare("sys/seal-status")


REPEATABLE = [read, write, patch, delete, list_keys, read_version, read_bare]
EVERY = [*REPEATABLE, write_once]


def port(url: str, pauses: list[float], *, timeout: float = 5.0, retries: int = RETRIES) -> Vault:
    """Return a port on the real transport whose pauses are noted instead of slept."""
    session = requests.Session()
    session.trust_env = False
    adapter = RawAdapter(base_uri=url, token="t", session=session, timeout=timeout, allow_redirects=False)
    return Vault(adapter, retries=retries, sleep=pauses.append)


@pytest.mark.parametrize("request_", REPEATABLE, ids=lambda request_: request_.__name__)
@pytest.mark.parametrize("passing", [502, 503, 504])
def test_passing_failure_is_repeated(request_: Request, passing: int) -> None:
    pauses: list[float] = []
    with ScriptedServer(Answer(passing, {"errors": ["try again"]}), GOOD) as server:
        request_(port(server.url, pauses))
        assert len(server.seen) == 2
    assert len(pauses) == 1


@pytest.mark.parametrize("passing", [502, 503, 504])
def test_what_makes_something_new_is_not_repeated_after_a_passing_failure(passing: int) -> None:
    pauses: list[float] = []
    with ScriptedServer(Answer(passing, {"errors": ["try again"]}), GOOD) as server:
        with pytest.raises(VaultError):
            write_once(port(server.url, pauses))
        assert len(server.seen) == 1
    assert pauses == []


@pytest.mark.parametrize("request_", EVERY, ids=lambda request_: request_.__name__)
def test_rate_limit_is_always_repeated_because_nothing_happened(request_: Request) -> None:
    pauses: list[float] = []
    limited = Answer(429, {"errors": ["request path quota exceeded"]}, {"Retry-After": "2"})
    with ScriptedServer(limited, limited, GOOD) as server:
        request_(port(server.url, pauses))
        assert len(server.seen) == 3
    assert pauses == [2.0, 2.0], "the server said how long to wait"


@pytest.mark.parametrize("request_", EVERY, ids=lambda request_: request_.__name__)
def test_replica_that_is_behind_is_asked_again_because_it_did_nothing(request_: Request) -> None:
    pauses: list[float] = []
    behind = Answer(412, {"errors": ["required index state not present"]})
    with ScriptedServer(behind, GOOD) as server:
        request_(port(server.url, pauses))
        assert len(server.seen) == 2
    assert len(pauses) == 1


def test_rate_limit_that_lasts_is_an_error_after_the_declared_retries() -> None:
    pauses: list[float] = []
    with ScriptedServer(Answer(429, {"errors": ["quota"]})) as server:
        with pytest.raises(RateLimited, match=r"rate limited \(429\). Lower the load or raise the quota"):
            read(port(server.url, pauses))
        assert len(server.seen) == RETRIES + 1
    assert len(pauses) == RETRIES


def test_long_retry_after_is_cut() -> None:
    pauses: list[float] = []
    with ScriptedServer(Answer(429, {}, {"Retry-After": "3600"}), GOOD) as server:
        read(port(server.url, pauses))
    assert pauses == [5.0]


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("0", 0, 0),
        ("5", 5, 5),
        ("6", 5, 5),
        ("9" * 400, 5, 5),
        ("-1", 0.1, 0.3),
        ("1.5", 0.1, 0.3),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 0.1, 0.3),
        ("\xb2", 0.1, 0.3),
        ("", 0.1, 0.3),
    ],
)
@pytest.mark.parametrize("status", [412, 429, 503])
def test_only_a_number_of_seconds_says_how_long_to_wait(status: int, said: str, least: float, most: float) -> None:
    pauses: list[float] = []
    with ScriptedServer(Answer(status, {"errors": ["not now"]}, {"Retry-After": said}), GOOD) as server:
        read(port(server.url, pauses))
    assert [least <= pause <= most for pause in pauses] == [True]


def test_no_pause_is_longer_than_five_seconds() -> None:
    pauses: list[float] = []
    with ScriptedServer(Answer(502)) as server, pytest.raises(NotVault):
        read(port(server.url, pauses, retries=9))
    assert pauses[-1] == 5.0


def test_the_question_for_namespaces_is_repeated() -> None:
    pauses: list[float] = []
    with ScriptedServer(Answer(502, {"errors": ["try again"]}), GOOD) as server:
        assert port(server.url, pauses).ignores_namespaces()
        assert len(server.seen) == 2


def test_pauses_grow_and_are_spread() -> None:
    rounds = []
    for _at in range(20):
        pauses: list[float] = []
        with ScriptedServer(Answer(502)) as server, pytest.raises(NotVault):
            read(port(server.url, pauses))
        rounds.append(pauses)
    for at, (low, high) in enumerate([(0.1, 0.3), (0.2, 0.6), (0.4, 1.2)]):
        column = [pauses[at] for pauses in rounds]
        assert all(low <= pause <= high for pause in column)
        assert len(set(column)) > 1, "hosts that failed together must not come back together"


@pytest.mark.parametrize("request_", EVERY, ids=lambda request_: request_.__name__)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(500, {"errors": ["invalid CIDR"]}), ServerFault),
        (Answer(400, {"errors": ["no"]}), Rejected),
        (Answer(404, {"errors": ['no handler for route "x". route entry not found.']}), NoMount),
        (Answer(503, {"errors": ["Vault is sealed"]}), Sealed),
        (Answer(307, {}, {"Location": "http://127.0.0.1:1/v1/kv/a"}), Standby),
    ],
    ids=["500", "400", "404", "sealed", "307"],
)
def test_lasting_failure_is_not_repeated(request_: Request, answer: Answer, error: type[VaultError]) -> None:
    pauses: list[float] = []
    with ScriptedServer(answer, GOOD) as server:
        with pytest.raises(error):
            request_(port(server.url, pauses))
        assert len(server.seen) == 1
    assert pauses == []


@pytest.mark.parametrize("request_", REPEATABLE, ids=lambda request_: request_.__name__)
def test_broken_line_is_tried_again(request_: Request) -> None:
    pauses: list[float] = []
    with ScriptedServer(DROP, GOOD) as server:
        request_(port(server.url, pauses))
        assert len(server.seen) == 2


def test_broken_line_while_something_new_is_made_is_not_tried_again() -> None:
    pauses: list[float] = []
    with ScriptedServer(DROP, GOOD) as server:
        with pytest.raises(Unreachable, match=r"the connection to http://127\.0\.0\.1:[0-9]+ broke"):
            write_once(port(server.url, pauses))
        assert len(server.seen) == 1, "the server may have made it before the line broke"


def test_answer_that_comes_too_late_is_not_asked_for_again_when_something_new_is_made() -> None:
    pauses: list[float] = []
    with ScriptedServer(HANG) as server:
        with pytest.raises(Unreachable, match=r"timeout: http://127.0.0.1:[0-9]+ did not answer in time"):
            write_once(port(server.url, pauses, timeout=0.3))
        assert len(server.seen) == 1


@pytest.mark.parametrize("request_", EVERY, ids=lambda request_: request_.__name__)
def test_connection_that_was_never_made_is_tried_again(request_: Request) -> None:
    with ScriptedServer(GOOD) as server:
        url = server.url
    pauses: list[float] = []
    with pytest.raises(Unsent, match="nothing listens"):
        request_(port(url, pauses))
    assert len(pauses) == RETRIES, "nothing left this host, so that nothing can happen twice"


def test_no_retries_means_one_request() -> None:
    pauses: list[float] = []
    with ScriptedServer(Answer(502)) as server:
        with pytest.raises(NotVault):
            read(port(server.url, pauses, retries=0))
        assert len(server.seen) == 1


@pytest.mark.parametrize("once", [True, False])
def test_a_step_that_is_to_be_taken_once_is_not_repeated_by_any_resource(once: bool) -> None:
    memory = Memory()
    tried = memory.lose("post", "sys/policies/acl/p")
    resource = Policy.declared(memory.vault, {"name": "p", "rules": "x", "state": "present"})
    resource.vault._retries = RETRIES
    with pytest.raises(ServerFault):
        resource.send(Step("write", "sys/policies/acl/p", {"policy": "x"}, once=once))
    assert len(tried) == (1 if once else 1 + RETRIES)
