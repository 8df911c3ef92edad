# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callback plugin of the tests: one JSON line per task result, so that a test reads data and not a screen."""

from __future__ import annotations

import json
import os
import typing as t
from collections.abc import Mapping, Sequence

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: rig_record
type: notification
short_description: Write task results as JSON lines
description:
  - Appends one JSON object per task result, item result and run statistics to a file.
  - The file is named by E(TRUSTMESH_RIG_RESULTS).
author: the trustmesh.security contributors
"""


def plain(value: t.Any) -> t.Any:
    """Return a result as JSON data: tagged strings and proxies as what they stand for, Ansible's objects as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items() if not str(key).startswith("_ansible_")}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    # Since 2.19 a warning is an object whose text sits in its event.
    return str(getattr(getattr(value, "event", None), "msg", value))


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Record results as the other callbacks see them: after Ansible has applied no_log."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "rig_record"
    CALLBACK_NEEDS_ENABLED = True

    def _record(self, status: str, result: t.Any, *, item: bool = False, ignored: bool = False) -> None:
        # ansible-core 2.19 made these attributes public.
        task = getattr(result, "task", None) or result._task
        host = getattr(result, "host", None) or result._host
        data = result.result if hasattr(result, "result") else result._result
        self._write(
            {
                "task": task.get_name(),
                "action": task.action,
                "host": host.get_name(),
                "status": status,
                "ignored": ignored,
                "item": item,
                "result": plain(data),
            },
        )

    @staticmethod
    def _write(line: dict[str, t.Any]) -> None:
        with open(os.environ["TRUSTMESH_RIG_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._record("ok", result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._record("failed", result, ignored=bool(ignore_errors))

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._record("skipped", result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._record("unreachable", result)

    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        self._record("ok", result, item=True)

    def v2_runner_item_on_failed(self, result: t.Any) -> None:
        self._record("failed", result, item=True)

    def v2_runner_item_on_skipped(self, result: t.Any) -> None:
        self._record("skipped", result, item=True)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._write({"stats": {host: stats.summarize(host) for host in sorted(stats.processed)}})
