# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What may be shown of a line that holds a secret.

An excerpt is built from what is known to be harmless: instants, the words of the list below, and the punctuation
between them. All else before the finding is masked, because a secret that no shape knows may stand there, and nothing
after the beginning of the finding is shown, because nobody can tell where a value ends.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Sequence

from .._core.secret_names import DOUBTFUL_NAMES, SECRET_NAMES
from .shapes import Hit

_LONGEST: t.Final = 120
_LOOKED_AT: t.Final = 400
_MASK: t.Final = "[...]"
_WORDS: t.Final = frozenset(
    {
        "a", "account", "alert", "an", "and", "api", "app", "application", "as", "at", "attempt", "audit", "auth",
        "authentication", "authorization", "back", "backend", "basic", "be", "bearer", "before", "begin", "body",
        "by", "cache", "call", "called", "calling", "card", "certificate", "check", "client", "closed", "code",
        "commit", "config", "configuration", "connect", "connected", "connecting", "connection", "container",
        "content", "cookie", "create", "created", "critical", "curl", "data", "database", "db", "debug", "delete",
        "deleted", "deny", "denied", "deploy", "deployment", "digest", "disabled", "dispatch", "docker", "done",
        "down", "email", "emerg", "enabled", "end", "endpoint", "entry", "env", "environment", "err", "error",
        "event", "exception", "exit", "export", "fail", "failed", "failure", "fatal", "field", "file", "finished",
        "for", "from", "function", "get", "got", "grant", "group", "handler", "has", "have", "header", "headers",
        "health", "hex", "host", "hub", "http", "https", "id", "in", "incoming", "info", "init", "insert", "internal",
        "invalid", "is", "issuer", "item", "job", "json", "key", "keys", "kube", "kubernetes", "level", "line",
        "link", "load", "loaded", "local", "log", "logged", "login", "logout", "main", "message", "method", "missing",
        "module", "mongodb", "msg", "mysql", "name", "named", "new", "no", "node", "not", "notice", "now", "null",
        "object", "of", "off", "ok", "on", "open", "openbao", "option", "options", "or", "order", "out", "output",
        "panic", "param", "parameter", "params", "parse", "parsed", "patch", "path", "payload", "payment", "pid",
        "pod", "policy", "port", "position", "post", "postgres", "postgresql", "process", "proxy", "put", "query",
        "queue", "raw", "read", "ready", "received", "redis", "redirect", "refresh", "region", "reject", "rejected",
        "remote", "remove", "request", "requested", "response", "result", "retry", "return", "returned", "role",
        "root", "route", "run", "running", "save", "secrets", "seed", "send", "sending", "sent", "server", "service",
        "session", "set", "setting", "setup", "severity", "show", "sign", "signed", "signing", "size", "skip",
        "source", "start", "started", "starting", "status", "step", "stop", "stopped", "store", "stored", "string",
        "subject", "success", "switch", "system", "table", "task", "test", "text", "thread", "time", "timeout",
        "timestamp", "title", "to", "token", "trace", "tracing", "transaction", "transfer", "trust", "try", "type",
        "unable", "unauthorized", "unknown", "up", "update", "updated", "upload", "url", "use", "used", "user",
        "username", "users", "using", "value", "values", "vault", "verbose", "version", "via", "wait", "waiting",
        "warn", "warning", "was", "web", "were", "with", "worker", "write", "written",
    }
) | frozenset(word for name in (*SECRET_NAMES, *DOUBTFUL_NAMES) for word in name.split())  # fmt: skip
_HARMLESS: t.Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?(?![\w.-])"
    r"|(?<![A-Za-z0-9])[A-Za-z]{1,20}(?![A-Za-z0-9])"
)
_BETWEEN: t.Final = re.compile(r"[\s\"':=,{(\[_]{1,4}")


def excerpt(line: str, hits: Sequence[Hit]) -> str:
    """Return what is harmless of a line up to its first hit, and the rule of that; at most 120 characters."""
    first = min(hits, key=lambda hit: hit.start)
    before = line[max(0, first.start - _LOOKED_AT) : first.start]
    parts: list[str] = []
    at = 0 if len(before) == first.start else -1
    for found in _HARMLESS.finditer(before):
        word = found.group()
        # A word that was cut at the edge is a part of something else.
        if (word[0].isdigit() or word.lower() in _WORDS) and (found.start() or len(before) == first.start):
            parts += [_between(before[max(at, 0) : found.start()] if at >= 0 else _MASK), word]
            at = found.end()
    parts.append(_between(before[max(at, 0) :] if at >= 0 else _MASK))
    rule = f"[{first.shape.rule}]"
    return f"{''.join(parts)[-(_LONGEST - len(rule)) :]}{rule}".strip()


def _between(text: str) -> str:
    """Return what stands between two harmless words: punctuation as it is, and a mask for anything else."""
    if not text or _BETWEEN.fullmatch(text):
        return "".join(character if character.isprintable() else " " for character in text)
    begins, ends = text[0].isspace(), text[-1].isspace()
    return f"{' ' if begins else ''}{_MASK}{' ' if ends else ''}"
