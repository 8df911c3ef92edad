# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trials of the modules that the guide on policies has none for, beside those that it has."""

from __future__ import annotations

import json
import shutil
import tempfile
import typing as t
from collections.abc import Iterator

from tests.integration.conftest import or_skip
from tests.integration.docs_policies.message_trials import MESSAGE_TRIALS, key_value, with_secrets
from tests.integration.docs_policies.trials import RULES, TRIALS, Args, Trial, World
from tests.rigs.process import MissingPartError


def _place(world: World) -> Args:
    return {"mount": world["hub"], "path": "partners/perffsp-1", "key": "password"}


def _podman(world: World) -> Iterator[Args]:
    program = or_skip(lambda: shutil.which("podman") or _missing())
    script, secret = world.directory / "podman", {"name": "password", "vault": _place(world)}
    # It takes no path of more than 50 characters for its state.
    with tempfile.TemporaryDirectory(prefix="pod-", dir="/tmp") as state:
        storage = f"--storage-driver vfs --root {state}/root --runroot {state}/run --tmpdir {state}/tmp"
        script.write_text(f'#!/bin/sh\nexec {program} {storage} "$@"\n')
        script.chmod(0o755)
        digests = str(world.directory / "digest.key")
        yield {"secrets": [secret], "executable": str(script), "digest_key_file": digests}


def _missing() -> t.NoReturn:
    raise MissingPartError("podman is not installed (Debian package podman)")


def _credential(world: World) -> Iterator[Args]:
    services = [{"service": "hub", "credentials": [{"name": "password", "vault": _place(world)}]}]
    folders = {"directory": f"{world.directory}/credentials", "unit_directory": f"{world.directory}/units"}
    yield {"encrypt": "never", "services": services, **folders}


def _stack(world: World) -> Iterator[Args]:
    yield {
        "policies": [{"name": world["hub-read"], "rules": RULES}],
        "secrets": [{"mount": world["hub"], "path": "app", "generate": [{"key": "password"}]}],
    }


def _unsealing(world: World) -> Iterator[Args]:
    root, key = world.server.secrets
    (world.directory / "keys.json").write_text(json.dumps({"keys_base64": [key], "root_token": root}))
    yield {"keys_file": str(world.directory / "keys.json")}


def _sources(world: World) -> Iterator[Args]:
    issued = world.api.write(f"{world['pki_int']}/issue/mesh", common_name="switch.hub.example").data
    yield {"sources": [{"mount": world["pki_int"], "serial": issued["serial_number"]}]}


#: They differ from others in their later runs only.
_LEFT_OUT: t.Final = frozenset({"vault_pki_issuer.replace", "vault_pki_issuer.absent"})
CASES: t.Final[dict[str, Trial]] = {
    **{name: trial for name, trial in {**TRIALS, **MESSAGE_TRIALS}.items() if name not in _LEFT_OUT},
    "certificate_info": Trial("certificate_info", _sources, World.authority),
    "container_secret": Trial("container_secret", _podman, with_secrets),
    "systemd_credential": Trial("systemd_credential", _credential, with_secrets),
    "vault_stack": Trial("vault_stack", _stack, key_value),
    "vault_seal": Trial("vault_seal", _unsealing, lambda world: world.server.seal()),
}
#: What looks, and what writes elsewhere than to the server.
WITHOUT_WRITES: t.Final = frozenset(
    {
        "certificate_info",
        "container_secret",
        "environment_file",
        "fspiop_jws_probe",
        "jws_key_info",
        "secret_manifest",
        "systemd_credential",
        "vault_info",
        "vault_pki_certificate_info",
    }
)
