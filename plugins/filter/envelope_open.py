# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``envelope_open``."""

from __future__ import annotations

import base64
import typing as t

from ..module_utils._core.errors import InvalidInput
from ..module_utils._envelope.envelope import open_record
from ..module_utils._envelope.record import Record
from ..plugin_utils.arguments import text
from ..plugin_utils.envelope import filter_errors, form_of, opened_key


def envelope_open(
    record: t.Any,
    key: t.Any = None,
    *,
    aad: str = "",
    encoding: str = "base64",
    binary: bool = False,
    vault: t.Any = None,
) -> str:
    """Return the text that a record holds, or its bytes in base64 when ``binary``."""
    with filter_errors("envelope_open"):
        form = form_of(encoding)
        parsed = Record.parsed(record, form)
        with opened_key(key, vault, form) as provider:
            plaintext = open_record(provider, parsed, text(str(aad), "aad").encode())
        return base64.b64encode(plaintext).decode("ascii") if binary else _text(plaintext)


def _text(plaintext: bytes) -> str:
    try:
        return plaintext.decode()
    except UnicodeDecodeError:
        raise InvalidInput("the value is not text in UTF-8", remedy="Set binary to get it in base64.") from None


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"envelope_open": envelope_open}
