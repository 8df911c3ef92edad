# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seal as it is declared, foreseen and told; what its options refuse is refused before any request."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import Attributes
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._vault.errors import Rejected, Unreachable
from plugins.module_utils._vault.seal import SealTerms
from plugins.modules import vault_seal
from tests.unit.vault.memory import Memory, refused
from tests.unit.vault.subjects import NOON, completed
from tests.unit.vault.test_seal import SHARES, Server, run, seal


def declared(**params: t.Any) -> SealTerms:
    return SealTerms.declared(completed(vault_seal.SPEC, **params))


def test_what_is_declared_is_taken_by_its_name() -> None:
    terms = declared(
        keys_file="/k", root_token_file="/r", shares=5, threshold=3, owner=str(os.getuid()), group="0", timeout=17
    )
    assert (terms.sealed, terms.keys_file, terms.root_token_file) == (False, "/k", "/r")
    assert (terms.shares, terms.threshold, terms.patience) == (5, 3, 17)
    assert terms.attributes == Attributes(os.getuid(), 0, 0o600)


def test_sealing_needs_no_keys_and_a_login() -> None:
    terms = declared(state="sealed", keys_file="/k", root_token_file="/r", token="the-token")
    assert (terms.sealed, terms.keys_file, terms.root_token_file) == (True, None, None)
    assert terms.login(Memory().vault).reveal() == "the-token"


@pytest.mark.parametrize("name", ["VAULT_TOKEN", "BAO_TOKEN"])
def test_sealing_without_a_login_is_refused_before_any_request(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("VAULT_TOKEN", "BAO_TOKEN"):
        for suffix in ("", "_FILE"):
            monkeypatch.delenv(f"{variable}{suffix}", raising=False)
    with pytest.raises(InvalidInput) as refusal:
        declared(state="sealed")
    assert refusal.value.field == "token"
    with pytest.raises(InvalidInput) as refusal:
        declared(state="sealed", auth_method="userpass", username="jo")
    assert refusal.value.field == "password"
    declared(keys_file="/k")  # to unseal needs none
    monkeypatch.setenv(name, "t")
    declared(state="sealed")


@pytest.mark.parametrize(("shares", "threshold"), [(3, 1), (2, 3), (1, 2), (256, 2), (0, 0)])
def test_shares_that_no_server_makes_are_refused(shares: int, threshold: int) -> None:
    with pytest.raises(InvalidInput, match=f"{threshold} of {shares} shares is not possible") as refusal:
        declared(keys_file="/k", shares=shares, threshold=threshold)
    assert (refusal.value.field, bool(refusal.value.remedy)) == ("threshold", True)


Changes = t.List[t.Tuple[str, t.Any, t.Any]]


def foreseen(server: Server, folder: pathlib.Path, **terms: t.Any) -> Changes:
    resource = seal(server, folder, **terms)
    return [(change.path, change.before, change.after) for change in resource.plan(resource.read(), NOON).changes]


def test_what_is_foreseen_is_what_is_found_after(tmp_path: pathlib.Path) -> None:
    server = Server(initialized=False)
    unsealed = ("sealed", True, False)
    assert foreseen(server, tmp_path) == [
        ("initialized", False, True),
        unsealed,
        ("root_token_file", None, "the root token"),
    ]
    outcome = run(server, tmp_path)
    shown = {"initialized": True, "sealed": False, "type": "shamir", "shares": 3, "threshold": 2}
    assert (outcome.error, outcome.facts) == (None, shown)
    assert foreseen(server, tmp_path, sealed=True) == [("sealed", False, True)]
    assert run(server, tmp_path, sealed=True).facts == {**shown, "sealed": True}
    assert foreseen(server, tmp_path) == [unsealed]
    (tmp_path / "root").write_text("of another\n")
    root = Secret("the-root-token")
    assert foreseen(server, tmp_path) == [unsealed, ("root_token_file", Secret("of another"), root)]
    (tmp_path / "root").unlink()
    assert run(server, tmp_path, root_token_file=None).error is None
    assert foreseen(server, tmp_path) == [("root_token_file", None, root)]
    assert foreseen(server, tmp_path, root_token_file=None) == []


def test_the_keys_are_kept_in_a_form_that_people_can_read(tmp_path: pathlib.Path) -> None:
    assert run(Server(initialized=False), tmp_path).error is None
    text = (tmp_path / "keys").read_text()
    assert text.startswith('{\n  "url": "https://vault.example:8200",\n  "keys_base64": [\n')
    assert text.endswith("}\n")


def test_another_refusal_to_initialise_is_told_as_it_is_and_leaves_no_file(tmp_path: pathlib.Path) -> None:
    server = Server(initialized=False)
    server.memory.on("post", "sys/init", lambda _path, _body: refused(400, "invalid seal configuration"))
    outcome = run(server, tmp_path)
    assert isinstance(outcome.error, Rejected)
    assert "invalid seal configuration" in str(outcome.error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("initialized", [True, False])
def test_what_was_unsealed_is_waited_for(tmp_path: pathlib.Path, initialized: bool) -> None:
    server = Server(initialized=initialized)
    server.health = 503
    if initialized:
        (tmp_path / "keys").write_text('{"keys_base64": ["' + '", "'.join(SHARES) + '"]}')
    outcome = run(server, tmp_path, patience=0)
    assert isinstance(outcome.error, Unreachable)
    assert "no node became active within 0 seconds of unsealing" in str(outcome.error)
    assert not server.sealed


def test_a_file_is_named_by_its_option(tmp_path: pathlib.Path) -> None:
    resource = seal(Server(), tmp_path)
    named = [("keys_file", str(tmp_path / "keys")), ("root_token_file", str(tmp_path / "root"))]
    assert list(resource.own_files) == named
    assert list(seal(Server(), tmp_path, root_token_file=None).own_files) == named[:1]
