# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``ilp_packet``."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..module_utils._core.clock import system_clock
from ..module_utils._core.errors import InvalidInput, TrustmeshError
from ..module_utils._core.normal import duration, kind_of
from ..module_utils._ilp.agreement import agree
from ..module_utils._ilp.transaction import Transaction, ending_at


def ilp_packet(
    transaction: t.Any, secret: t.Any, *, version: str = "v1", expires_in: t.Any = None, keep_order: bool = False
) -> dict[str, t.Any]:
    """Return ``ilpPacket``, ``condition`` and ``fulfilment`` of a transaction, made with the secret of the payee."""
    try:
        if not isinstance(transaction, Mapping):
            raise InvalidInput(f"takes a mapping, not {kind_of(transaction)}")
        if not isinstance(secret, str):
            raise InvalidInput(f"is {kind_of(secret)}, not a text", field="secret")
        agreed = _lasting(transaction, expires_in)
        return {**agree(agreed, secret, version, keep_order=keep_order).shown(), "transaction": agreed}
    except TrustmeshError as error:
        raise AnsibleFilterError(f"ilp_packet: {error}") from None


def _lasting(transaction: Transaction, expires_in: t.Any) -> Transaction:
    """Return the transaction with an end that is ``expires_in`` from now; its own, if it has one, stays."""
    if expires_in is None:
        return transaction
    try:
        span = datetime.timedelta(seconds=duration(expires_in))
    except ValueError as error:
        raise InvalidInput(str(error), field="expires_in") from None
    return ending_at(transaction, system_clock() + span)


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"ilp_packet": ilp_packet}
