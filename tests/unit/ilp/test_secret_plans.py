# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plans of a participant's secret, as data in plans/ilp_secret.yml, and declarations that are refused."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
import yaml

from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal
from plugins.module_utils._core.normal import duration
from plugins.module_utils._core.plan import Plan
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._ilp.secret import generate
from plugins.module_utils._keyring.file_custody import FileCustody
from plugins.module_utils._keyring.ilp_secret import ITEM_OPTIONS, SHAPE, IlpSecret, refuse_shared
from plugins.module_utils._keyring.keyring import Keyring
from plugins.module_utils._keyring.record import Document, Generation, KeyMaterial, Record
from plugins.module_utils._keyring.resource import Holding

START = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
CASES = yaml.safe_load((pathlib.Path(__file__).parent / "plans" / "ilp_secret.yml").read_text())["cases"]
GOOD: t.Final = generate()


def _item(**given: t.Any) -> dict[str, t.Any]:
    return {**{name: option.get("default") for name, option in ITEM_OPTIONS.items()}, **given}


def _declared(tmp_path: pathlib.Path, **given: t.Any) -> IlpSecret:
    item = {**_item(), "name": "perffsp-1", **given}
    return IlpSecret.declared(item, Keyring(FileCustody(str(tmp_path), "ilp_secret", ()), (), SHAPE))


def _text(word: str) -> str:
    return word.replace("good", GOOD)


def _generation(word: str, octets: int | None = 32, **moments: t.Any) -> Generation:
    material = KeyMaterial({"secret": Secret(_text(word))}, facts={"bytes": octets, "adopted": octets is None})
    return Generation(material, START, **moments)


def _holding(hold: t.Any, resource: IlpSecret) -> Holding | None:
    if hold == "nothing":
        return None
    hold = hold or {}
    foreign: Document | None = None
    if "foreign" in hold:
        foreign = {name: _text(value) for name, value in hold["foreign"].items()}
    elif "source" in hold:
        assert resource.terms is not None
        assert resource.terms.source is not None
        foreign = resource.terms.source()
    if foreign is not None:
        return Holding(None, None, foreign, {})
    current = _generation(hold.get("current", "good"), hold.get("bytes", 32), activated=START)
    following = _generation(hold["next"]) if "next" in hold else None
    retired = START + datetime.timedelta(seconds=duration(hold["previous"])) if "previous" in hold else None
    previous = (_generation("good", retired=retired),) if retired else ()
    return Holding(Record(current, following, previous), 1, None, {})


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_plan(tmp_path: pathlib.Path, case: dict[str, t.Any]) -> None:
    hold = case.get("hold")
    source = GOOD if isinstance(hold, dict) and "source" in hold else None
    resource = _declared(tmp_path, adopt=source, **case.get("declare", {}))
    now = START + datetime.timedelta(seconds=duration(case.get("now", "0")))

    def planned() -> Plan:
        return resource.plan(_holding(hold, resource), now)

    if "refused" in case:
        with pytest.raises(PolicyRefusal) as refusal:
            planned()
        assert case["refused"] in str(refusal.value)
        assert GOOD not in str(refusal.value)
        return
    plan = planned()
    assert plan.action.value == case["action"]
    assert list(dict.fromkeys(change.path for change in plan.changes)) == case.get("changed", [])
    assert plan.reasons == case.get("reasons", [])
    assert GOOD not in str(plan.diff(""))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"bytes": 31}, "bytes: 31 is too short"),
        ({"name": "../etc"}, "name: "),
        ({"adopt": "mojaloop-sdk"}, "adopt: is the default of the scheme adapter, known to everybody"),
        ({"adopt": "short"}, "adopt: has 5 octets, fewer than 32"),
        ({"adopt": ""}, "adopt: is empty"),
        ({"max_age": "soon"}, "max_age: "),
        ({"not_before": "2026-01-01"}, "not_before: "),
    ],
)
def test_declarations_that_are_no_good_are_refused(
    tmp_path: pathlib.Path, given: dict[str, t.Any], problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        _declared(tmp_path, **given)


def test_secret_that_two_would_share_is_refused() -> None:
    items = [_item(name="a", adopt=GOOD), _item(name="b"), _item(name="c", adopt=GOOD)]
    with pytest.raises(InvalidInput, match="a and c would share a secret") as refusal:
        refuse_shared(items)
    assert GOOD not in str(refusal.value)
    refuse_shared([_item(name="a", adopt=GOOD), _item(name="b", adopt=generate()), _item(name="c"), _item(name="d")])


def test_made_secrets_have_the_declared_octets(tmp_path: pathlib.Path) -> None:
    made = _declared(tmp_path, bytes=48).generate()
    assert len(made.secrets["secret"].reveal()) == 64
    assert made.public is None
    assert made.facts == {"bytes": 48, "adopted": False}
