# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where one run at a time works: the directory that each resource with files is locked by (R4, kind 10)."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from plugins.module_utils._certificate.layout import LAYOUT_OPTIONS, Layout
from plugins.module_utils._certificate.resource import Absence, Certificate
from plugins.module_utils._core.files import Attributes, FileTransaction
from plugins.module_utils._core.resource import Resource
from plugins.module_utils._core.spec import Options
from plugins.module_utils._hygiene.credential import CredentialState, Place, ServiceCredentials
from plugins.module_utils._hygiene.environment_file import EnvironmentFile
from plugins.module_utils._keyring import noise
from plugins.module_utils._keyring.file_custody import FileCustody
from plugins.module_utils._keyring.keyring import Keyring
from plugins.module_utils._local_ca.resource import LocalAuthority
from plugins.module_utils._local_ca.state import ITEM_OPTIONS as CA_OPTIONS
from plugins.module_utils._vault.approle import AppRole
from plugins.modules import vault_approle
from tests.unit.vault.subjects import SILENT, completed

Made = Resource[t.Any]


def _defaults(options: Options, **given: t.Any) -> dict[str, t.Any]:
    return {**{name: option.get("default") for name, option in options.items()}, **given}


def _certificate(base: Path, present: bool) -> Made:
    layout = Layout.declared(_defaults(LAYOUT_OPTIONS, name="switch", directory=str(base)))
    if not present:
        return Absence("switch", layout, FileTransaction())
    nothing = t.cast(t.Any, None)
    return Certificate("switch", layout, FileTransaction(), nothing, nothing, nothing)


def _key(base: Path, present: bool) -> Made:
    ring = Keyring(FileCustody(str(base), "noise_key", []), [], noise.SHAPE)
    state = "present" if present else "absent"
    return noise.NoiseKey.declared(_defaults(noise.ITEM_OPTIONS, name="fsp", state=state), ring)


def _authority(base: Path, present: bool) -> Made:
    state = "present" if present else "absent"
    return LocalAuthority.declared(_defaults(CA_OPTIONS, name="root", directory=str(base), state=state))


def _environment(base: Path, present: bool) -> Made:
    del present
    return EnvironmentFile(FileTransaction(), str(base / "app.env"), None, Attributes(), frozenset())


def _credentials(base: Path, present: bool) -> Made:
    place = Place(str(base / "hub.service"), str(base / "drop-in.conf"), False, "auto")
    desired = CredentialState({}, "", {}) if present else None
    return ServiceCredentials(FileTransaction(), t.cast(t.Any, None), "hub.service", place, desired)


def _delivery(base: Path, present: bool) -> Made:
    state = "present" if present else "absent"
    role = {"name": "svc", "state": state, "delivery": {"path": str(base / "secret-id")}}
    item = completed(vault_approle.SPEC, roles=[role])["roles"][0]
    return AppRole.declared(SILENT, {**item, "mount": "approle"})


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize(
    ("make", "below", "makes"),
    [
        (_certificate, ".trustmesh", (True, False)),
        (_key, ".trustmesh-noise_key", (True, False)),
        (_authority, ".", (True, False)),
        (_environment, ".", (False, False)),
        (_credentials, ".", (True, False)),
        (_delivery, ".", (False, False)),
    ],
)
def test_r4_the_store_is_what_is_locked(
    tmp_path: Path, make: t.Callable[[Path, bool], Made], below: str, makes: tuple[bool, bool], present: bool
) -> None:
    """What is to be absent makes no directory for its lock, so that a run on an empty host leaves it empty."""
    resource = make(tmp_path, present)
    assert resource.lock_directory == str(tmp_path / below)
    assert resource.makes_lock_directory is makes[0 if present else 1]


def test_r4_what_has_no_file_has_no_lock() -> None:
    role = completed(vault_approle.SPEC, roles=[{"name": "svc"}])["roles"][0]
    assert AppRole.declared(SILENT, {**role, "mount": "approle"}).lock_directory is None
