# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""S8: a value arrives in the program as declared, by the reader that was declared, or nothing is written."""

from __future__ import annotations

import pathlib
import random
import typing as t

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.environment_readers import environments

VALUES = {
    "PLAIN": "postgres://hub:secret@db:5432/hub?sslmode=verify-full",
    "EMPTY": "",
    "SPACES": "two words",
    "AROUND": "  both ends \t",
    "HASH": "#not a comment # nor this",
    "SEMICOLON": ";a;b",
    "DOUBLE": 'say "hello"',
    "QUOTED": '"all of it"',
    "SINGLE": "it's",
    "MIXED": "\"'`'\"",
    "DOLLAR": "$HOME ${HOME} $(id) $$",
    "BACKSLASH": 'a\\b\\\\c\\n\\$\\"',
    "ENDS_SO": "a\\",
    "SHELL": "a && b | c > /dev/null; ! d ~ * ? [x] {y,z} (e)",
    "TILDE": "~/x:~root",
    "OTHER": "é ☃ \U0001f511 \u00a0\ufeff",
    "TABS": "a\tb",
    "EQUALS": "=a==b=",
    "JSON": '{"key": "it\'s $5", "path": "C:\\\\x"}',
}
READERS = [["systemd"], ["shell"], ["container"], ["systemd", "shell"]]


def _args(path: pathlib.Path, readers: list[str] | None, **values: str) -> dict[str, t.Any]:
    item = {"path": str(path), "secrets": [{"name": name, "value": it} for name, it in values.items() if it]}
    item["variables"] = {name: it for name, it in values.items() if not it}
    return {"files": [item], **({} if readers is None else {"readers": readers})}


@pytest.mark.parametrize("readers", READERS, ids="+".join)
def test_s8_every_value_arrives_by_its_reader(run_module: t.Any, tmp_path: pathlib.Path, readers: list[str]) -> None:
    path = tmp_path / "hub.env"
    run_module("environment_file", _args(path, readers, **VALUES)).ok()
    for found in or_skip(lambda: environments(path, readers)):
        assert {name: found.get(name) for name in VALUES} == VALUES
    assert not run_module("environment_file", _args(path, readers, **VALUES)).changed


@pytest.mark.parametrize(
    "readers", [["systemd"], ["shell"], ["container"], ["systemd", "shell", "container"]], ids="+".join
)
def test_s8_a_value_arrives_or_is_refused(run_module: t.Any, tmp_path: pathlib.Path, readers: list[str]) -> None:
    """Values drawn by a seed from what readers disagree on; those that are refused leave no file behind."""
    draw = random.Random(8)
    atoms = ["a", " ", "\t", '"', "'", "\\", "#", "$", "`", ";", "=", "é", "\x01", "\x7f", "\ufdd0", "\\n", "~", "!"]
    drawn = {f"V{at}": "".join(draw.choices(atoms, k=draw.randint(1, 6))) for at in range(20)}
    files = [_args(tmp_path / name, None, **{name: value})["files"][0] for name, value in drawn.items()]
    done = run_module("environment_file", {"files": files, "readers": readers})
    taken = {}
    if done.failed:
        assert not list(tmp_path.iterdir()), "one value that is refused, and nothing is written"
        for item in files:
            one = run_module("environment_file", {"files": [item], "readers": readers}, check=True)
            if one.failed:
                assert "readers" in one.result["msg"] and item["secrets"][0]["name"] in one.result["msg"]
            else:
                taken.update({item["secrets"][0]["name"]: item["secrets"][0]["value"]})
    else:
        taken = drawn
    assert taken
    path = tmp_path / "all.env"
    run_module("environment_file", _args(path, readers, **taken)).ok()
    for found in or_skip(lambda: environments(path, readers)):
        assert {name: found.get(name) for name in taken} == taken


@pytest.mark.parametrize(
    ("readers", "name", "value", "problem"),
    [
        (["systemd"], "A", "bell\x07", "because systemd reads it otherwise or drops it"),
        (["systemd"], "A", "\ufffe", "because systemd reads it otherwise or drops it"),
        (["shell"], "UID", "1000", "because a shell reads it otherwise or drops it"),
        (["container"], "A", "x" * 65534, "because a container engine reads it otherwise or drops it"),
        (["shell", "container"], "A", "two words", "has no spelling that a shell and a container engine read alike"),
        (["systemd", "container"], "A", '"quoted"', "has no spelling that systemd and a container engine read alike"),
        (["systemd"], "A", "x" * 131072, "Linux hands at most 131072 to a program"),
        (["container"], "A", "x\ny", "has a value of several lines"),
        ([], "A", "x", "readers: is empty"),
        (["compose"], "A", "x", "value of readers must be one or more of: systemd, shell, container"),
    ],
)
def test_s8_what_cannot_arrive_is_refused(
    run_module: t.Any, tmp_path: pathlib.Path, readers: list[str], name: str, value: str, problem: str
) -> None:
    done = run_module("environment_file", _args(tmp_path / "hub.env", readers, **{name: value}))
    assert done.failed
    assert problem in done.result["msg"]
    assert not list(tmp_path.iterdir())


def test_s8_what_another_reader_finds_is_a_difference(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    """A file that says it to a shell says something else to systemd, and to a container engine."""
    path = tmp_path / "hub.env"
    for text, readers in (
        ("export B='2 3'\nA=\"1\"\n", ["shell"]),
        ("A=1\nB=2 3\n", ["systemd", "container"]),
        ("# kept\nA='1'\nB='2 3'\n", ["systemd", "shell"]),
    ):
        path.write_text(text)
        path.chmod(0o600)
        args = _args(path, readers, A="1", B="2 3")
        assert not run_module("environment_file", args).changed
        for reader in ("systemd", "shell", "container"):
            done = run_module("environment_file", {**args, "readers": [reader]}, check=True)
            assert done.changed == (reader not in readers), (text, reader)
    path.write_text("A=1\nB='2 3'\nrm -rf /nowhere\n")
    done = run_module("environment_file", _args(path, ["shell"], A="1", B="2 3"))
    assert done.changed and "nowhere" not in path.read_text()
