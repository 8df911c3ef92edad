# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The five modules of keys with a life: jws_key, ilp_secret, jwt_key, api_key and noise_key, by custody."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing as t
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.endurance.subject import NOW, OVERTAKEN, Meeting, Seen, Subject, Wish, mark
from tests.endurance.workshop import KV, KV1, Spot

Document = dict[str, t.Any]
NAMES: t.Final = ("hub", "perffsp-1")
_DER: t.Final = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclasses.dataclass(frozen=True)
class Ring:
    """One of the modules: where its parts lie and how they belong together."""

    module: str
    list_option: str
    #: Fields of a record that are secret, and the files through which programs read fields.
    secrets: tuple[str, ...]
    files: dict[str, str]
    common: dict[str, t.Any]
    #: What ends the name of a published text, whether every owner has a place of its own for those of the others.
    suffix: str = ""
    audiences: bool = False
    #: Says what is wrong about a published text beside the record; nothing when it is right.
    verify: Callable[[str, Document, bool], str | None] | None = None
    #: What the public part of a generation is by its private one; nothing for secrets without one.
    public: Callable[[Document], tuple[t.Any, t.Any]] | None = None
    #: Two declarations of the same owner that differ.
    contents: tuple[dict[str, t.Any], dict[str, t.Any]] | None = None
    #: Whether each of these makes another key.
    renews: int = 0


def _generations(document: Document) -> Iterator[Document]:
    yield document
    if document.get("next"):
        yield document["next"]
    yield from document.get("previous") or ()


def _public_der(pem: str) -> bytes:
    return serialization.load_pem_public_key(pem.encode()).public_bytes(*_DER)


def _pem_pair(entry: Document) -> tuple[bytes, bytes]:
    private = serialization.load_pem_private_key(entry["private_key"].encode(), None)
    return private.public_key().public_bytes(*_DER), _public_der(entry["public_key"])


def _noise_pair(entry: Document) -> tuple[str, str]:
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(entry["private_key"]))
    return private.public_key().public_bytes_raw().hex(), entry["public_key"].strip()


def _verify_jws(text: str, record: Document, done: bool) -> str | None:
    known = [record["public_key"]] if done else [entry["public_key"] for entry in _newest(record)]
    return None if _public_der(text) in [_public_der(key) for key in known] else "is not the key in use nor the next"


def _verify_noise(text: str, record: Document, done: bool) -> str | None:
    known = [record["public_key"]] if done else [entry["public_key"] for entry in _newest(record)]
    return None if text.strip() in [key.strip() for key in known] else "is not the key in use nor the next"


def _newest(record: Document) -> list[Document]:
    return [record, *([record["next"]] if record.get("next") else [])]


def _verify_jwks(text: str, record: Document, done: bool) -> str | None:
    held = [key["kid"] for key in json.loads(text)["keys"]]
    known = [entry["kid"] for entry in _generations(record)]
    return _living(held, known, record["kid"], done)


def _verify_records(text: str, record: Document, done: bool) -> str | None:
    held = [entry["hash"] for entry in json.loads(text)["keys"]]
    known = [hashlib.sha256(entry["api_key"].encode()).hexdigest() for entry in _generations(record)]
    return _living(held, known, known[0], done)


def _living(held: list[str], known: list[str], used: str, done: bool) -> str | None:
    """Judge a document that holds several keys; each replaced one of a test is still to be in it."""
    if len(set(held)) != len(held):
        return "holds a key twice"
    if used not in held:
        return "lacks the key in use"
    if not set(held) <= set(known):
        return "holds a key that custody has not"
    return f"lacks {len(known) - len(held)} keys that live" if done and set(held) != set(known) else None


RINGS: t.Final = (
    Ring(
        "jws_key",
        "participants",
        ("private_key",),
        {"private_key": "{name}.key"},
        {"algorithm": "ES256"},
        suffix=".pem",
        audiences=True,
        verify=_verify_jws,
        public=_pem_pair,
        contents=({"algorithm": "RS256", "on_mismatch": "replace"}, {"algorithm": "ES256", "on_mismatch": "replace"}),
        renews=1,
    ),
    Ring(
        "ilp_secret",
        "participants",
        ("secret",),
        {"secret": "{name}.secret"},
        {"secret_file": "{name}.secret"},
        contents=({"bytes": 48, "on_mismatch": "replace"}, {"bytes": 64, "on_mismatch": "replace"}),
        renews=1,
    ),
    Ring(
        "jwt_key",
        "issuers",
        ("private_key",),
        {"private_key": "{name}/jwt.key", "public_key": "{name}/jwt.pub"},
        {"algorithm": "ES256", "lead": "0"},
        suffix=".json",
        verify=_verify_jwks,
        public=_pem_pair,
        contents=({"algorithm": "EdDSA", "on_mismatch": "replace"}, {"algorithm": "ES256", "on_mismatch": "replace"}),
        renews=1,
    ),
    Ring(
        "api_key",
        "clients",
        ("api_key",),
        {"api_key": "{name}/api.key"},
        {},
        suffix=".json",
        verify=_verify_records,
        contents=({"permissions": ["a:read"]}, {"permissions": ["b:read", "b:write"]}),
    ),
    Ring(
        "noise_key",
        "peers",
        ("private_key",),
        {"private_key": "{name}/noise.key", "public_key": "{name}/noise.pub"},
        {},
        suffix=".pub",
        audiences=True,
        verify=_verify_noise,
        public=_noise_pair,
    ),
)


@dataclasses.dataclass(frozen=True)
class Custody:
    """Where secret parts are kept, and where public ones go."""

    label: str
    keeps: str
    publishes: str

    def options(self, ring: Ring, spot: Spot) -> dict[str, t.Any]:
        """Return the options of the module."""
        options: dict[str, t.Any] = dict(ring.common)
        if self.keeps == "files":
            options.update(custody="files", directory=str(spot.store / "keys"))
        else:
            options.update(custody="kv", mount=self.keeps, path=f"{spot.name}/keys/{{name}}")
        below = "trust/{audience}" if ring.audiences else "trust"
        if ring.verify is not None and self.publishes == "directory":
            options["publish"] = [{"kind": "directory", "path": str(spot.store / below)}]
        elif ring.verify is not None:
            options["publish"] = [{"kind": "kv", "mount": self.publishes, "path": f"{spot.name}/{below}"}]
        return options

    def records(self, ring: Ring, spot: Spot, seen: Seen) -> Iterator[tuple[str, Document]]:
        """Yield the records by owner; note what is wrong about files through which programs read them."""
        for name in NAMES:
            if self.keeps == "files":
                held = self._in_files(ring, spot, name, seen)
            else:
                held = spot.secret(self.keeps, f"keys/{name}")
            if held is not None:
                yield name, held

    @staticmethod
    def _in_files(ring: Ring, spot: Spot, name: str, seen: Seen) -> Document | None:
        current = spot.store / f"keys/.trustmesh-{ring.module}/{name}/current"
        obsolete = len(list(current.parent.glob("s-*"))) - current.is_symlink()
        if obsolete:
            seen.unfinished.append(f"{obsolete} snapshots of {name} are obsolete")
        if not current.is_symlink():
            return None
        document: Document = json.loads((current / "record.json").read_bytes())
        for field, pattern in ring.files.items():
            path = spot.store / "keys" / pattern.format(name=name)
            if not path.exists():
                seen.missing.append(str(path.relative_to(spot.store)))
            elif path.read_text() != document[field]:
                seen.problems.append(f"{path.name} of {name} is not what the record holds")
        return document

    def published(self, ring: Ring, spot: Spot, name: str) -> Iterator[tuple[str, str | None]]:
        """Yield each place that is to have the text of an owner, and what it has."""
        for audience in [other for other in NAMES if other != name] if ring.audiences else [""]:
            place = f"trust/{audience}".rstrip("/")
            if self.publishes == "directory":
                path = spot.store / place / f"{name}{ring.suffix}"
                yield place, path.read_text() if path.exists() else None
            else:
                yield place, (spot.secret(self.publishes, place) or {}).get(f"{name}{ring.suffix}")


def _look(ring: Ring, custody: Custody, spot: Spot) -> Seen:
    seen = Seen()
    for name, record in custody.records(ring, spot, seen):
        generations = list(_generations(record))
        seen.in_force[name] = mark(record[ring.secrets[0]])
        seen.kept[name] = [mark(entry[ring.secrets[0]]) for entry in generations]
        if len(set(seen.kept[name])) != len(generations):
            seen.problems.append(f"the record of {name} holds a key twice")
        for entry in generations if ring.public else ():
            derived, told = t.cast(Callable[..., t.Any], ring.public)(entry)
            if derived != told:
                seen.problems.append(f"a public key of {name} does not belong to its private one")
        _look_at_published(ring, custody, spot, name, record, seen)
    return seen


def _look_at_published(ring: Ring, custody: Custody, spot: Spot, name: str, record: Document, seen: Seen) -> None:
    if ring.verify is None:
        return
    for place, text in custody.published(ring, spot, name):
        what = f"{place}: what is published of {name}"
        if text is None:
            seen.missing.append(f"{what} is not there")
            continue
        try:
            never, not_yet = (ring.verify(text, record, done) for done in (False, True))
        except ValueError:
            never, not_yet = "is damaged", None
        if never is not None:
            seen.problems.append(f"{what} {never}")
        elif not_yet is not None:
            seen.unfinished.append(f"{what} {not_yet}")


def _meetings(ring: Ring) -> Iterator[Meeting]:
    both, rotate = Wish("make", onto_base=False, made=1), Wish("rotate", {"not_before": NOW}, made=1)
    first, second = (dataclasses.replace(both, names=(name,)) for name in NAMES)
    part = Wish("part with one", item={"state": "absent"}, names=NAMES[1:], keeps=False)
    # Who gets the keys of others is known when all are declared.
    yield Meeting("two names", first, second, both, (1, 1), settled=not ring.audiences)
    yield Meeting("make twice", both, both, both, (1, 1))
    yield Meeting("rotate twice", rotate, rotate, rotate, (1, 1))
    yield Meeting("rotate and declare", rotate, Wish("declare"), rotate, (0, 1), settled=False)
    yield Meeting("rotate and part", rotate, part, rotate, (0, 1), settled=False)
    if ring.contents is not None:
        left, right = (Wish("change", item=content) for content in ring.contents)
        yield Meeting("two contents", left, right, right, (0, 2 * ring.renews), settled=False)


def _wishes(ring: Ring) -> Iterator[Wish]:
    yield Wish("make", onto_base=False, made=1)
    yield Wish("rotate", {"not_before": NOW}, made=1, withdrawable=True)
    if ring.contents is not None:
        yield Wish("change", item=ring.contents[0], made=ring.renews)
    yield Wish("part with", item={"state": "absent"}, keeps=False, removes=True)


def _subject(ring: Ring, custody: Custody, connection: dict[str, str]) -> Subject:
    return Subject(
        ring.module,
        custody.label,
        NAMES,
        ring.list_option,
        lambda spot, name: {"name": name},
        lambda spot: {**connection, **custody.options(ring, spot)},
        lambda spot: _look(ring, custody, spot),
        tuple(_wishes(ring)),
        tuple(_meetings(ring)) if custody.keeps != KV1 else (),
        yields_with=OVERTAKEN if custody.keeps != "files" or custody.publishes != "directory" else (),
    )


CUSTODIES: t.Final = (
    Custody("files", "files", "directory"),
    Custody("vault_kv", KV, KV),
    Custody("vault_kv 1", KV1, "directory"),
)


def subjects(connection: dict[str, str]) -> list[Subject]:
    """Return the five modules with each custody."""
    return [_subject(ring, custody, connection) for ring in RINGS for custody in CUSTODIES]
