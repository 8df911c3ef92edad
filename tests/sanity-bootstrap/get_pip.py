# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stand-in for the pip bootstrap script that ansible-test downloads.

ansible-test makes an empty virtual environment per sanity test and fills it with a script that it first downloads and
caches. A machine that reaches a package index and nothing else cannot download it, so `make sanity` puts this file
where the cached one would be. It takes pip from the interpreter's own ensurepip, then installs the versions asked for.
"""

from __future__ import annotations

import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip"])
pins = [argument for argument in sys.argv[1:] if "==" in argument]
subprocess.check_call([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--upgrade", *pins])
