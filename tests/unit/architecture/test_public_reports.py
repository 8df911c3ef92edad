# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every public report that was tried is held by a test that names it; see tests/public_reports.yml."""

from __future__ import annotations

import ast
import pathlib
import typing as t

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]


def docstring(source: str, name: str) -> str | None:
    """Return the text of a test, ``None`` when there is no such test."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node) or ""
    return None


def faults(reports: dict[str, dict[str, t.Any]], read: t.Callable[[str], str]) -> list[str]:
    """Return the reports whose test is not there, or does not name them."""
    found = []
    for report, entry in reports.items():
        path, _colons, name = entry["test"].partition("::")
        text = docstring(read(path), name)
        number = report.partition("#")[2]
        if text is None:
            found.append(f"{report}: no {name} in {path}")
        elif not entry.get("held") and f"#{number}" not in text:
            found.append(f"{report}: {name} does not name it")
    return found


def test_every_report_is_held_by_a_test_that_names_it() -> None:
    reports = yaml.safe_load((ROOT / "tests" / "public_reports.yml").read_text(encoding="utf-8"))
    assert all({"tried", "found", "test"} <= set(entry) for entry in reports.values())
    assert faults(reports, lambda path: (ROOT / path).read_text(encoding="utf-8")) == []


def test_a_report_without_its_test_is_found() -> None:
    source = 'def test_a():\n    """a/b#12"""\ndef test_b():\n    pass\n'
    reports: dict[str, dict[str, t.Any]] = {
        "a/b#12": {"test": "x.py::test_a"},
        "a/b#13": {"test": "x.py::test_b", "held": True},
        "a/b#14": {"test": "x.py::test_b"},
        "a/b#15": {"test": "x.py::test_c"},
    }
    assert faults(reports, lambda _path: source) == ["a/b#14: test_b does not name it", "a/b#15: no test_c in x.py"]
