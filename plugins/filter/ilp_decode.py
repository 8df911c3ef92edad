# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``ilp_decode``."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._core.errors import TrustmeshError
from ..module_utils._ilp.examination import open_packet


def ilp_decode(packet: t.Any) -> dict[str, t.Any]:
    """Return what a packet says, and the transaction in it."""
    try:
        return open_packet(packet).shown()
    except TrustmeshError as error:
        raise AnsibleFilterError(f"ilp_decode: {error}") from None


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"ilp_decode": ilp_decode}
