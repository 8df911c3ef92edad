# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit tests take for the answers of a server is what this server answers."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.rigs.openbao import OpenBao
from tests.unit.vault.test_states import RECORDED, Entry

Places = Callable[[str], dict[str, t.Any]]


@pytest.fixture(scope="module")
def said(vault: OpenBao) -> Iterator[Places]:
    """Make one object of every kind without any field, and return what the server says of it."""
    api = vault.api
    kinds = {"recorded-pki": "pki", "recorded-transit": "transit"}
    for mount, kind in kinds.items():
        api.write(f"sys/mounts/{mount}", type=kind)
    api.write("sys/auth/recorded-approle", type="approle")
    for place in ("recorded-pki/roles/r", "recorded-transit/keys/k", "auth/recorded-approle/role/r"):
        api.write(place)
    api.write("recorded-pki/root/generate/internal", common_name="x", key_type="ec")

    def say(place: str) -> dict[str, t.Any]:
        for name in ("pki", "transit", "approle"):
            place = place.replace(f"{name}/", f"recorded-{name}/", 1)
        found = api.read(place)
        assert found is not None
        if place == "sys/mounts":
            found = found["recorded-pki/"]
            found["config"].pop("force_no_cache", None)
        return found

    yield say
    for place in (*(f"sys/mounts/{mount}" for mount in kinds), "sys/auth/recorded-approle"):
        api.delete(place)


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: entry["state"])
def test_recorded_answer_is_that_of_the_server(said: Places, entry: Entry) -> None:
    answer, lacks = said(entry["place"]), entry.get("lacks", {})
    differing = {name for name, value in {**entry["answer"], **lacks}.items() if answer.get(name, value) != value}
    assert not differing
    absent = set(entry["answer"]) - set(answer)
    assert absent <= set(entry.get("own", ())), "only another product may be without a field"
