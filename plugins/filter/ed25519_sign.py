# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``ed25519_sign``."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import TrustmeshError
from ..module_utils._core.normal import kind_of
from ..module_utils._jose import base64url
from ..module_utils._jose.ed25519 import octets_of, read_private, sign


def ed25519_sign(data: t.Any, private_key: t.Any, encoding: str = "text") -> str:
    """Return the signature of a text, or of the octets that it stands for, in base64url."""
    if not isinstance(private_key, str):
        raise AnsibleFilterError(f"ed25519_sign: private_key: takes a text, not {kind_of(private_key)}")
    try:
        CRYPTOGRAPHY.check()
        return base64url.encode(sign(read_private(private_key), octets_of(data, encoding)))
    except TrustmeshError as error:
        raise AnsibleFilterError(f"ed25519_sign: {error}") from None


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"ed25519_sign": ed25519_sign}
