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
from collections.abc import Iterable

from .errors import TrustmeshError

#: By how much what was written down elsewhere, or before a clock was set, may be ahead of this host's clock.
SKEW: t.Final = datetime.timedelta(hours=1)

Clock = t.Callable[[], datetime.datetime]


def system_clock() -> datetime.datetime:
    """Return the current instant in UTC, truncated to whole seconds as X.509 and Vault count them."""
    return datetime.datetime.now(tz=datetime.timezone.utc).replace(microsecond=0)


def ahead(moments: Iterable[datetime.datetime | None], now: datetime.datetime) -> datetime.datetime | None:
    """Return the latest of moments that are past by what they stand for and still to come by this host's clock."""
    return max((moment for moment in moments if moment is not None and moment > now + SKEW), default=None)


def made_before(made: datetime.datetime, wanted: datetime.datetime, now: datetime.datetime) -> bool:
    """Tell whether something counts as made before an instant that has come.

    So does what was made by a clock that was ahead: when that really was is not known.
    """
    return wanted <= now and (made < wanted or ahead([made], now) is not None)


def still_to_come(what: str, moment: datetime.datetime, remedy: str) -> TrustmeshError:
    """Return the failure of an item whose age cannot be told: nothing is replaced on the strength of a wrong clock."""
    return TrustmeshError(
        f"{what} {moment:%Y-%m-%dT%H:%M:%SZ}, which is still to come by the clock of this host",
        field="clock",
        remedy=f"Set the clock. If it was ahead at that time, {remedy}.",
    )
