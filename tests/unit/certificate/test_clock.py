# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate that is valid only later by the clock of this host."""

from __future__ import annotations

import pathlib

from plugins.module_utils._core.plan import Action
from tests.unit.certificate.test_life import Authority, Host


def test_a_clock_that_was_ahead_neither_renews_nor_passes_for_right(tmp_path: pathlib.Path) -> None:
    """A certificate that is valid from next year on serves nobody; an emergency replaces it whatever its date says."""
    host = Host(tmp_path, Authority())
    right = host.authority.now
    host.later(365)
    assert host.run().error is None
    before = host.text("cert")
    host.authority.now = right
    refused = host.run()
    assert str(refused.error).startswith("clock: the certificate is valid from ")
    assert "still to come by the clock of this host. Set the clock. If it was ahead" in str(refused.error)
    assert (host.text("cert"), host.authority.signed) == (before, 1)
    renewed = host.run(not_before=right.isoformat())
    assert (renewed.error, renewed.plan.action, host.authority.signed) == (None, Action.REPLACE, 2)
    assert not host.run(not_before=right.isoformat()).changed


def test_a_clock_that_is_behind_for_a_run_changes_nothing(tmp_path: pathlib.Path) -> None:
    host = Host(tmp_path, Authority())
    right = host.authority.now
    assert host.run().error is None
    host.later(-365)
    assert "clock: " in str(host.run().error)
    host.authority.now = right
    assert not host.run().changed and host.authority.signed == 1
