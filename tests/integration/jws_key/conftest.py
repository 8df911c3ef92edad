# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mesh of participants: their keys in an engine, a trust directory for each, and one for everybody in the engine."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t
from collections.abc import Callable, Iterator

import pytest

from plugins.module_utils._jose import fspiop
from tests.integration.conftest import or_skip
from tests.rigs.canary import Canaries
from tests.rigs.node import Peer
from tests.rigs.openbao import OpenBao

NAMES = ("hub", "perffsp-1", "perffsp-2")
TRANSFER = {"transferId": "7", "amount": {"currency": "USD", "amount": "1.50"}, "payerFsp": "perffsp-1"}
URL = "https://switch.example/transfers"


@dataclasses.dataclass(frozen=True)
class Mesh:
    """Participants, and what each sees."""

    vault: OpenBao
    mount: str
    base: pathlib.Path
    connection: dict[str, str]
    canaries: Canaries

    def args(self, *names: str, **more: t.Any) -> dict[str, t.Any]:
        """Return module arguments for participants of the mesh, by default all."""
        publish = [
            {"kind": "directory", "path": f"{self.base}/{{audience}}/trust", "audiences": list(NAMES)},
            {"kind": "kv", "mount": self.mount, "path": "trust"},
        ]
        participants = [{"name": name} for name in names or NAMES]
        return {"mount": self.mount, "path": "jws/{name}", "publish": publish, "participants": participants, **more}

    def held(self, name: str) -> dict[str, t.Any]:
        """Return the record of a participant, and note its secrets."""
        answer = self.vault.api.read(f"{self.mount}/data/jws/{name}")
        assert answer is not None, name
        record: dict[str, t.Any] = answer["data"]
        for document in (record, record.get("next") or {}, *record.get("previous", ())):
            if "private_key" in document:
                self.canaries.record(document["private_key"], "signing key")
        return record

    def trust(self, audience: str) -> dict[str, str]:
        """Return the keys that a participant verifies with, by owner, as an adapter reads them."""
        return {path.stem: path.read_text() for path in (self.base / audience / "trust").glob("*.pem")}

    def signed(self, sender: str, receiver: str, key: str) -> dict[str, t.Any]:
        """Return a signed transfer, as the filters and the reference library take it."""
        headers = {"FSPIOP-Source": sender, "FSPIOP-Destination": receiver, "Date": "Sat, 21 Nov 2026 12:00:00 GMT"}
        request = fspiop.sign(key, method="POST", url=URL, headers=headers, body=TRANSFER)
        return {"method": "POST", "url": URL, "headers": request.headers, "body": request.body}

    def accepts(self, receiver: str, request: dict[str, t.Any]) -> bool:
        """Tell whether a participant's directory holds the key that verifies a request."""
        return not fspiop.verify(self.trust(receiver), **request).problems


@pytest.fixture
def mesh(
    vault: OpenBao,
    unique_name: Callable[[str], str],
    tmp_path: pathlib.Path,
    connection: dict[str, str],
    canaries: Canaries,
) -> Mesh:
    """Participants that have nothing yet."""
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    vault.wait_until(lambda: vault.api.request("GET", f"{mount}/data/none").status == 404, what="the new engine")
    return Mesh(vault, mount, tmp_path, connection, canaries)


@pytest.fixture(scope="session")
def peer() -> Iterator[Peer]:
    """The reference library of FSPIOP signatures, in both versions."""
    started: Peer = or_skip(lambda: Peer("sdk_standard_components"))
    with started:
        yield started
