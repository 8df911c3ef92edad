# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The signing keys of one issuer of tokens: the private key or secret in custody, the key set for those who verify.

The set (RFC 7517) holds the key in use, the next one while it waits, and replaced ones until the last token that they
signed has expired. A secret of HS256 has no public part and is published nowhere.
"""

from __future__ import annotations

import datetime
import json
import secrets
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .._core.errors import InvalidInput, PolicyRefusal, TrustmeshError, certain
from .._core.normal import duration, spell_duration
from .._core.redact import Secret
from .._core.resource import ON_MISMATCH
from .._core.spec import STATE, Options
from .._ilp.published import published
from .._jose import base64url
from .._jose.jwks import VerificationKey, check_algorithm, render_set, thumbprint
from .._jose.jwt import SHORTEST_SECRET
from .._pki.keys import KeySpec, generate, load_private_key, private_pem, public_key, spec_of
from .holder import HANDLE, Holder
from .keyring import Keyring
from .lost import lost
from .names import checked_name
from .options import FileField
from .record import Generation, KeyMaterial, Record, Shape
from .resource import Holding, KeyResource, Terms
from .rotation import ROTATION_OPTIONS, Rotation

try:
    from cryptography.hazmat.primitives import serialization
except ImportError:  # reported through Spec.requires before any of this is called
    pass

SHAPE: t.Final = Shape(("private_key", "secret"), "public_key")
SHARED_ALGORITHM: t.Final = "HS256"
#: How much clocks may differ, and how long an issuer may take to notice that it has another key.
_MARGIN: t.Final = 300
_KINDS: t.Final[Mapping[str, str]] = {"RS256": "rsa", "ES256": "ec", "EdDSA": "ed25519"}

KIND: t.Final = "jwt_key"
FIELDS: t.Final = (
    FileField("private_key", "private_key_file", secret=True),
    FileField("public_key", "public_key_file", secret=False),
    FileField("secret", "secret_file", secret=True),
)
PATH_OPTIONS: t.Final[Options] = {
    "private_key_file": {"type": "str", "default": "{name}/jwt.key", "no_log": False},
    "public_key_file": {"type": "str", "default": "{name}/jwt.pub", "no_log": False},
    "secret_file": {"type": "str", "default": "{name}/jwt.secret", "no_log": False},
}
_COMMON: t.Final[dict[str, Mapping[str, t.Any]]] = {
    "algorithm": {"type": "str", "choices": [*_KINDS, SHARED_ALGORITHM], "default": "RS256"},
    "key_size": {"type": "int", "no_log": False},
    "secret_bytes": {"type": "int", "default": 48, "no_log": False},
    "token_lifetime": {"type": "str", "default": "15m", "no_log": False},
    **ROTATION_OPTIONS,
    "lead": {"type": "str", "default": "10m"},
    "overlap": {"type": "str"},
    **ON_MISMATCH,
}
ITEM_OPTIONS: t.Final[Options] = {"name": {"type": "str", "required": True}, **STATE, **_COMMON}
SHARED: t.Final = tuple(_COMMON)


@dataclass(frozen=True)
class Wanted:
    """What is declared about the keys of an issuer: algorithm, and kind of its pair or octets of its secret."""

    algorithm: str
    spec: KeySpec | None
    octets: int

    @property
    def shared(self) -> bool:
        """Whether one secret signs and verifies."""
        return self.algorithm == SHARED_ALGORITHM

    @classmethod
    def declared(cls, item: Mapping[str, t.Any]) -> Wanted:
        """Build from an item of the module; raises :class:`InvalidInput`."""
        algorithm, size, octets = item["algorithm"], item["key_size"], item["secret_bytes"]
        if size is not None and algorithm != "RS256":
            raise InvalidInput(f"{algorithm} has keys of one size", field="key_size", remedy="Leave it out.")
        if octets < SHORTEST_SECRET:
            raise InvalidInput(
                f"{octets} octets are too few for {SHARED_ALGORITHM}",
                field="secret_bytes",
                remedy=f"Use {SHORTEST_SECRET} or more.",
            )
        spec = None if algorithm == SHARED_ALGORITHM else KeySpec.declared(_KINDS[algorithm], size)
        return cls(algorithm, spec, octets)


def declared_rotation(item: Mapping[str, t.Any]) -> Rotation:
    """Return the policy; a replaced key is published for as long as tokens that it signed may live."""
    life = _seconds("token_lifetime", item["token_lifetime"])
    overlap = life + _MARGIN if item["overlap"] is None else _seconds("overlap", item["overlap"])
    if overlap < life:
        raise InvalidInput(
            f"{spell_duration(overlap)} is shorter than token_lifetime, {spell_duration(life)}; tokens would be "
            "refused before they expire",
            field="overlap",
            remedy="Lengthen it.",
        )
    return Rotation.declared({**item, "overlap": overlap})


class JwtKeyResource(KeyResource):
    """The keys of one issuer."""

    kind = KIND
    noun = "key"
    marks = frozenset({"algorithm", "kid"})

    def __init__(
        self, name: str, keyring: Keyring, terms: Terms | None, wanted: Wanted | None, holder: Holder | None = None
    ) -> None:
        super().__init__(name, keyring, terms)
        self._wanted = wanted
        self.holder = holder

    @classmethod
    def declared(cls, item: Mapping[str, t.Any], keyring: Keyring, holder: Holder | None = None) -> JwtKeyResource:
        """Build from an item of the module; raises :class:`InvalidInput`."""
        name = checked_name(item["name"])
        if item["state"] == "absent":
            return cls(name, keyring, None, None, holder)
        terms, wanted = Terms(declared_rotation(item), item["on_mismatch"]), Wanted.declared(item)
        if wanted.shared and holder is not None:
            raise InvalidInput(
                f"{SHARED_ALGORITHM} has a secret, which every verifier needs in clear",
                field="algorithm",
                remedy="Use an algorithm of key pairs, or keep the secret in custody, without a holder.",
            )
        return cls(name, keyring, terms, wanted, holder)

    @property
    def wanted(self) -> Wanted:
        """What is declared; only asked of an issuer that shall have a key."""
        return certain(self._wanted)

    def generate(self) -> KeyMaterial:
        if self.wanted.spec is None:
            # Consumers take the octets of the text for the key, so the text itself carries the randomness.
            text = base64url.encode(secrets.token_bytes(self.wanted.octets))
            return _shared(Secret(text), base64url.encode(secrets.token_bytes(12)))
        if self.holder is not None:
            handle, public = self.holder.generate(self.name, self.wanted.algorithm, self.wanted.spec.size or 0)
            key = serialization.load_pem_public_key(public.encode("ascii"))
            return KeyMaterial({}, public, {"algorithm": _algorithm(key), "kid": thumbprint(key), HANDLE: handle})
        return self._pair(generate(self.wanted.spec))

    def adopt(self, document: Mapping[str, t.Any]) -> KeyMaterial:
        text = document.get("secret" if self.wanted.shared else "private_key")
        if not isinstance(text, str):
            raise self._unusable("holds no key for the declared algorithm")
        if self.wanted.shared:
            if len(text.encode()) < SHORTEST_SECRET:
                raise self._unusable(f"holds a secret of fewer than {SHORTEST_SECRET} octets")
            kid = document.get("kid")
            return _shared(Secret(text), str(kid) if kid else base64url.encode(secrets.token_bytes(12)))
        try:
            key = load_private_key(text.encode())
            _algorithm(key)
        except TrustmeshError as error:
            raise self._unusable(f"holds a key that cannot be used: {error.problem}") from None
        return self._pair(key)

    def settle(self, material: KeyMaterial) -> KeyMaterial:
        if "private_key" not in material.secrets:
            return material
        return self._pair(load_private_key(_text(material, "private_key").encode()))

    def mismatches(self, material: KeyMaterial) -> t.Sequence[str]:
        held = material.facts.get("algorithm")
        if (held == SHARED_ALGORITHM) is not self.wanted.shared:
            raise PolicyRefusal(
                f"the issuer has a key for {held}, and those who verify would have to change with it",
                field="algorithm",
                remedy="Give the issuer another name, or remove it first (state=absent).",
            )
        if held != self.wanted.algorithm:
            return [f"algorithm is {held}, declared {self.wanted.algorithm}"]
        if (HANDLE in material.facts) is not (self.holder is not None):
            where = "with a holder" if self.holder is None else "in custody"
            return [f"the private key is {where}, declared otherwise"]
        if self.wanted.spec is None:
            return _weaknesses(_text(material, "secret"), self.wanted.octets)
        spec = spec_of(_public(material))
        return [] if spec == self.wanted.spec else [f"the key is of type {spec}, declared {self.wanted.spec}"]

    def inspect(self, material: KeyMaterial) -> t.Sequence[str]:
        return lost(self.holder, material)

    def public_text(self, record: Record, now: datetime.datetime) -> str | None:
        if self.wanted.shared:
            return None
        # By age and not by use, so that the set stays the same text when the next key becomes the one in use.
        valid = sorted(self._valid(record, now), key=lambda generation: generation.created, reverse=True)
        keys = [
            VerificationKey(entry.material.facts["kid"], entry.material.facts["algorithm"], _public(entry.material))
            for entry in valid
        ]
        return json.dumps(render_set(keys), indent=1) + "\n"

    def describe(self, current: Holding | None) -> dict[str, t.Any]:
        facts = super().describe(current)
        if facts and current is not None and current.record is not None:
            record = current.record
            facts["next_kid"] = record.next.material.facts.get("kid") if record.next else None
            facts["previous_kids"] = [entry.material.facts.get("kid") for entry in record.previous]
        return facts

    def _valid(self, record: Record, now: datetime.datetime) -> Iterator[Generation]:
        """Yield the keys that verify: the next, the one in use, and replaced ones while their tokens live."""
        yield from filter(None, (record.next, record.current))
        for generation in record.previous:
            until = self.terms.rotation.published_until(generation) if self.terms is not None else None
            if until is not None and until > now:
                yield generation

    def _pair(self, key: t.Any) -> KeyMaterial:
        public = public_key(key).public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        facts = {"algorithm": _algorithm(key), "kid": thumbprint(key)}
        return KeyMaterial({"private_key": Secret(private_pem(key).decode("ascii"))}, public.decode("ascii"), facts)

    def _unusable(self, problem: str) -> PolicyRefusal:
        return PolicyRefusal(
            f"{self.keyring.custody.place(self.name)} {problem}",
            field="on_mismatch",
            remedy="Move it away, or set on_mismatch to replace.",
        )


def _weaknesses(secret: str, wanted: int) -> list[str]:
    origin, octets = published(secret), len(secret.encode()) * 3 // 4
    if origin is not None:
        return [f"everybody knows the secret: {origin}"]
    return [f"the secret has {octets} octets, declared {wanted}"] if octets < wanted else []


def _shared(secret: Secret, kid: str) -> KeyMaterial:
    return KeyMaterial({"secret": secret}, None, {"algorithm": SHARED_ALGORITHM, "kid": kid})


def _algorithm(key: t.Any) -> str:
    """Return the one algorithm that a key is for; raises :class:`UnusableKey` for a weak or other one."""
    algorithm = next((name for name, kind in _KINDS.items() if kind == spec_of(key).type), "RS256")
    check_algorithm(key, algorithm)
    return algorithm


def _public(material: KeyMaterial) -> t.Any:
    try:
        return serialization.load_pem_public_key((material.public or "").encode("ascii"))
    except ValueError:
        return public_key(load_private_key(_text(material, "private_key").encode()))


def _text(material: KeyMaterial, name: str) -> str:
    secret = material.secrets.get(name)
    return "" if secret is None else secret.reveal()


def _seconds(name: str, value: t.Any) -> int:
    try:
        return duration(value)
    except ValueError as error:
        raise InvalidInput(str(error), field=name) from None
