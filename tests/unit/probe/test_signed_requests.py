# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each hostile variant has the one fault that it is named for; see tampered.yml for what becomes of bodies."""

from __future__ import annotations

import copy
import datetime
import pathlib
import typing as t

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._jose.canonical import canonical
from plugins.module_utils._jose.fspiop import verify
from plugins.module_utils._jose.signing import KeySigner
from plugins.module_utils._probe.exchange import Address, Answer, Request
from plugins.module_utils._probe.signed_request import SWAPPED_SOURCE, UNUSUAL, VARIANTS, Keys, Message, Recipe, build
from plugins.module_utils._probe.signed_verdict import Terms, Tried, hold_against_valid
from plugins.module_utils._probe.tamper import tampered
from plugins.module_utils._probe.tls import Observation
from tests.unit.jose.requests import BODY, OTHER, PUBLIC, RSA, URL

TABLES = yaml.safe_load((pathlib.Path(__file__).parent / "tampered.yml").read_text())
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
HOUR = datetime.timedelta(hours=1)
MESSAGE = Message("POST", URL, "perffsp-1", {"FSPIOP-Destination": "perffsp-2"}, BODY, None, "clean")
KEYS = Keys(KeySigner.of(RSA), KeySigner.of(OTHER), "perffsp-3")
#: What verifying says that each variant is wrong about; nothing where only what is outside of a message tells.
FAULTS: dict[str, list[str]] = {
    "valid": [],
    "old_date": [],
    "unsigned": ["FSPIOP-Signature"],
    "tampered_body": ["FSPIOP-Signature"],
    "tampered_header": ["FSPIOP-Signature"],
    "wrong_source": ["FSPIOP-Signature"],
    "swapped_source": ["FSPIOP-Signature", "FSPIOP-Source"],
    "replayed_date": ["Date"],
    "wrong_uri": ["FSPIOP-URI"],
}


def made(variant: str, message: Message = MESSAGE) -> Request:
    """Return the request of a variant as of noon, replayed after an hour."""
    return build(variant, Recipe(message, KEYS, NOON, HOUR))


def test_the_table_has_every_variant() -> None:
    assert set(FAULTS) == set(VARIANTS)
    assert UNUSUAL | {SWAPPED_SOURCE} < set(VARIANTS)


@pytest.mark.parametrize("variant", FAULTS)
def test_a_variant_has_the_fault_that_it_is_named_for(variant: str) -> None:
    request = made(variant)
    found = verify(PUBLIC["RS256"], method=request.method, url="/transfers", headers=request.headers, body=request.body)
    assert [problem.field for problem in found.problems] == FAULTS[variant]
    assert request.headers["FSPIOP-Source"] == "perffsp-1"
    assert request.headers["Date"] == {
        "old_date": "Thu, 01 Jan 2026 11:00:00 GMT",
        "tampered_header": "Thu, 01 Jan 2026 11:59:59 GMT",
    }.get(variant, "Thu, 01 Jan 2026 12:00:00 GMT")
    assert (request.body == canonical(BODY)) is (variant != "tampered_body")


@pytest.mark.parametrize(
    ("url", "content_type"),
    [
        ("https://a/x/transfers/1?y=/z", "application/vnd.interoperability.transfers+json;version=1.1"),
        ("http://a/fxQuotes", "application/vnd.interoperability.fxQuotes+json;version=1.1"),
        ("http://a/health", "application/json"),
    ],
)
def test_the_content_type_is_that_of_the_service(url: str, content_type: str) -> None:
    message = Message("POST", url, "perffsp-1", {}, BODY, None, "clean")
    assert made("valid", message).headers["Content-Type"] == content_type


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(InvalidInput, match="variants: is unknown"):
        made("sideways")


@pytest.mark.parametrize("case", TABLES["tampered"], ids=str)
def test_tampering(case: list[t.Any]) -> None:
    before, after = case
    given = copy.deepcopy(before)
    assert tampered(given) == after
    assert given == before


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.integers(-9999, 9999),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4) | st.lists(JSON, max_size=4))
def test_a_tampered_document_is_always_another_one(document: t.Any) -> None:
    assert tampered(document) != document


@pytest.mark.parametrize("case", TABLES["answers"], ids=str)
def test_answers(case: dict[str, t.Any]) -> None:
    terms = Terms((200, 202), (400, 401, 403), ("3102", "3105"))
    judged = terms.judge(Answer(Observation(**case["seen"]), case.get("code")))
    assert (judged.outcome, judged.reason) == (case["outcome"], case.get("code"))


def test_refusals_count_only_beside_an_accepted_valid_request() -> None:
    terms = Terms((202,), (400,), ("3105",))

    def tried(valid: int, accept: tuple[str, ...] = ("valid",)) -> list[Tried]:
        answers = {"unsigned": 400, "tampered_body": 202, "valid": valid}
        seen = {name: Answer(Observation(http_status=status)) for name, status in answers.items()}
        return hold_against_valid([Tried(name, answer, terms.judge(answer)) for name, answer in seen.items()], accept)

    assert [one.judged.outcome for one in tried(202)] == ["refused", "accepted", "accepted"]
    assert [one.judged.outcome for one in tried(400)] == ["inconclusive", "accepted", "refused"]
    assert [one.judged.outcome for one in tried(400, ())] == ["refused", "accepted", "refused"]
    assert [one.judged.outcome for one in tried(503)] == ["inconclusive", "accepted", "inconclusive"]


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://a.example/x?y=1", Address(True, "a.example", 443, "/x?y=1")),
        ("http://[::1]:8080", Address(False, "::1", 8080, "/")),
    ],
)
def test_addresses(url: str, wanted: Address) -> None:
    assert Address.of(url) == wanted
