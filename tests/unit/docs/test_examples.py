# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example of the documentation names what exists and gives it what it takes."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest

from tests.unit.architecture.guards import tree
from tests.unit.docs import catalogue
from tests.unit.docs.blocks import ROOT, Block, blocks, documents

PAGES: t.Final = documents()
YAML: t.Final = [block for page in PAGES for block in blocks(page) if block.language in ("yaml", "yaml+jinja")]
CONSOLE: t.Final = [block for page in PAGES for block in blocks(page) if block.language == "console"]
FILTERS: t.Final = sorted((ROOT / "plugins" / "filter").glob("*.yml"))


def _id(block: Block) -> str:
    return block.place


@pytest.mark.parametrize("block", YAML, ids=_id)
def test_yaml_of_the_pages(block: Block) -> None:
    assert catalogue.problems(catalogue.documents_of(block.text)) == []


@pytest.mark.parametrize("path", tree.modules(ROOT), ids=lambda path: path.stem)
def test_examples_of_modules(path: t.Any) -> None:
    assert catalogue.problems(tree.document(path, "EXAMPLES")) == []


@pytest.mark.parametrize("path", FILTERS, ids=lambda path: path.stem)
def test_examples_of_filters(path: t.Any) -> None:
    examples = catalogue.documents_of(tree.load(path)["EXAMPLES"])
    assert examples
    assert catalogue.problems(examples) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_name_that_a_page_mentions_exists(page: t.Any) -> None:
    mentioned = set(catalogue.NAME.findall(page.read_text(encoding="utf-8")))
    made_here = {pathlib.PurePath(block.caption).stem for block in blocks(page) if "plugins/modules/" in block.caption}
    # A link label continues with the collection's name, too.
    assert mentioned - catalogue.names() - made_here - {"docsite"} == set()


def test_every_name_that_a_message_or_a_module_mentions_exists() -> None:
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for folder in ("modules", "module_utils", "filter", "doc_fragments")
        for path in tree.python_files(ROOT, f"plugins/{folder}")
        for name in catalogue.NAME.findall(path.read_text(encoding="utf-8"))
        if name not in catalogue.names()
    }
    assert missing == set()


@pytest.mark.parametrize("block", CONSOLE, ids=_id)
def test_targets_of_make_exist(block: Block) -> None:
    offered = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = set(re.findall(r"^\$ make ([a-z][a-z-]*)", block.text, re.MULTILINE))
    assert asked <= offered


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        ({"trustmesh.security.no_such_thing": {}}, "there is no module"),
        ({"trustmesh.security.vault_policy": {"policies": [{"name": "a", "rulez": "b"}]}}, "rulez"),
        ({"trustmesh.security.vault_policy": {"policies": [{"name": "a"}]}}, "rules"),
        ({"trustmesh.security.vault_mount": {"mounts": [{"path": "a", "type": "kv", "state": "there"}]}}, "state"),
        ({"block": [{"trustmesh.security.vault_policy": {}}]}, "policies"),
        ({"roles": [{"role": "trustmesh.security.certificate", "vars": {"certificate_item": []}}]}, "takes no"),
        ({"ansible.builtin.include_role": {"name": "trustmesh.security.certificates"}}, "there is no role"),
        ({"ansible.builtin.import_role": {"name": "trustmesh.security.certificate", "tasks_from": "x"}}, "no role"),
        ({"import_playbook": "trustmesh.security.no_such_book"}, "there is no playbook"),
        ({"vars": {"certificate_items": [{"name": "a", "dns_name": "b"}]}}, "dns_name"),
        ({"vault_pki_roles": [{"name": "a", "mount": "b", "max_tl": "1d"}]}, "max_tl"),
        ({"module_defaults": {"group/trustmesh.security.vault": {"address": "x"}}}, "no module takes address"),
    ],
)
def test_wrong_examples_are_noticed(example: t.Any, problem: str) -> None:
    found = catalogue.problems([{"name": "A wrong example", **example}])
    assert any(problem in entry for entry in found)


def test_defaults_and_templates_count_as_given() -> None:
    play = {
        "module_defaults": {"group/trustmesh.security.vault": {"url": "https://vault.example.com:8200"}},
        "tasks": [
            {"trustmesh.security.vault_policy": {"policies": "{{ policies }}"}},
            {"trustmesh.security.vault_policy": {"policies": [{"name": "a", "rules": "{{ rules }}"}]}},
        ],
    }
    assert catalogue.problems([play]) == []
