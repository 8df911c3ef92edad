# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``signed_message_sign``."""

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import TrustmeshError
from ..module_utils._core.normal import duration, kind_of
from ..module_utils._jose.ed25519 import read_private
from ..module_utils._signed_message.message import Message


def signed_message_sign(
    body: t.Any, private_key: t.Any, lifetime: t.Any = "5m", created_at: int | None = None
) -> dict[str, t.Any]:
    """Return a signed message with this body and a fresh nonce."""
    if not isinstance(private_key, str):
        raise AnsibleFilterError(f"signed_message_sign: private_key: takes a text, not {kind_of(private_key)}")
    try:
        CRYPTOGRAPHY.check()
        seconds = duration(lifetime)
        created = system_clock() if created_at is None else _instant(created_at)
        return Message.new(body, read_private(private_key), created, seconds).wire()
    except ValueError as error:
        raise AnsibleFilterError(f"signed_message_sign: {error}") from None
    except TrustmeshError as error:
        raise AnsibleFilterError(f"signed_message_sign: {error}") from None


def _instant(seconds: t.Any) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp(int(seconds), tz=datetime.timezone.utc)
    except (OSError, OverflowError, TypeError, ValueError):
        raise ValueError("created_at: is not a number of seconds since 1970") from None


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"signed_message_sign": signed_message_sign}
