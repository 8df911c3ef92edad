# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guide that does not do what it shows is noticed."""

from __future__ import annotations

import os
import pathlib
import textwrap
import typing as t

import pytest

from tests.unit.docs.blocks import Block, blocks
from tests.unit.docs.session import Session

_GUIDE = """
    .. code-block:: text
       :caption: greetings/one.txt

       hello
       world

    Prose between.

    .. code-block:: console

       $ cat greetings/one.txt
       hello
       world
       $ NAME=42
       $ echo a \\
         b
       a b
       $ echo "the answer is $NAME"
       the answer is ...

    .. code-block:: console
       :class: fails

       $ ls nowhere
       ...nowhere...
"""


@pytest.fixture
def follow(tmp_path: pathlib.Path) -> t.Callable[[str], list[str]]:
    """A function that follows the guide that a text is."""

    def run(text: str) -> list[str]:
        page = pathlib.Path(__file__).with_name("planted.rst")
        lines = textwrap.dedent(text)
        (tmp_path / "guide.rst").write_text(lines)
        planted = [Block(page, b.line, b.language, b.text, b.options) for b in blocks(tmp_path / "guide.rst")]
        with Session(tmp_path, {"PATH": os.environ["PATH"]}, deadline=20) as session:
            return session.follow(planted)

    return run


def test_files_commands_and_outputs(follow: t.Any) -> None:
    assert follow(_GUIDE) == [
        "cat greetings/one.txt",
        "NAME=42",
        "echo a \\\n  b",
        'echo "the answer is $NAME"',
        "ls nowhere",
    ]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("       world\n       $ NAME", "       earth\n       $ NAME"),
        ("the answer is ...", "the question is ..."),
        ("       $ ls nowhere", "       $ ls greetings"),
        ("       $ NAME=42", "       $ false"),
    ],
    ids=["another line", "another start", "no failure where one is shown", "a failure where none is shown"],
)
def test_what_is_shown_and_does_not_happen(follow: t.Any, right: str, wrong: str) -> None:
    assert right in _GUIDE
    with pytest.raises(AssertionError):
        follow(_GUIDE.replace(right, wrong))


def test_a_command_that_hangs_ends_the_guide(tmp_path: pathlib.Path) -> None:
    with (
        Session(tmp_path, {"PATH": os.environ["PATH"]}, deadline=0.5) as session,
        pytest.raises(AssertionError, match="no end after"),
    ):
        session.run("tail -f /dev/null")
