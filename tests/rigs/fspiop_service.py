# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service in Node that takes signed FSPIOP requests and verifies them with the reference library, or badly."""

from __future__ import annotations

import json
import pathlib
import typing as t
from collections.abc import Mapping

from tests.rigs.go_program import RECIPES
from tests.rigs.node import Lines, find, modules
from tests.rigs.pki import ServerPair
from tests.rigs.process import clean_environment

RECIPE = "sdk_standard_components"
#: Of the reference library: the last one that keeps the order of members, and one that sorts them.
VERSIONS = ("19.18.8", "19.19.1")


class Service(Lines):
    """``Service(keys, log, habit="strict")``: see service.js for the habits. Usable as a context manager."""

    def __init__(
        self,
        keys: Mapping[str, str],
        log: pathlib.Path,
        *,
        habit: str = "strict",
        version: str = VERSIONS[-1],
        tls: ServerPair | None = None,
        client_ca: pathlib.Path | None = None,
    ) -> None:
        environment = clean_environment(NODE_PATH=str(modules(RECIPE)))
        super().__init__([find("node"), str(RECIPES / RECIPE / "service.js")], environment)
        self.log = log
        log.touch()
        settings: dict[str, t.Any] = {"version": version, "habit": habit, "keys": dict(keys), "log": str(log)}
        if tls is not None:
            settings["tls"] = {"cert": tls.certificate.read_text(), "key": tls.key.read_text()}
            if client_ca is not None:
                settings["tls"]["ca"] = client_ca.read_text()
        self.port = int(json.loads(self.ask(json.dumps(settings)))["port"])
        self.url = f"{'http' if tls is None else 'https'}://localhost:{self.port}"

    @property
    def received(self) -> list[dict[str, t.Any]]:
        """The requests that came in, in order: method, url, rawHeaders and body."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]
