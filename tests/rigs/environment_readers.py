# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real readers of environment files: each starts a program and says which environment that found."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import typing as t
from collections.abc import Sequence

from tests.rigs.process import MissingPartError, Process, wait_until

_ENV = "/usr/bin/env"


def systemd(path: pathlib.Path) -> dict[str, str]:
    """``EnvironmentFile=`` of a service of a systemd that runs in namespaces of its own (root)."""
    found = _service(f"[Service]\nEnvironmentFile={path}\n", f"{_ENV} -0")
    return _environment(found or b"")


def credentials(drop_in: str) -> t.Optional[dict[str, str]]:
    """What a service of such a systemd finds in its directory of credentials; ``None`` when it does not start."""
    show = (
        'cd "$${CREDENTIALS_DIRECTORY}"; for name in *; do printf "%%s=" "$$name"; cat "$$name"; printf "\\\\0"; done'
    )
    found = _service(drop_in, show)
    return None if found is None else _environment(found)


def _service(settings: str, command: str) -> t.Optional[bytes]:
    """Return what a command prints as a service with these settings; ``None`` when it does not start."""
    for name in ("systemctl", "unshare"):
        _program(name, "systemd and util-linux")
    manager = "/lib/systemd/systemd"
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        found, failed, units = home / "found", home / "failed", home / ".config" / "systemd" / "user"
        units.mkdir(parents=True)
        (units / "reader.service").write_text(
            f"{settings}\nType=oneshot\n"
            f"ExecStart=/bin/sh -c '{command} >{found}.new; mv {found}.new {found}'\n"
            f"ExecStopPost=/bin/sh -c 'test -e {found} || touch {failed}'\n"
        )
        script = home / "boot.sh"
        script.write_text(
            "set -eu\nmount --make-rshared /\nmount -t tmpfs tmpfs /run\nmkdir -p /run/systemd/system /run/user/own\n"
            f"{manager} --user --unit=reader.service --log-target=console\n"
        )
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "XDG_RUNTIME_DIR": "/run/user/own"}
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", str(script)]
        process = Process("systemd", unshare, home, environment)
        process.start()
        try:
            wait_until(lambda: found.exists() or failed.exists(), 30, "the service that reads the file")
            return found.read_bytes() if found.exists() else None
        finally:
            process.stop()


def shell(path: pathlib.Path, program: str = "sh") -> dict[str, str]:
    """``. FILE`` with ``set -a``."""
    argv = [_program(program, program), "-c", f"set -a; . {path}; exec {_ENV} -0"]
    done = subprocess.run(argv, capture_output=True, check=True, env={"PATH": os.environ["PATH"]})
    return _environment(done.stdout)


def container(path: pathlib.Path) -> dict[str, str]:
    """``podman run --env-file``, with a root directory that has one program in it; no image is needed (root)."""
    podman = _program("podman", "podman")
    with tempfile.TemporaryDirectory(prefix="pod-", dir="/tmp") as folder:
        root = pathlib.Path(folder) / "rootfs"
        for name in ("proc", "sys", "dev", "etc", "run", "tmp"):
            (root / name).mkdir(parents=True)
        libraries = subprocess.run(["ldd", _ENV], capture_output=True, text=True, check=True).stdout
        for name in [_ENV, *re.findall(r"/\S+", libraries)]:
            target = root / name.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, target)
        storage = f"--storage-driver vfs --root {folder}/root --runroot {folder}/run --tmpdir {folder}/tmp"
        options = "--rm --cgroups=disabled --network none --ulimit nofile=1024:1024 --ulimit nproc=4096:4096"
        # crun refuses a host on which both versions of control groups are mounted.
        script = (
            "mount -t cgroup2 none /sys/fs/cgroup || true; "
            f"exec {podman} {storage} run {options} --env-file {path} --rootfs {root} {_ENV} -0"
        )
        argv = [_program("unshare", "util-linux"), "--mount", "sh", "-c", script]
        done = subprocess.run(argv, capture_output=True, check=False, timeout=60)
        if done.returncode != 0:
            raise MissingPartError(f"podman runs no container here: {done.stderr.decode('utf-8', 'replace')}")
        return _environment(done.stdout)


READERS = {"systemd": [systemd], "shell": [shell, lambda path: shell(path, "bash")], "container": [container]}


def environments(path: pathlib.Path, readers: Sequence[str]) -> list[dict[str, str]]:
    """Return what programs find in a file, by each of the real readers."""
    return [read(path) for reader in readers for read in READERS[reader]]


def _program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingPartError(f"{name} is not installed (Debian package {package})")
    return found


def _environment(content: bytes) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in content.decode("utf-8").split("\0") if "=" in entry)
