# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Vault server says it was asked: its own audit log, read per request.

This is how a test proves that check mode and a no-op run write nothing: the witness is the server, not our code.
Format: one JSON object per line, a ``request`` line when a request arrives and a ``response`` line before its answer
leaves, so that everything is in the file once the client has its answer.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import typing as t

WRITE_OPERATIONS = frozenset({"create", "update", "patch", "delete"})
READ_OPERATIONS = frozenset({"read", "list", "scan"})

LOGIN = re.compile(r"login(/.*)?")
# Requests that use a writing verb but change nothing that anyone declared: they concern the caller's own token.
TOKEN_UPKEEP = re.compile(
    r"auth/token/(lookup|renew)(-self|-accessor)?(/.*)?|auth/token/revoke-self"
    r"|sys/capabilities(-self|-accessor)?|sys/wrapping/lookup",
)


@dataclasses.dataclass(frozen=True)
class AuditRecord:
    """One line of the log."""

    type: str
    """``request`` or ``response``"""
    operation: str
    """``read list create update patch delete``, as the server classified it"""
    path: str
    """API path without ``/v1/``"""
    mount_point: str
    """Leading part of the path that names the engine, such as ``auth/approle/``"""
    error: str
    """Empty, or the server's error for this request"""
    request_id: str
    remote_port: int
    """Source port of the client's connection: equal ports mean a reused connection"""

    @property
    def is_login(self) -> bool:
        """Whether the request authenticates the client; a role that is *called* login is not at ``<mount>/login``."""
        below = self.path.removeprefix(self.mount_point)
        return self.mount_point.startswith("auth/") and LOGIN.fullmatch(below) is not None

    @property
    def is_upkeep(self) -> bool:
        """Whether the request only concerns the caller's own token."""
        return TOKEN_UPKEEP.fullmatch(self.path) is not None

    def __str__(self) -> str:
        return f"{self.operation} {self.path}" + (f" ({self.error.strip()})" if self.error else "")


class AuditLog:
    """Reader of a file audit device."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def mark(self) -> int:
        """Return the present end of the log."""
        return self.path.stat().st_size if self.path.exists() else 0

    def since(self, mark: int = 0) -> list[AuditRecord]:
        """Return the complete records written after ``mark``."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(mark)
            tail = file.read()
        complete = tail[: tail.rfind(b"\n") + 1]
        return [_record(json.loads(line)) for line in complete.splitlines() if line.strip()]

    def requests(self, mark: int = 0) -> list[AuditRecord]:
        """Return what clients asked after ``mark``, one record per request."""
        return [record for record in self.since(mark) if record.type == "request"]

    def writes(self, mark: int = 0) -> list[AuditRecord]:
        """Return the requests that change server state, refused attempts included; logins and token upkeep are not."""
        return [
            record
            for record in self.requests(mark)
            if record.operation in WRITE_OPERATIONS and not record.is_login and not record.is_upkeep
        ]

    def reads(self, mark: int = 0) -> list[AuditRecord]:
        """Return the read and list requests after ``mark``, without the caller's look at its own token."""
        return [r for r in self.requests(mark) if r.operation in READ_OPERATIONS and not r.is_upkeep]

    def logins(self, mark: int = 0) -> list[AuditRecord]:
        """Return the logins after ``mark``."""
        return [record for record in self.requests(mark) if record.is_login]


def _record(line: dict[str, t.Any]) -> AuditRecord:
    request = line.get("request") or {}
    return AuditRecord(
        type=line.get("type", ""),
        operation=request.get("operation", ""),
        path=request.get("path", ""),
        mount_point=request.get("mount_point", ""),
        error=line.get("error", ""),
        request_id=request.get("id", ""),
        remote_port=int(request.get("remote_port", 0)),
    )
