# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a write of a secret says about the version it replaces."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Mapping

from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._vault.connection import VAULT, reach
from plugins.module_utils._vault.kv import KvSecret
from plugins.module_utils._vault.kv_custody import KvStore
from plugins.module_utils._vault.kv_versions import KvVersions
from tests.unit.vault.scripted import Answer, ScriptedServer
from tests.unit.vault.subjects import NOON, completed

ITEM: t.Final[Mapping[str, t.Any]] = {
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


STALE: t.Final = Answer(400, {"errors": ["check-and-set parameter did not match the current version"]})


def outcome_of(*script: Answer, item: Mapping[str, t.Any] | None = None) -> tuple[Outcome, list[t.Any]]:
    """Return the outcome of a run that is answered with ``script``, and the bodies of all its writes."""
    with ScriptedServer(*script) as server, contextlib.ExitStack() as stack:
        vault = reach(completed(VAULT, url=server.url, retries=1), stack)
        secret = KvSecret.declared(vault, KvVersions(vault), item or ITEM)
        (outcome,) = reconcile(Batch([secret]), check_mode=False, clock=lambda: NOON)
        return outcome, [seen.body for seen in server.seen if seen.method in ("POST", "PUT")]


def written(*script: Answer) -> list[t.Any]:
    """Return the bodies of all writes of a run that is answered with ``script``."""
    return outcome_of(*script)[1]


def held(number: int, **data: str) -> Answer:
    """Return the answer about a version of a secret."""
    return Answer(200, {"data": {"data": data, "metadata": {"version": number}}})


def test_r22_a_new_secret_is_written_only_if_there_is_none() -> None:
    bodies = written(mounts(2), ABSENT, ABSENT, Answer(200, {"data": {"version": 1}}))
    assert [body["options"] for body in bodies] == [{"cas": 0}]


def test_r22_version_1_is_read_once_more_and_what_appeared_is_kept() -> None:
    assert written(mounts(1), ABSENT, Answer(200, {"data": {"password": "of-the-other"}})) == []


def test_r22_version_1_that_stays_absent_is_written() -> None:
    (body,) = written(mounts(1), ABSENT, ABSENT, Answer(204, b""))
    assert set(body) == {"password"}


def test_r22_a_run_that_was_overtaken_reports_no_change() -> None:
    others = held(1, password="of-the-other")

    outcome, bodies = outcome_of(mounts(2), ABSENT, ABSENT, STALE, others, others)

    assert (len(bodies), outcome.error, outcome.changed, outcome.action.value) == (1, None, False, "none")
    assert outcome.facts["version"] == 1


def test_r22_a_run_whose_first_answer_was_lost_reports_its_change() -> None:
    ours = held(1, password="of-this-run")

    outcome, bodies = outcome_of(mounts(2), ABSENT, ABSENT, Answer(502, b"<html>"), STALE, ours, ours)

    assert (len(bodies), outcome.error, outcome.changed) == (2, None, True)


def test_r22_a_run_that_others_overtook_with_something_else_writes_over_their_version() -> None:
    item = {**ITEM, "generate": None, "data": {"user": "declared"}}
    others = held(1, user="of-the-other")

    outcome, bodies = outcome_of(
        mounts(2),
        ABSENT,
        ABSENT,
        STALE,
        others,
        Answer(200, {"data": {"version": 2}}),
        held(2, user="declared"),
        item=item,
    )

    assert [body["options"]["cas"] for body in bodies] == [0, 1]
    assert (outcome.error, outcome.changed) == (None, True)


def test_r22_what_a_store_wrote_before_an_answer_was_lost_is_its_own() -> None:
    script = (mounts(2), Answer(502, b"<html>"), STALE, held(1, n="1"))
    with ScriptedServer(*script) as server, contextlib.ExitStack() as stack:
        vault = reach(completed(VAULT, url=server.url, retries=1), stack)
        assert KvStore(vault, KvVersions(vault), "kv").write("a", {"n": "1"}, None) == 1
