# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""envelope_key on files of this host: the ladder, and keys that are none."""

from __future__ import annotations

import pathlib
import secrets
import stat
import subprocess
import sys
import typing as t
from collections.abc import Callable

import pytest

from plugins.filter.envelope_open import envelope_open
from plugins.filter.envelope_seal import envelope_seal
from plugins.module_utils._core import leftovers
from tests.integration.docs_policies.returned import differences
from tests.integration.ladder import Ladder
from tests.rigs.canary import Canaries

Module = Callable[..., t.Any]


def test_mb_26_ladder(ladder: Ladder, tmp_path: pathlib.Path, canaries: Canaries) -> None:
    paths = [tmp_path / f"{at}.key" for at in range(3)]
    before: list[str] = []

    def tamper() -> None:
        before.extend(canaries.record(path.read_text().strip(), "master key") for path in paths)
        paths[1].chmod(0o644)

    rungs = ladder.climb(
        "envelope_key",
        {"keys": [{"path": str(path)} for path in paths]},
        tamper=tamper,
        absent={"keys": [{"path": str(path), "state": "absent", "deletion_allowed": True} for path in paths]},
        server=False,
    )
    assert differences("envelope_key", rungs["create"].result.result) == []
    assert len(set(before)) == 3
    assert all(len(bytes.fromhex(key)) == 32 for key in before)
    assert rungs["mend"].items[1]["reasons"] == ["mode is 0644, declared 0600"]
    values = [item["key"]["check_value"] for item in rungs["create"].items]
    assert values == [item["key"]["check_value"] for item in rungs["mended"].items], "the keys are still the same"
    assert len(set(values)) == 3
    assert not list(tmp_path.iterdir())


def test_mb_26_key_seals(run_module: Module, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "master.key"
    run_module("envelope_key", {"keys": [{"path": str(path)}], "mode": "0400"}).ok()
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    key = {"type": "file", "path": str(path)}
    assert envelope_open(envelope_seal("x", key), key) == "x"


def test_kind_9_a_copy_that_a_killed_run_left_goes_whatever_the_next_run_has_to_do(
    run_module: Module, tmp_path: pathlib.Path
) -> None:
    """As after a run that was killed while it changed the mode, when that is declared no longer."""
    keys = {"keys": [{"path": str(tmp_path / "master.key")}]}
    run_module("envelope_key", keys).ok()
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    left = tmp_path / f".trustmesh-{leftovers._world()}-{process.pid}-0123abcd.tmp"
    left.write_bytes((tmp_path / "master.key").read_bytes())
    assert not run_module("envelope_key", keys, check=True).ok().changed
    assert left.exists()
    assert not run_module("envelope_key", keys).ok().changed
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        ("<your-64-character-hex-key>", "is not 64 hexadecimal characters"),
        ("00" * 32, "has a pattern"),
        ("", "is not 64 hexadecimal characters"),
        ("\xff\x00", "is not 64 hexadecimal characters"),
    ],
)
def test_mb_71_what_is_no_key_is_refused_or_replaced(
    run_module: Module, tmp_path: pathlib.Path, content: str, flaw: str
) -> None:
    path = tmp_path / "master.key"
    path.write_text(content)
    path.chmod(0o600)
    item = {"path": str(path)}
    refused = run_module("envelope_key", {"keys": [item]})
    assert f"on_mismatch: what is in {path} {flaw}" in refused.msg
    assert path.read_text() == content
    done = run_module("envelope_key", {"keys": [{**item, "on_mismatch": "replace"}]}, diff=True).ok()
    assert done.result["results"][0]["action"] == "replace"
    assert not run_module("envelope_key", {"keys": [item]}).ok().changed
    assert path.read_text().strip() not in done.stdout


def test_mb_71_key_of_others_is_mended_and_stays(
    run_module: Module, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    path = tmp_path / "master.key"
    key = canaries.record(secrets.token_hex(32), "master key")
    path.write_text(key + "\n")
    path.chmod(0o664)
    done = run_module("envelope_key", {"keys": [{"path": str(path)}]}, diff=True).ok()
    assert done.result["results"][0]["action"] == "update"
    assert path.read_text().strip() == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_removing_wants_a_word(run_module: Module, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "master.key"
    run_module("envelope_key", {"keys": [{"path": str(path)}]}).ok()
    refused = run_module("envelope_key", {"keys": [{"path": str(path), "state": "absent"}]})
    assert "deletion_allowed: everything that this key wrapped would be lost" in refused.msg
    assert path.exists()


def test_wrong_place_says_so(run_module: Module, tmp_path: pathlib.Path) -> None:
    for path, message in (
        ("master.key", "path: "),
        (str(tmp_path / "none" / "master.key"), "no such directory. Create it first"),
        (str(tmp_path), "is a directory, not a regular file"),
    ):
        done = run_module("envelope_key", {"keys": [{"path": path}]})
        assert done.failed
        assert message in done.msg
