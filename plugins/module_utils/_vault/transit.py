# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Master keys in a transit engine: data keys are wrapped and unwrapped by the server, which keeps the master key.

Source: the API pages of the transit engine (encrypt, decrypt, rewrap; each takes a batch).
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
import typing as t

from .._core.address import at, route, word
from .._core.errors import InvalidInput
from .._core.foreign import printable
from .._core.spec import Params
from .._envelope.provider import KeyProvider, Mover, Opener, ProviderKind
from .._envelope.record import Form
from .answer import Fields
from .errors import NoMount, Rejected
from .port import Data, Vault

_WRAPPED: t.Final = re.compile(r"vault:v([1-9][0-9]{0,9}):[A-Za-z0-9+/=]+", re.ASCII)
#: Servers refuse requests of more than a thousand texts, and each entry has two.
_BATCH: t.Final = 200
# Those that encrypt; the others sign or compute codes.
_ENCRYPTING: t.Final = frozenset({"aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305"})


class TransitKey:
    """A named key of a transit engine."""

    def __init__(self, vault: Vault, mount: str, name: str) -> None:
        self.vault = vault
        self.mount = route(mount, "mount")
        self.name = word(name)

    @property
    def identity(self) -> str:
        """Its path in the API."""
        return f"{self.mount}/keys/{self.name}"

    def check(self) -> None:
        """Raise :class:`InvalidInput` unless the key is there and wraps."""
        if self.newest < 1:
            raise self.about.wrong("latest_version", "is not the number of a version")

    @functools.cached_property
    def about(self) -> Fields:
        """What the server says about the key; raises :class:`InvalidInput` when it cannot wrap.

        It is asked for before anything else: who may create keys would make a new one by encrypting.
        """
        try:
            data = self.vault.read(at(self.mount, "keys", self.name))
        except NoMount as error:
            raise InvalidInput(error.problem, field="mount", remedy=error.remedy) from None
        if data is None:
            raise InvalidInput(
                f"there is no key {self.identity}",
                field="name",
                remedy="Create it first (trustmesh.security.vault_transit_key).",
            )
        if data.text("type") not in _ENCRYPTING or data.get("derived"):
            what = "derived" if data.get("derived") else f"of type {printable(data.text('type'), 60)}"
            raise InvalidInput(f"{self.identity} is {what}", field="name", remedy="Use a key of type aes256-gcm96.")
        return data

    @property
    def newest(self) -> int:
        """Number of the version that wraps now."""
        return self.about.number("latest_version")

    def wrap(self, keys: t.Sequence[bytes]) -> list[str]:
        """Return the data keys as the server writes them: ``vault:v1:`` and base64."""
        entries = [{"plaintext": base64.b64encode(key).decode("ascii")} for key in keys]
        results = self._batch("encrypt", entries)
        failed = next((entry.text("error") for entry in results if entry.get("error")), None)
        if failed is not None:
            raise InvalidInput(f"{self.identity} did not wrap: {printable(failed)}", field="name")
        return [entry.text("ciphertext") for entry in results]

    def unwrap(self, wrapped: t.Sequence[str]) -> list[t.Optional[bytes]]:
        """Return the data keys; ``None`` for each that the server does not open with this key."""
        return [_plain(entry.get("plaintext")) for entry in self._each("decrypt", wrapped)]

    def rewrap(self, wrapped: t.Sequence[str]) -> list[t.Optional[str]]:
        """Return each under the newest version, without the data key leaving the server; ``None`` as above."""
        return [entry.text_or("ciphertext") or None for entry in self._each("rewrap", wrapped)]

    def successor_of(self, old: KeyProvider) -> Mover | None:
        """A newer version of the same key takes over what the older ones wrapped."""
        same = isinstance(old, TransitKey) and old.vault is self.vault and old.identity == self.identity
        return _Versions(self) if same else None

    def _each(self, verb: str, wrapped: t.Sequence[str]) -> list[Fields]:
        """Send what may be of this engine; the rest is answered here, and so are keys that the server refuses."""
        ours = [place for place, text in enumerate(wrapped) if _WRAPPED.fullmatch(text)]
        answers = [Fields() for _text in wrapped]
        for place, answer in zip(ours, self._batch(verb, [{"ciphertext": wrapped[place]} for place in ours])):
            answers[place] = Fields() if answer.get("error") else answer
        return answers

    def _batch(self, verb: str, entries: t.Sequence[Data]) -> list[Fields]:
        results: list[Fields] = []
        for start in range(0, len(entries), _BATCH):
            body = {"batch_input": entries[start : start + _BATCH]}
            try:
                answers = self.vault.write(at(self.mount, verb, self.name), body).data.mappings("batch_results")
            except Rejected as error:
                # One refused entry makes the whole answer an error, which still says what came of each.
                answers = Fields.of(error.data, f"{self.mount}/{verb}").mappings("batch_results")
                if len(answers) != len(body["batch_input"]):
                    raise
            if len(answers) != len(body["batch_input"]):
                raise Fields.of({}, f"{self.mount}/{verb}").wrong("batch_results", "does not tell of every entry")
            results += answers
        return results


class _Versions:
    """From the older versions of a key to its newest."""

    def __init__(self, key: TransitKey) -> None:
        self._key = key

    def is_current(self, wrapped: t.Sequence[str]) -> list[t.Optional[bool]]:
        """Tell by the version that the text begins with; nothing is opened for that."""
        oldest = self._key.about.number_or("min_decryption_version") or 1
        versions = [int(found.group(1)) if found else 0 for found in map(_WRAPPED.fullmatch, wrapped)]
        return [version == self._key.newest if oldest <= version <= self._key.newest else None for version in versions]

    def move(self, wrapped: t.Sequence[str]) -> list[t.Optional[str]]:
        """Let the server do it."""
        return self._key.rewrap(wrapped)


def _plain(encoded: t.Any) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else None
    except binascii.Error:
        return None


TRANSIT: t.Final = ProviderKind(
    "transit",
    {"mount": {"type": "str", "default": "transit"}, "name": {"type": "str"}},
    ("name",),
)


def transit_opener(connect: t.Callable[[], Vault]) -> Opener:
    """Return the opener of transit keys; ``connect`` is called when there is one, and has to return one connection."""

    def opened(declared: Params, form: Form) -> KeyProvider:
        key = TransitKey(connect(), declared.get("mount") or "transit", declared["name"])
        key.check()
        return key

    return opened
