# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``ilp_valid``."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..module_utils._core.clock import system_clock
from ..module_utils._core.errors import InvalidInput, TrustmeshError
from ..module_utils._core.normal import kind_of
from ..module_utils._ilp.examination import examine
from ..module_utils._ilp.transaction import instant


def ilp_valid(message: t.Any, secret: t.Any = None, *, at: t.Any = "now") -> dict[str, t.Any]:
    """Return whether packet, condition, fulfilment and transfer agree, and every way in which they do not."""
    try:
        if not isinstance(message, Mapping):
            raise InvalidInput(f"takes a mapping, not {kind_of(message)}")
        if not isinstance(secret, (str, type(None))):
            raise InvalidInput(f"is {kind_of(secret)}, not a text", field="secret")
        verdict = examine(message, secret=secret, at=_moment(at))
    except TrustmeshError as error:
        raise AnsibleFilterError(f"ilp_valid: {error}") from None
    return {
        "valid": bool(verdict),
        "problems": [{"code": problem.code, "text": problem.text} for problem in verdict.problems],
        "version": None if verdict.opened is None else verdict.opened.packet.version,
    }


def _moment(at: t.Any) -> datetime.datetime | None:
    """Return the instant meant; ``None`` is for those who do not care."""
    if at is None or at == "now":
        return None if at is None else system_clock()
    try:
        return instant(at)
    except ValueError as error:
        raise InvalidInput(str(error), field="at") from None


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"ilp_valid": ilp_valid}
