# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filters and the test of FSPIOP signatures share: requests as mappings, and errors as those of a filter."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import TrustmeshError
from ..module_utils._core.normal import kind_of
from ..module_utils._jose.errors import JoseError
from ..module_utils._jose.fspiop import Verification, verify

_MEMBERS: t.Final = ("method", "url", "headers", "body")


@contextlib.contextmanager
def reported_by(name: str) -> t.Iterator[None]:
    """Report what the collection has to say as the error of a filter, without the traceback of a defect."""
    try:
        CRYPTOGRAPHY.check()
        yield
    except TrustmeshError as error:
        raise AnsibleFilterError(f"{name}: {error}") from None


def request_of(value: t.Any) -> dict[str, t.Any]:
    """Return the members of a request that matter here; raises :class:`JoseError`."""
    if not isinstance(value, Mapping):
        raise JoseError(f"takes a request, which is a mapping, not {kind_of(value)}")
    request = {name: value.get(name) for name in _MEMBERS}
    for name in ("method", "url"):
        if not isinstance(request[name], str):
            raise JoseError("is not a text", field=name, remedy="Give the method and the URL or path of the request.")
    headers = request["headers"]
    if not isinstance(headers, Mapping) or not all(isinstance(name, str) for name in headers):
        raise JoseError("is not a mapping of texts", field="headers", remedy="Give name and value of each header.")
    return {**request, "headers": dict(headers.items())}


def pem_of(value: t.Any, field: str) -> str | bytes:
    """Return a key as it was given; raises :class:`JoseError` for what is no text."""
    if isinstance(value, (str, bytes)):
        return value
    raise JoseError(f"is {kind_of(value)}", field=field, remedy="Give a key in PEM.")


def verified(request: t.Any, keys: t.Any, **options: t.Any) -> Verification:
    """Verify a request with one key or with those of several FSPs; raises :class:`JoseError` for wrong options."""
    if isinstance(keys, Mapping):
        keys = {name: pem_of(pem, f"keys.{name}") for name, pem in keys.items()}
    else:
        keys = pem_of(keys, "keys")
    return verify(keys, **request_of(request), **options)
