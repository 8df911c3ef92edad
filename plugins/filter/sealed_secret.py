# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``sealed_secret``."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import InvalidInput, TrustmeshError
from ..module_utils._sealed_secret.declaration import SecretDeclaration
from ..module_utils._sealed_secret.manifest import sealed
from ..module_utils._sealed_secret.recipient import Recipient
from ..module_utils._sealed_secret.scope import Scope
from ..plugin_utils.arguments import mapping, text


def sealed_secret(
    secret: t.Any,
    certificate: t.Any,
    scope: str | None = None,
    digest_key: str | None = None,
    previous: Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """Return the SealedSecret of a Secret; ``previous`` itself when it still says the same."""
    try:
        CRYPTOGRAPHY.check()
        key = None if digest_key is None else text(digest_key, "digest_key")
        before = mapping(previous, "previous") or None
        declaration = SecretDeclaration.of(secret, _scope(scope))
        recipient = Recipient.of(text(certificate, "certificate").encode(), system_clock())
        return sealed(declaration, recipient, digest_key=key, previous=before)
    except TrustmeshError as error:
        raise AnsibleFilterError(f"sealed_secret: {error}") from None


def _scope(scope: t.Any) -> Scope | None:
    known = [each.value for each in Scope]
    if scope is not None and scope not in known:
        raise InvalidInput(
            f"is not one of {', '.join(known)}", field="scope", remedy="Use one of these, or leave it out."
        )
    return None if scope is None else Scope(scope)


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"sealed_secret": sealed_secret}
