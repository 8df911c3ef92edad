# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that nothing can take are refused by the name of their option, wherever they stand."""

from __future__ import annotations

import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.texts import refuse_unusable

OPTIONS: t.Final = {
    "directory": {"type": "path"},
    "paths": {"type": "list", "elements": "path"},
    "name": {"type": "str"},
    "files": {
        "type": "list",
        "elements": "dict",
        "options": {"path": {"type": "path"}, "data": {"type": "dict", "no_log": True}, "rules": {"type": "str"}},
    },
}


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"directory": "/a\0b"}, "directory"),
        ({"directory": "/a\ud800b"}, "directory"),
        ({"paths": ["/a", "/b\0"]}, "paths[1]"),
        ({"name": "\udfff"}, "name"),
        ({"files": [{"path": "/a"}, {"path": "\0"}]}, "files[1].path"),
        ({"files": [{"path": "/\ud800"}]}, "files[0].path"),
        ({"files": [{"data": {"a": ["b", {"c": "\ud800"}]}}]}, "files[0].data.a[1].c"),
        ({"files": [{"data": {"\ud800": 1}}]}, "files[0].data"),
        ({"files": [{"rules": "\udcff"}]}, "files[0].rules"),
        ({"nobody_knows": ["\ud800"]}, "nobody_knows[0]"),
    ],
)
def test_r21_a_text_that_nothing_can_take_is_refused_by_its_place(params: dict[str, t.Any], place: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        refuse_unusable(OPTIONS, params)
    assert refused.value.field == place
    str(refused.value).encode()


def test_the_octets_of_a_file_name_pass_only_where_no_log_needs_them() -> None:
    with pytest.raises(InvalidInput):
        refuse_unusable(OPTIONS, {"directory": "/a\udcffb"})
    refuse_unusable(OPTIONS, {"paths": ["/a\udcffb"]})


def test_what_can_be_taken_passes() -> None:
    refuse_unusable(
        OPTIONS,
        {
            "directory": "/é",
            "name": "a\0b",
            "files": [{"path": "/not-utf-8-\udcff", "data": {"é": "\0", "n": 5, "none": None, "whole": "\U0001f600"}}],
            "paths": None,
        },
    )
