# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What to say of a file of keys or certificates that is not what was expected."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .recognise import Sort

#: What can be wanted, as it is called in a message.
WANTED: t.Final[t.Mapping[str, str]] = {
    "private key": "a private key in PEM form",
    "public key": "a public key in PEM form",
    "certificate": "a certificate",
    "PEM certificate": "a certificate in PEM form",
    "request": "a certificate request in PEM form",
    "revocation list": "a revocation list",
}


def explained(problem: str, remedy: str, data: bytes, wanted: str) -> tuple[str, str]:
    """Return the problem that nothing of the wanted sort was found with what the data is instead, and the remedy.

    ``wanted`` is a key of :data:`WANTED`; ``remedy`` is for data that nobody can name.
    """
    if not data.strip():
        return f"{problem}: it is empty", f"Give {WANTED[wanted]}."
    sort = _recognise(data, wanted)
    if sort is None or sort.fits(wanted):
        return problem, remedy
    return f"{problem}: this is {sort.what}", sort.remedies.get(wanted) or sort.remedy or f"Give {WANTED[wanted]}."


def is_other(data: bytes, wanted: str) -> bool:
    """Tell whether data is recognised as something else than what is wanted."""
    sort = _recognise(data, wanted)
    return sort is not None and not sort.fits(wanted)


def _recognise(data: bytes, wanted: str) -> Sort | None:
    # What is known of all sorts of files is loaded once there is one to wonder about.
    from .recognise import recognise

    return recognise(data, wanted)
