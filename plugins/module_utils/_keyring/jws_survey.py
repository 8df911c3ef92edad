# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Look at the signing keys in custody and at every place that verifies, and report."""

from __future__ import annotations

import datetime
import typing as t
from collections import Counter
from collections.abc import Mapping

from .._core.at_once import at_once
from .._core.normal import instant
from .._core.redact import Secret
from .._jose import keys
from .._jose.errors import JoseError
from .._jose.jwks import thumbprint
from .._pki import keys as pki
from .adapter import adapter_findings
from .custody import Custody
from .directory import DirectoryPublisher
from .jws import PRIVATE
from .jws_findings import Finding, Kept, Place, Wanted, custody_findings, place_findings, shared_findings
from .publisher import Target
from .record import Document, spell_instant

_WORKERS: t.Final = 8


def survey(
    custody: Custody,
    targets: t.Sequence[Target],
    wanted: Wanted,
    adapters: Mapping[str, Mapping[str, t.Any]],
    now: datetime.datetime,
) -> dict[str, t.Any]:
    """Return facts and findings of all participants, and the findings that concern nobody declared."""
    held = at_once(lambda name: _kept(custody, name), wanted.names, 1 if custody.reads_here else _WORKERS)
    kept = {one.name: one for one in held}
    places = [_place(target) for target in targets]
    findings = [finding for one in held for finding in custody_findings(one, wanted, now)]
    for place in places:
        findings += place_findings(place, kept, wanted)
    findings += shared_findings(held, places)
    for name, settings in adapters.items():
        findings += adapter_findings(name, settings)
    by_name: dict[t.Optional[str], list[Finding]] = {}
    for finding in findings:
        by_name.setdefault(finding.participant, []).append(finding)
    known = [*wanted.names, *(name for name in wanted.trusted if name not in kept)]
    results = [_entry(name, kept.get(name), by_name.pop(name, []), now) for name in known]
    return {
        "results": results,
        "others": [finding.shown() for rest in by_name.values() for finding in rest],
        "ok": not findings,
        "summary": {"participants": len(known), **Counter(finding.check for finding in findings)},
    }


def _entry(
    name: str, kept: t.Optional[Kept], findings: t.Sequence[Finding], now: datetime.datetime
) -> dict[str, t.Any]:
    shown = [finding.shown() for finding in findings]
    facts = _facts(kept, now) if kept is not None and not kept.empty else {}
    return {"item": name, "ok": not shown, "findings": shown, **({"key": facts} if facts else {})}


def _facts(kept: Kept, now: datetime.datetime) -> dict[str, t.Any]:
    """Return public facts of a key that messages can be signed with."""
    try:
        key: keys.AnyKey = keys.load_private(kept.private) if kept.private else keys.load_public(str(kept.public))
    except JoseError:  # the findings say what is wrong with it
        return {}
    return {
        "algorithm": keys.algorithm(key),
        "bits": pki.spec_of(key).size,
        "kid": thumbprint(keys.public_of(key)),
        "created": spell_instant(kept.created) if kept.created else None,
        "age_days": (now - kept.created).days if kept.created else None,
    }


def _kept(custody: Custody, name: str) -> Kept:
    stored = custody.read(name)
    document: Document = stored[0] if stored is not None else {}
    following = document.get("next")
    following = following if isinstance(following, dict) else {}
    private = document.get(PRIVATE)
    return Kept(
        name,
        custody.place(name),
        Secret(private) if isinstance(private, str) else None,
        _text(document.get("public_key")),
        "handle" in document,
        _moment(document.get("created")),
        _moment(following.get("created")),
        _text(following.get("public_key")),
    )


def _place(target: Target) -> Place:
    publisher = target.publisher
    if isinstance(publisher, DirectoryPublisher):
        return Place(target.identity, publisher.texts(), publisher.strays(), target.without)
    return Place(target.identity, publisher.held(), (), target.without)


def _moment(value: t.Any) -> t.Optional[datetime.datetime]:
    try:
        return instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _text(value: t.Any) -> t.Optional[str]:
    return value if isinstance(value, str) else None
