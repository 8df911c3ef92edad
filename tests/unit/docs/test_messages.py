# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F7: messages are in plain English: subject, verb, object; the thing named; no word that stands for anybody."""

from __future__ import annotations

import re
import typing as t

import pytest

from tests.unit.docs.blocks import ROOT
from tests.unit.docs.messages import Sentence, everything, of_code, of_tasks

_AVOIDED: t.Final = re.compile(
    r"\b(somebody|someone|nobody|whoever|told|anew|shall|learnt|all the same|for good|in the midst|no good)\b"
    r"|(?<!there )\b(is|are) no (?!longer\b|more\b)\w",
    re.IGNORECASE,
)


def unclear(sentences: t.Iterable[Sentence]) -> list[str]:
    """Return the sentences with a word that the style guide avoids, and that word."""
    found = ((one, _AVOIDED.search(one.text)) for one in sentences)
    return [f"{one.place}: {word.group()!r} in {one.text!r}" for one, word in found if word]


def test_f7_messages_are_in_plain_english() -> None:
    sentences = everything(ROOT)
    assert len(sentences) > 1500
    assert unclear(sentences) == []


@pytest.mark.parametrize(
    "text",
    ["5 is no number", "made anew by the server", "somebody has it", "a client that shall have a key", "it was told"],
)
def test_f7_unclear_messages_are_noticed(text: str) -> None:
    assert unclear(of_code(f'raise InvalidInput("x y", remedy="{text}")\n', "a.py"))
    assert unclear(of_code(f'raise UnusableKey("{text}")\n', "a.py"))
    assert unclear(of_code(f'vault.warn(f"{text}")\n', "a.py"))
    assert unclear(of_tasks([{"block": [{"ansible.builtin.fail": {"msg": text}}]}], "a.yml"))


@pytest.mark.parametrize("text", ["there is no key {}", "it is no longer valid", "{} is not a number"])
def test_f7_clear_messages_pass(text: str) -> None:
    assert unclear(of_code(f'raise InvalidInput("{text}")\n', "a.py")) == []
