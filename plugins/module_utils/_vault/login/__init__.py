# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Login methods, one file each.

A method is a :class:`Method`. To add one, write its file and name it in :data:`METHODS`.
"""

from __future__ import annotations

from . import approle, cert, token, userpass
from .method import Method

METHODS: dict[str, Method] = {
    method.name: method for method in (token.METHOD, approle.METHOD, cert.METHOD, userpass.METHOD)
}
