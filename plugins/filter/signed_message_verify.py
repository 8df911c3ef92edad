# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``signed_message_verify``."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ansible.errors import AnsibleFilterError

from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import TrustmeshError
from ..module_utils._core.normal import duration
from ..module_utils._jose import base64url
from ..module_utils._jose.ed25519 import read_public
from ..module_utils._signed_message.acceptance import Acceptance
from ..module_utils._signed_message.ledger import MemoryLedger
from ..module_utils._signed_message.refusal import Refused


def signed_message_verify(
    message: t.Any,
    public_keys: t.Any,
    skew: t.Any = 0,
    max_lifetime: t.Any = None,
    used_nonces: t.Any = (),
) -> dict[str, t.Any]:
    """Return the verdict on a signed message, and what it says when it may be acted on."""
    try:
        CRYPTOGRAPHY.check()
        keys = frozenset(read_public(key) for key in _texts(public_keys, "public_keys"))
        longest = None if max_lifetime is None else duration(max_lifetime)
        rules = Acceptance(keys, duration(skew), longest)
        ledger = MemoryLedger(base64url.decode(nonce) for nonce in _texts(used_nonces, "used_nonces"))
    except ValueError as error:
        raise AnsibleFilterError(f"signed_message_verify: {error}") from None
    except TrustmeshError as error:
        raise AnsibleFilterError(f"signed_message_verify: {error}") from None
    try:
        accepted = rules.accept(message, system_clock(), ledger)
    except Refused as refused:
        return {"valid": False, "reason": refused.refusal.value, "problem": refused.problem, **_NOTHING}
    shown = {name: value for name, value in accepted.wire().items() if name != "signature"}
    return {"valid": True, "reason": None, "problem": None, **shown, "keep_nonce_until": rules.keep_until(accepted)}


_NOTHING: t.Final = dict.fromkeys(("body", "created_at", "expires_at", "nonce", "public_key", "keep_nonce_until"))


def _texts(value: t.Any, name: str) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, Sequence) or not all(isinstance(entry, str) for entry in values):
        raise ValueError(f"{name}: is not a list of texts")
    return list(values)


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"signed_message_verify": signed_message_verify}
