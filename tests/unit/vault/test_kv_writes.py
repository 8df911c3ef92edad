# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a write of a secret says about the version it replaces."""

from __future__ import annotations

import contextlib
import typing as t

from plugins.module_utils._vault.connection import VAULT, reach
from plugins.module_utils._vault.kv import KvSecret, KvVersions
from tests.unit.vault.scripted import Answer, ScriptedServer
from tests.unit.vault.subjects import completed

ITEM: t.Final[dict[str, t.Any]] = {
    **dict.fromkeys(("data", "max_versions", "cas_required", "delete_version_after", "custom_metadata")),
    "path": "s",
    "mount": "kv",
    "state": "present",
    "other_keys": "keep",
    "on_delete": "delete",
    "generate": [{"key": "password", "length": 32, "charset": "alphanumeric"}],
}
ABSENT: t.Final = Answer(404, {"errors": []})


def mounts(version: int) -> Answer:
    """Return the answer that names the version of the engine."""
    return Answer(200, {"data": {"path": "kv/", "type": "kv", "options": {"version": str(version)}}})


def written(*script: Answer) -> list[t.Any]:
    """Return the bodies of all writes of a run that is answered with ``script``."""
    with ScriptedServer(*script) as server, contextlib.ExitStack() as stack:
        vault = reach(completed(VAULT, url=server.url, retries=0), stack)
        secret = KvSecret.declared(vault, KvVersions(vault), ITEM)
        secret.apply(secret.plan(secret.read(), None))  # type: ignore[arg-type]
        return [seen.body for seen in server.seen if seen.method in ("POST", "PUT")]


def test_r22_a_new_secret_is_written_only_if_there_is_none() -> None:
    bodies = written(mounts(2), ABSENT, ABSENT, Answer(200, {"data": {"version": 1}}))
    assert [body["options"] for body in bodies] == [{"cas": 0}]


def test_r22_version_1_is_read_once_more_and_what_appeared_is_kept() -> None:
    assert written(mounts(1), ABSENT, Answer(200, {"data": {"password": "of-the-other"}})) == []


def test_r22_version_1_that_stays_absent_is_written() -> None:
    (body,) = written(mounts(1), ABSENT, ABSENT, Answer(204, b""))
    assert set(body) == {"password"}
