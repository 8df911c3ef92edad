# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""B10: messages signed and verified, ours beside the bare calls of OpenSSL and beside the npm libraries."""

from __future__ import annotations

import json
import shutil
import subprocess
import typing as t
from collections.abc import Sequence

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.benchmarks.report import Target
from tests.benchmarks.tables import table
from tests.benchmarks.timing import OURS, RAW, Timing, median, rows
from tests.benchmarks.workbench import Workbench
from tests.rigs.node import Peer
from tests.rigs.process import MissingPartError

PEER_VERSIONS = ("19.18.8", "19.19.1")
#: Kinds of keys, and what ``openssl speed`` calls them.
KINDS = {"RSA 2048": "rsa2048", "RSA 4096": "rsa4096", "ES256": "ecdsap256"}
#: Ours as a multiple of the bare call.
RATIO = 1.2
#: Milliseconds that signing and verifying are said to add to a request.
PER_REQUEST = 5.0
PATH = "/transfers"
#: A transfer of the usual size, its packet included.
BODY: dict[str, t.Any] = {
    "transferId": "b51ec534-ee48-4575-b6a9-ead2955b8069",
    "payerFsp": "perffsp-1",
    "payeeFsp": "perffsp-2",
    "amount": {"amount": "123.45", "currency": "USD"},
    "ilpPacket": "DIICxQAAAAAAADA5" * 44,
    "condition": "fH9pAYDQbmoZLPbvv3CSW2RfjU4jvM4ApG_fqGnR7Xs",
    "expiration": "2026-11-21T12:00:20.000Z",
    "extensionList": {"extension": [{"key": "channel", "value": "mobile"}, {"key": "note", "value": "Grüße"}]},
}
HEADERS = {
    "content-type": "application/vnd.interoperability.transfers+json;version=1.1",
    "date": "Sat, 21 Nov 2026 12:00:00 GMT",
    "fspiop-source": "perffsp-1",
    "fspiop-destination": "perffsp-2",
}


def measure(bench: Workbench, *, quick: bool, peers: bool) -> list[Timing]:
    """Sign and verify one transfer with each kind of key."""
    rounds, count = (4, 50) if quick else (20, 100)
    found: list[Timing] = []
    for kind in KINDS:
        private, public = _pair(kind)
        request = {"method": "POST", "url": f"https://switch.example.com{PATH}", "headers": HEADERS, "body": BODY}
        task = {"private": private, "public": public, "request": request, "path": PATH}
        spent = _script(bench, {**task, "rounds": rounds, "count": count})
        for who, label in (("ours", OURS), ("raw", RAW)):
            found += [Timing.of("jws", kind, what, label, times) for what, times in spent[who].items()]
        found += _openssl_speed(kind, seconds=1 if quick else 3)
        if peers:
            found += _npm(kind, private, public, request, rounds * count)
    return found


def text(timings: Sequence[Timing]) -> str:
    """Return the table; the last column is a multiple of ours."""
    head = ["microseconds", "", "p50", "p95", "of ours"]
    return table(head, sorted(rows(timings), key=lambda row: row[0]))


def targets(timings: Sequence[Timing]) -> list[Target]:
    """Return what was promised beside what was measured."""
    found = []
    for kind in KINDS:
        spent = []
        for what in ("sign", "verify"):
            ours, bare = median(timings, kind, what, OURS), median(timings, kind, what, RAW)
            if ours is not None and bare is not None:
                spent.append(ours)
                said = f"{ours / bare:.2f} x"
                promised = f"<= {RATIO} x"
                found.append(
                    Target("B10", f"{kind}: {what}, beside the bare call", said, promised, ours <= RATIO * bare)
                )
        if spent:
            both = sum(spent) / 1000
            said, promised = f"{both:.2f} ms", f"<= {PER_REQUEST:g} ms"
            found.append(Target("B10", f"{kind}: added to a request", said, promised, both <= PER_REQUEST))
    return found


def _pair(kind: str) -> tuple[str, str]:
    """Return a new key pair in PEM, the private key in the form that all contenders read."""
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind == "ES256":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=int(kind.split()[1]))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def _script(bench: Workbench, task: dict[str, t.Any]) -> dict[str, dict[str, list[int]]]:
    environment = bench.environment()
    environment["PYTHONPATH"] += f":{bench.collections}"
    done = subprocess.run(
        bench.script("messages"), input=json.dumps(task), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the messages were not measured:\n{done.stderr[-2000:]}")
    spent: dict[str, dict[str, list[int]]] = json.loads(done.stdout)
    return spent


def _openssl_speed(kind: str, *, seconds: int) -> list[Timing]:
    """Ask the openssl program of the system, which is often of another version than the library's own."""
    program = shutil.which("openssl")
    if program is None:
        return []
    argv = [program, "speed", "-mr", "-seconds", str(seconds), KINDS[kind]]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip().splitlines()[-1]
    # +F2:<number>:<bits>:<signatures a second>:<verifications a second>
    rates = dict(zip(("sign", "verify"), map(float, said.split(":")[3:5])))
    return [Timing("jws", kind, what, "openssl speed", 1e6 / rate, None, 0) for what, rate in rates.items()]


def _npm(kind: str, private: str, public: str, request: dict[str, t.Any], count: int) -> list[Timing]:
    given = {"key": private, "keys": {HEADERS["fspiop-source"]: public}, "count": count}
    body = {"method": request["method"], "uri": request["url"], "headers": HEADERS, "body": BODY}
    found = []
    try:
        with Peer("sdk_standard_components") as peer:
            for version in PEER_VERSIONS:
                # Compiled before it is measured, as it is in a server.
                peer.call("jws.time", version=version, request=body, **{**given, "count": 100})
                spent = peer.call("jws.time", version=version, request=body, **given)
                for what, name in (("sign", "sign"), ("verify", "validate")):
                    found.append(Timing.of("jws", kind, what, f"npm library {version}", spent[name]))
    except MissingPartError as missing:
        print(f"The npm library was not measured: {missing}")
    return found
