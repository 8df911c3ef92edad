# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup vault_kv against a real server: both versions of the engine, many secrets, and what is not there."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from tests.rigs.openbao import OpenBao
from tests.rigs.runner import PlayResult

LOOKUP = "query('trustmesh.security.vault_kv', {terms}, mount=mount, url=url, ca_cert=ca_cert, token=token{more})"


@pytest.fixture(params=[1, 2])
def ask(request: pytest.FixtureRequest, vault: OpenBao, unique_name: Callable[[str], str], play: t.Any) -> t.Any:
    """Look secrets up in an engine of either version that holds ``a`` and ``dir/b``; return the run and the values."""
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": str(request.param)})
    data = f"{mount}/data" if request.param == 2 else mount
    vault.wait_until(lambda: vault.api.request("GET", f"{data}/none").status == 404, what="the new engine")
    for path, secret in {"a": {"one": "1", "two": "zwei"}, "dir/b": {"one": "eins"}}.items():
        vault.api.write(f"{data}/{path}", **({"data": secret} if request.param == 2 else secret))

    def run(terms: str, more: str = "", **variables: t.Any) -> PlayResult:
        given = {"mount": mount, "url": vault.url, "ca_cert": vault.ca_path, "token": vault.make_token(["root"])}
        task = {
            "name": "ask",
            "ansible.builtin.debug": {"msg": "{{ " + LOOKUP.format(terms=terms, more=more) + " }}"},
            "vars": {**given, **variables},
        }
        return t.cast(PlayResult, play([task]))

    return run


def test_whole_secrets_and_single_values(ask: t.Any) -> None:
    assert ask("'a', 'dir/b'").ok().task("ask").result["msg"] == [{"one": "1", "two": "zwei"}, {"one": "eins"}]
    assert ask("'a', '/dir/b'", ", key='one'").ok().task("ask").result["msg"] == ["1", "eins"]


@pytest.mark.parametrize(
    ("terms", "more", "said"),
    [
        ("'a', 'missing'", "", "missing does not exist or is deleted"),
        ("'a'", ", key='three'", "has no three. Use one of one, two"),
        ("'a'", ", auth_method='approle'", "role_id"),
    ],
)
def test_what_is_not_there_is_an_error_that_says_so(ask: t.Any, terms: str, more: str, said: str) -> None:
    done = ask(terms, more)

    assert done.rc != 0
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_wrong_token_is_told_from_a_missing_secret(ask: t.Any) -> None:
    done = ask("'a'", token="not-a-token")

    assert done.rc != 0
    assert "does not exist" not in done.stdout
    assert "token" in done.stdout + done.stderr
