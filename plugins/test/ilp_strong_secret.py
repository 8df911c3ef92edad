# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test ``ilp_strong_secret``."""

from __future__ import annotations

import typing as t

from ..module_utils._ilp.errors import IlpError
from ..module_utils._ilp.secret import check


def ilp_strong_secret(secret: t.Any) -> bool:
    """Tell whether a secret is one that the module ``ilp_secret`` would adopt."""
    try:
        check(str(secret))
    except IlpError:
        return False
    return True


class TestModule:
    """What Ansible looks for in this file."""

    #: pytest takes the name for a class of tests otherwise.
    __test__ = False

    def tests(self) -> dict[str, t.Callable[..., bool]]:
        """Return the tests by name."""
        return {"ilp_strong_secret": ilp_strong_secret}
