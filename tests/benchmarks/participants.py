# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""B11: signing keys of participants, made and published to a trust directory by one task; then again."""

from __future__ import annotations

import pathlib
import time
import typing as t

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_public_key

from tests.benchmarks.contenders import Run
from tests.benchmarks.measure import Done
from tests.benchmarks.session import Session
from tests.benchmarks.verify import Void

FIRST, AGAIN, ROTATED = "B11 first", "B11 again", "B11 rotated"
BENCHES = (FIRST, AGAIN, ROTATED)
SIZE = 1000
MOUNT = "bench_keys"


def size(session: Session) -> int:
    """Return the number of participants."""
    return min(SIZE, max(session.schedule.sizes))


def participants(session: Session) -> None:
    """Keys in the server and in one trust directory: from nothing, with nothing to do, and all of them replaced."""
    n = size(session)
    session.estate.server.api.write(f"sys/mounts/{MOUNT}", type="kv", options={"version": "2"})
    for repetition in range(session.schedule.repeats):
        target = session.target("keys")
        path = f"run-{repetition}/{{name}}"
        session.take(FIRST, "ours", n, _run(session, n, target, path), check=_published(target, n, changed=True))
        before = _texts(target)
        session.take(AGAIN, "ours", n, _run(session, n, target, path), check=_published(target, n, changed=False))
        late = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        rotation = _run(session, n, target, path, not_before=late)
        session.take(ROTATED, "ours", n, rotation, check=_replaced(target, before))


def raw_generation(n: int) -> float:
    """Return seconds that a bare loop takes to make and spell as many keys in one thread."""
    start = time.perf_counter()
    for _number in range(n):
        key = ec.generate_private_key(ec.SECP256R1())
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return time.perf_counter() - start


def _run(session: Session, n: int, target: pathlib.Path, path: str, **more: t.Any) -> Run:
    options = {
        **session.estate.connection,
        "mount": MOUNT,
        "path": path,
        "algorithm": "ES256",
        "publish": [{"kind": "directory", "path": str(target)}],
        "participants": [{"name": f"fsp-{number}"} for number in range(n)],
        **more,
    }
    task = {"name": "Keep signing keys", "trustmesh.security.jws_key": options}
    environment = session.bench.environment({"VAULT_TOKEN": session.estate.server.root_token})
    return session.bench.playbook("ours-keys", [task]), environment, ""


def _texts(target: pathlib.Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in target.glob("*.pem")}


def _published(target: pathlib.Path, n: int, *, changed: bool) -> t.Callable[[Done], None]:
    def check(done: Done) -> None:
        if bool(done.changed) is not changed:
            raise Void(f"{done.changed} tasks changed")
        texts = _texts(target)
        if len(texts) != n or len(set(texts.values())) != n:
            raise Void(f"{len(set(texts.values()))} keys of {len(texts)} participants are published, not {n}")
        for text in texts.values():
            load_pem_public_key(text.encode())
        if not changed and done.cost.writes:
            raise Void(f"sent {done.cost.writes} writes with nothing to do")

    return check


def _replaced(target: pathlib.Path, before: dict[str, str]) -> t.Callable[[Done], None]:
    def check(done: Done) -> None:
        texts = _texts(target)
        same = [name for name, text in before.items() if texts.get(name) == text]
        if same:
            raise Void(f"{len(same)} keys were not replaced")

    return check
