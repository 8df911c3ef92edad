# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of the layers notices each way around them."""

from __future__ import annotations

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import layers

_UTILS = "plugins/module_utils"
_GOOD = {
    f"{_UTILS}/_core/plan.py": "import typing\nfrom .state import State\n",
    f"{_UTILS}/_vault/port.py": "import hvac\nfrom .._core import plan\nfrom .._pki.names import Name\n",
    f"{_UTILS}/_vault/login/token.py": "from . import method\nfrom ..port import Port\nfrom ..._core import plan\n",
    f"{_UTILS}/_pki/names.py": "from cryptography import x509\n",
    f"{_UTILS}/_core/module.py": "from ansible.module_utils.basic import AnsibleModule\n",
    "plugins/modules/vault_policy.py": "from ..module_utils._vault.port import Port\n",
    "plugins/action/deliver.py": "from ..plugin_utils.task import Task\n",
}
_BAD = {
    "the core imports a domain": (
        f"{_UTILS}/_core/plan.py",
        "from .._vault.port import Port\n",
        "1: imports module_utils._vault.port, but the core imports nothing of ours",
    ),
    "a domain imports a domain": (
        f"{_UTILS}/_kube/port.py",
        "\nfrom .._vault import port\n",
        "2: imports module_utils._vault: domains do not import each other, except for the pure ones",
    ),
    "a pure domain imports one that is not": (
        f"{_UTILS}/_pki/chain.py",
        "from .._kube.port import Port\n",
        "1: imports module_utils._kube.port: domains do not import each other, except for the pure ones",
    ),
    "a domain imports a face": (
        f"{_UTILS}/_vault/login/token.py",
        "from ....modules.vault_policy import SPEC\n",
        "1: imports modules.vault_policy, which is above it",
    ),
    "inside a function is no hiding place": (
        f"{_UTILS}/_vault/port.py",
        "def read():\n    from ...modules import vault_policy\n",
        "2: imports modules, which is above it",
    ),
    "a module imports a module": (
        "plugins/modules/vault_policy.py",
        "from .vault_mount import SPEC\n",
        "1: imports modules.vault_mount: faces share code through module_utils only",
    ),
    "the collection by its name": (
        "plugins/modules/vault_policy.py",
        "from ansible_collections.trustmesh.security import plugins\n",
        "1: imports the collection by its name; import relatively",
    ),
    "a pure domain reaches the network": (
        f"{_UTILS}/_pki/names.py",
        "import requests.adapters\n",
        "1: imports requests.adapters, but _pki is pure",
    ),
    "AnsibleModule outside its one place": (
        f"{_UTILS}/_vault/port.py",
        "from ansible.module_utils.basic import AnsibleModule\n",
        "1: imports ansible.module_utils.basic, which only _core/module.py may know",
    ),
}


def test_imports_that_go_down_are_right(plant: Plant) -> None:
    assert layers.violations(plant(_GOOD)) == []


@pytest.mark.parametrize(("path", "text", "problem"), _BAD.values(), ids=_BAD)
def test_other_imports_are_found(plant: Plant, path: str, text: str, problem: str) -> None:
    assert set(layers.violations(plant({**_GOOD, path: text}))) == {f"{path}:{problem}"}


def test_pure_domains_that_import_each_other_are_found(plant: Plant) -> None:
    files = {f"{_UTILS}/_pki/a.py": "from .._jose import b\n", f"{_UTILS}/_jose/b.py": "from .._pki import a\n"}
    problem = "imports itself by way of others"
    assert layers.violations(plant(files)) == [f"{_UTILS}/_jose: {problem}", f"{_UTILS}/_pki: {problem}"]


def test_code_outside_a_domain_is_found(plant: Plant) -> None:
    path = f"{_UTILS}/common.py"
    assert layers.violations(plant({path: ""})) == [f"{path}: belongs in the package of a domain"]
