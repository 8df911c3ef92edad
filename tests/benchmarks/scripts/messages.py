# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time signing and verifying FSPIOP requests, beside the bare calls of the cryptography library for the same octets.

Reads JSON from standard input ({private, public, request, path, rounds, count}), so that no key is in a file; prints
JSON with the nanoseconds of each call, by who made it and what it did. What takes turns meets the same neighbours.
"""

from __future__ import annotations

import base64
import json
import sys
import time
import typing as t
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

Call = Callable[[], t.Any]


def ours(task: dict[str, t.Any]) -> dict[str, Call]:
    """Return what a filter does: keys are PEM text, bodies are data when signing and text when verifying."""
    from ansible_collections.trustmesh.security.plugins.module_utils._jose import fspiop  # type: ignore[import-not-found]

    signed = fspiop.sign(task["private"], **task["request"])
    received = {"method": signed.method, "url": task["path"], "headers": signed.headers, "body": signed.body}
    fspiop.verify(task["public"], **received).require()
    return {
        "sign": lambda: fspiop.sign(task["private"], **task["request"]),
        "verify": lambda: fspiop.verify(task["public"], **received),
    }


def raw(task: dict[str, t.Any]) -> dict[str, Call]:
    """Return the bare calls over as many octets: no JSON, no base64, no headers."""
    key: t.Any = serialization.load_pem_private_key(task["private"].encode(), None)
    public = key.public_key()
    message = b"h" * 300 + b"." + base64.urlsafe_b64encode(json.dumps(task["request"]["body"]).encode())
    scheme: tuple[t.Any, ...] = (padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        scheme = (ec.ECDSA(hashes.SHA256()),)
    signature = key.sign(message, *scheme)
    return {
        "sign": lambda: key.sign(message, *scheme),
        "verify": lambda: public.verify(signature, message, *scheme),
    }


def main() -> None:
    """Do what standard input says."""
    task = json.load(sys.stdin)
    calls = {"ours": ours(task), "raw": raw(task)}
    spent: dict[str, dict[str, list[int]]] = {who: {what: [] for what in calls[who]} for who in calls}
    for _round in range(task["rounds"]):
        for who, deeds in calls.items():
            for what, call in deeds.items():
                for _call in range(task["count"]):
                    start = time.perf_counter_ns()
                    call()
                    spent[who][what].append(time.perf_counter_ns() - start)
    print(json.dumps(spent))


if __name__ == "__main__":
    main()
