# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The certificate and key with which we answer a server that asks who we are."""

from __future__ import annotations

import ssl

from .errors import InvalidInput
from .files import exists, refuse_irregular


def load_client_pair(context: ssl.SSLContext, client_cert: str, client_key: str) -> None:
    """Load a pair of PEM files for handshakes; raises :class:`InvalidInput` naming the option."""
    for path in (client_cert, client_key):
        refuse_irregular(path)
    try:
        context.load_cert_chain(client_cert, client_key, password=_no_password)
    except (OSError, ValueError) as error:
        cause = spoken(error)
        about_key = "key" in cause or not exists(client_key)
        raise InvalidInput(
            f"{client_cert} and {client_key} cannot be used together ({cause})",
            field="client_key" if about_key else "client_cert",
            remedy="Give the PEM file of a certificate and that of its key, not encrypted.",
        ) from None


def _no_password() -> str:
    """Refuse an encrypted key, for which the library would otherwise ask on the terminal."""
    raise ValueError("the key is encrypted")


def spoken(error: OSError | ValueError) -> str:
    """Return what OpenSSL or the system says is wrong with a file, in words."""
    if isinstance(error, ssl.SSLError):
        return error.reason.lower().replace("_", " ") if error.reason else "not in PEM form"
    return getattr(error, "strerror", None) or str(error)
