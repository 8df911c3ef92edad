# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import stat
import typing as t
from dataclasses import dataclass

import pytest

from tests.integration.certificate.conftest import engine, estate, make_engine

__all__ = ["engine", "estate", "make_engine"]

# All services run. One whose name holds "broken" takes no order.
_SYSTEMCTL = """#!/bin/sh
case "$1" in
  --version) echo 'systemd 252 (252.1)' ;;
  show) printf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\n' ;;
  *) echo "$*" >>"{log}"; case "$*" in *broken*) echo "the service is broken" >&2; exit 1 ;; esac ;;
esac
"""


@dataclass(frozen=True)
class Services:
    """A systemctl that writes down its orders, for a play whose environment is ``env``."""

    directory: pathlib.Path

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": f"{self.directory}:{os.environ['PATH']}"}

    def orders(self) -> list[str]:
        """Return what was ordered since the last look."""
        log = self.directory / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def services(tmp_path_factory: pytest.TempPathFactory) -> t.Any:
    """Services of a host without systemd."""
    made = Services(tmp_path_factory.mktemp("services"))
    program = made.directory / "systemctl"
    program.write_text(_SYSTEMCTL.format(log=made.directory / "log"))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return made
