# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a server tells everybody (``sys/health``, ``sys/seal-status``) and what is mounted in it."""

from __future__ import annotations

import typing as t

from .._core.foreign import printable
from .answer import Fields
from .errors import Forbidden, InvalidToken, Unreachable
from .port import Data, Vault

#: HTTP status of ``sys/health`` -> state and what it means; none of them is a failure of the request.
HEALTH: t.Final[dict[int, tuple[str, str]]] = {
    200: ("active", "initialised, unsealed and active: it serves requests"),
    429: ("standby", "unsealed, but another node of the cluster is active"),
    472: ("recovery_secondary", "a secondary for disaster recovery, which serves no clients"),
    473: ("performance_standby", "a standby that answers reads itself"),
    501: ("uninitialized", "never initialised, so that it holds nothing yet"),
    503: ("sealed", "sealed: it cannot read its own storage until it is unsealed"),
}
#: The states in which requests with a token are answered.
SERVING: t.Final = ("active", "standby", "performance_standby")


def gather_server(vault: Vault) -> dict[str, t.Any]:
    """Return state, product, version, seal and clock of a server; no token is needed."""
    status, health = vault.probe("sys/health")
    if status not in HEALTH or "initialized" not in health:
        raise Unreachable(
            f"{vault.url} answers (HTTP {status}), but not as a Vault or OpenBao does",
            field="url",
            remedy="Check the address; a proxy or another service may stand there.",
        )
    state, explanation = HEALTH[status]
    seal = vault.read_bare("sys/seal-status")
    known = {name: health.text_or(name) for name in ("version", "cluster_name", "cluster_id")}
    known.update({name: seal.text_or(name) for name in known if seal.get(name)})
    return {
        "url": vault.url,
        "state": state,
        "explanation": explanation,
        "http_status": status,
        "initialized": health.flag("initialized"),
        "sealed": health.flag("sealed"),
        "product": product(seal),
        "version": printable(known["version"]),
        "storage_type": seal.text_or("storage_type") or None,
        "cluster_name": known["cluster_name"] or None,
        "cluster_id": known["cluster_id"] or None,
        "seal": {
            "type": seal.text_or("type") or None,
            "shares": seal.number_or("n"),
            "threshold": seal.number_or("t"),
            "progress": seal.number_or("progress"),
        },
        "clock_lead": clock_lead(vault),
    }


def product(seal_status: Data) -> str:
    """Tell the products apart by what they say; both number their versions 2.x, so that a version tells nothing."""
    if "commit_date" in seal_status:
        return "openbao"
    return "vault" if "build_date" in seal_status else "unknown"


def clock_lead(vault: Vault) -> int | None:
    """Return by how many whole seconds the server's clock is ahead of ours; its answers carry no fractions."""
    return None if vault.clock_lead is None else round(vault.clock_lead + 0.5)


def gather_mounts(vault: Vault) -> dict[str, t.Any] | None:
    """Return what is enabled, by category and path; ``None`` when the token may not see it."""
    try:
        return {
            "secret": _summary(vault.read_or_nothing("sys/mounts")),
            "auth": _summary(vault.read_or_nothing("sys/auth")),
        }
    except (Forbidden, InvalidToken):
        return None


def _summary(table: Fields) -> dict[str, dict[str, t.Any]]:
    entries = ((path, table.mapping(path)) for path in sorted(table))
    return {
        path.rstrip("/"): {
            "type": entry.text("type"),
            "description": entry.text_or("description"),
            "accessor": entry.text_or("accessor") or None,
            "options": dict(entry.mapping_or("options")),
        }
        for path, entry in entries
    }
