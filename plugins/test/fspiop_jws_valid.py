# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test ``fspiop_jws_valid``."""

from __future__ import annotations

import typing as t

from ..plugin_utils.fspiop import reported_by, verified


def fspiop_jws_valid(
    request: t.Any, keys: t.Any, canonicalization: t.Any = "both", uri: t.Any = None, uri_mode: t.Any = "clean"
) -> bool:
    """Tell whether the signature of a request is right, and over this very request."""
    with reported_by("fspiop_jws_valid"):
        return verified(request, keys, canonicalization=canonicalization, uri=uri, uri_mode=uri_mode).valid


class TestModule:
    """What Ansible looks for in this file."""

    def tests(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the tests by name."""
        return {"fspiop_jws_valid": fspiop_jws_valid}
