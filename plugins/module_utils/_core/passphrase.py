# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Passphrases of private keys, from an option or a file."""

from __future__ import annotations

from .errors import InvalidInput
from .files import read_file
from .redact import Secret

_SHORTEST_PASSPHRASE = 8


def read_passphrase(path: str | None, field: str = "passphrase_file") -> Secret | None:
    """Return the passphrase that a file holds, without its line end; raises :class:`InvalidInput`."""
    if path is None:
        return None
    content = read_file(path)
    if content is None:
        raise InvalidInput(f"{path} does not exist on this host", field=field, remedy="Create it, mode 0600.")
    try:
        return checked_passphrase(content.decode("utf-8").rstrip("\r\n"), field)
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not text in UTF-8", field=field, remedy="Write one line.") from None


def checked_passphrase(text: str, field: str) -> Secret:
    """Return a passphrase as a secret; raises :class:`InvalidInput` for one that protects nothing."""
    if len(text) < _SHORTEST_PASSPHRASE:
        raise InvalidInput(
            f"shorter than {_SHORTEST_PASSPHRASE} characters", field=field, remedy="Choose a longer passphrase."
        )
    return Secret(text)
