# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Errors of X.509."""

from __future__ import annotations

from .._core.errors import InvalidInput


class PkiError(InvalidInput):
    """A key, request, certificate or revocation list that cannot be read or used as declared."""
