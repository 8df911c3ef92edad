# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others quote of a secret is masked, however they spell it and wherever it is cut."""

from __future__ import annotations

import json
import time
import typing as t
from urllib.parse import quote, quote_plus

import pytest

from plugins.module_utils._core.foreign import printable
from plugins.module_utils._core.masking import masked
from plugins.module_utils._core.redact import Secret

AWKWARD = 'Zq9"canary<&> /\\n\nétail77'


@pytest.mark.parametrize(
    "spell",
    [
        str,
        lambda text: json.dumps(text)[1:-1],
        lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
        # As the JSON of Go is written.
        lambda text: (
            json.dumps(text, ensure_ascii=False)[1:-1]
            .replace("<", "\\u003c")
            .replace(">", "\\u003e")
            .replace("&", "\\u0026")
        ),
        lambda text: quote(text, safe=""),
        quote_plus,
    ],
)
def test_a_secret_is_masked_in_every_spelling(spell: t.Callable[[str], str]) -> None:
    Secret(AWKWARD)
    shown = printable(f"cannot parse {spell(AWKWARD)}, try again")
    assert shown == "cannot parse ********, try again"


@pytest.mark.parametrize("filler", range(200, 310, 7))
def test_a_secret_is_masked_before_a_text_is_cut(filler: int) -> None:
    secret = Secret("cut-7c1f0a9be44d52f6" * 4).reveal()
    shown = printable("x" * filler + " " + secret + " y")
    assert "cut-7c1f" not in shown


def test_a_secret_that_its_sender_cut_is_masked() -> None:
    secret = Secret("sender-cut-51b0d7e2a94c88f3").reveal()
    assert masked(f"bad value {secret[:20]}... in line 1") == "bad value ********... in line 1"
    assert masked(f"bad value {secret[:9]}") == "bad value ********"
    # What merely begins alike says nothing.
    assert masked("the sender-cut is here") == "the sender-cut is here"


def test_the_longest_of_secrets_that_begin_alike_is_masked() -> None:
    short = Secret("alike-begin").reveal()
    long = Secret("alike-beginning-and-on").reveal()
    assert masked(f"{long} {short}") == "******** ********"


def test_masking_takes_no_longer_with_many_secrets() -> None:
    for number in range(20_000):
        Secret(f"{number:08x}-many-secrets")
    text = "no secret in here " * 20
    masked(text)
    began = time.process_time()
    for _time in range(1000):
        masked(text)
    assert time.process_time() - began < 5
