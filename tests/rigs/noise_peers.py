# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two peers that speak Noise_IK with each other, by the Go module flynn/noise."""

from __future__ import annotations

import json

from tests.rigs.go_program import go_program
from tests.rigs.node import Lines, PeerError
from tests.rigs.process import clean_environment

RECIPE = "noise_peers"


class NoisePeers(Lines):
    """The program, asked for one connection after the other."""

    def __init__(self) -> None:
        program = go_program(RECIPE, f"trustmesh.example/rigs/{RECIPE}/handshake")
        super().__init__([str(program)], clean_environment())

    def connect(self, *, caller: str, called: str, answerer: str, allowed: list[str]) -> str:
        """Return what arrived over a connection; raises `PeerError` when there is none. Keys are in hex.

        ``called`` is the public key that the caller has of the answerer, ``allowed`` are those that the answerer knows.
        """
        asked = {"Caller": caller, "Called": called, "Answerer": answerer, "Allowed": allowed}
        answer = self.ask(json.dumps(asked))
        if answer.startswith("!"):
            raise PeerError(answer[1:])
        return answer.removeprefix("ok ")
