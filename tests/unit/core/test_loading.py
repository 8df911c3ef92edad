# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module loads before it knows what it is asked for: nothing that only some of its runs need.

Every process of a module compiles what it loads, so this is most of what a run with nothing to do takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t

import pytest

_OURS: t.Final = "plugins.module_utils."
_LATER: t.Final[dict[str, tuple[str, ...]]] = {
    "api_key": ("hvac", "requests", f"{_OURS}_core.recognise", f"{_OURS}_vault.login.wrapped"),
    "certificate": ("hvac", "requests", f"{_OURS}_local_ca", f"{_OURS}_core.recognise", f"{_OURS}_vault.signer"),
    "jws_key": ("hvac", "requests", "cryptography.x509", f"{_OURS}_keyring.mcm", f"{_OURS}_keyring.pkcs11"),
    "vault_stack": ("hvac", "requests", f"{_OURS}_core.recognise", f"{_OURS}_vault.login.wrapped"),
}


@pytest.mark.parametrize(("module", "later"), _LATER.items(), ids=_LATER)
def test_what_only_some_runs_need_is_not_loaded_by_all(module: str, later: tuple[str, ...]) -> None:
    script = f"import json, sys, plugins.modules.{module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(json.loads(done.stdout))
    assert f"{_OURS}_core.module" in loaded
    assert loaded.isdisjoint(later)
