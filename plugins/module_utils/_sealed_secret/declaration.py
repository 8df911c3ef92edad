# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""A Kubernetes Secret as it is declared, read for sealing.

Source: Kubernetes API, Secret v1; sealed-secrets 0.36, ``NewSealedSecret``.
"""

from __future__ import annotations

import base64
import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.normal import kind_of
from .errors import SealingError
from .scope import Scope, without_scope

Object = dict[str, t.Any]

_NAMESPACE: t.Final = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME: t.Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KEY: t.Final = re.compile(r"(?!\.\.?\Z)[-._a-zA-Z0-9]{1,253}")
#: Members that the sealed object shows as they are.
_PROPERTIES: t.Final[t.Mapping[str, type]] = {"type": str, "immutable": bool}
_BASE64: t.Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_MEMBERS: t.Final = frozenset({"apiVersion", "kind", "metadata", "data", "stringData", *_PROPERTIES})
#: What the server or an owner writes; none of it may be declared for another object.
_OF_THE_SERVER: t.Final = frozenset(
    {
        "uid",
        "resourceVersion",
        "generation",
        "generateName",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "managedFields",
        "ownerReferences",
    }
)
#: Tools keep a copy of the whole object in these, with its values in clear text.
_COPIES: t.Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "kubecfg.ksonnet.io/last-applied-configuration",
        "kapp.k14s.io/original",
    }
)
_SHORTEST_SEARCHED: t.Final = 8


@dataclass(frozen=True)
class SecretDeclaration:
    """What is to be sealed, and what is to stand beside it in clear text."""

    name: str
    namespace: str | None
    scope: Scope
    values: dict[str, bytes]
    #: ``metadata`` of the template, without the scope.
    metadata: Object
    #: ``type`` and ``immutable``, where declared.
    properties: Object

    @classmethod
    def of(cls, manifest: t.Any, scope: Scope | None = None) -> SecretDeclaration:
        """Read a manifest; ``scope`` goes before what its annotations ask for. Raises :class:`SealingError`."""
        secret = _mapping(manifest, "secret")
        unknown = set(secret) - _MEMBERS
        if secret.get("kind") != "Secret" or secret.get("apiVersion") != "v1" or unknown:
            raise SealingError(
                f"has members that no Secret has: {', '.join(sorted(map(repr, unknown)))}"
                if unknown
                else "is not a Secret of apiVersion v1",
                field="secret",
                remedy="Give the manifest of a Secret.",
            )
        given = _mapping(secret.get("metadata"), "metadata")
        annotations = _texts(given.get("annotations"), "metadata.annotations")
        scope = scope or Scope.annotated(annotations)
        found = cls(
            _matching(given.get("name"), _NAME, "metadata.name"),
            _namespace(given.get("namespace"), scope),
            scope,
            _values(secret),
            _template_metadata(given, annotations),
            _properties(secret),
        )
        found._refuse_clear_text()
        return found

    @property
    def label(self) -> bytes:
        """What the encryption is bound to."""
        return self.scope.label(self.namespace or "", self.name)

    def _refuse_clear_text(self) -> None:
        """Refuse metadata that shows a value, as a tool of which this file knows nothing may have left it."""
        for kind in ("annotations", "labels"):
            for name, text in self.metadata.get(kind, {}).items():
                for key, value in self.values.items():
                    if _shows(text, value):
                        raise SealingError(
                            f"holds the value of {key} in clear text",
                            field=f"metadata.{kind}.{name}",
                            remedy="Remove it from the manifest; it would stand readable beside the sealed value.",
                        )


def _shows(text: str, value: bytes) -> bool:
    if len(value) < _SHORTEST_SEARCHED:  # too short to be told from chance
        return False
    return value in text.encode() or base64.b64encode(value).decode() in text


def _mapping(value: t.Any, field: str) -> Mapping[str, t.Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise SealingError("is not a mapping", field=field)
    return value


def _texts(value: t.Any, field: str) -> dict[str, str]:
    """Return a mapping of texts; nothing at all is an empty one."""
    found = _mapping({} if value is None else value, field)
    for name, text in found.items():
        if not isinstance(text, str):
            raise SealingError(f"is {kind_of(text)}, not a text", field=f"{field}.{name}")
        if any("\ud800" <= character <= "\udfff" for character in name + text):
            raise SealingError("holds half of a surrogate pair, which no file can hold", field=f"{field}.{name}")
    return {str(name): str(text) for name, text in found.items()}


def _matching(value: t.Any, pattern: re.Pattern[str], field: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise SealingError("is missing or is not a name that Kubernetes allows", field=field)
    return str(value)


def _namespace(value: t.Any, scope: Scope) -> str | None:
    if value is None and scope is Scope.CLUSTER_WIDE:
        return None
    return _matching(value, _NAMESPACE, "metadata.namespace")


def _values(secret: Mapping[str, t.Any]) -> dict[str, bytes]:
    """Return the values by key, sorted; ``stringData`` goes before ``data``, as on a server."""
    found = {key: _octets(text, key) for key, text in _texts(secret.get("data"), "data").items()}
    found.update({key: text.encode() for key, text in _texts(secret.get("stringData"), "stringData").items()})
    if not found:
        raise SealingError("has neither data nor stringData", field="secret", remedy="Declare at least one value.")
    for key in found:
        _matching(key, _KEY, f"data.{key}")
    return dict(sorted(found.items()))


def _octets(text: str, key: str) -> bytes:
    octets = from_base64(re.sub(r"[\r\n]", "", text))
    if octets is None:
        raise SealingError("is not base64", field=f"data.{key}", remedy="Encode it, or declare it under stringData.")
    return octets


def from_base64(text: str) -> bytes | None:
    """Return the octets of a text in base64 with its padding, no more and no less; ``None`` for any other text."""
    if len(text) % 4 or not _BASE64.fullmatch(text):
        return None
    return base64.b64decode(text)


def _properties(secret: Mapping[str, t.Any]) -> Object:
    found = {name: secret[name] for name in _PROPERTIES if secret.get(name) is not None}
    for name, value in found.items():
        if not isinstance(value, _PROPERTIES[name]):
            wanted = kind_of(_PROPERTIES[name]())
            raise SealingError(f"is {kind_of(value)}, not {wanted}", field=name)
    return found


def _template_metadata(given: Mapping[str, t.Any], annotations: dict[str, str]) -> Object:
    """Return the metadata for the object that the controller makes, without copies of values and without the scope."""
    kept = {name: value for name, value in given.items() if name not in _OF_THE_SERVER and value is not None}
    kept["annotations"] = {name: text for name, text in without_scope(annotations).items() if name not in _COPIES}
    kept["labels"] = _texts(given.get("labels"), "metadata.labels")
    return {name: value for name, value in kept.items() if value != {}}
