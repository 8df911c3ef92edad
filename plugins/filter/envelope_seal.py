# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``envelope_seal``."""

from __future__ import annotations

import base64
import binascii
import typing as t

from ..module_utils._core.errors import InvalidInput
from ..module_utils._core.normal import kind_of
from ..module_utils._envelope.envelope import seal_value
from ..module_utils._envelope.record import DEK_FIELDS
from ..plugin_utils.arguments import text
from ..plugin_utils.envelope import filter_errors, form_of, opened_key


def envelope_seal(
    value: t.Any,
    key: t.Any = None,
    *,
    aad: str = "",
    iv_bytes: int = 12,
    encoding: str = "base64",
    dek_field: str = DEK_FIELDS[0],
    binary: bool = False,
    vault: t.Any = None,
) -> dict[str, str]:
    """Return the record of a text, or of bytes given in base64 when ``binary``, under a data key of its own."""
    with filter_errors("envelope_seal"):
        if dek_field not in DEK_FIELDS:
            raise InvalidInput(
                f"{dek_field!r} is not known", field="dek_field", remedy=f"Use {' or '.join(DEK_FIELDS)}."
            )
        form = form_of(encoding, iv_bytes)
        plaintext = _octets(value, binary)
        with opened_key(key, vault, form) as provider:
            return seal_value(provider, plaintext, form, text(str(aad), "aad").encode()).written(form, dek_field)


def _octets(value: t.Any, binary: bool) -> bytes:
    if not isinstance(value, str):
        raise InvalidInput(f"takes a text, not {kind_of(value)}", remedy="Write a mapping with to_json first.")
    if not binary:
        return text(value, None).encode()
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("the value is not base64", field="binary", remedy="Leave binary out for a text.") from None


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"envelope_seal": envelope_seal}
