# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a server tells everybody (``sys/health``, ``sys/seal-status``) and what is mounted in it."""

from __future__ import annotations

import typing as t

from .errors import Forbidden, Unreachable
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
    return {
        "url": vault.url,
        "state": state,
        "explanation": explanation,
        "http_status": status,
        "initialized": bool(health["initialized"]),
        "sealed": bool(health["sealed"]),
        "product": product(seal),
        "version": str(seal.get("version") or health.get("version") or ""),
        "storage_type": seal.get("storage_type"),
        "cluster_name": seal.get("cluster_name"),
        "cluster_id": seal.get("cluster_id"),
        "seal": {
            "type": seal.get("type"),
            "shares": seal.get("n"),
            "threshold": seal.get("t"),
            "progress": seal.get("progress"),
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
        return {"secret": _summary(vault.read("sys/mounts")), "auth": _summary(vault.read("sys/auth"))}
    except Forbidden:
        return None


def _summary(table: Data | None) -> dict[str, dict[str, t.Any]]:
    return {
        path.rstrip("/"): {
            "type": entry["type"],
            "description": entry.get("description") or "",
            "accessor": entry.get("accessor"),
            "options": entry.get("options") or {},
        }
        for path, entry in sorted((table or {}).items())
    }
