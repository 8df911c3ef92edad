# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees, histories and messages are searched; what cannot be searched is told; allowances need somebody to answer."""

from __future__ import annotations

import datetime
import os
import pathlib
import subprocess
import typing as t

import pytest

from tests.integration.repo_secret_scan.corpus import PLANTED, Corpus
from tests.rigs.plants import Plants

HOW: t.Final = {plant.how: plant.path for plant in PLANTED}


def _paths(result: dict[str, t.Any], where: str | None = None) -> set[str]:
    return {finding["path"] for finding in result["findings"] if where in (None, finding["where"])}


@pytest.fixture
def repository(tmp_path: pathlib.Path) -> Corpus:
    """A small repository that a test may change: two secrets in the tree, one of them committed."""
    corpus = Corpus.__new__(Corpus)
    corpus.path = tmp_path / "small"
    corpus.path.mkdir()
    corpus.git("init", "--quiet", "--initial-branch=main")
    (corpus.path / ".gitignore").write_text(".env*\n")
    (corpus.path / "a.txt").write_text(f"use {Plants(1).github()}\n")
    corpus.commit("Add a")
    (corpus.path / "b.txt").write_text(f"use {Plants(2).gitlab()}\n")
    return corpus


def test_no_secret_is_told(run_module: t.Any, corpus: Corpus, canaries: t.Any) -> None:
    for secret in corpus.secrets.values():
        if len(secret) >= 12:
            canaries.record(secret, "planted")
    done = run_module("repo_secret_scan", {"repositories": [{"path": str(corpus.path)}], "max_findings": 1000})
    assert len(done.result["results"][0]["findings"]) > 60


def test_the_history_alone_knows_what_was_removed(scan: t.Any, corpus: Corpus) -> None:
    past = {HOW[how] for how in ("removed", "replaced", "branch", "tag", "merge", "stash")}
    result = scan(corpus.path)
    assert _paths(result, "history") == past
    assert _paths(result, "message") == {"(message)"}
    tree = scan(corpus.path, history=False)
    assert not _paths(tree) & past
    assert _paths(tree) == _paths(result, "tree")
    assert (tree["versions"], tree["commits"]) == (0, 0)


def test_a_finding_names_the_commit_that_brought_it(scan: t.Any, corpus: Corpus) -> None:
    result = scan(corpus.path)
    for how, message in (("removed", "Add everything"), ("branch", "Work aside"), ("merge", "Join")):
        (finding,) = (entry for entry in result["findings"] if entry["path"] == HOW[how])
        assert corpus.git("log", "-1", "--format=%s", finding["commit"]) == message
    (first,) = {entry["commit"] for entry in result["findings"] if entry["where"] == "tree"}
    assert corpus.git("log", "-1", "--format=%s", first) == "Add everything"


def test_a_bare_repository_has_no_tree(scan: t.Any, corpus: Corpus, tmp_path: pathlib.Path) -> None:
    bare = tmp_path / "hub.git"
    corpus.git("clone", "--quiet", "--mirror", str(corpus.path), str(bare))
    result = scan(bare)
    assert result["files"] == 0
    assert _paths(result) == _paths(scan(corpus.path))


def test_a_new_file_counts_and_an_ignored_one_does_not(scan: t.Any, repository: Corpus) -> None:
    (repository.path / ".env").write_text(f"PASSWORD={Plants(3).password()}\n")
    result = scan(repository.path)
    assert _paths(result) == {"a.txt", "b.txt"}
    assert [entry.get("commit") is None for entry in sorted(result["findings"], key=lambda it: it["path"])] == [
        False,
        True,
    ]


def test_what_has_to_be_ignored(scan: t.Any, repository: Corpus) -> None:
    assert not [problem for problem in scan(repository.path)["problems"] if "git would add" in problem]
    (repository.path / ".gitignore").write_text(".env\n")
    assert [problem for problem in scan(repository.path)["problems"] if "git would add" in problem] == [
        "git would add .env.local; it belongs in .gitignore"
    ]


def test_an_allowance_by_fingerprint_holds_for_the_secret_and_not_for_the_place(
    scan: t.Any, repository: Corpus
) -> None:
    by_path = {entry["path"]: entry for entry in scan(repository.path)["findings"]}
    today = datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
    allow = [
        {"fingerprint": by_path[name]["fingerprint"], "owner": "hub team", "reason": "destroyed", "expires": today}
        for name in ("a.txt", "b.txt")
    ]
    allowed = scan(repository.path, allow=allow)
    assert allowed["ok"], allowed["problems"]
    assert [entry["verdict"] for entry in allowed["allowances"]] == ["used", "used"]
    (repository.path / "a.txt").rename(repository.path / "moved.txt")
    assert scan(repository.path, allow=allow)["ok"]
    (repository.path / "b.txt").write_text(f"use {Plants(4).gitlab()}\n")
    changed = scan(repository.path, allow=allow)
    assert not changed["ok"]
    assert [entry["verdict"] for entry in changed["allowances"]] == ["used", "unused"]


def test_an_expired_allowance_allows_nothing(scan: t.Any, repository: Corpus) -> None:
    expired = {"path": "*", "owner": "hub team", "reason": "old", "expires": "2020-01-01"}
    result = scan(repository.path, allow=[expired])
    assert not result["ok"]
    assert result["allowances"][0]["verdict"] == "expired"


def test_a_large_file_is_told_and_left_out(scan: t.Any, repository: Corpus) -> None:
    (repository.path / "a.txt").write_text("x" * 2000 + f" {Plants(1).github()}\n")
    repository.commit("Grow")
    result = scan(repository.path, largest_file=1000)
    assert result["unread"] == {"larger than largest_file": 2}
    assert not result["complete"]
    assert "2 files or versions were not looked into: larger than largest_file" in result["problems"]
    # The small version of the past is still seen.
    assert _paths(result, "history") == {"a.txt"}


def test_exclusions(scan: t.Any, repository: Corpus) -> None:
    assert _paths(scan(repository.path, exclude=["a.*"])) == {"b.txt"}
    assert _paths(scan(repository.path, skip_rules=["gitlab-token", "gitlab-token-2"])) >= {"a.txt"}


def test_a_shallow_clone_is_a_problem(scan: t.Any, corpus: Corpus, tmp_path: pathlib.Path) -> None:
    shallow = tmp_path / "shallow"
    corpus.git("clone", "--quiet", "--depth=1", f"file://{corpus.path}", str(shallow))
    result = scan(shallow)
    assert not result["complete"]
    assert "the clone is shallow: what happened before its first commit was not seen" in result["problems"]


def test_a_partial_clone_is_refused_and_nothing_is_fetched(
    run_module: t.Any, corpus: Corpus, tmp_path: pathlib.Path
) -> None:
    partial = tmp_path / "partial"
    corpus.git("-c", "uploadpack.allowFilter=true", "clone", "--quiet", "--filter=blob:none", f"file://{corpus.path}",
               str(partial))  # fmt: skip
    before = sorted(str(path) for path in (partial / ".git" / "objects").rglob("*"))
    done = run_module("repo_secret_scan", {"repositories": [{"path": str(partial)}]})
    assert done.failed
    assert "is a partial clone" in done.result["msg"]
    assert sorted(str(path) for path in (partial / ".git" / "objects").rglob("*")) == before


def test_a_plain_directory_without_history(run_module: t.Any, scan: t.Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.txt").write_text(f"use {Plants(1).github()}\n")
    refused = run_module("repo_secret_scan", {"repositories": [{"path": str(tmp_path)}]})
    assert "is not a git repository. Set history to false" in refused.result["msg"]
    assert _paths(scan(tmp_path, history=False)) == {"a.txt"}


def test_what_is_missing_fails_beside_the_others(run_module: t.Any, repository: Corpus, tmp_path: pathlib.Path) -> None:
    paths = [{"path": str(tmp_path / "none")}, {"path": str(repository.path)}]
    done = run_module("repo_secret_scan", {"repositories": paths})
    assert done.failed
    assert "there is no such directory on this host" in done.result["msg"]
    assert len(done.result["results"][1]["findings"]) == 2


def test_a_repository_runs_nothing_of_ours_and_is_not_changed(scan: t.Any, repository: Corpus) -> None:
    """A watcher, a hook and a filter that would leave a mark do not run; not even the index is refreshed."""
    mark = repository.path.parent / "ran"
    for name in ("core.fsmonitor", "filter.x.smudge", "filter.x.clean", "diff.x.textconv", "core.pager"):
        repository.git("config", name, f"touch {mark}; cat")
    (repository.path / ".gitattributes").write_text("* filter=x diff=x\n")
    mark.unlink(missing_ok=True)
    before = {path: path.stat().st_mtime_ns for path in (repository.path / ".git").rglob("*")}
    assert _paths(scan(repository.path)) == {"a.txt", "b.txt"}
    assert not mark.exists()
    assert {path: path.stat().st_mtime_ns for path in (repository.path / ".git").rglob("*")} == before


def test_r8_a_signed_commit_runs_no_program(scan: t.Any, repository: Corpus) -> None:
    """R8: the program that the repository names for checking signatures does not run."""
    mark, program = repository.path.parent / "ran", repository.path.parent / "gpg"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    repository.git("config", "log.showSignature", "true")
    repository.git("config", "gpg.program", str(program))
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n"
    commit = repository.git("cat-file", "commit", "HEAD")
    head, _blank, message = commit.partition("\n\n")
    given = f"{head}\n{signature}\n{message}\n"
    (repository.path.parent / "commit").write_text(given)
    signed = repository.git("hash-object", "-t", "commit", "-w", "--literally", str(repository.path.parent / "commit"))
    repository.git("update-ref", "HEAD", signed)
    assert _paths(scan(repository.path)) == {"a.txt", "b.txt"}
    assert not mark.exists()
    repository.git("log")
    assert mark.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a directory to another user")
def test_a_repository_of_another_user_is_refused(run_module: t.Any, repository: Corpus) -> None:
    subprocess.run(["chown", "-R", "65534", str(repository.path)], check=True)
    done = run_module("repo_secret_scan", {"repositories": [{"path": str(repository.path)}]})
    assert done.failed
    assert "dubious ownership" in done.result["msg"]
    assert "Run as its owner" in done.result["msg"]
