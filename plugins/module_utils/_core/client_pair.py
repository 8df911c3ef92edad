# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The files of TLS: whom we believe, and the certificate and key with which we answer a server that asks who we are.

The library opens files by name; it gets the names of copies (:mod:`.lending`).
"""

from __future__ import annotations

import ssl

from .attributes import at_limit, failure
from .errors import InvalidInput
from .lending import Lent, lend
from .mistaken import explained, is_other


def load_client_pair(context: ssl.SSLContext, client_cert: str, client_key: str) -> None:
    """Load a pair of PEM files for handshakes; raises :class:`InvalidInput` naming the option."""
    with lend(client_cert, "client_cert") as certificate, lend(client_key, "client_key") as key:
        try:
            context.load_cert_chain(certificate.name, key.name, password=_no_password)
        except (OSError, ValueError) as error:
            _refuse_other(client_cert, certificate, "client_cert", "PEM certificate")
            _refuse_other(client_key, key, "client_key", "private key")
            cause = describe_error(error)
            raise InvalidInput(
                f"{client_cert} and {client_key} cannot be used together ({cause})",
                field="client_key" if "key" in cause else "client_cert",
                remedy="Give the PEM file of a certificate and that of its key, not encrypted.",
            ) from None


def trusting(ca_cert: str | None) -> ssl.SSLContext:
    """Return a context that believes the certificates of a PEM file, or what the system believes when there is none."""
    if ca_cert is None:
        return ssl.create_default_context()
    with lend(ca_cert, "ca_cert") as authorities:
        return trusting_copy(ca_cert, authorities)


def trusting_copy(ca_cert: str, authorities: Lent) -> ssl.SSLContext:
    """Return a context that believes the certificates of a file that was lent."""
    try:
        return ssl.create_default_context(cafile=authorities.name)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and at_limit(error):
            raise failure(ca_cert, error) from None
        _refuse_other(ca_cert, authorities, "ca_cert", "PEM certificate")
        raise InvalidInput(
            f"{ca_cert} cannot be used ({describe_error(error)})",
            field="ca_cert",
            remedy="Give a PEM file of CA certificates, or a directory of hashed ones.",
        ) from None


def _refuse_other(path: str, lent: Lent, option: str, wanted: str) -> None:
    """Raise for a file that is recognised as something else than what is wanted, with the command that converts it."""
    if not lent.content.strip() or is_other(lent.content, wanted):
        problem, remedy = explained(f"{path} cannot be used", "", lent.content, wanted)
        raise InvalidInput(problem, field=option, remedy=remedy)


def _no_password() -> str:
    """Refuse an encrypted key, for which the library would otherwise ask on the terminal."""
    raise ValueError("the key is encrypted")


def describe_error(error: OSError | ValueError) -> str:
    """Return what OpenSSL or the system says is wrong with a file, in words."""
    if isinstance(error, ssl.SSLError):
        return error.reason.lower().replace("_", " ") if error.reason else "not in PEM form"
    return getattr(error, "strerror", None) or str(error)
