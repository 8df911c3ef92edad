# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow a guide: put its files where their captions say and type its commands, in order, in one shell.

A block of language ``console`` holds commands after ``$`` and, below each, what it prints; ``...`` stands for anything
there, as in doctest. A command without output shown has to succeed, and so has one with it, unless the block's class is
``fails``. Every other block with a caption is a file.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import pathlib
import re
import selectors
import signal
import subprocess
import time
import typing as t
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.unit.docs.blocks import Block

_FLAGS: t.Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_END: t.Final = "--- end of the command, status"


@dataclass(frozen=True)
class Command:
    """One command of a console block and the output shown below it."""

    text: str
    shown: str
    fails: bool


def commands(block: Block) -> list[Command]:
    """Return the commands of a console block; a backslash at the end of a line continues it."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.text.splitlines():
        if found and not found[-1][1] and found[-1][0][-1].endswith("\\"):
            found[-1][0].append(line)
        elif line.startswith("$ "):
            found.append(([line.removeprefix("$ ")], []))
        else:
            found[-1][1].append(line)
    fails = block.options.get("class") == "fails"
    return [Command("\n".join(text), "\n".join(shown).strip(), fails) for text, shown in found]


def alike(shown: str, printed: str) -> bool:
    """Tell whether the output is what the guide shows; the width of Ansible's banners does not count."""
    want, got = (re.sub(r"\*{3,}", "***", text).strip() + "\n" for text in (shown, printed))
    return doctest.OutputChecker().check_output(want, got, _FLAGS)


class Session:
    """A shell in a directory, for one guide. Use it as a context manager: it ends with all that it started."""

    def __init__(self, directory: pathlib.Path, environment: Mapping[str, str], deadline: float = 300.0) -> None:
        self.directory = directory
        self._deadline = deadline
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_exception: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.wait()

    def follow(
        self,
        blocks: Iterable[Block],
        adapt: Callable[[str], str] = lambda text: text,
        wanted: Callable[[Command], bool] = lambda command: True,
    ) -> list[str]:
        """Go through the blocks and return the commands that ran; ``adapt`` changes addresses for the test's own."""
        ran = []
        for block in blocks:
            if block.language != "console":
                self._place(block, adapt)
                continue
            for command in filter(wanted, commands(block)):
                self._type(block, command, adapt)
                ran.append(command.text)
        return ran

    def _place(self, block: Block, adapt: Callable[[str], str]) -> None:
        if block.caption:
            path = self.directory / block.caption
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(adapt(block.text), encoding="utf-8")

    def _type(self, block: Block, command: Command, adapt: Callable[[str], str]) -> None:
        status, printed = self.run(adapt(command.text))
        story = f"{block.place}: {command.text}\nstatus {status}\n{printed}"
        assert (status != 0) is command.fails, story
        assert not command.shown or alike(adapt(command.shown), printed), f"{story}\n--- shown\n{command.shown}"

    def run(self, command: str) -> tuple[int, str]:
        """Type one command and return its status and what it printed."""
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{command}\nprintf '\\n{_END} %d\\n' $?\n".encode())
        self._shell.stdin.flush()
        text = self._read_until_end()
        printed, _mark, status = text.rpartition(f"\n{_END} ")
        return int(status), printed

    def _read_until_end(self) -> str:
        assert self._shell.stdout is not None
        text, until = b"", time.monotonic() + self._deadline
        with selectors.DefaultSelector() as selector:
            selector.register(self._shell.stdout, selectors.EVENT_READ)
            while not re.search(rf"\n{_END} \d+\n$".encode(), text):
                left = until - time.monotonic()
                assert left > 0 and selector.select(left), f"no end after {self._deadline:g} s:\n{text.decode()}"
                read = os.read(self._shell.stdout.fileno(), 65536)
                assert read, f"the shell ended:\n{text.decode()}"
                text += read
        return text.decode()
