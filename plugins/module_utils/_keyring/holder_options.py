# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The option that names who holds private keys, for the modules that leave them there."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Mapping

from .._core.deps import PKCS11
from .._core.redact import Secret
from .._core.spec import Options
from .holder import Holder

HOLDER_OPTIONS: t.Final[Options] = {
    "holder": {
        "type": "dict",
        "options": {
            "kind": {"type": "str", "choices": ["transit", "pkcs11"], "required": True},
            "mount": {"type": "str", "default": "transit"},
            "library": {"type": "path"},
            "token": {"type": "str", "no_log": False},
            "pin": {"type": "str", "no_log": True},
        },
        "required_if": [("kind", "pkcs11", ("library", "token", "pin"))],
    }
}


def holder(
    params: Mapping[str, t.Any], transit: t.Callable[[str], Holder], stack: contextlib.ExitStack
) -> t.Optional[Holder]:
    """Build the declared holder, ``None`` when private keys are kept in custody; the stack logs out of a token."""
    declared = params["holder"]
    if declared is None:
        return None
    if declared["kind"] == "transit":
        return transit(declared["mount"])
    PKCS11.check()
    # For the few whose keys are in a hardware token.
    from .pkcs11 import Pkcs11Holder

    return stack.enter_context(Pkcs11Holder(declared["library"], declared["token"], Secret(declared["pin"])))
