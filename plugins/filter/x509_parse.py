# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``x509_parse``."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import TrustmeshError
from ..module_utils._core.normal import kind_of
from ..module_utils._pki.certificate import CertificateFacts, decoded, parse_certificates


def x509_parse(data: t.Any, every: bool = False) -> dict[str, t.Any] | list[dict[str, t.Any]]:
    """Return the facts of the first certificate in PEM, DER, or either in base64; of ``every`` one as a list."""
    try:
        CRYPTOGRAPHY.check()
        facts = [CertificateFacts.of(certificate).shown() for certificate in parse_certificates(_octets(data))]
    except TrustmeshError as error:
        raise AnsibleFilterError(f"x509_parse: {error}") from None
    return facts if every else facts[0]


def _octets(data: t.Any) -> bytes:
    if isinstance(data, bytes):
        return data
    if not isinstance(data, str):
        raise AnsibleFilterError(f"x509_parse: takes a text, not {kind_of(data)}")
    return data.encode() if "-----BEGIN " in data else decoded(data)


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"x509_parse": x509_parse}
