# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Optional Python libraries, asked for with a reason."""

from __future__ import annotations

import re
import sys
import typing as t
from dataclasses import dataclass

from .errors import MissingLibrary


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


@dataclass(frozen=True)
class Library:
    """A distribution on PyPI, the oldest version that serves, and why it is needed."""

    distribution: str
    minimum: str
    reason: str

    def check(self) -> None:
        """Raise :class:`MissingLibrary` unless the interpreter that runs this task has it."""
        from importlib import metadata

        try:
            found = metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            self._missing("is not installed")
        else:
            if _release(found) < _release(self.minimum):
                self._missing(f"is {found}, older than {self.minimum}")

    def _missing(self, state: str) -> t.NoReturn:
        command = f"Install it with: {sys.executable} -m pip install '{self.distribution}>={self.minimum}'"
        # The Python of a distribution often has no pip, or refuses it (PEP 668).
        elsewhere = (
            "; where that is refused, in a virtual environment that ansible_python_interpreter names (README.md)"
        )
        raise MissingLibrary(
            f"the Python library {self.distribution} {state} for {sys.executable}; it is needed {self.reason}",
            remedy=command if sys.prefix != sys.base_prefix else command + elsewhere,
        )


CRYPTOGRAPHY = Library("cryptography", "36.0.0", "to read and make X.509 certificates and keys")
HVAC = Library("hvac", "1.1.0", "as the transport to Vault or OpenBao")
PYJWT = Library("PyJWT", "2.4.0", "to sign and verify JSON Web Tokens")
BOTO3 = Library("boto3", "1.26.0", "as the transport to AWS KMS")
PKCS11 = Library("python-pkcs11", "0.7.0", "to use keys in a PKCS#11 token")
PSYCOPG = Library("psycopg", "3.1.0", "as the transport to PostgreSQL")
DETECT_SECRETS = Library("detect-secrets", "1.5.0", "to find secrets in repositories")
