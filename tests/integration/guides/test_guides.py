# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every guide works as printed: its files, its commands, and what it shows as their output."""

from __future__ import annotations

import os
import pathlib
import re
import typing as t
from collections.abc import Callable

import pytest

from tests.rigs.process import clean_environment, free_port
from tests.rigs.runner import BINARIES
from tests.rigs.transcript import Transcript
from tests.unit.docs.blocks import walk_through
from tests.unit.docs.copies import copy_repository
from tests.unit.docs.session import Session

Follow = Callable[..., list[str]]

#: The ports that guides name; each test takes free ones instead.
PORTS: t.Final = ("8200",)


@pytest.fixture
def follow(transcript: Transcript, collection: pathlib.Path, tmp_path: pathlib.Path) -> Follow:
    """A function that follows guides in an empty directory, with the installed collection."""

    def run(*guides: str, directory: pathlib.Path | None = None) -> list[str]:
        ports = {port: str(free_port()) for port in PORTS}

        def adapt(text: str) -> str:
            return re.sub(rf"\b({'|'.join(PORTS)})\b", lambda found: ports[found.group()], text)

        work = directory or tmp_path / "work"
        work.mkdir(exist_ok=True)
        with transcript.run(f"guide {guides[0]}") as record:
            environment = clean_environment(
                **record.environment,
                ANSIBLE_COLLECTIONS_PATH=str(collection),
                ANSIBLE_INVENTORY_UNPARSED_WARNING="false",
                ANSIBLE_LOCALHOST_WARNING="false",
                ANSIBLE_NOCOLOR="1",
            )
            if directory:  # the tests that such a guide runs search their own traces, and what they make is not ours
                environment["TMPDIR"] = str(tmp_path)
            environment["PATH"] = os.pathsep.join([str(BINARIES), environment.get("PATH", os.defpath)])
            with Session(work, environment) as session:
                return session.follow(walk_through(*guides), adapt)

    return run


def test_certificates_on_hosts(follow: Follow) -> None:
    assert follow("certificates_on_hosts")


def test_message_keys(follow: Follow) -> None:
    assert follow("message_keys")


def test_rotation(follow: Follow) -> None:
    assert follow("rotation")


def test_secret_hygiene(follow: Follow) -> None:
    assert follow("secret_hygiene")


def test_pki_from_zero(follow: Follow) -> None:
    ran = follow("pki_from_zero", "keeping_a_pki")
    assert ran[-1] == "ansible-playbook server.yml -e state=stopped"


def test_new_resource(follow: Follow, tmp_path: pathlib.Path) -> None:
    ran = follow("new_resource", "new_resource_proof", directory=copy_repository(tmp_path / "copy"))
    assert any("tests/integration" in command for command in ran)
