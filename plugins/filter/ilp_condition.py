# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``ilp_condition``."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._core.errors import TrustmeshError
from ..module_utils._ilp.agreement import condition_of


def ilp_condition(fulfilment: t.Any) -> str:
    """Return the condition that a fulfilment meets."""
    try:
        return condition_of(fulfilment)
    except TrustmeshError as error:
        raise AnsibleFilterError(f"ilp_condition: {error}") from None


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"ilp_condition": ilp_condition}
