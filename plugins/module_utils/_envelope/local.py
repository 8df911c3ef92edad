# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Master keys that this process holds: from an environment variable, a file, or given by value.

A master key is 64 hexadecimal characters, as ``openssl rand -hex 32`` prints them.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t
from collections.abc import Mapping

from .._core.files import read_found
from .._core.redact import Secret
from .._core.spec import Params
from . import cipher
from .cipher import KEY_BYTES, Sealed
from .errors import EnvelopeError
from .provider import KeyProvider, Mover, Opener, ProviderKind
from .record import Form

VARIABLE: t.Final = "MASTER_ENCRYPTION_KEY"
_HEX: t.Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
# 32 random bytes have fewer different ones less than once in ten thousand million keys.
_FEWEST_DIFFERENT: t.Final = 16
_LONGEST_FILE: t.Final = 4096
_MAKE: t.Final = "Make one with: openssl rand -hex 32"


class LocalKey:
    """A master key in the hands of this process."""

    def __init__(self, key: Secret, identity: str, form: Form) -> None:
        self.identity = identity
        self._key = bytes.fromhex(key.reveal())
        self._form = form

    def wrap(self, keys: t.Sequence[bytes]) -> list[str]:
        """Return the data keys, each as iv, tag and ciphertext in the encoding of the record."""
        return [self._form.write(cipher.seal(self._key, key, iv_bytes=self._form.iv_bytes).packed()) for key in keys]

    def unwrap(self, wrapped: t.Sequence[str]) -> list[t.Optional[bytes]]:
        """Return the data keys; ``None`` for each that is not of this master key."""
        return [self._opened(text) for text in wrapped]

    def _opened(self, text: str) -> bytes | None:
        try:
            return cipher.unseal(self._key, Sealed.of_key(self._form.read(text)))
        except EnvelopeError:
            return None

    def successor_of(self, old: KeyProvider) -> Mover | None:
        """There is no other way than through this process."""
        return None


def master_key(text: str) -> Secret:
    """Return a master key; raises :class:`EnvelopeError` for what is none, or is none that was made at random."""
    if not _HEX.fullmatch(text):
        raise EnvelopeError(f"is not 64 hexadecimal characters, but {len(text)} characters", remedy=_MAKE)
    octets = bytes.fromhex(text)
    steps = {(after - before) % 256 for before, after in zip(octets, octets[1:])}
    repeated = any(octets == octets[:size] * (KEY_BYTES // size) for size in (1, 2, 4, 8, 16))
    if repeated or len(steps) == 1 or len(set(octets)) < _FEWEST_DIFFERENT:
        raise EnvelopeError("has a pattern, so that it was not made at random", remedy=_MAKE)
    return Secret(text.lower())


def from_environment(variable: str, environ: Mapping[str, str]) -> Secret:
    """Return the master key in a variable of the environment."""
    if not environ.get(variable):
        raise EnvelopeError(f"{variable} is not set", field="variable", remedy=_MAKE)
    return _checked(environ[variable].strip(), "variable", variable)


def from_file(path: str) -> Secret:
    """Return the master key in a file that nobody else may read."""
    found = read_found(path, limit=_LONGEST_FILE)
    if found is None:
        raise EnvelopeError(f"{path} does not exist", field="path", remedy=_MAKE)
    mode = stat.S_IMODE(found.status.st_mode)
    if mode & 0o077:
        raise EnvelopeError(
            f"{path} has mode {mode:04o}, so that others may use the key",
            field="path",
            remedy="Set its mode to 0600, and rotate the key if others had access.",
        )
    if found.status.st_uid not in (0, os.geteuid()):
        raise EnvelopeError(
            f"{path} belongs to another user (uid {found.status.st_uid})",
            field="path",
            remedy="It has to belong to the user who runs this, or to root.",
        )
    return _checked(found.content.decode("ascii", "replace").strip(), "path", path)


def _checked(text: str, field: str, what: str) -> Secret:
    try:
        return master_key(text)
    except EnvelopeError as error:
        raise EnvelopeError(f"the master key in {what} {error.problem}", field=field, remedy=error.remedy) from None


def _environment(declared: Params, form: Form) -> KeyProvider:
    variable = declared.get("variable") or VARIABLE
    return LocalKey(from_environment(variable, os.environ), f"the key in the environment ({variable})", form)


def _file(declared: Params, form: Form) -> KeyProvider:
    return LocalKey(from_file(declared["path"]), f"the key in {declared['path']}", form)


def _value(declared: Params, form: Form) -> KeyProvider:
    return LocalKey(_checked(str(declared["value"]), "value", "value"), "the key given by value", form)


ENVIRONMENT: t.Final = ProviderKind("environment", {"variable": {"type": "str", "default": VARIABLE}})
FILE: t.Final = ProviderKind("file", {"path": {"type": "path"}}, ("path",))
VALUE: t.Final = ProviderKind("value", {"value": {"type": "str", "no_log": True}}, ("value",))
LOCAL_KINDS: t.Final = (ENVIRONMENT, FILE, VALUE)
LOCAL_OPENERS: t.Final[dict[str, Opener]] = {"environment": _environment, "file": _file, "value": _value}
