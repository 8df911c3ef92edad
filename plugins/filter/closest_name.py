# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``closest_name``."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible.errors import AnsibleFilterError

from ..plugin_utils.names import closest


def closest_name(name: t.Any, names: t.Any) -> str:
    """Return the one of ``names`` that a mistyped name most likely means; an empty text when none is near."""
    if isinstance(names, (str, bytes, Mapping)) or not isinstance(names, Iterable):
        raise AnsibleFilterError("closest_name: names has to be a list. Give the names that there are.")
    return closest(str(name), map(str, names))


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"closest_name": closest_name}
