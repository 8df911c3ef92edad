# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test ``api_key_matches``."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..module_utils._core.clock import system_clock
from ..module_utils._core.errors import InvalidInput, TrustmeshError
from ..module_utils._core.foreign import Unreadable, parse_object
from ..module_utils._keyring.api_key import checked_pepper, recognise
from ..plugin_utils.arguments import text, texts


def api_key_matches(key: t.Any, record: t.Any, permission: t.Any = None, pepper: str | None = None) -> bool:
    """Tell whether a service that has ``record`` accepts ``key`` for a permission, or a list of them."""
    try:
        wanted = texts(permission, "permission")
        known = checked_pepper(None if pepper is None else text(pepper, "pepper"))
        return bool(recognise(str(key), _record(record), system_clock(), permissions=wanted, pepper=known))
    except TrustmeshError as error:
        raise AnsibleFilterError(f"api_key_matches: {error}") from None


def _record(record: t.Any) -> Mapping[str, t.Any]:
    if isinstance(record, str):
        try:
            record = parse_object(record)
        except Unreadable:
            record = None
    if not isinstance(record, Mapping) or not isinstance(record.get("keys"), list):
        raise InvalidInput(
            "is not a record of API keys", field="record", remedy="Give what trustmesh.security.api_key publishes."
        )
    return record


class TestModule:
    """What Ansible looks for in this file."""

    def tests(self) -> dict[str, t.Callable[..., bool]]:
        """Return the tests by name."""
        return {"api_key_matches": api_key_matches}
