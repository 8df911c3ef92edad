# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database of the trials."""

from __future__ import annotations

from tests.integration.envelope_rewrap.conftest import postgres

__all__ = ["postgres"]
