# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every pattern of the collection reads a hostile text in linear time (R14)."""

from __future__ import annotations

import ast
import importlib
import pathlib
import re
import signal
import time
import typing as t
from collections.abc import Callable, Iterator

import pytest

from plugins.module_utils._hygiene.shape_table import SHAPES
from tests.unit.linear.attacks import texts

ROOT: t.Final = pathlib.Path(__file__).resolve().parents[3]
#: Quadratic time on a text of this size is half a second and more; linear time is milliseconds.
SIZE: t.Final = 60_000
#: Seconds of this thread's time for all of a text, and how often that much larger text may take longer.
ENOUGH: t.Final = 0.1
GROWTH: t.Final = 8
TOO_MUCH: t.Final = 1.5
_METHODS: t.Final = ("search", "match", "fullmatch", "finditer", "findall", "sub", "split")


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts), ast.parse(path.read_text(encoding="utf-8"))


def _calls() -> dict[str, set[str]]:
    """Return by the name of a global how it is used; a pattern that is only used whole is only attacked whole."""
    used: dict[str, set[str]] = {}
    for _name, syntax in _sources():
        for node in ast.walk(syntax):
            if isinstance(node, ast.Attribute) and node.attr in _METHODS and isinstance(node.value, ast.Name):
                used.setdefault(node.value.id, set()).add(node.attr)
    return used


def _in(value: t.Any, depth: int = 0) -> Iterator[t.Pattern[t.Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _in(entry, depth + 1)
    elif isinstance(value, (tuple, list, frozenset)) and depth < 4:
        for entry in value:
            yield from _in(entry, depth + 1)


def _patterns() -> dict[str, tuple[t.Pattern[t.Any], str]]:
    """Return every pattern of the collection with the method to attack it by: globals, tables, literals in calls."""
    used = _calls()
    found: dict[str, tuple[t.Pattern[t.Any], str]] = {}
    for module, syntax in _sources():
        if module.startswith("plugins.module_utils."):
            for name, value in vars(importlib.import_module(module)).items():
                for pattern in _in(value):
                    methods = used.get(name, {"search"})
                    whole = methods <= {"fullmatch", "match"}
                    key = f"{pattern.pattern!r}"
                    found.setdefault(
                        key, (pattern, ("match" if "match" in methods else "fullmatch") if whole else "search")
                    )
        for node in ast.walk(syntax):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {f"re.{method}" for method in _METHODS}:
                literal = node.args[0]
                if isinstance(literal, ast.Constant) and isinstance(literal.value, (str, bytes)):
                    method = ast.unparse(node.func).partition(".")[2]
                    whole_only = method if method in ("fullmatch", "match") else "search"
                    found.setdefault(f"{literal.value!r}", (re.compile(literal.value), whole_only))
    for shape in SHAPES:
        found[f"{shape.pattern.pattern!r}"] = (shape.pattern, "search")
    return found


PATTERNS: t.Final = _patterns()


def _ring(_number: int, _frame: object) -> None:
    raise TimeoutError


def seconds(run: Callable[[t.Any], object], text: t.Any) -> float:
    """Return what reading a text costs this thread; it is given up when that is too much by far."""
    previous = signal.signal(signal.SIGVTALRM, _ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, TOO_MUCH)
    began = time.thread_time()
    try:
        run(text)
    except TimeoutError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)
    return time.thread_time() - began


def grows(run: Callable[[t.Any], object], text: t.Any) -> bool:
    """Tell whether a text takes too long, and longer than its size explains, three times in a row."""
    for _attempt in range(3):
        whole = seconds(run, text)
        if whole <= ENOUGH or whole >= TOO_MUCH:
            return whole >= TOO_MUCH
        quarter = min(seconds(run, text[: len(text) // 4]), seconds(run, text[-(len(text) // 4) :]))
        if whole <= GROWTH * max(quarter, 0.005):
            return False
    return True


def _reader(pattern: t.Pattern[t.Any], method: str) -> Callable[[t.Any], object]:
    if method == "search":
        return lambda text: sum(1 for _found in pattern.finditer(text))
    return t.cast("Callable[[t.Any], object]", getattr(pattern, method))


@pytest.mark.parametrize("key", sorted(PATTERNS))
def test_r14_a_pattern_takes_linear_time(key: str) -> None:
    """R14: all hostile texts that follow from the pattern."""
    pattern, method = PATTERNS[key]
    run = _reader(pattern, method)
    slow = [text[:80] for text in texts(pattern, SIZE) if grows(run, text)]
    assert slow == [], f"{method} of {pattern.pattern!r}"


@pytest.mark.parametrize(
    "pattern",
    [
        r"-----BEGIN X-----.*?-----END X-----",
        r"\bcurl\b[^\n]*?\s-u (\S+)",
        r"\s+$",
        r"(a+)+$",
        r"password\s+\S{8,}\s*;?\s*$",
        r"\beyJ[\w-]{8,}\.",
    ],
)  # fmt: skip
def test_r14_the_attack_notices_a_pattern_that_does_not(pattern: str) -> None:
    """The guard of the test above: what was slow, and the textbook."""
    compiled = re.compile(pattern, re.DOTALL)
    assert any(grows(_reader(compiled, "search"), text) for text in texts(compiled, SIZE))


def test_r14_there_are_patterns_to_attack() -> None:
    assert len(PATTERNS) > 90
    assert {shape.pattern.pattern for shape in SHAPES} <= {pattern.pattern for pattern, _method in PATTERNS.values()}
