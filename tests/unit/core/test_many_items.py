# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Four times the items cost four times the work, whatever becomes of them: counted, since times depend on the machine.

``python -m tests.benchmarks --only items`` measures the times, up to 20 000 items.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import threading
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.module_utils import basic

from plugins.module_utils._core import redact
from plugins.module_utils._core.files import FileTransaction

Result = dict[str, t.Any]
Declare = Callable[[Path, int], Result]

FEW, MANY = 25, 100


def _environment_files(directory: Path, count: int) -> Result:
    return {
        "files": [
            {
                "path": f"{directory}/{number % 7}-{number}.env",
                "variables": {"NUMBER": str(number), "PGSSLMODE": "require"},
                "secrets": [{"name": "TOKEN", "value": f"value-of-{number:08}"}],
            }
            for number in range(count)
        ]
    }


def _credentials(directory: Path, count: int) -> Result:
    services = [
        {"service": f"svc-{number}", "credentials": [{"name": "key", "value": f"value-of-{number:08}"}]}
        for number in range(count)
    ]
    where = {"directory": f"{directory}/credentials", "unit_directory": f"{directory}/units"}
    return {**where, "encrypt": "never", "services": services}


def _keys(plural: str) -> Declare:
    return lambda directory, count: {
        "custody": "files",
        "directory": f"{directory}/keys",
        plural: [{"name": f"name-{number}"} for number in range(count)],
    }


def _manifest(directory: Path, count: int) -> Result:
    for number in range(count):
        (directory / f"f{number}").write_text(f"value-of-{number:08}")
    entries = [
        {"name": f"n{number}", "store": "files", "key": f"f{number}", "owner": "us", "max_age": "90d"}
        for number in range(count)
    ]
    stores = [{"name": "files", "type": "directory", "path": str(directory)}]
    return {"check_values": True, "stores": stores, "secrets": entries}


KINDS: dict[str, Declare] = {
    "environment_file": _environment_files,
    "systemd_credential": _credentials,
    "api_key": _keys("clients"),
    "ilp_secret": _keys("participants"),
    "noise_key": _keys("peers"),
    "secret_manifest": _manifest,
}


def _run(module: str, given: Result, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run a module in this process; return its result."""
    arguments = {"ANSIBLE_MODULE_ARGS": {**given, "_ansible_diff": True}}
    monkeypatch.setattr(redact, "_known", set())
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(arguments).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    monkeypatch.setattr(sys, "argv", [module])
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), pytest.raises(SystemExit):
        importlib.import_module(f"plugins.modules.{module}").main()
    result: Result = json.loads(shown.getvalue())
    return result


def _calls(work: Callable[[], t.Any]) -> int:
    """Return how many functions were called, those written in C included, in every thread."""
    count = 0

    def note(_frame: t.Any, event: str, _argument: t.Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
        threading.setprofile(None)  # type: ignore[arg-type]  # as the documentation says
    return count


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_with_nothing_to_do_is_linear(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the first run nor the next one does more per item because there are more items."""
    counted = []
    results: list[Result] = []
    for count in (FEW, MANY):
        directory = tmp_path / str(count)
        directory.mkdir()
        given = KINDS[kind](directory, count)
        first = _calls(lambda given=given: _run(kind, given, monkeypatch))
        again = _calls(lambda given=given: results.append(_run(kind, given, monkeypatch)))
        assert not results[-1].get("failed") and not results[-1]["changed"]
        counted.append((first, again))
    growth = [many / few for few, many in zip(*counted)]
    assert max(growth) < 1.1 * MANY / FEW, growth


def _work_of_hiding(given: Result, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many secrets Ansible looked for, each in every text of a result or a log line."""
    looked_for = 0
    remove_values = basic.remove_values

    def count(value: t.Any, texts: t.Any) -> t.Any:
        nonlocal looked_for
        looked_for += len(texts)
        return remove_values(value, texts)

    with monkeypatch.context() as patch:
        patch.setattr(basic, "remove_values", count)
        _run("environment_file", given, patch)
    return looked_for


def test_no_secret_is_looked_for_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible looks for each of its secrets in each text; of 20 000 files that took longer than all the rest."""
    given = _environment_files(tmp_path, FEW)
    assert _work_of_hiding(given, monkeypatch) == 0
    assert _work_of_hiding(given, monkeypatch) == 0


def test_nor_when_the_run_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = _environment_files(tmp_path, FEW)
    (tmp_path / "0-0.env").symlink_to("elsewhere")
    assert _work_of_hiding(given, monkeypatch) == 0
    given["files"][1]["unknown"] = "option"
    assert _work_of_hiding(given, monkeypatch) == 0


def test_a_secret_that_stands_in_a_result_is_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = _environment_files(tmp_path, 1)
    given["files"][0]["path"] = f"{tmp_path}/value-of-00000000.env"
    (tmp_path / "value-of-00000000.env").symlink_to("elsewhere")
    logged: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "_log_to_syslog", lambda _self, line: logged.append(line))
    monkeypatch.setattr(basic, "has_journal", False)
    for broken in ({}, {"unknown": "option"}):
        result = _run("environment_file", {**given, **broken}, monkeypatch)
        assert result["failed"] and "value-of-" not in json.dumps(result)
    assert logged and "********.env" in logged[0] and "value-of-" not in logged[0]


def test_groups_that_fail_are_cleared_up_in_linear_time(tmp_path: Path) -> None:
    """Each looked at the directories of all others: a thousand services on a full disk took a minute."""
    counted = []
    for count in (FEW, MANY):
        files = FileTransaction()
        groups = []
        for number in range(count):
            with files.group(str(number)) as group:
                group.directory(f"{tmp_path}/made/{number}/deep")
                groups.append(group)
        counted.append(_calls(lambda groups=groups: [group.discard() for group in groups]))
        assert not (tmp_path / "made").exists()
    assert counted[1] < 1.2 * MANY / FEW * counted[0], counted
