# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a process is asked whether it is ready."""

from __future__ import annotations

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._host.readiness import Readiness


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://127.0.0.1/ready", "127.0.0.1", 80),
        ("https://localhost", "localhost", 443),
        ("https://[::1]:8443/", "::1", 8443),
    ],
)
def test_an_address_says_where(url: str, host: str, port: int) -> None:
    ready = Readiness.declared({"url": url})
    assert (ready.host, ready.port) == (host, port)


@pytest.mark.parametrize("url", ["ftp://a", "http://", "http://[", "http://a:b/", "http://a:99999/", "a", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="is not an http or https address") as raised:
        Readiness.declared({"url": url})
    assert raised.value.field == "ready.url"
