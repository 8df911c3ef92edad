# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Errors of sealed secrets."""

from __future__ import annotations

from .._core.errors import InvalidInput


class SealingError(InvalidInput):
    """A Secret, certificate or sealed object that cannot be used as declared."""
