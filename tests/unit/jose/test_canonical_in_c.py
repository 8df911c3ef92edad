# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The short way through C spells what the long way does, and what it cannot spell takes the long way."""

from __future__ import annotations

import typing as t
from collections import UserString

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._jose import canonical
from plugins.module_utils._jose.errors import JoseError


class _Tagged(str):
    """A text as Ansible marks it."""


names = st.text(max_size=4) | st.sampled_from(["\ue000", "\uffff", "\U0001f4b6", "\ud7ff", "é", "a", "10", "9", ""])
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats()
    | names
    | st.builds(_Tagged, st.just("tagged"))
)
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=20
)


def _outcome(value: t.Any) -> bytes | str:
    try:
        return canonical.canonical(value)
    except JoseError as error:
        return str(error)


@given(documents)
def test_both_ways_end_at_the_same_place(value: t.Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        short = _outcome(value)
        patch.setattr(canonical, "_is_plain", lambda value: False)
        patch.setattr(canonical, "_sorted_otherwise", lambda octets: True)
        assert _outcome(value) == short


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": ["b", None, True, 2**53, {"c": {}}]}, True),
        ({"a": 1.0}, False),
        ({"a": [2**53 + 1]}, False),
        ({1: "a"}, False),
        ({"a": {True: "b"}}, False),
        ({"a": ("b",)}, False),
        ({"a": _Tagged("b")}, False),
        ({_Tagged("a"): "b"}, False),
        ({"a": UserString("b")}, False),
    ],
)
def test_what_c_would_spell_otherwise_takes_the_long_way(value: t.Any, plain: bool) -> None:
    assert canonical._is_plain(value) is plain


def test_data_within_itself_is_refused() -> None:
    value: dict[str, t.Any] = {}
    value["a"] = [value]
    with pytest.raises(JoseError, match="nested too deeply"):
        canonical.canonical(value)
