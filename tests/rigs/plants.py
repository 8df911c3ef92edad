# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that look like secrets and open nothing, made when they are needed: none is kept in a file of this project.

They follow from a seed, so that two scanners, and two runs, are held against the same ones.
"""

from __future__ import annotations

import base64
import json
import random
import string

_ALPHANUMERIC = string.ascii_letters + string.digits


class Plants:
    """Makes one value after the other; equal seeds make equal values."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def text(self, length: int, alphabet: str = _ALPHANUMERIC) -> str:
        """Return characters of an alphabet."""
        return "".join(self._random.choice(alphabet) for _at in range(length))

    def raw(self, length: int) -> bytes:
        """Return bytes."""
        return self._random.randbytes(length)

    def hexadecimal(self, length: int) -> str:
        """Return bytes in lower case hexadecimal."""
        return self.raw(length).hex()

    def base64(self, length: int) -> str:
        """Return bytes in base64."""
        return base64.b64encode(self.raw(length)).decode()

    def password(self) -> str:
        """Return what a careful person might choose."""
        return self.text(6) + self._random.choice("!%+=?") + self.text(7) + self.text(2, string.digits)

    def card(self) -> str:
        """Return a number that passes as one of a payment card (ISO 7812)."""
        digits = "4" + self.text(14, string.digits)
        doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(digits)]
        total = sum(number - 9 if number > 9 else number for number in doubled)
        return digits + str(-total % 10)

    def token(self) -> str:
        """Return a JSON Web Token whose signature is noise."""
        parts = ({"alg": "RS256", "kid": self.text(8)}, {"sub": self.text(12), "iss": "https://id.example"})
        encoded = [json.dumps(part).encode() for part in parts] + [self.raw(64)]
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in encoded)

    def private_key(self, kind: str = "") -> str:
        """Return noise in the armour of a private key, for example of kind ``RSA``."""
        label = f"{kind} PRIVATE KEY".strip()
        body = self.base64(600)
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"]) + "\n"

    def github(self) -> str:
        """Return a personal access token of GitHub."""
        return "gh" + "p_" + self.text(36)

    def aws(self) -> str:
        """Return an access key id of AWS."""
        return "AK" + "IA" + self.text(16, string.ascii_uppercase + "234567")

    def vault(self) -> str:
        """Return a service token of Vault."""
        return "hv" + "s." + self.text(92)

    def openbao(self) -> str:
        """Return a service token of OpenBao."""
        return "s" + "." + self.text(24)

    def slack(self) -> str:
        """Return a bot token of Slack."""
        return "xo" + f"xb-{self.text(12, string.digits)}-{self.text(12, string.digits)}-{self.text(24)}"

    def stripe(self) -> str:
        """Return a live key of Stripe."""
        return "sk" + f"_live_{self.text(24)}"

    def google(self) -> str:
        """Return an API key of Google."""
        return "AI" + f"za{self.text(35)}"

    def gitlab(self) -> str:
        """Return a personal access token of GitLab."""
        return "gl" + f"pat-{self.text(20)}"

    def npm(self) -> str:
        """Return an access token of npm."""
        return "np" + f"m_{self.text(36)}"

    def pypi(self) -> str:
        """Return an upload token of PyPI."""
        return "py" + f"pi-AgEIcHlwaS5vcmc{self.text(80)}"

    def age(self) -> str:
        """Return an identity of age."""
        return "AGE-SECRET" + f"-KEY-1{self.text(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}"

    def webhook(self) -> str:
        """Return an incoming webhook of Slack."""
        capitals = string.ascii_uppercase + string.digits
        return f"https://hooks.slack.com/services/T{self.text(10, capitals)}/B{self.text(10, capitals)}/{self.text(24)}"
