# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused before a secret is put where others find it, and what programs are never left to choose (kind 10)."""

from __future__ import annotations

import itertools
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.programs import Finished
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._hygiene import container_secret, repository
from plugins.module_utils._hygiene.environment_file import ITEM_OPTIONS, EnvironmentFile


def _file(path: pathlib.Path, secrets: dict[str, str] | None = None, **given: t.Any) -> EnvironmentFile:
    item = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    values = [{"name": name, "value": text} for name, text in (secrets or {}).items()]
    item.update(
        path=str(path),
        secrets=[{"value": None, "value_file": None, "vault": None, **value} for value in values],
        **given,
    )
    return EnvironmentFile.declared(FileTransaction(), lambda *_place: Secret("fetched"), item)


@pytest.mark.parametrize(
    ("mode", "secrets", "field"),
    [
        ("0644", {"KEY": "hidden"}, "mode"),
        ("0601", {"KEY": "hidden"}, "mode"),
        ("0602", {"KEY": "hidden"}, "mode"),
        ("0640", {"KEY": "hidden"}, None),
        ("0644", {}, None),
    ],
)
def test_secrets_are_not_written_for_everybody(
    tmp_path: pathlib.Path, mode: str, secrets: dict[str, str], field: str | None
) -> None:
    if field is None:
        _file(tmp_path / "env", secrets, mode=mode)
        return
    with pytest.raises(InvalidInput) as refusal:
        _file(tmp_path / "env", secrets, mode=mode)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("password", "placeholder used everywhere"),
        (" 'password'\n", "known to everybody"),
        ("", "is empty"),
        ("x", None),
    ],
)
def test_a_secret_that_everybody_knows_is_refused(tmp_path: pathlib.Path, value: str, problem: str | None) -> None:
    if problem is None:
        _file(tmp_path / "env", {"KEY": value})
        return
    with pytest.raises(InvalidInput, match=problem) as refusal:
        _file(tmp_path / "env", {"KEY": value})
    assert refusal.value.field == "secrets[0] (KEY).value"


def test_a_secret_is_declared_once_and_read_by_somebody(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InvalidInput, match="is declared twice"):
        _file(tmp_path / "env", {"KEY": "hidden"}, variables={"KEY": "plain"})
    with pytest.raises(InvalidInput) as refusal:
        _file(tmp_path / "env", readers=[])
    assert refusal.value.field == "readers"


def test_a_link_is_not_written_through(tmp_path: pathlib.Path) -> None:
    (tmp_path / "victim").write_text("A=1\n")
    (tmp_path / "env").symlink_to("victim")
    with pytest.raises(InvalidInput, match="is a symbolic link") as refusal:
        _file(tmp_path / "env", {"KEY": "hidden"}).read()
    assert refusal.value.field == str(tmp_path / "env")


def test_what_others_wrote_is_a_secret_unless_it_is_declared_in_the_clear(tmp_path: pathlib.Path) -> None:
    (tmp_path / "env").write_text("PLAIN=shown\nTHEIRS=of-others\n")
    found = _file(tmp_path / "env", {"KEY": "hidden"}, variables={"PLAIN": "x"}).read()
    assert found is not None
    assert found.variables == {"PLAIN": "shown", "THEIRS": Secret("of-others")}


def test_a_name_is_never_an_option_of_podman_and_a_value_never_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], bytes]] = []

    def run(argv: list[str], variables: dict[str, str], deadline: float, *, given: bytes, remedy: str) -> Finished:
        assert remedy and deadline > 0 and "VAULT_TOKEN" not in variables
        calls.append((argv, given))
        return Finished(0, b"", ())

    monkeypatch.setenv("VAULT_TOKEN", "hvs.x")
    monkeypatch.setattr(container_secret, "run", run)
    podman = container_secret.Podman("podman")
    podman.remove("--all")
    podman.create("--x", Secret("the-value"), "file", {"b": "2", "a": "1"}, replace=False)
    assert calls[0] == (["podman", "secret", "rm", "--", "--all"], b"")
    argv, given = calls[1]
    assert argv[-3:] == ["--", "--x", "-"]
    assert argv[2:-3] == ["create", "--driver", "file", "--label", "a=1", "--label", "b=2"]
    assert given == b"the-value"


def test_kind_7_git_is_left_no_choice(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], dict[str, str]]] = []

    def run(argv: list[str], variables: dict[str, str], *_given: t.Any, **_named: t.Any) -> Finished:
        seen.append((argv, variables))
        return Finished(0, b"true\n", ())

    monkeypatch.setattr(repository, "run", run)
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    assert repository.Repository(str(tmp_path)).is_shallow()
    ((argv, variables),) = seen
    told = {name for flag, name in itertools.pairwise(argv) if flag == "-c"}
    for setting in (
        *("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.sshCommand=false", "core.askPass=false"),
        *("core.editor=false", "core.pager=cat", "core.gitProxy=false", "core.alternateRefsCommand=false"),
        *("credential.helper=", "diff.external=", "gpg.program=false", "gpg.openpgp.program=false"),
        *("gpg.x509.program=false", "gpg.ssh.program=false", "gpg.ssh.defaultKeyCommand=false"),
        *("log.showSignature=false", "protocol.allow=never", "core.commitGraph=false", "core.multiPackIndex=false"),
        *("core.untrackedCache=false", "core.ignoreCase=false", "diff.ignoreSubmodules=none"),
        "submodule.recurse=false",
    ):
        assert setting in told
    wanted = {
        "LC_ALL": "C",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": "/dev/null",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_CEILING_DIRECTORIES": str(tmp_path.parent.resolve()),
    }
    assert wanted.items() <= variables.items()
    assert "GIT_DIR" not in variables
