# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where endurance runs take place: one server, one warm interpreter, and a spot of its own for each attempt."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import itertools
import json
import os
import pathlib
import shutil
import stat
import subprocess
import time
import typing as t
from collections.abc import Iterator

from tests.endurance.mortal import VARIABLE
from tests.rigs.openbao import OpenBao
from tests.rigs.process import clean_environment
from tests.rigs.vault_api import VaultApi
from tests.rigs.warm import WarmPython

ROOT: t.Final = pathlib.Path(__file__).resolve().parents[2]
DEADLINE: t.Final = 120.0
#: The engines that every spot has a part of, by version.
KV: t.Final = "endurance-kv"
KV1: t.Final = "endurance-kv1"
ENGINES: t.Final = {KV: "2", KV1: "1"}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a module: what it said, ``None`` when it was killed, and when it was about to change something."""

    result: dict[str, t.Any] | None
    moments: list[float]
    """Instants of the monotonic clock"""
    started: float
    ended: float

    @property
    def changed(self) -> bool:
        """Whether the module reported a change."""
        return bool(self.result and self.result.get("changed"))

    @property
    def failure(self) -> str | None:
        """What the module failed with: its messages, those of its items included."""
        if self.result is None or not self.result.get("failed"):
            return None
        items = [str(item["msg"]) for item in self.result.get("results") or () if item.get("failed")]
        return "; ".join(dict.fromkeys([str(self.result.get("msg")), *items]))

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started


class Spot:
    """A directory and a part of each engine that belong to one attempt."""

    def __init__(self, directory: pathlib.Path, api: VaultApi) -> None:
        self.directory = directory
        self.name = directory.name
        self.api = api
        self.store = directory / "store"
        self.scratch = directory / "tmp"
        self.journals = directory / "journals"
        #: What was found here; a spot with findings stays.
        self.findings: list[str] = []
        for path in (self.store, self.scratch, self.journals):
            path.mkdir(parents=True)

    def keep(self, findings: list[str]) -> None:
        """Let the spot stay, with what was found there."""
        self.findings = findings
        (self.directory / "findings").write_text("\n".join(findings) + "\n", encoding="utf-8")

    def copy_of(self, other: Spot) -> Spot:
        """Take over what lies at another spot."""
        shutil.copytree(other.store, self.store, symlinks=True, dirs_exist_ok=True)
        for mount, path, data in other.secrets():
            below = path.partition("/")[2]
            if ENGINES[mount] == "2":
                self.api.write(f"{mount}/data/{self.name}/{below}", data=data)
            else:
                self.api.write(f"{mount}/{self.name}/{below}", **data)
        return self

    def secret(self, mount: str, path: str) -> dict[str, t.Any] | None:
        """Return the newest data below this spot."""
        if ENGINES[mount] == "1":
            return self.api.read(f"{mount}/{self.name}/{path}")
        answer = self.api.request("GET", f"{mount}/data/{self.name}/{path}")
        return answer.data.get("data") if answer.status == 200 else None

    def secrets(self) -> Iterator[tuple[str, str, dict[str, t.Any]]]:
        """Yield mount, path (with the name of the spot) and data of everything that lies in the engines here."""
        for mount, version in ENGINES.items():
            top = f"{mount}/metadata" if version == "2" else mount
            for path in self._below(top, self.name):
                data = self.secret(mount, path.partition("/")[2])
                if data is not None:
                    yield mount, path, data

    def _below(self, top: str, folder: str) -> Iterator[str]:
        for name in self.api.list(f"{top}/{folder}"):
            if name.endswith("/"):
                yield from self._below(top, f"{folder}/{name[:-1]}")
            else:
                yield f"{folder}/{name}"

    def leftovers(self) -> list[str]:
        """Return what a run was to take away again."""
        found = [path for path in self.store.rglob("*") if path.name.endswith(".tmp") or path.name == ".lock"]
        found += [path for path in self.scratch.rglob("*") if not path.name.startswith("ansible-")]
        return sorted(str(path.relative_to(self.directory)) for path in found)

    def digest(self) -> str:
        """Return what is another text after anything was written here, be it the same again."""
        parts: list[t.Any] = []
        for path in sorted(self.store.rglob("*")):
            status = path.lstat()
            part = [str(path.relative_to(self.store)), status.st_mode, status.st_uid, status.st_ino]
            if stat.S_ISLNK(status.st_mode):
                part.append(os.readlink(path))
            elif stat.S_ISREG(status.st_mode) and path.name != ".lock":
                part += [status.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()]
            if path.name != ".lock":
                parts.append(part)
        for at in self._below(f"{KV}/metadata", self.name):
            parts.append([at, (self.api.read(f"{KV}/metadata/{at}") or {}).get("current_version")])
        parts += sorted([mount, path, data] for mount, path, data in self.secrets())
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def clear(self) -> None:
        """Remove everything."""
        for mount, path, _data in list(self.secrets()):
            self.api.request("DELETE", f"{mount}/metadata/{path}" if ENGINES[mount] == "2" else f"{mount}/{path}")
        shutil.rmtree(self.directory, ignore_errors=True)


class Workshop:
    """Runs modules of one installed collection at spots below one directory; safe to use from two threads."""

    def __init__(self, collections: pathlib.Path, directory: pathlib.Path, server: OpenBao, warm: WarmPython) -> None:
        self._collections = collections
        self._directory = directory
        self._warm = warm
        self._numbers = itertools.count(1)
        self.server = server
        self.connection = {"url": server.url, "ca_cert": server.ca_path, "token": server.root_token}
        self._prepare()

    def _prepare(self) -> None:
        api, existing = self.server.api, self.server.api.read("sys/mounts") or {}
        for mount, version in ENGINES.items():
            if f"{mount}/" not in existing:
                api.write(f"sys/mounts/{mount}", type="kv", options={"version": version})
                self.server.wait_until(functools.partial(self._writes, mount), what=f"the engine {mount}")
        if "endurance-pki/" not in existing:
            api.write("sys/mounts/endurance-pki", type="pki", config={"max_lease_ttl": "87600h"})
            api.write("endurance-pki/root/generate/internal", common_name="Root", key_type="ec", ttl="8760h")
            rules = {"allowed_domains": ["svc.example"], "allow_subdomains": True, "key_type": "any"}
            api.write("endurance-pki/roles/mesh", **rules, ttl="240h", max_ttl="720h")

    def _writes(self, mount: str) -> bool | None:
        path = f"{mount}/data/ready" if ENGINES[mount] == "2" else f"{mount}/ready"
        return self.server.api.request("POST", path, {"data": {"a": "1"}}).status < 300 or None

    def spot(self, label: str = "spot") -> Spot:
        """Return a new, empty spot."""
        return Spot(self._directory / f"{label}-{os.getpid()}-{next(self._numbers)}", self.server.api)

    @contextlib.contextmanager
    def passing(self, base: Spot | None) -> Iterator[Spot]:
        """Yield a copy of a spot, or an empty one, that is removed unless it is to be kept."""
        spot = self.spot()
        if base is not None:
            spot.copy_of(base)
        yield spot
        if not spot.findings:
            spot.clear()

    def run(
        self,
        spot: Spot,
        module: str,
        args: dict[str, t.Any],
        *,
        fatal: int = 0,
        lifetime: float = DEADLINE,
        broken: str | None = None,
    ) -> Run:
        """Run a module as a process group of its own, killed at its ``fatal``-th moment or after ``lifetime``."""
        journal = spot.journals / str(next(self._numbers))
        mortal = {"module": module, "journal": str(journal), "fatal": fatal, "broken": broken}
        environment = clean_environment(
            HOME=str(spot.scratch),
            TMPDIR=str(spot.scratch),
            PYTHONPATH=os.pathsep.join([str(ROOT), str(self._collections)]),
            **{VARIABLE: json.dumps(mortal)},
        )
        given = {"ANSIBLE_MODULE_ARGS": {**args, "_ansible_remote_tmp": str(spot.scratch / "ansible-tmp")}}
        started, done = time.monotonic(), None
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = self._warm.run(
                "tests.endurance.mortal",
                json.dumps(given),
                directory=spot.directory,
                environment=environment,
                deadline=lifetime,
            )
        if done is None and lifetime == DEADLINE:
            raise AssertionError(f"{module} did not end within {DEADLINE:.0f} seconds")
        ended = time.monotonic()
        moments = [float(line.split()[0]) for line in journal.read_text().splitlines()] if journal.exists() else []
        return Run(None if done is None or done.returncode < 0 else _result(done), moments, started, ended)


def _result(done: subprocess.CompletedProcess[str]) -> dict[str, t.Any]:
    try:
        result: dict[str, t.Any] = json.loads(done.stdout)
    except ValueError:
        # Neither output is shown: a process that ends like this may have printed anything.
        result = {"failed": True, "msg": f"Traceback: {done.stderr[-2000:]}"}
    return result
