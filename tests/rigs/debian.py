# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Debian system with nothing on it but what every Debian has, to try instructions on.

``debootstrap`` makes it once from Debian's mirror, below ``build/env/debian``. Each test gets a copy with namespaces of
its own for mounts and processes, so that nothing survives that a command has started. Takes root.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import typing as t

RELEASE: t.Final = "bookworm"
MIRROR: t.Final = "http://deb.debian.org/debian"
USER: t.Final = "reader"
#: Settings of pip that name a path out here.
_PATHS: t.Final = ("PIP_CERT", "PIP_CONFIG_FILE", "PIP_FIND_LINKS", "PIP_CACHE_DIR")
_SYSTEM_PATH: t.Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# /dev and /proc are mounted inside the new namespace alone, and go with it.
_INSIDE: t.Final = """
mount --make-rprivate /
mount --rbind /dev "$0/dev"
mount -t proc proc "$0/proc"
exec chroot "$0" "$@"
"""


def missing() -> str | None:
    """Return what is missing to make such a system, ``None`` when everything is there."""
    if os.geteuid() != 0:
        return "a bare Debian system takes root"
    programs = [name for name in ("debootstrap", "unshare", "chroot") if shutil.which(name) is None]
    return f"not installed: {', '.join(programs)}" if programs else None


def bootstrap(cache: pathlib.Path) -> pathlib.Path:
    """Return the root of an untouched system, made at the first call."""
    made = cache / RELEASE
    if not made.is_dir():
        partial = cache / f"{RELEASE}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        subprocess.run(
            ["debootstrap", "--variant=minbase", RELEASE, str(partial), MIRROR],
            check=True,
            timeout=900,
            stdout=subprocess.DEVNULL,
        )
        partial.rename(made)
    return made


class Machine:
    """A copy of the untouched system in a directory."""

    def __init__(self, untouched: pathlib.Path, root: pathlib.Path) -> None:
        self.root = root
        self.home = root / "home" / USER
        subprocess.run(["cp", "--archive", f"{untouched}/.", str(root)], check=True)
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        self._settings = {
            name: value for name, value in os.environ.items() if name.startswith("PIP_") and name not in _PATHS
        }
        if "PIP_CERT" in os.environ:  # whom pip believes, where a proxy stands in the place of the index
            shutil.copy(os.environ["PIP_CERT"], root / "etc/pip-authorities.pem")
            self._settings["PIP_CERT"] = "/etc/pip-authorities.pem"
        self.as_root(f"useradd --create-home --shell /bin/bash {USER}")

    def as_root(self, script: str) -> str:
        """Run a script of the shell as root; raises when a command of it fails."""
        return self._run([], script, "/root", 600)

    def as_user(self, script: str, deadline: float = 900) -> str:
        """Run a script as a user without rights, in the home directory; raises when a command of it fails."""
        drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups"]
        return self._run(drop, script, f"/home/{USER}", deadline)

    def _run(self, drop: list[str], script: str, home: str, deadline: float) -> str:
        shell = ["bash", "-e", "-c", f"cd {home}\n{script}"]
        alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-e", "-c", _INSIDE, str(self.root)]
        done = subprocess.run(
            [*alone, *drop, *shell],
            env={"PATH": _SYSTEM_PATH, "HOME": home, "LANG": "C.UTF-8", **self._settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=deadline,
        )
        assert done.returncode == 0, f"{script}\nstatus {done.returncode}\n{done.stdout[-6000:]}"
        return done.stdout
