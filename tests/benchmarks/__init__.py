# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Speed, measured beside other collections and beside a plain script: ``python -m tests.benchmarks``.

Rules: one server, one interpreter and one set of libraries for everybody; medians; outputs verified or the run is void;
what was extrapolated is marked. Nothing here is part of the test suite, which never looks at a clock.
"""
