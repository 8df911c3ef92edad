# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Those who hold private keys: a transit engine of a real server, and a token of SoftHSM2."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator

import pytest

from plugins.module_utils._core.redact import Secret
from plugins.module_utils._keyring.holder import Holder
from plugins.module_utils._keyring.pkcs11 import Pkcs11Holder
from plugins.module_utils._vault.transit_holder import TransitHolder
from tests.integration.conftest import or_skip
from tests.integration.vault_port.conftest import Port, port
from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao
from tests.rigs.softhsm import SoftHsm

__all__ = ["port"]


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """The store of this process, which its environment names from now on."""
    made: SoftHsm = or_skip(lambda: SoftHsm(tmp_path_factory.mktemp("softhsm")))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment.items():
            patch.setenv(name, value)
        yield made


class Token(t.NamedTuple):
    """A token and the PIN of its user."""

    label: str
    pin: str


@pytest.fixture(scope="session")
def hsm_token(softhsm: SoftHsm, canaries: Canaries) -> Token:
    """A token that the tests share; its PIN must turn up nowhere."""
    made = Token("jws", canaries.mint())
    softhsm.make_token(*made)
    return made


@pytest.fixture
def pkcs11_holder(softhsm: SoftHsm, hsm_token: Token) -> Iterator[Pkcs11Holder]:
    """The token as a holder."""
    with Pkcs11Holder(softhsm.library, hsm_token.label, Secret(hsm_token.pin)) as holder:
        yield holder


@pytest.fixture
def transit_mount(vault: OpenBao, unique_name: Callable[[str], str]) -> str:
    """The path of a new transit engine."""
    mount = unique_name("transit")
    vault.api.write(f"sys/mounts/{mount}", type="transit")
    return mount


@pytest.fixture
def transit_holder(port: Port, transit_mount: str) -> Iterator[TransitHolder]:
    """The engine as a holder."""
    with port() as opened:
        yield TransitHolder(opened, transit_mount)


@pytest.fixture(params=["transit", "pkcs11"])
def holder(request: pytest.FixtureRequest) -> Holder:
    """Each of them."""
    found: Holder = request.getfixturevalue(f"{request.param}_holder")
    return found
