# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Names of fields that hold secrets: one table for all scanners and for what is declared, in every spelling.

The words of a name are written together, or joined by an underscore, hyphen, dot or blank, or by a capital letter:
``signing_key``, ``signing-key``, ``signingKey``, ``SIGNING_KEY``. Anything may stand before them: ``ilpSecret`` and
``HUB_DB_PASSWORD`` end with a name of the table.
"""

from __future__ import annotations

import re
import typing as t

#: What is secret whatever its value looks like.
SECRET_NAMES: t.Final = (
    "password", "passwd", "passphrase", "pass phrase", "passcode", "pass", "pwd",
    "secret", "secret id", "secret key", "secret access key", "secret token",
    "api key", "api token", "api secret", "auth token", "auth key", "access token", "access key", "refresh token",
    "bearer token", "client token", "root token", "client secret", "client key",
    "private key", "encryption key", "decryption key", "master key", "signing key", "signature key", "session key",
    "hmac key", "shared key", "account key", "storage key", "unseal key", "recovery key", "wrapping key",
    "credential", "credentials",
)  # fmt: skip
#: What names a secret when its value looks like one, and something else otherwise.
DOUBTFUL_NAMES: t.Final = ("token", "authorization", "session id", "cookie")
#: Long enough to be told within a word, as in ``dbpassword``.
_ANYWHERE: t.Final = ("password", "passwd", "passphrase")


def name_pattern(names: t.Iterable[str]) -> str:
    """Return a pattern for a field name that ends with one of some names, up to the quotation mark after it."""
    ordered = sorted(names, key=len, reverse=True)
    words = "|".join(name.replace(" ", "[_.\\x20-]?") for name in ordered)
    within = "|".join(name for name in ordered if name in _ANYWHERE)
    # A name begins where no letter stands before it, or with a capital after a small letter.
    begins = rf"(?:(?<![A-Za-z])|(?<=[a-z0-9])(?=[A-Z]))(?i:{words})"
    return rf"(?:{begins}{f'|(?i:{within})' if within else ''})(?:s|_?\d{{1,3}})?\\*[\"'`]?\]?"


_SECRET: t.Final = re.compile(name_pattern(SECRET_NAMES) + r"\Z")


def is_secret_name(name: str) -> bool:
    """Tell whether a name is that of a secret, whatever its value looks like."""
    return _SECRET.search(name) is not None
