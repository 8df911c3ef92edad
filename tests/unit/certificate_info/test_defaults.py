# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C7: the defaults of different parts fit each other: what is kept by one is not a problem to another."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

from plugins.module_utils._certificate.declaration import ITEM_OPTIONS as CERTIFICATE
from plugins.module_utils._inspection.survey import ITEM_OPTIONS as INFO
from plugins.module_utils._local_ca.state import ITEM_OPTIONS as LOCAL_CA
from plugins.module_utils._pki.renewal import Window
from tests.unit.certificate_info.test_survey import survey
from tests.unit.pki.forge import DAY, NOON, make

ROOT = pathlib.Path(__file__).parents[3]
ROLE: dict[str, t.Any] = yaml.safe_load((ROOT / "roles/certificate/defaults/main.yml").read_text())
REPORT = (ROOT / "playbooks/certificate_report.yml").read_text()


@pytest.mark.parametrize("days", [1, 7, 30, 90, 365, 3650])
def test_c7_a_certificate_of_this_second_is_ok(days: int) -> None:
    made = make("new", start=NOON, end=NOON + days * DAY)
    (found,) = survey(NOON, {"pem": made.pem.decode()})["results"]
    assert (found["ok"], found["problems"]) == (True, [])


@pytest.mark.parametrize("life", [1, 7, 30, 90, 365, 3650])
@pytest.mark.parametrize("renewing", [CERTIFICATE["renew_before"], LOCAL_CA["renew_before"], None], ids=str)
def test_c7_what_is_renewed_in_time_is_ok(life: int, renewing: t.Any) -> None:
    renew_before = ROLE["certificate_renew_before"] if renewing is None else renewing["default"]
    dates = (NOON, NOON + life * DAY)
    assert Window.parse(INFO["expires_within"]["default"]).margin(*dates) <= Window.parse(renew_before).margin(*dates)


def test_c7_the_report_looks_later_than_the_role_renews() -> None:
    (default,) = set(re.findall(r"certificate_report_expires_within \| default\('([^']*)'\)", REPORT))
    dates = (NOON, NOON + 30 * DAY)
    assert Window.parse(default).margin(*dates) < Window.parse(ROLE["certificate_renew_before"]).margin(*dates)


@pytest.mark.parametrize("inventory", sorted(path.name for path in (ROOT / "inventories").iterdir()))
def test_c7_the_inventories_report_later_than_they_renew(inventory: str) -> None:
    """Merged as a host of the group certificate sees them."""
    values = dict(ROLE)
    for name in ("all", "certificate"):
        for path in sorted((ROOT / "inventories" / inventory / "group_vars").glob(f"{name}*")):
            for file in [path] if path.is_file() else sorted(path.rglob("*.yml")):
                values.update(yaml.safe_load(file.read_text()) or {})
    ttl = values["certificate_ttl"]
    if "{{" in str(ttl):
        pytest.skip("not applicable: the life is computed")
    seconds = Window.parse(ttl).seconds
    assert seconds is not None
    dates = (NOON, NOON + seconds * DAY / 86400)
    within = values.get("certificate_report_expires_within", INFO["expires_within"]["default"])
    assert Window.parse(within).margin(*dates) < Window.parse(values["certificate_renew_before"]).margin(*dates)
