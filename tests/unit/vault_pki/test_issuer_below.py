# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuers below another one of the same server: what is looked up about both, and when."""

from __future__ import annotations

import typing as t

import pytest
from cryptography.hazmat.primitives import serialization

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.plan import Action
from plugins.module_utils._vault.errors import UnknownParameter
from plugins.module_utils._vault.pki_issuer import Key
from tests.unit.vault.memory import Data, found, refused
from tests.unit.vault_pki.certificates import Authority, authority
from tests.unit.vault_pki.engine import Engine, root
from tests.unit.vault_pki.subjects import DAY, NOON

LOWER: t.Final = {
    "type": "intermediate",
    "common_name": "Lower",
    "ttl": "30d",
    "signed_by": {"mount": "pki", "issuer": "root"},
}


def engine_with_root(**kept: t.Any) -> Engine:
    """Return an engine that has a root."""
    engine = Engine()
    engine.add("r", "root", root(), **kept)
    return engine


def lower(below: str = "Root", days: int = 30) -> Authority:
    """Return a CA below one of that name."""
    return authority("Lower", NOON, days * DAY, parent=root(below))


def key_pem(ca: Authority) -> str:
    """Return the private key of a CA."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return ca.key.private_bytes(*form).decode()


def test_what_signs_is_looked_at_before_and_not_again_when_it_is_there() -> None:
    engine = engine_with_root()
    issuer = engine.issuer(**LOWER)
    view = issuer.read()
    assert view.parent is not None and view.parent.certificate == root().certificate
    assert view.parent.kept["key_id"] == "k", "what it may sign is known before anything is made"
    assert [step.verb for step in issuer.plan(view, NOON).steps] == ["make_request", "sign", "install", "adjust"]


def test_what_signs_and_does_not_exist_yet_is_looked_at_when_it_is_time_to_sign() -> None:
    engine = Engine()
    issuer = engine.issuer(**LOWER)
    view = issuer.read()
    assert view.parent is None
    plan = issuer.plan(view, NOON)
    assert [step.verb for step in plan.steps] == ["fence", "make_request", "sign", "install", "adjust"]
    assert plan.action is Action.CREATE


@pytest.mark.parametrize("gone", ["pki", "elsewhere"], ids=["both mounts", "its own mount"])
def test_before_its_mount_exists_an_issuer_is_foretold(gone: str) -> None:
    engine = engine_with_root()
    if gone == "pki":
        engine = Engine()
        del engine.memory.tables["sys/mounts"]["pki/"]
        engine.memory._handlers.clear()
    issuer = engine.issuer(**LOWER, mount="elsewhere")
    view = issuer.read()
    assert (view.parent is None) is (gone == "pki")
    assert issuer.plan(view, NOON).action is Action.CREATE
    assert len(issuer.vault.warnings) == 1
    assert issuer.vault.warnings[0].startswith("vault_pki_issuer elsewhere/ca: ")


@pytest.mark.parametrize("item", [LOWER, {"common_name": "Other"}], ids=["intermediate", "root"])
def test_planning_asks_nobody(item: Data) -> None:
    engine = engine_with_root()
    issuer = engine.issuer(**item)
    view = issuer.read()
    asked = len(engine.asked)
    assert issuer.plan(view, NOON)
    assert len(engine.asked) == asked


def test_a_parent_that_may_not_be_looked_at_is_an_error() -> None:
    engine = engine_with_root()
    engine.memory.on("get", "pki/issuer/root/json", lambda _path, _body: refused(403, "1 error: permission denied"))
    with pytest.raises(Exception, match="permission denied"):
        engine.issuer(**LOWER).read()


@pytest.mark.parametrize(
    ("ca", "signer"),
    [(lower(), "pki/root"), (lower("Other"), "CN=Other"), (root("Lower"), "CN=Lower")],
    ids=["as declared", "by another", "by itself"],
)
def test_who_signed_it_is_found_by_the_signature(ca: Authority, signer: str) -> None:
    engine = engine_with_root()
    engine.add("one", "ca", ca)
    state = engine.issuer(**LOWER).read().state
    assert state is not None and state.signed_by == signer


@pytest.mark.parametrize(
    ("ca", "known"), [(lower(), True), (lower("Other"), False)], ids=["by the declared", "by another"]
)
def test_a_nameless_one_is_recognised_by_who_signed_it(ca: Authority, known: bool) -> None:
    engine = engine_with_root()
    engine.add("one", "", ca)
    assert (engine.issuer(**LOWER).read().held is not None) is known


def test_as_declared_it_needs_no_further_look() -> None:
    engine = engine_with_root(key="root-key")
    engine.add("one", "ca", lower(), key="own")
    engine.keys = {"own": {"key_name": "ca", "key_type": "ec"}}
    view = engine.issuer(**LOWER).read()
    assert (view.key, view.parent is not None and view.parent.kept) == (None, {})
    assert not [path for path in engine.asked if "/key" in path or path == "get pki/issuer/root"]


def test_what_is_to_be_replaced_gives_its_key_name_away_first() -> None:
    engine = engine_with_root()
    engine.add("one", "ca", lower(days=29), key="own")
    engine.keys = {"own": {"key_name": "ca", "key_type": "ec"}}
    issuer = engine.issuer(**LOWER, on_mismatch="replace")
    view = issuer.read()
    assert view.key == Key("own", "ec", "")
    verbs = [step.verb for step in issuer.plan(view, NOON).steps]
    assert verbs == ["rename_key", "make_request", "sign", "rename_issuer", "install", "adjust"]


@pytest.mark.parametrize(
    ("item", "asked"),
    [
        (LOWER, "pki/issuer/root/sign-intermediate"),
        ({"common_name": "Root"}, "pki/root/generate/internal"),
    ],
    ids=["intermediate", "root"],
)
def test_constraints_that_not_every_server_knows_are_asked_for_where_they_are_used(item: Data, asked: str) -> None:
    def schema(*names: str) -> Data:
        return {"openapi": {"components": {"schemas": {"Any": {"properties": {name: {} for name in names}}}}}}

    engine = engine_with_root()
    helped: list[str] = []

    def explain(path: str) -> tuple[int, Data]:
        helped.append(path)
        return 200, schema("ttl", "permitted_dns_domains")

    engine.memory._help = explain  # type: ignore[method-assign]
    engine.issuer(**item, permitted_dns_domains=["a.example"]).read()
    assert helped == [], "every server knows these"
    with pytest.raises(UnknownParameter) as refusal:
        engine.issuer(**item, excluded_dns_domains=["a.example"]).read()
    assert refusal.value.field == "excluded_dns_domains"
    assert helped == [asked]


@pytest.mark.parametrize(("tuned", "guarded"), [(29, True), (30, False), (31, False), (0, False)])
def test_a_life_beyond_the_mount_that_signs_is_looked_at_again_before_anything_is_made(
    tuned: int, guarded: bool
) -> None:
    """The engine that signs, and not the one that will hold it, cuts a life."""
    engine = engine_with_root()
    engine.memory._mount("sys/mounts", "own", {"type": "pki"})
    engine.memory.tables["sys/mounts"]["own/"]["config"]["max_lease_ttl"] = 60
    engine.memory.on(
        "get", "sys/mounts/pki/tune", lambda _p, _b: found({"max_lease_ttl": tuned * DAY, "default_lease_ttl": 0})
    )
    issuer = engine.issuer(**LOWER, mount="own")
    steps = issuer.plan(issuer.read(), NOON).steps
    assert [(step.target, step.body) for step in steps if step.verb == "guard"] == (
        [("ttl", 30 * DAY)] if guarded else []
    )
    if guarded:
        assert steps[0].verb == "guard"
        with pytest.raises(InvalidInput, match="30d is longer than the mount pki allows") as refusal:
            issuer.apply(issuer.plan(issuer.read(), NOON))
        assert (refusal.value.field, engine.memory.writes) == ("ttl", [])


def test_a_key_is_added_to_an_issuer_that_was_imported_without_one() -> None:
    engine, ca = Engine(), root("Imported")
    engine.add("one", "ca", ca, key="")
    item = {"type": "imported", "common_name": None, "ttl": None, "key_type": None, "certificate": ca.pem}
    assert not engine.issuer(**item).plan(engine.issuer(**item).read(), NOON), "nobody declared a key"
    issuer = engine.issuer(**item, private_key=key_pem(ca))
    plan = issuer.plan(issuer.read(), NOON)
    assert (plan.action, plan.reasons) == (Action.UPDATE, ["has_key is false, declared true"])
    assert [(step.verb, step.target) for step in plan.steps] == [
        ("install", "pki/issuers/import/bundle"),
        ("name_key", ""),
    ]
    wrong = engine.issuer(**item, private_key=key_pem(root("Other")))
    with pytest.raises(InvalidInput, match="does not belong to certificate"):
        wrong.plan(wrong.read(), NOON)
