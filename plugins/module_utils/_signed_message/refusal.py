# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Why a message is not accepted."""

from __future__ import annotations

import enum

from .._core.errors import InvalidInput


class Refusal(str, enum.Enum):
    """The reasons, in the order in which they are looked for."""

    MALFORMED = "malformed"
    UNAUTHORIZED_SIGNER = "unauthorized_signer"
    INVALID_SIGNATURE = "invalid_signature"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    LIFETIME_TOO_LONG = "lifetime_too_long"
    REPLAYED = "replayed"


class Refused(InvalidInput):
    """A message that must not be acted on; the text quotes nothing of it."""

    def __init__(self, refusal: Refusal, problem: str) -> None:
        super().__init__(problem, field="message")
        self.refusal = refusal
