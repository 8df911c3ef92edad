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
from ..module_utils._core.errors import TrustmeshError
from ..module_utils._sealed_secret.declaration import SecretDeclaration
from ..module_utils._sealed_secret.manifest import sealed
from ..module_utils._sealed_secret.recipient import Recipient
from ..module_utils._sealed_secret.scope import Scope


def sealed_secret(
    secret: t.Any,
    certificate: t.Any,
    scope: str | None = None,
    digest_key: str | None = None,
    previous: Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """Return the SealedSecret of a Secret; ``previous`` itself when it still says the same."""
    scopes = [known.value for known in Scope]
    if scope is not None and scope not in scopes:
        raise AnsibleFilterError(f"sealed_secret: scope: is not one of {', '.join(scopes)}")
    if not isinstance(certificate, str) or not isinstance(digest_key, (str, type(None))):
        raise AnsibleFilterError("sealed_secret: certificate and digest_key are texts")
    if not isinstance(previous, (Mapping, type(None))):
        raise AnsibleFilterError("sealed_secret: previous: is not a mapping")
    try:
        CRYPTOGRAPHY.check()
        declaration = SecretDeclaration.of(secret, Scope(scope) if scope is not None else None)
        recipient = Recipient.of(certificate.encode(), system_clock())
        return sealed(declaration, recipient, digest_key=digest_key, previous=previous or None)
    except TrustmeshError as error:
        raise AnsibleFilterError(f"sealed_secret: {error}") from None


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"sealed_secret": sealed_secret}
