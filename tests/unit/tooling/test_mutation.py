# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mutation testing: every kind of change is made where it should be, and what is excused still exists."""

from __future__ import annotations

import pathlib
import textwrap

import pytest

from tests.tooling.mutation import mutants
from tests.tooling.mutation.__main__ import _Map, every, explained
from tests.tooling.mutation.typed import noticed_by_types

ROOT = pathlib.Path(__file__).resolve().parents[3]

SAMPLE = '''
"""Documentation with a number: 1."""
import typing as t

if t.TYPE_CHECKING:
    X = 1 == 2


class A:
    limit: int = 3

    def f(self, a: "int", b: bool = True) -> "int | None":
        """A word."""
        if a == 1 and not b:
            raise ValueError("is 1" + str(a))
        with lock(self):
            self.held = g(a, b, strict=True, mode=0)
        try:
            h(a)
        except OSError:
            return None
        return [x for x in b if x in ("y", "z")] if a else self["key"]
'''


@pytest.fixture
def found(tmp_path: pathlib.Path) -> list[mutants.Mutant]:
    """Return the mutants of the sample."""
    (tmp_path / "sample.py").write_text(SAMPLE)
    return mutants.of_file(tmp_path, "sample.py")


def test_each_kind_of_change_is_made(found: list[mutants.Mutant]) -> None:
    made = {(mutant.kind, mutant.before, mutant.after) for mutant in found}
    assert {
        ("comparison", "a == 1", "a != 1"),
        ("boolean", "a == 1 and not b", "(a == 1) or (not b)"),
        ("guard removed", "a == 1 and not b", "False"),
        ("condition negated", "a", "not (a)"),
        ("not removed", "not b", "(b)"),
        ("raise removed", 'raise ValueError("is 1" + str(a))', "pass"),
        ("context removed", "lock(self)", "__import__('contextlib').nullcontext()"),
        ("statement removed", "h(a)", "pass"),
        ("handler lets it pass", "return None", "raise"),
        ("arguments swapped", "g(a, b, strict=True, mode=0)", "g(b, a, strict=True, mode=0)"),
        ("argument left out", "g(a, b, strict=True, mode=0)", "g(a, b, strict=True)"),
        ("condition dropped", 'x in ("y", "z")', "True"),
        ("text", '"y"', "'y~'"),
        ("text", '"key"', "'key~'"),
        ("constant", "3", "4"),
        ("constant", "True", "False"),
    } <= made


def test_what_does_not_act_is_left_alone(found: list[mutants.Mutant]) -> None:
    assert not [mutant for mutant in found if mutant.function == "module"]
    assert not [mutant for mutant in found if "A word" in mutant.before or mutant.before == "str(a)"]
    assert not [mutant for mutant in found if "strict" not in mutant.after and mutant.kind == "argument left out"]


def test_arguments_without_an_order_are_not_swapped(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sample.py").write_text("min(a, b)\nnames.update(a, b)\nmax(a, b, key=c)\nat(a, b)\n")
    swapped = [it.before for it in mutants.of_file(tmp_path, "sample.py") if it.kind == "arguments swapped"]
    assert swapped == ["max(a, b, key=c)", "at(a, b)"]


def test_a_change_is_that_text_and_nothing_else(found: list[mutants.Mutant]) -> None:
    for mutant in found:
        text = mutant.applied(SAMPLE)
        compile(text, "sample", "exec")
        assert text != SAMPLE
        assert len(text) - len(SAMPLE) == len(mutant.after) - (mutant.end - mutant.start)


def test_a_change_keeps_its_name_when_lines_are_added_elsewhere(
    found: list[mutants.Mutant], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "sample.py").write_text(textwrap.dedent(SAMPLE).replace("class A:", "def z():\n    k(1)\n\n\nclass A:"))
    again = {mutant.key for mutant in mutants.of_file(tmp_path, "sample.py")}
    assert {mutant.key for mutant in found} < again
    assert len({mutant.key for mutant in found}) == len(found)


def test_what_acts_at_import_concerns_every_test_of_the_file(found: list[mutants.Mutant]) -> None:
    """One test that happens to be the first to import a module runs its lines, and says nothing about them."""
    lines = {"10": ["first"], "12": ["first"], "14": ["first", "of f"]}
    known = _Map({"first": 0.0, "of f": 1.0}, {"sample.py": lines}, [], {"sample.py": ["user"]})
    tests = {(mutant.function, mutant.before): known.tests(mutant) for mutant in found}
    assert set(tests["A", "3"]) == {"first", "user", "of f"}
    assert set(tests["A.f", "True"]) == {"first", "user", "of f"}
    assert tests["A.f", "a == 1"] == ["first", "of f"]


def test_every_mutant_that_may_survive_still_exists_and_has_a_reason() -> None:
    allowed = explained(ROOT)
    gone = set(allowed) - {mutant.key for mutant in every(ROOT)}
    assert not gone, "remove these from tests/mutation_survivors.yml"
    assert all(len(reason) > 10 for reason in allowed.values())


def test_types_notice_what_is_not_of_its_type_and_nothing_else(tmp_path: pathlib.Path) -> None:
    """A condition that became a constant is not an error of types: only tests can tell what it meant."""
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\nenable_error_code = redundant-expr, truthy-bool\n")
    package = tmp_path / "plugins/module_utils"
    package.mkdir(parents=True)
    source = "def first(values: list[str], short: bool) -> str:\n    return values[0] if short else max(values)\n"
    (package / "sample.py").write_text(source)

    def noticed(text: str) -> str | None:
        return noticed_by_types(tmp_path, "plugins/module_utils/sample.py", text)

    assert noticed(source) is None
    assert noticed(source.replace("if short", "if True")) is None
    assert noticed(source.replace("values[0] if", "None if")) == "mypy: plugins/module_utils/sample.py:2 [return-value]"
    assert (package / "sample.py").read_text() == source
