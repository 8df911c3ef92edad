# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""From the options of a probe to its result."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._core.files import read_file
from .._pki.certificate import CertificateFacts, parse_certificates
from .._pki.chain import verify_chain
from .tls import VERSIONS, Target, observe
from .verdict import REASONS, Credential, Expectation, judge

_VERSION: t.Final = {"type": "str", "choices": list(VERSIONS)}

#: The options of one probe.
PROBE_OPTIONS: t.Final[Mapping[str, Mapping[str, t.Any]]] = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str", "default": "localhost"},
    "port": {"type": "int", "default": 443},
    "server_name": {"type": "str"},
    "ca_cert": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "client_ca_cert": {"type": "path"},
    "min_version": _VERSION,
    "max_version": _VERSION,
    "path": {"type": "str"},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "refusal_status": {"type": "list", "elements": "int", "default": []},
    "timeout": {"type": "int", "default": 10},
    "expect": {"type": "str", "choices": ["accept", "refuse"]},
    "reason": {"type": "str", "choices": list(REASONS)},
}
#: Those that may also be given once for all probes.
SHARED: t.Final = ("host", "port", "server_name", "ca_cert", "client_ca_cert", "path", "refusal_status", "timeout")


@dataclass(frozen=True)
class Probe:
    """One attempt, and what is expected of it."""

    name: str
    target: Target
    credential: Credential | None
    expectation: Expectation | None
    #: HTTP statuses that count as a refusal at this server.
    refusing: tuple[int, ...] = ()

    @classmethod
    def declared(cls, item: Mapping[str, t.Any]) -> Probe:
        """Build from an item of the module; raises :class:`InvalidInput` naming the option."""
        if item["reason"] is not None and item["expect"] != "refuse":
            raise InvalidInput("only a refusal has a reason", field="reason", remedy="Add expect: refuse.")
        host = item["host"]
        names = ("port", "ca_cert", "client_cert", "client_key", "min_version", "max_version", "path", "timeout")
        target = Target(host=host, server_name=item["server_name"] or host, **{name: item[name] for name in names})
        expectation = None
        if item["expect"] is not None:
            expectation = Expectation(item["expect"], item["reason"], tuple(item["status"]))
        return cls(item["name"], target, _credential(item), expectation, tuple(item["refusal_status"] or ()))

    def run(self, now: datetime.datetime) -> dict[str, t.Any]:
        """Connect and return the result; ``passed`` is false when it is not as expected."""
        seen = observe(self.target)
        judged = judge(seen, self.credential, now, self.refusing)
        complaint = None if self.expectation is None else self.expectation.complaint(seen, judged)
        return {
            "item": self.name,
            "passed": complaint is None,
            "outcome": judged.outcome,
            "reason": judged.reason,
            "explanation": judged.explanation,
            "observation": seen.shown(),
            "client": None if self.credential is None else self.credential.examined(now),
            **({} if complaint is None else {"failed": True, "msg": complaint}),
        }


def failure_message(results: t.Sequence[Mapping[str, t.Any]]) -> str | None:
    """Return one message for everything that is not as expected, or ``None``."""
    failures = [f"{result['item']}: {result['msg']}" for result in results if not result["passed"]]
    if not failures:
        return None
    return f"{len(failures)} of {len(results)} probes failed. {' | '.join(failures)}"


def _credential(item: Mapping[str, t.Any]) -> Credential | None:
    """Read the client certificate and hold it against the CA that the server is said to trust."""
    if item["client_cert"] is None:
        return None
    leaf, *chain = _certificates(item["client_cert"], "client_cert")
    facts = CertificateFacts.of(leaf)
    authority, field = item["client_ca_cert"], "client_ca_cert"
    if authority is None:
        authority, field = item["ca_cert"], "ca_cert"
    if authority is None:
        return Credential(facts, None)
    # At an instant inside its life: whether it is valid today is another question than where it comes from.
    return Credential(facts, tuple(verify_chain(leaf, chain, _certificates(authority, field), facts.not_after)))


def _certificates(path: str, field: str) -> tuple[t.Any, ...]:
    content = read_file(path)
    try:
        if content is None:
            raise InvalidInput("does not exist on this host", remedy="Give the path of a PEM file.")
        return parse_certificates(content)
    except InvalidInput as error:
        raise error.within(f"{field} ({path})") from None
