# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merging into an object on a server without PATCH, which none of the servers at hand is any more."""

from __future__ import annotations

import json
import typing as t

import pytest

from plugins.module_utils._vault.errors import Rejected
from plugins.module_utils._vault.port import Vault


class Response:
    """What hvac hands back."""

    headers: t.ClassVar[dict[str, str]] = {}

    def __init__(self, status: int, body: dict[str, t.Any]) -> None:
        self.status_code = status
        self.content = json.dumps(body).encode()

    def json(self) -> t.Any:
        return json.loads(self.content)


class OldServer:
    """One object that is replaced by a write; PATCH gets the status it was made with."""

    token = None
    base_uri = "http://old"

    def __init__(self, held: dict[str, t.Any], patch_status: int) -> None:
        self.held = held
        self.patch_status = patch_status
        self.verbs: list[str] = []

    def request(self, method: str, url: str, **options: t.Any) -> Response:
        self.verbs.append(method)
        if method == "patch":
            return Response(self.patch_status, {"errors": ["unsupported operation"]})
        if method == "post":
            self.held = options["json"]
        return Response(200, {"data": self.held})


def test_object_is_read_and_written_whole() -> None:
    server = OldServer({"ttl": 60, "ou": ["keep"]}, 405)
    Vault(server, retries=0).merge("pki/roles/r", {"ttl": 120})
    assert server.held == {"ttl": 120, "ou": ["keep"]}
    assert server.verbs == ["patch", "get", "post"]


def test_refusal_of_the_value_is_not_taken_for_missing_patch() -> None:
    server = OldServer({"ttl": 60}, 400)
    with pytest.raises(Rejected):
        Vault(server, retries=0).merge("pki/roles/r", {"ttl": 120})
    assert server.verbs == ["patch"]
