# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Who may open what was sealed: one name in one namespace, one namespace, or the whole cluster.

Source: sealed-secrets 0.36, ``pkg/apis/sealedsecrets/v1alpha1``.
"""

from __future__ import annotations

import enum
import typing as t
from collections.abc import Mapping

_PREFIX: t.Final = "sealedsecrets.bitnami.com/"


class Scope(str, enum.Enum):
    """The three scopes, under the names that kubeseal gives them."""

    STRICT = "strict"
    NAMESPACE_WIDE = "namespace-wide"
    CLUSTER_WIDE = "cluster-wide"

    @property
    def annotations(self) -> dict[str, str]:
        """What has to stand on the sealed object, by which the controller goes, and on its template."""
        return {} if self is Scope.STRICT else {_PREFIX + self.value: "true"}

    def label(self, namespace: str, name: str) -> bytes:
        """Return what the encryption is bound to; the controller computes the same from where the object stands."""
        if self is Scope.CLUSTER_WIDE:
            return b""
        return (namespace if self is Scope.NAMESPACE_WIDE else f"{namespace}/{name}").encode()

    @classmethod
    def annotated(cls, annotations: Mapping[str, str]) -> Scope:
        """Return the scope that annotations ask for; the widest wins, as it does for the controller."""
        for scope in (cls.CLUSTER_WIDE, cls.NAMESPACE_WIDE):
            if annotations.get(_PREFIX + scope.value) == "true":
                return scope
        return cls.STRICT


def without_scope(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return annotations without those that ask for a scope."""
    wide = {_PREFIX + scope.value for scope in Scope}
    return {name: text for name, text in annotations.items() if name not in wide}
