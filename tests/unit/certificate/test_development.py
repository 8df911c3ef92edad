# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A development CA signs nothing that is installed, also where it shows itself with its answer alone (kind 10)."""

from __future__ import annotations

import errno
import pathlib
import typing as t

import pytest

from plugins.module_utils._certificate import resource
from plugins.module_utils._core.errors import InvalidInput
from tests.unit.certificate.test_life import Authority, Host


@pytest.mark.parametrize(("shown_at", "signed"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("allowed", [True, False])
def test_a_development_ca_is_refused_before_and_after_it_signed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, shown_at: int, signed: int, allowed: bool
) -> None:
    tmp_path.chmod(0o755)
    host = Host(tmp_path, Authority())

    def is_development(_chain: t.Any) -> bool:
        return host.authority.signed >= shown_at

    monkeypatch.setattr(resource, "is_development", is_development)
    outcome = host.run(allow_development_ca=allowed)
    if allowed:
        assert outcome.error is None
        return
    assert isinstance(outcome.error, InvalidInput)
    assert outcome.error.field == "allow_development_ca"
    assert host.authority.signed == signed
    assert not host.generations_exist()


def test_kind_9_nothing_is_signed_that_cannot_be_kept(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    host = Host(tmp_path, Authority())

    def full(*_given: t.Any) -> t.NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.write", full)
        outcome = host.run()
    assert "the disk is full" in str(outcome.error)
    assert host.authority.signed == 0
