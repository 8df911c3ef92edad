# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database and the application of the tests of rewrapping."""

from __future__ import annotations

from tests.integration.envelope_rewrap.conftest import new_key, node, postgres

__all__ = ["new_key", "node", "postgres"]
