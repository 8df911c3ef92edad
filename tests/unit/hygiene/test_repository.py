# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A repository that somebody prepared runs nothing, and hides nothing from whoever reads it (R8)."""

from __future__ import annotations

import datetime
import os
import pathlib
import subprocess
import typing as t

import pytest

from plugins.module_utils._core.programs import environment
from plugins.module_utils._hygiene.finding import Allowances
from plugins.module_utils._hygiene.repository import GitFailure, Repository
from plugins.module_utils._hygiene.repository_scan import RepositoryScan
from plugins.module_utils._hygiene.scanner import Scanner
from tests.rigs.plants import Plants

_HEAD: t.Final = "author n <a@b> 1700000000 +0000\ncommitter n <a@b> 1700000000 +0000\n"
_SIGNATURE: t.Final = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n"
SIGNED: t.Final = "tree {tree}\n" + _HEAD + _SIGNATURE + "\nsigned\n"
_IDENTITY: t.Final = ("-c", "user.name=n", "-c", "user.email=n@hub.example", "-c", "commit.gpgsign=false")


class Planted:
    """A repository with one commit that says that it is signed, and a program that leaves a mark when it runs."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.mark = path.parent / "ran"
        self.program = path.parent / "planted-program"
        self.program.write_text(f"#!/bin/sh\necho ran >> {self.mark}\n")
        self.program.chmod(0o755)
        path.mkdir()
        self.git("init", "-q", "--initial-branch=main")
        (path / "a.txt").write_text("first\n")
        self.git("add", "a.txt")
        self.signed = self.object("commit", SIGNED.format(tree=self.git("write-tree")))
        self.git("update-ref", "HEAD", self.signed)

    def git(self, *arguments: str, given: str = "") -> str:
        """Run git in it as its owner would."""
        argv = ["git", *_IDENTITY, "-C", str(self.path), *arguments]
        done = subprocess.run(argv, input=given, capture_output=True, text=True, check=True, env=environment())
        return done.stdout.strip()

    def object(self, kind: str, text: str) -> str:
        """Keep an object, and return its identity."""
        return self.git("hash-object", "-t", kind, "-w", "--literally", "--stdin", given=text)

    def commit(self, name: str, text: str) -> str:
        """Commit a file."""
        (self.path / name).write_text(text)
        self.git("add", name)
        self.git("commit", "-q", "-m", f"message of {name}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def planted(tmp_path: pathlib.Path) -> Planted:
    """A repository to prepare."""
    return Planted(tmp_path / "repository")


def _everything(path: pathlib.Path) -> set[str]:
    """Read all that a scan reads, and return every text."""
    repository = Repository(str(path))
    names = repository.tracked_and_new() if not repository.is_bare() else []
    repository.not_ignored([".env"])
    repository.is_shallow()
    repository.is_partial()
    commits = repository.commits()
    with repository.reader(1 << 20) as read:
        texts = {(read(blob.identity)[1] or b"").decode() for blob in repository.history(commits)}
        texts |= {repository.message(read(commit)[1] or b"").decode() for commit in commits}
        texts |= {(content or b"").decode() for _name, _path, content in repository.beside_commits(read)}
    return texts | set(names)


#: Settings of a repository that name a program to run, for whatever git command would run it.
PROGRAMS: t.Final = (
    {"log.showSignature": "true", "gpg.program": "{}"},
    {"log.showSignature": "true", "gpg.openpgp.program": "{}"},
    {"core.fsmonitor": "{}"},
    {"core.fsmonitor": "{}", "core.fsmonitorHookVersion": "2"},
    {"core.hooksPath": "{hooks}"},
    {"core.pager": "{}", "pager.log": "{}", "pager.rev-list": "{}", "pager.ls-files": "{}", "pager.config": "{}"},
    {"diff.external": "{}"},
    {"diff.x.textconv": "{}", "diff.x.command": "{}"},
    {"filter.x.clean": "{}", "filter.x.smudge": "{}", "filter.x.process": "{}", "filter.x.required": "true"},
    {"core.sshCommand": "{}", "remote.origin.url": "ssh://hub.example/x", "remote.origin.promisor": "true"},
    {"remote.origin.url": "ext::{}", "remote.origin.promisor": "true", "protocol.ext.allow": "always"},
    {"remote.origin.url": "/nowhere", "remote.origin.uploadpack": "{}", "remote.origin.promisor": "true"},
    {"core.alternateRefsCommand": "{}", "core.gitProxy": "{}", "core.askPass": "{}", "core.editor": "{}"},
    {"credential.helper": "!{}", "sequence.editor": "{}", "trailer.x.command": "{}"},
    {"alias.rev-list": "!{}", "alias.diff-tree": "!{}", "alias.ls-files": "!{}", "alias.cat-file": "!{}"},
    {"include.path": "{include}"},
)


@pytest.mark.parametrize("settings", PROGRAMS, ids=[next(iter(entry)) + str(at) for at, entry in enumerate(PROGRAMS)])
def test_r8_no_setting_of_a_repository_runs_a_program(planted: Planted, settings: t.Mapping[str, str]) -> None:
    """R8: each is planted, with attributes that select it, hooks, and an included file that says the same."""
    hooks = planted.path.parent / "hooks"
    for directory in (hooks, planted.path / ".git" / "hooks"):
        directory.mkdir(exist_ok=True)
        for hook in ("post-index-change", "fsmonitor-watchman", "query-watchman", "reference-transaction"):
            (directory / hook).write_text(planted.program.read_text())
            (directory / hook).chmod(0o755)
    include = planted.path.parent / "included"
    include.write_text(f"[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {planted.program}\n"
                       f"[core]\n\tfsmonitor = {planted.program}\n")  # fmt: skip
    (planted.path / ".gitattributes").write_text("* filter=x diff=x\n")
    for name, value in settings.items():
        text = value.replace("{}", str(planted.program)).replace("{hooks}", str(hooks))
        planted.git("config", name, text.replace("{include}", str(include)))
    planted.mark.unlink(missing_ok=True)
    assert {"first\n", "signed\n"} <= _everything(planted.path)
    assert not planted.mark.exists()


def test_r8_a_signature_runs_its_program_where_nothing_is_overruled(planted: Planted) -> None:
    """The guard of the test above: what it plants does run in an ordinary git."""
    planted.git("config", "log.showSignature", "true")
    planted.git("config", "gpg.program", str(planted.program))
    planted.git("log")
    assert planted.mark.exists()


def test_r8_our_environment_does_not_reach_git(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings of git nor tokens; programs of the working directory are not found."""
    for name in ("git", "gpg", "sh"):
        (planted.path / name).write_text(planted.program.read_text())
        (planted.path / name).chmod(0o755)
    monkeypatch.chdir(planted.path)
    monkeypatch.setenv("PATH", f".::{os.environ['PATH']}")
    for name, value in (
        ("GIT_DIR", "/nowhere"),
        ("GIT_EXTERNAL_DIFF", str(planted.program)),
        ("GIT_SSH_COMMAND", str(planted.program)),
        ("GIT_CONFIG_PARAMETERS", "'core.fsmonitor=/nowhere'"),
        ("GIT_TRACE", str(planted.mark)),
        ("VAULT_TOKEN", "token-of-ours"),
    ):
        monkeypatch.setenv(name, value)
    assert {"first\n", "signed\n", "git"} <= _everything(planted.path)
    assert not planted.mark.exists()
    made = environment("HOME", LC_ALL="C")
    assert not [name for name in made if name.startswith("GIT_") or "TOKEN" in name]
    assert (made["LC_ALL"], "." in made["PATH"].split(":"), "" in made["PATH"].split(":")) == ("C", False, False)


def test_r8_objects_that_replace_others_hide_nothing(planted: Planted) -> None:
    """A file, a commit and a tree in the place of others: both are read."""
    secret, last = planted.commit("b.txt", "hidden\n"), planted.commit("c.txt", "last\n")
    harmless = planted.object("blob", "harmless\n")
    planted.git("replace", planted.git("rev-parse", f"{secret}:b.txt"), harmless)
    planted.git("replace", last, planted.signed)
    tree = planted.git("mktree", given=f"100644 blob {planted.object('blob', 'in a tree' + chr(10))}\td.txt\n")
    planted.git("replace", planted.git("rev-parse", f"{secret}^{{tree}}"), tree)
    assert {"hidden\n", "last\n", "harmless\n", "in a tree\n"} <= _everything(planted.path)


def test_r8_grafts_hide_nothing(planted: Planted) -> None:
    """Parents that .git/info/grafts takes away are there."""
    planted.commit("b.txt", "hidden\n")
    planted.git("rm", "-q", "b.txt")
    last = planted.commit("c.txt", "last\n")
    (planted.path / ".git" / "info").mkdir(exist_ok=True)
    (planted.path / ".git" / "info" / "grafts").write_text(f"{last}\n")
    assert "hidden\n" not in planted.git("log", "-p", "--format=")
    assert {"hidden\n", "last\n", "first\n"} <= _everything(planted.path)


def test_r8_a_cache_of_commits_hides_nothing(planted: Planted) -> None:
    """A commit graph that was written while grafts were in force knows no parents."""
    planted.commit("b.txt", "hidden\n")
    planted.git("rm", "-q", "b.txt")
    last = planted.commit("c.txt", "last\n")
    graph = planted.path / ".git" / "objects" / "info" / "commit-graph"
    planted.git("commit-graph", "write", "--reachable")
    data = graph.read_bytes()
    parent = planted.git("rev-parse", f"{last}^")
    assert bytes.fromhex(parent) in data
    # Parent numbers of all commits: none (0x70000000), which is what a forged graph would say.
    at = data.index(bytes.fromhex(planted.git("rev-parse", f"{last}^{{tree}}"))) + 20
    graph.chmod(0o644)
    graph.write_bytes(data[:at] + b"\x70\x00\x00\x00" * 2 + data[at + 8 :])
    assert planted.git("rev-list", "--count", "HEAD") == "1"
    assert {"hidden\n", "last\n", "first\n"} <= _everything(planted.path)


def test_r8_objects_of_another_store_are_read(planted: Planted, tmp_path: pathlib.Path) -> None:
    """Alternates are looked through, and so are repositories whose store is elsewhere."""
    planted.commit("b.txt", "borrowed\n")
    borrower = tmp_path / "borrower"
    planted.git("clone", "-q", "--shared", str(planted.path), str(borrower))
    assert (borrower / ".git" / "objects" / "info" / "alternates").exists()
    assert {"borrowed\n", "first\n", "b.txt"} <= _everything(borrower)
    aside = tmp_path / "aside"
    planted.git("worktree", "add", "-q", str(aside), "-b", "aside")
    assert {"borrowed\n", "first\n", "b.txt"} <= _everything(aside)


def test_r8_tags_files_and_trees_that_no_commit_holds_are_read(planted: Planted) -> None:
    planted.git("tag", "-a", "-m", "text of a tag", "v1")
    planted.git("tag", "-a", "-m", "text of a tag of a tag", "v2", "v1")
    blob = planted.object("blob", "beside\n")
    planted.git("update-ref", "refs/x/blob", blob)
    planted.git("update-ref", "refs/x/tree", planted.git("mktree", given=f"100644 blob {blob}\tdeep.txt\n"))
    with Repository(str(planted.path)).reader(1 << 20) as read:
        found = list(Repository(str(planted.path)).beside_commits(read))
    taggers = [entry for entry in found if (entry[2] or b"").endswith(b">")]
    assert [name for name, _path, _content in taggers] == ["refs/tags/v1", "refs/tags/v2", "refs/tags/v2"]
    assert sorted((entry for entry in found if entry not in taggers), key=str) == [
        ("refs/tags/v1", "", b"text of a tag\n"),
        ("refs/tags/v2", "", b"text of a tag of a tag\n"),
        ("refs/tags/v2", "", b"text of a tag\n"),
        ("refs/x/blob", "refs/x/blob", b"beside\n"),
        ("refs/x/tree", "deep.txt", b"beside\n"),
    ]


@pytest.mark.parametrize(
    ("name", "value"), [("core.worktree", "/usr/share/doc"), ("core.bare", "true"), ("core.ignoreCase", "true")]
)
def test_r8_no_setting_hides_the_working_tree(planted: Planted, name: str, value: str) -> None:
    (planted.path / "A.TXT").write_text("upper case\n")
    planted.git("config", name, value)
    assert {"a.txt", "A.TXT"} <= _everything(planted.path)


def test_r8_a_store_that_is_none_does_not_lead_to_the_repository_above(planted: Planted) -> None:
    inner = planted.path / "inner"
    (inner / ".git").mkdir(parents=True)
    with pytest.raises(GitFailure, match="not a git repository"):
        _everything(inner)


def test_r8_an_object_that_cannot_be_read_ends_in_an_error(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe in the place of an object keeps git waiting; the scan does not wait with it."""
    monkeypatch.setattr("plugins.module_utils._hygiene.repository._PATIENCE", 0.3)
    blob = planted.git("rev-parse", "HEAD:a.txt")
    stored = planted.path / ".git" / "objects" / blob[:2] / blob[2:]
    stored.unlink()
    os.mkfifo(stored)
    with pytest.raises(GitFailure, match="does not read object"):
        _everything(planted.path)


def _scan(path: pathlib.Path) -> dict[str, t.Any]:
    now = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
    item = {"path": str(path), "history": True, "exclude": [], "must_ignore": [], "largest_file": 1 << 20}
    with Scanner([]) as scanner:
        (result,) = RepositoryScan(scanner, Allowances([], now), 100).run([item])["results"]
    return t.cast("dict[str, t.Any]", result)


def test_the_commit_that_brought_a_secret_is_named(planted: Planted) -> None:
    """Kind 10: of a secret in the tree, of one that went, and of one that moved to another line, the first commit."""
    stays, goes = Plants(1).github(), Plants(2).github()
    first = planted.commit("b.txt", f"use {stays}\n")
    second = planted.commit("c.txt", f"use {goes}\n")
    planted.commit("b.txt", f"one more line\nuse {stays}\n")
    planted.git("rm", "-q", "c.txt")
    planted.commit("d.txt", "nothing\n")
    named = {finding["path"]: (finding["where"], finding["commit"]) for finding in _scan(planted.path)["findings"]}
    assert named == {"b.txt": ("tree", first), "c.txt": ("history", second)}


def test_every_reference_and_every_merge_is_searched(planted: Planted) -> None:
    """gitleaks/gitleaks#1452: what is neither branch nor tag, and what only a merge brought."""
    planted.commit("b.txt", "nothing\n")
    planted.git("checkout", "-q", "-b", "side")
    asked = planted.commit("c.txt", f"use {Plants(7).github()}\n")
    planted.git("update-ref", "refs/pull/7/head", asked)
    planted.git("reset", "-q", "--hard", "main")
    planted.commit("d.txt", "nothing\n")
    planted.git("checkout", "-q", "main")
    planted.git("merge", "-q", "--no-ff", "--no-commit", "side")
    (planted.path / "e.txt").write_text(f"use {Plants(8).github()}\n")
    planted.git("add", "e.txt")
    planted.git("commit", "-q", "-m", "merge")
    planted.git("rm", "-q", "e.txt")
    planted.commit("f.txt", "nothing\n")
    assert {finding["path"] for finding in _scan(planted.path)["findings"]} == {"c.txt", "e.txt"}


def test_every_stash_is_searched(planted: Planted) -> None:
    """mckinsey/vizro#427, betterleaks/betterleaks#10: only the newest stash has a reference, the others a log."""
    planted.commit("b.txt", "nothing\n")
    for seed in (3, 4, 5):
        (planted.path / "b.txt").write_text(f"use {Plants(seed).github()}\n")
        planted.git("stash", "push", "-q")
    assert [finding["path"] for finding in _scan(planted.path)["findings"]] == ["b.txt"] * 3


def test_s5_what_is_in_the_tree_and_no_file_is_counted(planted: Planted) -> None:
    """A repository in the repository is not searched, and a link is searched for what it says."""
    inner = Planted(planted.path / "inner")
    os.symlink(f"https://hub:{Plants(3).text(12)}@x.example", planted.path / "link")
    result = _scan(planted.path)
    assert inner.path.is_dir()
    assert result["unread"] == {"a repository of its own, to be searched by itself": 1}
    assert (result["complete"], result["ok"]) == (False, False)
    assert [finding["path"] for finding in result["findings"]] == ["link"]


def test_a_token_in_the_place_of_a_name_is_found(planted: Planted) -> None:
    """trufflesecurity/trufflehog#392 (notgitbleed.com): credentials typed where git wants a name or an address."""
    token = "ghp_" + Plants(392).text(36)
    planted.git("commit", "-q", "--allow-empty", "--author", f"{token} <n@hub.example>", "-m", "words")
    planted.git("tag", "-a", "-m", "words", "v1")
    repository = Repository(str(planted.path))
    commit = repository.commits()[-1]
    with repository.reader(1 << 20) as read:
        people = repository.people(read(commit)[1] or b"")
        told = [content for _name, _path, content in repository.beside_commits(read)]
    assert people == f"{token} <n@hub.example>\nn <n@hub.example>".encode()
    assert told == [b"words\n", b"n <n@hub.example>"]
    result = _scan(planted.path)
    assert [finding["rule"] for finding in result["findings"]] == ["github-token"]
    assert token not in str(result)
