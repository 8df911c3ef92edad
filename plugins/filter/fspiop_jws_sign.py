# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``fspiop_jws_sign``."""

from __future__ import annotations

import dataclasses
import typing as t

from ..module_utils._jose.fspiop import sign
from ..plugin_utils.fspiop import pem_of, reported_by, request_of


def fspiop_jws_sign(request: t.Any, key: t.Any, uri: t.Any = None, uri_mode: t.Any = "clean") -> dict[str, t.Any]:
    """Return a request with the headers that carry its signature and with the body to send."""
    with reported_by("fspiop_jws_sign"):
        signed = dataclasses.asdict(sign(pem_of(key, "key"), **request_of(request), uri=uri, uri_mode=uri_mode))
    return {**signed, "warnings": list(signed["warnings"])}


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"fspiop_jws_sign": fspiop_jws_sign}
