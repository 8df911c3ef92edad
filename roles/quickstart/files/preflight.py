# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Report what the quickstart lacks, all of it at once, and choose its ports. Changes nothing.

Usage: preflight.py JSON, with ``distributions`` (name and oldest version), ``programs`` (a list of path, package and
variable) and ``services`` (name, variable, port, given, running, span: it takes that many ports in a row). Prints JSON:
``missing`` (text and package), ``ports`` by service, ``moved`` and ``conflicts``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
import typing as t
from importlib import metadata

Item = dict[str, t.Any]
_FURTHEST = 2000


def missing(distributions: t.Mapping[str, str], programs: t.Sequence[Item]) -> list[Item]:
    """Return every library and program that is not there, or too old, with the requirement that mends it."""
    found = []
    for name, oldest in distributions.items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            found.append({"text": f"the Python library {name} is not installed", "package": f"{name}>={oldest}"})
            continue
        if _release(version) < _release(oldest):
            found.append({"text": f"{name} is {version}, older than {oldest}", "package": f"{name}>={oldest}"})
    for program in programs:
        path = program["path"]
        if not (shutil.which(path) if "/" not in path else os.access(path, os.X_OK) and os.path.isfile(path)):
            text = f"the program {path} ({program['variable']}) does not exist"
            found.append({"text": text, "package": program["package"]})
    return found


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


def choose(services: t.Sequence[Item]) -> Item:
    """Return the port of each service, those that were moved, and the ports that were asked for and are not free."""
    reserved: dict[int, str] = {}
    ports: dict[str, int] = {}
    moved: list[Item] = []
    conflicts: list[Item] = []
    # What runs has its ports, what was asked for comes next, and what is left takes what is free.
    for service in sorted(services, key=lambda entry: (not entry["running"], not entry["given"])):
        wanted, span = service["port"], service["span"]
        why = "" if service["running"] else _obstacle(wanted, span, reserved)
        port = wanted if not why else _free(wanted, span, reserved)
        if why and service["given"]:
            conflicts.append({"variable": service["variable"], "why": why, "free": port})
        elif why:
            moved.append({"name": service["name"], "why": why, "port": port})
        ports[service["name"]] = port
        reserved.update(dict.fromkeys(range(port, port + span), service["variable"]))
    return {"ports": ports, "moved": moved, "conflicts": conflicts}


def _obstacle(port: int, span: int, reserved: t.Mapping[int, str]) -> str:
    """Say why a service cannot have its ports; empty when it can."""
    for number in range(port, port + span):
        if not 0 < number < 65536:
            return f"{number} is not a port"
        if number in reserved:
            return f"port {number} is that of {reserved[number]}"
        problem = _taken(number)
        if problem:
            return problem
    return ""


def _taken(port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return f"port {port} on 127.0.0.1 is reserved for root"
        except OSError:
            return f"port {port} on 127.0.0.1 is taken"
    return ""


def _free(port: int, span: int, reserved: t.Mapping[int, str]) -> int:
    start = max(port, 1024) if port < 65536 - _FURTHEST else 18000
    for candidate in range(start + 1, start + _FURTHEST):
        if not _obstacle(candidate, span, reserved):
            return candidate
    return port


def main() -> None:
    """Print the report."""
    given = json.loads(sys.argv[1])
    lacking = missing(given["distributions"], given["programs"])
    print(json.dumps({"missing": lacking, **choose(given["services"])}))


if __name__ == "__main__":
    main()
