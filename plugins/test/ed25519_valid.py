# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test ``ed25519_valid``."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import TrustmeshError
from ..module_utils._core.normal import kind_of
from ..module_utils._jose.ed25519 import BadSignature, octets_of, read_public, read_signature, verify


def ed25519_valid(data: t.Any, signature: t.Any, public_key: t.Any, encoding: str = "text") -> bool:
    """Tell whether a signature is the one of a text, or of the octets that it stands for, by a key."""
    if not isinstance(public_key, str):
        raise AnsibleFilterError(f"ed25519_valid: public_key: takes a text, not {kind_of(public_key)}")
    try:
        CRYPTOGRAPHY.check()
        key, octets = read_public(public_key), octets_of(data, encoding)
        verify(key, octets, read_signature(signature if isinstance(signature, str) else ""))
    except BadSignature:
        return False
    except TrustmeshError as error:
        raise AnsibleFilterError(f"ed25519_valid: {error}") from None
    return True


class TestModule:
    """What Ansible looks for in this file."""

    def tests(self) -> dict[str, t.Callable[..., bool]]:
        """Return the tests by name."""
        return {"ed25519_valid": ed25519_valid}
