# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""B9: sustained sign rate through our port beside a bare keep-alive client, by number of threads."""

from __future__ import annotations

import json
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.benchmarks.estate import DOMAIN, MOUNT, ROLE, TTL
from tests.benchmarks.session import Session

THREADS = (1, 4, 8)
CLIENTS = ("bare", "ours")

#: Signatures a second, per client and number of threads, one entry per repetition.
Rates = dict[str, dict[int, list[float]]]


def rates(session: Session) -> Rates:
    """Measure every client at every number of threads, in turns."""
    found: Rates = {client: {threads: [] for threads in THREADS} for client in CLIENTS}
    environment = session.bench.environment(session.estate.by_token)
    environment["PYTHONPATH"] += f":{session.bench.collections}"
    for _repetition in range(session.schedule.repeats):
        for threads in THREADS:
            for client in CLIENTS:
                task = _task(session, client, threads)
                done = session.take(
                    "B9",
                    f"{client}/{threads}",
                    task["count"],
                    (session.bench.script("rate"), environment, json.dumps(task)),
                )
                if done.rc == 0:
                    found[client][threads].append(task["count"] / json.loads(done.stdout)["seconds"])
    return found


def _task(session: Session, client: str, threads: int) -> dict[str, t.Any]:
    return {
        **session.estate.connection,
        "client": client,
        "threads": threads,
        "count": session.schedule.signatures,
        "path": f"{MOUNT}/sign/{ROLE}",
        "body": {"csr": _request(), "common_name": f"rate.{DOMAIN}", "ttl": TTL},
    }


def _request() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"rate.{DOMAIN}")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()
