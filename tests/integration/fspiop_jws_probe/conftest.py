# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Participants with keys of their own, and services that verify with the reference library, or badly."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t
from collections.abc import Callable, Iterator

import pytest

from plugins.module_utils._jose.keys import private_pem, public_pem
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.integration.conftest import or_skip
from tests.rigs.canary import Canaries, refuse
from tests.rigs.fspiop_service import Service
from tests.rigs.pki import write_private

Args = dict[str, t.Any]
Serve = Callable[..., Service]

NAMES: t.Final[dict[str, KeySpec]] = {
    "perffsp-1": KeySpec("rsa", 2048),
    "perffsp-2": KeySpec("rsa", 2048),
    "perffsp-3": KeySpec("ec", 256),
    "perffsp-4": KeySpec("ec", 256),
}
BODY: t.Final[Args] = {
    "transferId": "8f7dba3e-23a1-4a1b-9d8b-0c1f7f2f9a77",
    "payeeFsp": "switch",
    "amount": {"currency": "XTS", "amount": "100.25"},
    "note": "Grüße",
}


class Participants:
    """Private keys as ``<name>.key`` in a directory, and the public ones as text."""

    def __init__(self, directory: pathlib.Path, canaries: Canaries) -> None:
        self.directory = directory
        self.public: dict[str, str] = {}
        self.private: dict[str, str] = {}
        for name, spec in NAMES.items():
            key = generate(spec)
            self.public[name], self.private[name] = public_pem(key), private_pem(key).reveal()
            canaries.record(self.private[name], f"signing key of {name}")
            write_private(directory / f"{name}.key", self.private[name].encode())

    @property
    def place(self) -> Args:
        """Where the keys lie, as the module takes it."""
        return {"file": f"{self.directory}/{{name}}.key"}

    def shared(self, **more: t.Any) -> Args:
        """Return the options beside the list: RSA on both sides."""
        parties = {"source": "perffsp-1", "other_source": "perffsp-2", "destination": "switch"}
        return {**parties, "signing_key": self.place, **more}


@pytest.fixture(scope="session")
def participants(tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Participants:
    """Four participants: two with RSA keys, two with EC keys."""
    return Participants(tmp_path_factory.mktemp("participants"), canaries)


@pytest.fixture(scope="session")
def serve(participants: Participants, tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Iterator[Serve]:
    """A function that gives a service, see `Service`, that has received nothing yet; it is started once per habit.

    What services were sent is searched for secrets.
    """
    running: dict[str, Service] = {}

    def search(service: Service) -> None:
        refuse(canaries.search(service.log.read_bytes(), f"what {service.url} was sent"))
        service.log.write_text("")

    with contextlib.ExitStack() as stack:

        def start(**options: t.Any) -> Service:
            sort = repr(sorted(options.items()))
            if sort not in running:
                log = tmp_path_factory.mktemp("service") / "requests.jsonl"
                given = {"keys": participants.public, "log": log, **options}
                running[sort] = stack.enter_context(or_skip(lambda: Service(**given)))
            search(running[sort])
            return running[sort]

        yield start
    for service in running.values():
        search(service)


def endpoint(service: Service, **more: t.Any) -> Args:
    """Declare the transfers of a service."""
    return {"name": "transfers", "url": f"{service.url}/fspiop/transfers", "body": BODY, **more}
