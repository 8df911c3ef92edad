# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets: no way of turning one into text shows it."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import subprocess
import sys
import time
import traceback
import typing as t

import pytest
from ansible.module_utils.common.parameters import remove_values
from hypothesis import assume, given
from hypothesis import strategies as st

from plugins.module_utils._core import redact
from plugins.module_utils._core.redact import Secret, occurring, render

VALUE = "correct-horse-battery"
#: Long enough not to occur by chance in a fingerprint or a key.
TEXTS = st.text("ghijklmnopqrstuvwxyz!", min_size=8, max_size=20)


@dataclasses.dataclass(frozen=True)
class _Holder:
    name: str
    secret: Secret


@pytest.mark.parametrize(
    "show",
    [
        *(str, repr, ascii, "{}".format, "%s".__mod__, "%r".__mod__),
        lambda secret: f"{secret!s:>40}",
        lambda secret: json.dumps(secret, default=str),
        lambda secret: repr(_Holder("a", secret)),
        lambda secret: repr([secret, {"k": secret}]),
        lambda secret: str(ValueError(secret)),
        lambda secret: repr(dir(secret)),
        lambda secret: repr(hash(secret)),
        lambda secret: json.dumps(render({"a": [secret, {secret}], "b": (secret,)})),
    ],
)
def test_no_way_of_showing_a_secret_shows_it(show: t.Callable[[Secret], str]) -> None:
    assert VALUE not in show(Secret(VALUE))


def test_a_traceback_does_not_show_it() -> None:
    try:
        raise ValueError(Secret(VALUE))
    except ValueError:
        assert VALUE not in traceback.format_exc()


@pytest.mark.parametrize(
    "carry", [pickle.dumps, copy.copy, copy.deepcopy, lambda s: dataclasses.asdict(_Holder("a", s))]
)
def test_a_secret_cannot_be_carried_away(carry: t.Callable[[Secret], t.Any]) -> None:
    with pytest.raises(TypeError, match="not serialisable"):
        carry(Secret(VALUE))
    with pytest.raises(TypeError):
        json.dumps(Secret(VALUE))
    with pytest.raises(TypeError):
        vars(Secret(VALUE))


def test_it_is_revealed_on_request_and_known_for_masking() -> None:
    assert Secret(VALUE).reveal() == VALUE
    assert VALUE in redact.known()


@given(TEXTS, TEXTS)
def test_secrets_are_equal_when_their_texts_are_and_fingerprints_tell(one: str, other: str) -> None:
    first, second = Secret(one), Secret(other)
    assert (first == second) is (one == other)
    assert (first.fingerprint() == second.fingerprint()) is (one == other)
    assert first == Secret(one)
    assert hash(first) == hash(Secret(one))
    assert len({first, Secret(one)}) == 1


def test_a_secret_equals_no_plain_text() -> None:
    assert Secret(VALUE) != VALUE
    assert Secret(VALUE) not in [VALUE, None, 1]


def test_only_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret(" ")


def test_fingerprints_are_of_use_within_one_process_only() -> None:
    script = (
        "from plugins.module_utils._core.redact import Secret; print(Secret('correct-horse-battery').fingerprint())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    elsewhere = done.stdout.strip()
    assert elsewhere.startswith("secret:")
    assert elsewhere != Secret(VALUE).fingerprint()


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary())
HASHABLE = st.one_of(SCALARS, st.builds(Secret, TEXTS), st.frozensets(st.text(max_size=3), max_size=3))
NESTED = st.recursive(
    st.one_of(SCALARS, st.builds(Secret, TEXTS), st.frozensets(HASHABLE, max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=5), inner, max_size=4),
    ),
    max_leaves=12,
)


def _secrets(value: t.Any) -> t.Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _secrets(entry)
    elif isinstance(value, (list, tuple, frozenset)):
        for entry in value:
            yield from _secrets(entry)


@given(NESTED)
def test_everything_renders_as_plain_data_that_holds_fingerprints_for_secrets(value: t.Any) -> None:
    rendered = render(value)
    text = json.dumps(rendered)
    assert json.loads(text) == rendered
    for secret in _secrets(value):
        assert secret.fingerprint() in text
    assert render(rendered) == rendered


@given(st.frozensets(st.one_of(st.text(), st.integers(), st.none(), st.booleans()), max_size=8))
def test_a_set_renders_in_one_order_whatever_is_in_it(entries: frozenset[t.Any]) -> None:
    assert render(frozenset(sorted(entries, key=repr))) == render(frozenset(sorted(entries, key=repr, reverse=True)))
    assert len(render(entries)) == len(entries)


def test_a_set_of_texts_renders_in_the_order_of_texts() -> None:
    assert render({"b", "a", "c"}) == ["a", "b", "c"]
    assert render({10, 9}) == [9, 10]


_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("ab1\n", max_size=6) | st.binary(max_size=3)
)
_RESULTS = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text("ab1", max_size=4), inner), max_leaves=12
)


def _overlap(one: str, other: str) -> bool:
    return one in other or any(one.endswith(other[:length]) for length in range(1, len(other)))


@given(_RESULTS, st.sets(st.text("ab1\n", min_size=1, max_size=4), max_size=3))
def test_ansible_masks_the_same_with_the_texts_that_occur_alone(value: t.Any, texts: set[str]) -> None:
    # Of texts that overlap Ansible masks one or the other first, as its set happens to be ordered in this process.
    assume(not any(_overlap(one, other) for one in texts for other in texts if one != other))
    assert repr(remove_values(value, redact.occurring(texts, value))) == repr(remove_values(value, texts))


def test_texts_that_do_not_occur_are_left_out() -> None:
    value = {"a secret": ["in lines\nof two", 12345, {"deep": b"octets"}]}
    there = {"a secret", "lines\nof", "234", "octets"}
    assert redact.occurring({*there, "elsewhere", "lines of"}, value) == there


@given(
    st.lists(st.text("ab-", min_size=1, max_size=40), max_size=90), st.lists(st.text("ab-", max_size=60)), st.booleans()
)
def test_what_occurs_is_found_however_many_are_looked_for(texts: list[str], told: list[str], many: bool) -> None:
    wanted = [*texts, *(f"{at:020d}" for at in range(200 if many else 0))]
    shown = [*told, *(f"x{text}y" for text in texts[::3])]
    assert occurring(wanted, shown) == {text for text in wanted if text in "\0".join(shown)}


def test_a_secret_among_many_is_found_where_a_text_begins_and_ends() -> None:
    secrets = [f"secret-value-{at:08d}" for at in range(100)]
    assert occurring(secrets, secrets[7]) == {secrets[7]}
    assert occurring(secrets, [f"{secrets[3]} and", f"more {secrets[4]}"]) == {secrets[3], secrets[4]}


def test_twenty_thousand_secrets_are_looked_for_in_linear_time() -> None:
    """Four times as many of both take about four times as long."""

    def cost(count: int) -> float:
        secrets = [f"secret-value-{at:08d}" for at in range(count)]
        told = [{"item": f"/etc/hub/{at}.env", "reasons": ["secret-v"]} for at in range(count)]
        began = time.thread_time()
        assert occurring(secrets, told) == set()
        return time.thread_time() - began

    small = min(cost(5_000) for _attempt in range(3))
    assert cost(20_000) < 10 * small + 0.2
