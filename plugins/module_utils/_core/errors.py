# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Failures a user can act on.

Every error that may reach a user derives from :class:`TrustmeshError` and says three things: which field or object,
what is wrong, and what to do. `_core.module` is the one place that turns them into a module failure.
"""

from __future__ import annotations

import traceback
import typing as t

T = t.TypeVar("T")


class TrustmeshError(Exception):
    """A failure with the field it concerns and the remedy."""

    def __init__(self, problem: str, *, field: str | None = None, remedy: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.field = field
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.field}: {self.problem}" if self.field else self.problem
        if self.remedy:
            text = f"{text.rstrip('.')}. {self.remedy}"
        return text

    def within(self, prefix: str) -> TrustmeshError:
        """Name the enclosing field as well, so that a nested option is reported by its full path."""
        self.field = f"{prefix}.{self.field}" if self.field else prefix
        return self


class InvalidInput(TrustmeshError):
    """A declared value that cannot be made true; raised before anything is read or changed."""


class Unlisted(TrustmeshError):
    """What a place has cannot be listed: the right to do so was not given, or its names do not allow it."""


class MissingLibrary(TrustmeshError):
    """A Python library that this task needs is absent or too old."""


class NotConverged(TrustmeshError):
    """The state read back after applying still differs from the declaration."""


class Overtaken(NotConverged):
    """Others were first, and this run has written nothing for the item.

    Whether that is a failure is for the proof to say: what they made may be what is declared.
    """


class PolicyRefusal(TrustmeshError):
    """The change is possible but destructive, and the declared policy option does not allow it."""


class Defect(TrustmeshError):
    """A failure that nobody foresaw: a mistake in this collection."""

    @classmethod
    def of(cls, error: Exception) -> Defect:
        """Name the kind of ``error`` and our line that met it; its text may quote a secret and is left out."""
        frames = traceback.extract_tb(error.__traceback__)
        place = next((frame for frame in reversed(frames) if "/plugins/" in frame.filename), frames[-1])
        return cls(
            f"defect in trustmesh.security ({type(error).__name__} at "
            f"{place.filename.rpartition('/plugins/')[2]}:{place.lineno})",
            remedy="Please report it with the version of the collection and this line.",
        )


def certain(value: T | None) -> T:
    """Return a value that the caller knows to be there; its absence would be a defect of ours."""
    if value is None:
        raise AssertionError("a value that has to be there is not")
    return value
