# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test ``ilp_fulfils``."""

from __future__ import annotations

import typing as t

from ..module_utils._ilp.agreement import condition_of
from ..module_utils._ilp.errors import IlpError


def ilp_fulfils(fulfilment: t.Any, condition: t.Any) -> bool:
    """Tell whether a fulfilment meets a condition; anything that is not a fulfilment meets none."""
    try:
        return bool(condition_of(fulfilment) == condition)
    except IlpError:
        return False


class TestModule:
    """What Ansible looks for in this file."""

    #: pytest takes the name for a class of tests otherwise.
    __test__ = False

    def tests(self) -> dict[str, t.Callable[..., bool]]:
        """Return the tests by name."""
        return {"ilp_fulfils": ilp_fulfils}
