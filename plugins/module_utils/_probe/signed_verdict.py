# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What the answer to a signed request means, and whether that was wanted: pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .exchange import Answer
from .signed_request import VALID, VARIANTS
from .tls import Observation
from .verdict import ACCEPTED, INCONCLUSIVE, REFUSED, Expectation, Judgement


@dataclass(frozen=True)
class Terms:
    """How a service says yes and no: HTTP statuses, and the error codes of FSPIOP that concern the signature."""

    accepted: tuple[int, ...]
    refused: tuple[int, ...]
    codes: tuple[str, ...]

    def judge(self, answer: Answer) -> Judgement:
        """Tell whether a request was accepted or refused; an error code says more than the status beside it."""
        seen, code = answer.seen, answer.error_code
        if seen.trouble is not None:
            return Judgement(INCONCLUSIVE, None, seen.trouble)
        if seen.alert is not None:
            why = f"the TLS alert {seen.alert} came before the message was looked at"
            return Judgement(INCONCLUSIVE, None, why)
        if seen.http_status is None:
            return Judgement(INCONCLUSIVE, None, "the connection was closed without an answer")
        how = f"HTTP status {seen.http_status}"
        if code is not None:
            if code in self.codes:
                return Judgement(REFUSED, code, f"refused by {how} and error code {code}")
            return Judgement(INCONCLUSIVE, code, f"{how} and error code {code}, which does not concern the signature")
        if seen.http_status in self.accepted:
            return Judgement(ACCEPTED, None, f"accepted with {how}")
        if seen.http_status in self.refused:
            return Judgement(REFUSED, None, f"refused by {how}")
        return Judgement(INCONCLUSIVE, None, f"{how}, which is neither acceptance nor refusal of a signature")


@dataclass(frozen=True)
class Tried:
    """A variant that was sent, or was not because the service cannot be spoken to; the latter has no answer."""

    variant: str
    answer: Answer | None
    judged: Judgement


def not_sent(variant: str, why: Judgement) -> Tried:
    """Return a variant that was spared after ``why``."""
    return Tried(variant, None, Judgement(INCONCLUSIVE, None, f"not sent, because {why.explanation}"))


def hold_against_valid(tried: t.Sequence[Tried], accept: t.Collection[str]) -> list[Tried]:
    """Let no refusal count where the valid request is to be accepted and was not.

    Such a service may refuse whatever is sent to it.
    """
    valid = next((one for one in tried if one.variant == VALID), None)
    if valid is None or valid.judged.outcome == ACCEPTED or VALID not in accept:
        return list(tried)
    return [one if one is valid or one.judged.outcome != REFUSED else _unproven(one) for one in tried]


def _unproven(one: Tried) -> Tried:
    explanation = f"{one.judged.explanation}; the valid request was not accepted either, so that this proves nothing"
    return replace(one, judged=Judgement(INCONCLUSIVE, one.judged.reason, explanation))


def result(one: Tried, accept: t.Collection[str], terms: Terms) -> dict[str, t.Any]:
    """Return the entry of a variant: ``passed`` is false, with ``msg``, when it is not as expected."""
    expected = "accept" if one.variant in accept else "refuse"
    answer = one.answer or Answer(Observation())
    complaint = Expectation(expected, None, terms.accepted).complaint(answer.seen, one.judged)
    if complaint is not None and (expected, one.judged.outcome) == ("refuse", ACCEPTED):
        complaint = f"{complaint}; the service {VARIANTS[one.variant]}"
    return {
        "variant": one.variant,
        "expected": expected,
        "passed": complaint is None,
        "outcome": one.judged.outcome,
        "reason": one.judged.reason,
        "explanation": one.judged.explanation,
        "observation": None if one.answer is None else one.answer.shown(),
        **({} if complaint is None else {"failed": True, "msg": complaint}),
    }


def complaints(entries: t.Sequence[t.Mapping[str, t.Any]]) -> str | None:
    """Return one sentence for the variants that are not as expected, the same trouble once; ``None`` for none."""
    failed = [entry for entry in entries if not entry["passed"]]
    telling = [entry for entry in failed if entry["outcome"] != INCONCLUSIVE or entry["variant"] == VALID] or failed
    if not failed:
        return None
    said = "; ".join(f"{entry['variant']}: {entry['msg']}" for entry in _each_trouble_once(telling))
    unlearnt = len(failed) - len(telling)
    return said + (f"; nothing could be learnt from {unlearnt} more" if unlearnt else "")


def _each_trouble_once(entries: t.Sequence[t.Mapping[str, t.Any]]) -> list[t.Mapping[str, t.Any]]:
    """Leave out what was not sent because of an entry that is there."""
    sent = [entry for entry in entries if entry["observation"] is not None]
    return sent or list(entries)
