# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The SealedSecret of a declaration, and what of an earlier one still serves.

Sealing gives other bytes every time. So that an unchanged declaration gives an unchanged object, an annotation holds a
keyed digest of every value: of what it is, whom it is sealed for, where it may be opened, and of the ciphertext. A
ciphertext is kept exactly as long as its digest fits. Without the key nobody can test guesses of a value.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import typing as t
from collections.abc import Mapping

from .._core.foreign import Unreadable, parse_object
from .declaration import Object, SecretDeclaration, from_base64
from .errors import SealingError
from .recipient import Recipient

DIGESTS: t.Final = "trustmesh.security/sealed-digests"
API_VERSION: t.Final = "bitnami.com/v1alpha1"
KIND: t.Final = "SealedSecret"
_SHORTEST_KEY_BYTES: t.Final = 32
_WRITTEN_BY_OTHERS: t.Final = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"}
)
_APPLIED: t.Final = "kubectl.kubernetes.io/last-applied-configuration"


class Digester:
    """Digests of values under one key, for one recipient and one place."""

    def __init__(self, key: str, recipient: Recipient, declaration: SecretDeclaration) -> None:
        if len(key.encode()) < _SHORTEST_KEY_BYTES:
            raise SealingError(
                f"is shorter than {_SHORTEST_KEY_BYTES} bytes",
                field="digest_key",
                remedy="Take a random one, and keep it where the other secrets are.",
            )
        self._key = key.encode()
        self._context = [recipient.spki_sha256, declaration.label.decode()]

    def digest(self, name: str, value: bytes, ciphertext: str) -> str:
        """Return the digest of one value as it was sealed, in base64url."""
        parts = [*self._context, name, base64.b64encode(value).decode(), ciphertext]
        mac = hmac.new(self._key, json.dumps(parts).encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")


def sealed(
    declaration: SecretDeclaration,
    recipient: Recipient,
    *,
    digest_key: str | None = None,
    previous: Mapping[str, t.Any] | None = None,
) -> Object:
    """Return the SealedSecret; ``previous`` itself when nothing about it has changed."""
    if previous is not None and digest_key is None:
        raise SealingError("is needed to compare with what was sealed before", field="digest_key")
    digester = Digester(digest_key, recipient, declaration) if digest_key is not None else None
    earlier = _Earlier.of(previous) if previous is not None else _Earlier({}, {})
    encrypted, digests = {}, {}
    for name, value in declaration.values.items():
        text = earlier.encrypted.get(name)
        if digester is None or text is None or not earlier.fits(name, digester.digest(name, value, text)):
            text = base64.b64encode(recipient.seal(value, declaration.label)).decode()
        encrypted[name] = text
        if digester is not None:
            digests[name] = digester.digest(name, value, text)
    made = _manifest(declaration, encrypted, digests)
    return dict(previous) if previous is not None and _declared_part(previous) == made else made


class _Earlier:
    """Ciphertexts and digests of an object sealed before; whatever is malformed in it is sealed anew."""

    def __init__(self, encrypted: Mapping[str, t.Any], digests: Mapping[str, t.Any]) -> None:
        self.encrypted = {
            name: str(text) for name, text in encrypted.items() if isinstance(text, str) and from_base64(text)
        }
        self._digests = digests

    @classmethod
    def of(cls, previous: Mapping[str, t.Any]) -> _Earlier:
        if previous.get("kind") != KIND or previous.get("apiVersion") != API_VERSION:
            raise SealingError(f"is not a {KIND} of {API_VERSION}", field="previous")
        annotations = _member(_member(previous, "metadata"), "annotations")
        try:
            digests = parse_object(str(annotations.get(DIGESTS, "{}")))
        except Unreadable:
            digests = {}
        return cls(_member(_member(previous, "spec"), "encryptedData"), digests)

    def fits(self, name: str, digest: str) -> bool:
        """Tell whether a value was sealed as it would be now."""
        return hmac.compare_digest(str(self._digests.get(name, "")).encode(errors="replace"), digest.encode())


def _member(value: Mapping[str, t.Any], name: str) -> Mapping[str, t.Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def _manifest(declaration: SecretDeclaration, encrypted: dict[str, str], digests: dict[str, str]) -> Object:
    scope = declaration.scope.annotations
    metadata: Object = {"name": declaration.name}
    if declaration.namespace is not None:
        metadata["namespace"] = declaration.namespace
    annotations = {**scope, **({DIGESTS: json.dumps(digests, sort_keys=True)} if digests else {})}
    if annotations:
        metadata["annotations"] = annotations
    template = dict(declaration.metadata)
    if scope:
        template["annotations"] = {**template.get("annotations", {}), **scope}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": {"encryptedData": encrypted, "template": {"metadata": template, **declaration.properties}},
    }


def _declared_part(previous: Mapping[str, t.Any]) -> Object:
    """Return an earlier object without what a server or kubectl has added to it."""
    metadata = {name: value for name, value in _member(previous, "metadata").items() if name not in _WRITTEN_BY_OTHERS}
    if isinstance(metadata.get("annotations"), Mapping):
        kept = {name: text for name, text in metadata["annotations"].items() if name != _APPLIED}
        metadata = {**metadata, "annotations": kept} if kept else {**metadata}
        if not kept:
            del metadata["annotations"]
    rest = {name: value for name, value in previous.items() if name not in {"metadata", "status"}}
    return {**rest, "metadata": metadata}
