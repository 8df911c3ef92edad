# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Errors of Interledger."""

from __future__ import annotations

from .._core.errors import InvalidInput


class IlpError(InvalidInput):
    """A packet, transaction, condition or secret that is no good; its text quotes no secret and no fulfilment."""
