# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F4: examples of the pages and of the modules, and the commands at the head of playbooks, pass a syntax check.

One process looks at all examples: a play or a list of tasks of each page, module, filter, test and lookup.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t

import pytest
import yaml

from tests.rigs.process import clean_environment
from tests.rigs.runner import BINARIES
from tests.unit.architecture.guards import tree
from tests.unit.docs import catalogue
from tests.unit.docs.blocks import ROOT, blocks, documents
from tests.unit.docs.printed import Printed, of_comments

#: Files of the collection itself that a guide makes.
_OF_A_CHECKOUT: t.Final = ("plugins/", "tests/", "docs/")


def _ansible(collection: pathlib.Path, home: pathlib.Path, command: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(
        HOME=str(home),
        ANSIBLE_COLLECTIONS_PATH=str(collection),
        ANSIBLE_NOCOLOR="1",
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_INVENTORY_UNPARSED_WARNING="false",
    )
    environment["PATH"] = os.pathsep.join([str(BINARIES), environment.get("PATH", os.defpath)])
    return subprocess.run(
        ["sh", "-c", command],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _plays(place: str, content: t.Any) -> list[dict[str, t.Any]]:
    """Return what a reader would run of an example; variables alone are a play that does nothing with them."""
    if isinstance(content, dict):
        return [{"name": place, "hosts": "localhost", "gather_facts": False, "vars": _variables(content)}]
    plays = [entry for entry in content if "hosts" in entry or "ansible.builtin.import_playbook" in entry]
    tasks = [entry for entry in content if entry not in plays]
    wrapped = [{"name": place, "hosts": "localhost", "gather_facts": False, "tasks": tasks}] if tasks else []
    return [*plays, *wrapped]


def _variables(content: dict[str, t.Any]) -> dict[str, t.Any]:
    return {str(name): value for name, value in content.items() if str(name).isidentifier()}


def _examples() -> list[dict[str, t.Any]]:
    found: list[dict[str, t.Any]] = []
    for page in documents():
        for block in blocks(page):
            if block.language in ("yaml", "yaml+jinja") and not block.caption.startswith(
                ("plugins/", "tests/", "docs/")
            ):
                for content in catalogue.documents_of(block.text):
                    found += _plays(block.place, content)
    for path in [*tree.modules(ROOT), *sorted((ROOT / "plugins" / "lookup").glob("[!_]*.py"))]:
        found += _plays(path.stem, tree.document(path, "EXAMPLES"))
    for path in sorted([*(ROOT / "plugins" / "filter").glob("*.yml"), *(ROOT / "plugins" / "test").glob("*.yml")]):
        for content in catalogue.documents_of(tree.load(path)["EXAMPLES"]):
            found += _plays(path.stem, content)
    return found


def test_f4_every_example_passes_a_syntax_check(collection: pathlib.Path, tmp_path: pathlib.Path) -> None:
    examples = _examples()
    assert len(examples) > 80
    (tmp_path / "examples.yml").write_text(yaml.safe_dump(examples, sort_keys=False, width=1000))
    done = _ansible(collection, tmp_path, "ansible-playbook --syntax-check examples.yml")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def test_f4_wrong_example_is_noticed(collection: pathlib.Path, tmp_path: pathlib.Path) -> None:
    wrong = _plays("wrong", [{"name": "Wrong", "trustmesh.security.no_such_module": {}}])
    (tmp_path / "examples.yml").write_text(yaml.safe_dump(wrong))
    assert _ansible(collection, tmp_path, "ansible-playbook --syntax-check examples.yml").returncode != 0


@pytest.mark.parametrize("one", of_comments(), ids=lambda one: one.page)
def test_f4_commands_of_playbooks_are_understood(
    collection: pathlib.Path, tmp_path: pathlib.Path, one: Printed
) -> None:
    (tmp_path / "rotation.yml").write_text("{}\n")
    (tmp_path / "inventories").symlink_to(ROOT / "inventories")
    done = _ansible(collection, tmp_path, f"{one.command} --syntax-check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_f4_a_module_is_documented(collection: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = _ansible(collection, tmp_path, "ansible-doc trustmesh.security.certificate")
    assert done.returncode == 0, done.stderr
    assert "renew_before" in done.stdout
