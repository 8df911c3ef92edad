# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON of others that is nested deeper than Python reads is refused like any other text that is not fit."""

from __future__ import annotations

import pathlib

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._jose.jwks import UnusableKey, parse_set
from plugins.module_utils._keyring import api_key_resource
from plugins.module_utils._vault.seal import Keys
from plugins.test import api_key_matches

DEEP = ('{"keys":' + "[" * 200_000, '{"a":' * 200_000)


@pytest.mark.parametrize("text", DEEP)
def test_a_key_set_is_refused(text: str) -> None:
    for given in (text, text.encode()):
        with pytest.raises(UnusableKey, match="nested too deep"):
            parse_set(given)


@pytest.mark.parametrize("text", DEEP)
def test_a_record_of_api_keys_is_refused_and_a_published_one_counts_as_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a record of API keys"):
        api_key_matches._record(text)
    assert api_key_resource._entries(text) == []
    assert api_key_resource._bare(text) == text


@pytest.mark.parametrize("text", DEEP)
def test_a_keys_file_is_refused(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InvalidInput, match="is not a keys file"):
        Keys.load(str(path))
