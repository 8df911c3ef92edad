# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Whether a message may be acted on: signer, signature, time, nonce, in this order.

The signature comes before everything that the message says about itself, and the nonce comes last: what is refused for
another reason must not use up the nonce of the message that it imitates.
"""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from .._core.normal import spell_duration
from .ledger import Ledger
from .message import Message
from .refusal import Refusal, Refused


@dataclass(frozen=True)
class Acceptance:
    """What a receiver insists on; spans in seconds."""

    #: Public keys (32 octets) that may sign; ``None`` for any, when only the message itself is looked at.
    signers: t.Optional[frozenset[bytes]] = None
    #: How far the clocks of sender and receiver may be apart.
    skew: int = 0
    #: The longest time between ``created_at`` and ``expires_at``: how long nonces have to be kept.
    max_lifetime: t.Optional[int] = None

    def accept(self, wire: t.Any, now: datetime.datetime, ledger: t.Optional[Ledger] = None) -> Message:
        """Return the message, or raise :class:`Refused`."""
        message = Message.read(wire)
        if self.signers is not None and message.public_key not in self.signers:
            raise Refused(Refusal.UNAUTHORIZED_SIGNER, "is signed with a key that is not among those expected")
        message.require_signature()
        instant = int(now.timestamp())
        self._require_time(message, instant)
        if ledger is not None and not ledger.mark(message.nonce, self.keep_until(message), instant):
            raise Refused(Refusal.REPLAYED, "has a nonce that was used before")
        return message

    def keep_until(self, message: Message) -> int:
        """Return up to which second the nonce of a message has to be kept."""
        return message.expires_at + self.skew

    def _require_time(self, message: Message, now: int) -> None:
        lifetime = message.expires_at - message.created_at
        if lifetime <= 0:
            raise Refused(Refusal.MALFORMED, "ends before it begins")
        if message.created_at > now + self.skew:
            early = spell_duration(message.created_at - now)
            raise Refused(Refusal.NOT_YET_VALID, f"was made {early} in the future")
        if self.keep_until(message) < now:
            raise Refused(Refusal.EXPIRED, f"ended {spell_duration(now - message.expires_at)} ago")
        if self.max_lifetime is not None and lifetime > self.max_lifetime:
            longest = spell_duration(self.max_lifetime)
            raise Refused(Refusal.LIFETIME_TOO_LONG, f"is good for {spell_duration(lifetime)}, longer than {longest}")
