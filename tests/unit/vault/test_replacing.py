# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is destroyed to be made anew is looked at again before: others may have replaced it already (R22)."""

from __future__ import annotations

import pytest

from plugins.module_utils._core.errors import Overtaken
from plugins.module_utils._core.plan import Step
from plugins.module_utils._vault.policy import Policy
from tests.unit.vault.memory import Memory


def test_r22_what_others_changed_meanwhile_is_not_destroyed() -> None:
    memory = Memory()
    resource = Policy.declared(memory.vault, {"name": "p", "rules": "x", "state": "present"})
    assert resource.read() is None
    resource.send(Step("expect", "p", None))
    memory.objects["sys/policies/acl/p"] = {"policy": "of others"}
    with pytest.raises(Overtaken, match=r"others changed p meanwhile\. See who does"):
        resource.send(Step("expect", "p", None))
    resource.send(Step("expect", "p", resource.read()))
    assert memory.writes == []
