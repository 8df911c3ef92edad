# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which wrong answer is played to which module: the whole table, or a slice that has each row and each column."""

from __future__ import annotations

import itertools
import os
import random
import typing as t
from dataclasses import dataclass

from tests.integration.faults.more_trials import CASES, WITHOUT_WRITES
from tests.rigs.fault_proxy import READS, WRITES, Wrong
from tests.rigs.wrong_answers import WRONG

#: ``all`` for the whole table; else the seed of the slice.
VARIABLE: t.Final = "TRUSTMESH_FAULTS"


@dataclass(frozen=True)
class Cell:
    """A wrong answer for a module's first read, or for its first write, which is carried out all the same or not."""

    trial: str
    side: t.Literal["read", "write"]
    wrong: Wrong
    carried_out: bool = False

    def __str__(self) -> str:
        after = ", carried out" if self.carried_out else ""
        return f"{self.trial}, {self.side}{after}: {self.wrong.name}"

    @property
    def methods(self) -> tuple[str, ...]:
        """The calls among which the first one gets it."""
        return READS if self.side == "read" else WRITES


def whole() -> list[Cell]:
    """Return every cell."""
    cells = []
    for trial, wrong in itertools.product(CASES, WRONG.values()):
        if set(READS) <= set(wrong.methods):
            cells.append(Cell(trial, "read", wrong))
        if writes(trial) and set(WRITES) <= set(wrong.methods):
            cells += [Cell(trial, "write", wrong, done) for done in (False, True)]
    return cells


def slice_of(cells: t.Sequence[Cell], seed: str) -> list[Cell]:
    """Return a slice in which each module has a read and a write, and each answer comes up."""
    shuffled = sorted(cells, key=str)
    random.Random(seed).shuffle(shuffled)
    rows, columns, chosen = set(), set(), []
    for cell in shuffled:  # first those that are new both ways
        if (cell.trial, cell.side) not in rows and cell.wrong.name not in columns:
            rows.add((cell.trial, cell.side))
            columns.add(cell.wrong.name)
            chosen.append(cell)
    for cell in shuffled:
        if (cell.trial, cell.side) not in rows or cell.wrong.name not in columns:
            rows.add((cell.trial, cell.side))
            columns.add(cell.wrong.name)
            chosen.append(cell)
    return chosen


def writes(trial: str) -> bool:
    """Tell whether a module writes to the server."""
    return CASES[trial].module not in WITHOUT_WRITES


def dealt() -> list[Cell]:
    """Return what this run plays."""
    chosen = os.environ.get(VARIABLE, "1")
    return whole() if chosen == "all" else slice_of(whole(), chosen)
