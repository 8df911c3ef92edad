# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Time, as an argument.

Planning never asks the operating system for the time: it is handed the instant of the run. One clock reading serves a
whole batch, so that all items of a run agree on what is due.
"""

from __future__ import annotations

import datetime
import typing as t

Clock = t.Callable[[], datetime.datetime]


def system_clock() -> datetime.datetime:
    """Return the current instant in UTC, truncated to whole seconds as X.509 and Vault count them."""
    return datetime.datetime.now(tz=datetime.timezone.utc).replace(microsecond=0)
