# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is neither signed nor sent does not let a request pass for another one (MJ-14)."""

from __future__ import annotations

import pytest

from plugins.module_utils._jose import fspiop_message
from tests.unit.jose.requests import PROTECTED, by_hand, check, fields, signed


@pytest.mark.parametrize("name", ["FSPIOP-URI", "FSPIOP-HTTP-Method"])
def test_mj_14_what_is_neither_signed_nor_sent_is_missing(name: str) -> None:
    """Otherwise one signature would be good for every service and method."""
    request = signed()
    headers = {n: text for n, text in request.headers.items() if n.lower() != fspiop_message.PROTECTED[name]}
    protected = {member: text for member, text in PROTECTED.items() if member != name}
    headers["fspiop-signature"] = by_hand(request.body.encode(), protected)
    assert fields(check(request, headers=headers)) == [name]
    headers["fspiop-signature"] = by_hand(request.body.encode(), PROTECTED)
    assert fields(check(request, headers={**request.headers, **headers})) == []
