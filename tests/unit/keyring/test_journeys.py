# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbooks know about the options of modules is true (J8)."""

from __future__ import annotations

import pathlib

import yaml

from plugins.modules import jws_key, jws_key_info

PLAYBOOKS = pathlib.Path(__file__).resolve().parents[3] / "playbooks"


def test_j8_jws_key_info_gets_all_options_that_it_shares_with_jws_key() -> None:
    variables = yaml.safe_load((PLAYBOOKS / "vars" / "rotate_keys.yml").read_text())
    alone = set(jws_key.SPEC.options) - set(jws_key_info.SPEC.options)
    assert set(variables["__rotate_keys_of_keys_alone"]) == alone | {"max_age", "participants", "publish"}
