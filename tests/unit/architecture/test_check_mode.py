# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of check mode counts decisions and finds knowledge of it outside the core."""

from __future__ import annotations

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import check_mode

_RECONCILE = "plugins/module_utils/_core/reconcile.py"
_MODULE = "plugins/modules/vault_policy.py"
_GOOD = {
    _RECONCILE: "def reconcile(batch, *, check_mode):\n    if check_mode or not batch:\n        return\n",
    "plugins/module_utils/_core/module.py": "run(check_mode=module.check_mode, supports_check_mode=True)\n",
    _MODULE: 'DOCUMENTATION = "attributes: {check_mode: {support: full}}"\n',
}
_OUTSIDE = "knows about check mode, which only the core does"


def test_one_decision_in_the_core_is_right(plant: Plant) -> None:
    assert check_mode.violations(plant(_GOOD)) == []


@pytest.mark.parametrize(
    "text",
    [
        "write = not module.check_mode\n",
        "if module.check_mode:\n    pass\n",
        "found = [x for x in y if not self._task.check_mode]\n",
        "mode = 'dry' if options['check_mode'] else 'wet'\n",
        "same = params['_ansible_check_mode'] == 1\n",
    ],
)
def test_a_decision_elsewhere_is_found_twice_over(plant: Plant, text: str) -> None:
    places = f"{_RECONCILE}:2, {_MODULE}:1"
    assert check_mode.violations(plant({**_GOOD, _MODULE: text})) == [
        f"{_MODULE}:1: {_OUTSIDE}",
        f"plugins: check mode has to be decided in exactly one place, and is in 2: {places}",
    ]


def test_handing_it_around_outside_the_core_is_found(plant: Plant) -> None:
    files = {**_GOOD, _MODULE: "run(\n    check_mode=True\n)\n"}
    assert check_mode.violations(plant(files)) == [f"{_MODULE}:2: {_OUTSIDE}"]


def test_a_second_decision_in_the_core_is_found(plant: Plant) -> None:
    text = _GOOD[_RECONCILE] + "    while not check_mode:\n        pass\n"
    places = f"{_RECONCILE}:2, {_RECONCILE}:4"
    assert check_mode.violations(plant({**_GOOD, _RECONCILE: text})) == [
        f"plugins: check mode has to be decided in exactly one place, and is in 2: {places}"
    ]


def test_no_decision_at_all_is_found(plant: Plant) -> None:
    assert check_mode.violations(plant({_RECONCILE: ""})) == [
        "plugins: check mode has to be decided in exactly one place, and is in 0: nowhere"
    ]
