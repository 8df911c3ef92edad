# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``fspiop_jws_verify``."""

from __future__ import annotations

import typing as t

from ..plugin_utils.fspiop import reported_by, verified


def fspiop_jws_verify(
    request: t.Any, keys: t.Any, canonicalization: t.Any = "both", uri: t.Any = None, uri_mode: t.Any = "clean"
) -> dict[str, t.Any]:
    """Return what is right and wrong with the signature of a request."""
    with reported_by("fspiop_jws_verify"):
        found = verified(request, keys, canonicalization=canonicalization, uri=uri, uri_mode=uri_mode)
    return {
        "valid": found.valid,
        "problems": [
            {"field": problem.field, "problem": problem.problem, "remedy": problem.remedy} for problem in found.problems
        ],
        "algorithm": found.algorithm,
        "protected": dict(found.protected),
        "canonicalization": found.canonicalization,
        "accepted_by": found.accepted_by,
        "warnings": list(found.warnings),
    }


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"fspiop_jws_verify": fspiop_jws_verify}
