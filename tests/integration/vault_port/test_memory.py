# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server in memory that unit tests run against answers as the real one does, as far as resources rely on it."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator

import pytest

from tests.rigs.openbao import OpenBao
from tests.unit.vault.memory import Data, Memory

KINDS: t.Final = {
    "mem-pki": "pki",
    "mem-transit": "transit",
    "mem-approle": "approle",
    "mem-kv1": "kv1",
    "mem-kv2": "kv2",
}
#: A conversation; of the answers only what a resource reads is compared.
TALK: t.Final[list[tuple[str, str, Data]]] = [
    ("get", "sys/policies/acl/mem", {}),
    ("post", "sys/policies/acl/mem", {"policy": "# nothing\n"}),
    ("get", "sys/policies/acl/mem", {}),
    ("delete", "sys/policies/acl/mem", {}),
    ("delete", "sys/policies/acl/mem", {}),
    ("get", "mem-pki/config/crl", {}),
    ("post", "mem-pki/config/crl", {"expiry": "5d"}),
    ("post", "mem-pki/config/crl", {"disable": True}),
    ("get", "mem-pki/config/crl", {}),
    ("list", "mem-pki/roles", {}),
    ("get", "mem-pki/roles/r", {}),
    ("patch", "mem-pki/roles/r", {"ttl": 60}),
    ("post", "mem-pki/roles/r", {"ttl": 60}),
    ("post", "mem-pki/roles/r", {"max_ttl": 120}),
    ("get", "mem-pki/roles/r", {}),
    ("patch", "mem-pki/roles/r", {"ttl": 60}),
    ("get", "mem-pki/roles/r", {}),
    ("list", "mem-pki/roles", {}),
    ("delete", "mem-pki/roles/r", {}),
    ("get", "mem-pki/roles/r", {}),
    ("get", "auth/mem-approle/role/r", {}),
    ("post", "auth/mem-approle/role/r", {"token_ttl": 60}),
    ("post", "auth/mem-approle/role/r", {"token_num_uses": 2}),
    ("post", "auth/mem-approle/role/r/role-id", {"role_id": "fixed"}),
    ("get", "auth/mem-approle/role/r", {}),
    ("get", "auth/mem-approle/role/r/role-id", {}),
    ("delete", "auth/mem-approle/role/r", {}),
    ("get", "auth/mem-approle/role/r", {}),
    ("get", "mem-transit/keys/k", {}),
    ("post", "mem-transit/keys/k", {"type": "ed25519"}),
    ("post", "mem-transit/keys/k/rotate", {}),
    ("post", "mem-transit/keys/k/config", {"min_encryption_version": 2}),
    ("get", "mem-transit/keys/k", {}),
    ("delete", "mem-transit/keys/k", {}),
    ("post", "mem-transit/keys/k/config", {"deletion_allowed": True}),
    ("delete", "mem-transit/keys/k", {}),
    ("get", "mem-transit/keys/k", {}),
    ("get", "mem-kv1/a/b", {}),
    ("post", "mem-kv1/a/b", {"k": "v", "l": "w"}),
    ("post", "mem-kv1/a/b", {"k": "x"}),
    ("get", "mem-kv1/a/b", {}),
    ("list", "mem-kv1/", {}),
    ("list", "mem-kv1/a", {}),
    ("delete", "mem-kv1/a/b", {}),
    ("list", "mem-kv1/a", {}),
    ("get", "mem-kv2/data/a/b", {}),
    ("get", "mem-kv2/metadata/a/b", {}),
    ("post", "mem-kv2/metadata/a/b", {"custom_metadata": {"o": "x"}}),
    ("get", "mem-kv2/metadata/a/b", {}),
    ("get", "mem-kv2/data/a/b", {}),
    ("post", "mem-kv2/data/a/b", {"data": {"k": "v"}, "options": {"cas": 1}}),
    ("post", "mem-kv2/data/a/b", {"data": {"k": "v"}, "options": {"cas": 0}}),
    ("get", "mem-kv2/data/a/b", {}),
    ("list", "mem-kv2/metadata", {}),
    ("list", "mem-kv2/metadata/a", {}),
    ("delete", "mem-kv2/data/a/b", {}),
    ("get", "mem-kv2/data/a/b", {}),
    ("delete", "mem-kv2/metadata/a/b", {}),
    ("get", "mem-kv2/metadata/a/b", {}),
    ("get", "mem-none/a", {}),
    ("post", "mem-none/a", {"k": "v"}),
    ("get", "sys/mounts/mem-none/tune", {}),
    ("get", "sys/internal/ui/mounts/mem-none", {}),
    ("get", "sys/internal/ui/mounts/mem-kv2", {}),
    ("post", "sys/mounts/mem-pki", {"type": "pki"}),
    ("post", "sys/mounts/mem-pki/tune", {"max_lease_ttl": 60, "description": "d"}),
    ("get", "sys/mounts", {}),
]


@pytest.fixture(scope="module")
def real(vault: OpenBao) -> Iterator[OpenBao]:
    """The shared server with an engine of every kind."""
    places = [("sys/auth" if kind == "approle" else "sys/mounts") + f"/{mount}" for mount, kind in KINDS.items()]
    for place, kind in zip(places, KINDS.values(), strict=True):
        version = {"kv1": "1", "kv2": "2"}.get(kind)
        vault.api.write(place, type=kind.rstrip("12"), options={"version": version} if version else {})
    yield vault
    for place in places:
        vault.api.delete(place)


def test_it_answers_as_the_real_server(real: OpenBao) -> None:
    memory, unlike = Memory(**KINDS), []
    for at, (method, path, body) in enumerate(TALK):
        headers = {"Content_Type": "application/merge-patch+json"} if method == "patch" else {}
        answer = real.api.request(method.upper(), path, body or None, **headers)
        kept = memory.request(method, f"v1/{path}", json=body)
        if kept.status_code >= 300 or answer.status >= 300:
            same = kept.status_code == answer.status
        else:
            said = _comparable(json.loads(kept.content or b"{}"), path) if method in ("get", "list") else {}
            shown = _comparable(answer.body, path)
            same = all(name in shown and shown[name] == value for name, value in said.items())
        if not same:
            unlike.append((at, method, path, kept.content, answer))
    assert not unlike, "\n".join(map(str, unlike))


def _comparable(body: Data, path: str) -> Data:
    data = body.get("data") or {}
    if path == "sys/mounts":
        entry = data["mem-pki/"]
        return {**{name: entry[name] for name in ("type", "description")}, "ttl": entry["config"]["max_lease_ttl"]}
    loose = {"accessor", "created_time", "deletion_time", "versions", "metadata", "config", "options"}
    return {name: value for name, value in data.items() if name not in loose and not isinstance(value, dict)}
