# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every field of every state: read from an answer, foretold without one, planned and sent where it differs."""

from __future__ import annotations

import importlib
import pathlib
import pkgutil
import typing as t

import pytest
import yaml

import plugins.module_utils._vault as package
from plugins.module_utils._core import kinds
from plugins.module_utils._core.plan import Action, plan_state
from plugins.module_utils._core.state import Meta, State
from plugins.module_utils._vault import approle, mount, pki_config, pki_issuer_state, pki_role, transit_key

#: Named here one by one, so that a mutation run knows whose tests these are.
_MODULES: t.Final = {
    found.__name__.rpartition(".")[2]: found
    for found in (approle, mount, pki_config, pki_issuer_state, pki_role, transit_key)
}
Entry = dict[str, t.Any]
RECORDED: t.Final[list[Entry]] = yaml.safe_load((pathlib.Path(__file__).parent / "answers.yml").read_text("utf-8"))
#: States that are made of several answers, or of none; tests of their own look at them.
COMPOSED: t.Final = {"KvState", "PolicyState", "RevocationState"}


def state_of(entry: Entry) -> type[State]:
    """Return the class that an entry is about."""
    module, _dot, name = entry["state"].rpartition(".")
    found: type[State] = getattr(_MODULES[module], name)
    return found


def answer_of(entry: Entry) -> Entry:
    """Return the answer, flat: the table of mounts keeps what is tuned beside the rest."""
    answer = dict(entry["answer"])
    return {**answer, **answer.pop("config", {})}


def observed(entry: Entry, answer: Entry) -> State:
    """Read an answer as the resource does."""
    if state_of(entry) is mount.MountState:
        return mount.MountState.from_entry(answer)
    return state_of(entry).observed(answer)


FIELDS: t.Final = [
    pytest.param(entry, name, id=f"{entry['state'].rpartition('.')[2]}.{name}")
    for entry in RECORDED
    for name in state_of(entry).metas()
]


def sample(meta: Meta, held: t.Any) -> t.Any:
    """Return a declaration that differs from what is held."""
    option = meta.kind.option
    choices = [choice for choice in option.get("choices", ()) if choice not in ("read-only", held)]
    if option["type"] == "bool":
        return not held
    if option["type"] == "list":
        texts = {kinds.NETWORKS.canonical: "192.0.2.0/24", kinds.ADDRESSES.canonical: "192.0.2.1"}
        return choices[:1] or [texts.get(meta.kind.canonical, "serverauth.example")]
    if option["type"] == "dict":
        return {"key": "value"}
    if option["type"] == "int":
        return 2 + (held or 0)
    if meta.kind is kinds.PEM:
        return "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    return choices[0] if choices else "1h1m"


def test_every_state_is_recorded_or_composed() -> None:
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    states = {found.__name__ for found in State.__subclasses__() if found.__module__.startswith(package.__name__)}
    assert states == COMPOSED | {entry["state"].rpartition(".")[2] for entry in RECORDED}


@pytest.mark.parametrize(("entry", "name"), FIELDS)
def test_a_field_without_an_answer_is_what_the_server_makes_it(entry: Entry, name: str) -> None:
    meta, known = state_of(entry).metas()[name], {**entry.get("lacks", {}), **answer_of(entry)}
    wire_name = meta.wire_name or name
    assert (meta.server_default is None) is (name in entry.get("no_default", ()))
    if wire_name not in known or meta.server_default is None:
        return
    said = observed(entry, {**entry["answer"], **entry.get("lacks", {})})
    foretold = state_of(entry).observed({})
    assert (getattr(said, name) == getattr(foretold, name)) is (name not in entry.get("otherwise", ()))


@pytest.mark.parametrize(("entry", "name"), FIELDS)
def test_what_is_special_about_a_field_is_written_down(entry: Entry, name: str) -> None:
    meta = state_of(entry).metas()[name]
    numeric = meta.kind in (kinds.INTEGER, kinds.SECONDS)  # a number is no switch, and never off
    assert meta.particular is (not numeric and name in {*entry.get("lacks", ()), *entry.get("own", ())})
    for what in ("replace", "write_only", "partial"):
        assert getattr(meta, what) is (name in entry.get(what, ())), what


@pytest.mark.parametrize(("entry", "name"), FIELDS)
def test_a_field_that_differs_is_planned_sent_and_settled(entry: Entry, name: str) -> None:
    meta, answer = state_of(entry).metas()[name], entry["answer"]
    current = observed(entry, answer)
    held = None if meta.write_only else getattr(current, name)
    declared = State.declared.__func__(state_of(entry), {name: sample(meta, held)})  # type: ignore[attr-defined]
    plan = plan_state(current, declared)
    if meta.write_only:
        assert not plan
        return
    assert plan.action is (Action.REPLACE if meta.replace else Action.UPDATE)
    assert plan.changed_fields == {name}
    sent = declared.wire(only=plan.changed_fields)
    assert list(sent) == [meta.wire_name or name]
    assert not plan_state(observed(entry, {**answer, **sent}), declared), "what was sent is read back"


@pytest.mark.parametrize(("entry", "name"), FIELDS)
def test_an_empty_list_is_none_at_all(entry: Entry, name: str) -> None:
    """Servers answer null for a list that was never set."""
    meta = state_of(entry).metas()[name]
    if meta.kind.option["type"] == "list" and meta.server_default == ():
        held = getattr(state_of(entry).observed({meta.wire_name or name: None}), name)
        assert not set(held) - {"read-only"}  # every issuer can be read
