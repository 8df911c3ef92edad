# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

from __future__ import annotations


class ModuleDocFragment:
    """Attributes: plain for modules that change things, `INFO` for read-only ones, and the action groups."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without modifying the target.
    support: full
    details:
      - Reads what a normal run reads and writes nothing.
  diff_mode:
    description: Returns what has changed, or possibly needs to change in C(check_mode), when in diff mode.
    support: full
    details:
      - Shows the differing fields of the items that differ. Secrets appear as fingerprints that are meaningless outside
        the run.
  idempotent:
    description: When run twice in a row with the same declaration, the second run changes nothing.
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without modifying the target.
    support: full
    details:
      - This module only reads.
  diff_mode:
    description: Returns what has changed, or possibly needs to change in C(check_mode), when in diff mode.
    support: N/A
    details:
      - This module only reads.
  idempotent:
    description: When run twice in a row with the same declaration, the second run changes nothing.
    support: full
    details:
      - This module only reads.
"""

    ACTIONGROUP_VAULT = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/trustmesh.security.vault) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - trustmesh.security.vault
"""
