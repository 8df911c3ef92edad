# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A software token: SoftHSM2 of Debian (packages ``softhsm2`` and ``libsofthsm2``) with its store in a folder.

The library reads where its store is from the environment when a process loads it, so that a process has one store.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import typing as t

from tests.rigs.process import MissingPartError, RigError, clean_environment

LIBRARY_VARIABLE: t.Final = "TRUSTMESH_SOFTHSM_LIBRARY"
CONFIGURATION_VARIABLE: t.Final = "SOFTHSM2_CONF"
_PLACES: t.Final = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")
#: Command lines are public, so the PINs on them are none that a test relies on.
_FIRST_PIN: t.Final = "0000"
_OFFICER_PIN: t.Final = "00000000"


class SoftHsm:
    """A store of tokens."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._program = shutil.which("softhsm2-util")
        chosen = os.environ.get(LIBRARY_VARIABLE)
        self.library = next((path for path in ([chosen] if chosen else _PLACES) if pathlib.Path(path).exists()), "")
        if self._program is None or not self.library:
            raise MissingPartError("softhsm2-util or libsofthsm2.so is missing: install softhsm2 and libsofthsm2")
        store = folder / "tokens"
        store.mkdir(mode=0o700)
        self.configuration = folder / "softhsm2.conf"
        self.configuration.write_text(
            f"directories.tokendir = {store}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
        )

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to see the tokens."""
        return {CONFIGURATION_VARIABLE: str(self.configuration)}

    def make_token(self, label: str, pin: str) -> None:
        """Make an empty token whose user has this PIN; the environment of this process has to be `environment`."""
        import pkcs11

        argv = ["--init-token", "--free", "--label", label, "--pin", _FIRST_PIN, "--so-pin", _OFFICER_PIN]
        done = subprocess.run(
            [str(self._program), "--module", self.library, *argv],
            env=clean_environment(**self.environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise RigError(f"no token {label}: {done.stdout}{done.stderr}")
        library = pkcs11.lib(self.library)
        library.reinitialize()  # it lists tokens once
        with library.get_token(token_label=label).open(rw=True, user_pin=_FIRST_PIN) as session:
            session.set_pin(_FIRST_PIN, pin)
