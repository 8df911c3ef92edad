# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment files are read and written as their readers read them (S8)."""

from __future__ import annotations

import shutil
import string
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._hygiene.environment_readers import READERS
from plugins.module_utils._hygiene.environment_text import parse_environment, render_environment, view_environment

NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,10}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r", exclude_categories=("Cs",)), max_size=40)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("# only a comment\n\n", {}),
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("export A=1\n", {"A": "1"}),
        ("A='x y'\n", {"A": "x y"}),
        ('A="x y" # c\n', {"A": "x y"}),
        ('A="a\\"b\\\\c\\$d"\n', {"A": 'a"b\\c$d'}),
        ('A="a\\xb"\n', {"A": "a\\xb"}),
        ("A=a\\ b\n", {"A": "a b"}),
        ("A=x'y'\"z\"\n", {"A": "xyz"}),
        ("A=\nB=1\n", {"A": "", "B": "1"}),
        ("A='one\ntwo'\nB=1\n", {"A": "one\ntwo", "B": "1"}),
        ("not a line\nB=1\n", {"B": "1"}),
        ("1A=x\nB=1\n", {"B": "1"}),
        ("A=postgres://h:p@db/x?a=b#c\n", {"A": "postgres://h:p@db/x?a=b#c"}),
    ],
)
def test_what_a_file_says(text: str, found: dict[str, str]) -> None:
    assert parse_environment(text) == found


@given(st.dictionaries(NAMES, VALUES, max_size=6), st.lists(st.sampled_from(list(READERS)), min_size=1, unique=True))
def test_what_is_written_is_read_back_or_refused(variables: dict[str, str], readers: list[str]) -> None:
    try:
        text = render_environment(variables, readers)
    except InvalidInput:  # by a reader that takes a value in no spelling, or by two that agree on none
        return
    assert view_environment(text, readers, variables) == variables
    assert all(READERS[reader][1](text) == variables for reader in readers)


@pytest.mark.parametrize(
    ("reader", "text", "found"),
    [
        ("systemd", "export A=1\n", {"line 1": None}),
        ("systemd", "A=x'y'\n", {"A": "x'y'"}),
        ("systemd", "A=\"x\"  'y' z # c  \n", {"A": "xyz # c"}),
        ("systemd", "A=a\\\nb\n;c\n", {"A": "ab"}),
        ("systemd", "# c\\\nA=1\n", {"line 1": None, "A": "1"}),
        ("systemd", "A=a\x07\n", {"A": None}),
        ("systemd", "A=1\nB=\ufffe\n", {"line 1": None}),
        ("systemd", "A='open\nB=1\n", {"line 1": None, "B": "1"}),
        ("shell", "export A=1 # c\n", {"A": "1"}),
        ("shell", "A=$B\n", {"line 1": None}),
        ("shell", 'A="`id`"\n', {"line 1": None}),
        ("shell", "A=x y\n", {"line 1": None}),
        ("shell", "A=1\n\nid\n", {"A": "1", "line 3": None}),
        ("shell", "UID=5\n", {"UID": None}),
        ("container", 'A="x" # c\n  B= y \n#c\n', {"A": '"x" # c', "B": " y "}),
        ("container", "A\nexport B=1\n=x\n", {"line 1": None, "line 2": None, "line 3": None}),
        ("container", "A=1\r\n", {"A": None}),
    ],
)
def test_s8_what_a_reader_finds(reader: str, text: str, found: dict[str, str | None]) -> None:
    assert READERS[reader][1](text) == found


@settings(max_examples=25, deadline=None)
@given(value=VALUES)
def test_a_shell_reads_the_same(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    path = tmp_path_factory.mktemp("sh") / "x.env"
    path.write_text(render_environment({"VALUE": value}, ["shell"]), encoding="utf-8")
    shell = shutil.which("sh")
    assert shell is not None
    script = f'. {path}; printf %s "$VALUE"'
    done = subprocess.run([shell, "-c", script], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stdout.decode("utf-8") == value


def test_a_plain_value_stays_bare() -> None:
    value = string.ascii_letters + string.digits + "_./:@%+,=-"
    assert render_environment({"A": value}) == f"A={value}\n"


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"1A": "x"}, "'1A' is not a name of a variable"),
        ({"A-B": "x"}, "'A-B' is not a name of a variable"),
        ({"A": "x\ny"}, "A: has a value of several lines"),
        ({"A": "x\0"}, "A: has a value of several lines"),
    ],
)
def test_what_cannot_be_written_is_refused(variables: dict[str, str], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        render_environment(variables)


@given(st.text(max_size=200))
def test_any_text_is_read_without_a_failure(text: str) -> None:
    assert all(name.isascii() for name in parse_environment(text))
