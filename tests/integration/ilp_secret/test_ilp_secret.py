# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ilp_secret against a real server and real files: the ladder, rotation, adoption, refusals, and what nobody sees."""

from __future__ import annotations

import datetime
import pathlib
import stat
import typing as t
from collections.abc import Callable

import pytest

from plugins.module_utils._ilp.secret import check, generate
from tests.integration.ladder import Ladder
from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao

Name = Callable[[str], str]
Module = Callable[..., t.Any]

# As the module's documentation states it.
POLICY = """
path "{mount}/data/ilp_secret/*" {{ capabilities = ["create", "read", "update"] }}
path "{mount}/metadata/ilp_secret/*" {{ capabilities = ["delete"] }}
"""
POLICY_1 = 'path "{mount}/ilp_secret/*" {{ capabilities = ["create", "read", "update", "delete"] }}'
PUBLIC_DEFAULT = "mojaloop-sdk"


def make(vault: OpenBao, mount: str, version: int) -> str:
    """Enable an engine and wait until it serves."""
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": str(version)})
    probe = f"{mount}/data/none" if version == 2 else f"{mount}/none"
    vault.wait_until(lambda: vault.api.request("GET", probe).status == 404, what="the new engine")
    return mount


@pytest.fixture
def mount(vault: OpenBao, unique_name: Name) -> str:
    """A key-value engine of version 2."""
    return make(vault, unique_name("kv"), 2)


@pytest.fixture
def held(vault: OpenBao, mount: str, canaries: Canaries) -> Callable[[str], dict[str, t.Any]]:
    """A function that returns the record of a participant; its secrets must be seen nowhere else from then on."""

    def read(name: str) -> dict[str, t.Any]:
        answer = vault.api.read(f"{mount}/data/ilp_secret/{name}")
        assert answer is not None
        record = t.cast("dict[str, t.Any]", answer["data"])
        for generation in (record, *record.get("previous", ())):
            canaries.record(generation["secret"], f"secret of {name}")
        return record

    return read


@pytest.fixture
def keep(run_module: Module, connection: dict[str, str], mount: str) -> Module:
    """Run the module on participants of the test's engine."""
    return lambda *participants, **options: run_module(
        "ilp_secret",
        {**connection, "mount": mount, "participants": list(participants), **options.pop("given", {})},
        diff=True,
        **options,
    )


def item(result: t.Any, at: int = 0) -> dict[str, t.Any]:
    """Return the result of one item."""
    return t.cast("dict[str, t.Any]", result.ok().result["results"][at])


@pytest.mark.parametrize("version", [1, 2])
def test_mj_27_ladder(ladder: Ladder, vault: OpenBao, unique_name: Name, canaries: Canaries, version: int) -> None:
    mount = make(vault, unique_name("kv"), version)
    names = ["hub", *(f"perffsp-{at}" for at in range(1, 9))]
    found: dict[str, str] = {}

    def path(name: str) -> str:
        return f"{mount}/{'data/' if version == 2 else ''}ilp_secret/{name}"

    def record(name: str) -> dict[str, t.Any]:
        answer = vault.api.read(path(name))
        assert answer is not None
        return t.cast("dict[str, t.Any]", answer["data"] if version == 2 else answer)

    def tamper() -> None:
        found.update({name: canaries.record(record(name)["secret"], f"secret of {name}") for name in names})
        weak = {**record("perffsp-3"), "secret": PUBLIC_DEFAULT}
        vault.api.write(path("perffsp-3"), **({"data": weak} if version == 2 else weak))

    rungs = ladder.climb(
        "ilp_secret",
        {"mount": mount, "on_mismatch": "replace", "participants": [{"name": name} for name in names]},
        tamper=tamper,
        absent={"mount": mount, "participants": [{"name": name, "state": "absent"} for name in names]},
    )

    assert len(set(found.values())) == len(names), "each has its own"
    for secret in found.values():
        check(secret)
    assert rungs["mend"].items[3]["reasons"] == ["the secret is the default of the scheme adapter, known to everybody"]
    assert [entry["action"] for entry in rungs["mend"].items].count("replace") == 1
    assert rungs["again"].items[0]["secret"]["custody"] == f"{mount}/ilp_secret/hub"
    assert rungs["again"].items[0]["secret"]["bytes"] == 32
    assert len(rungs["again"].reads) == len(names) + 2, "one reading each, a listing, and one of the engine's version"
    for name in names:
        assert vault.api.request("GET", path(name)).status == 404
        if version == 2:
            assert vault.api.request("GET", f"{mount}/metadata/ilp_secret/{name}").status == 404


def test_ladder_in_files(ladder: Ladder, tmp_path: pathlib.Path, canaries: Canaries) -> None:
    directory = tmp_path / "mojaloop"
    files = [directory / name / "ilp.secret" for name in ("perffsp-1", "perffsp-2")]
    found: list[str] = []

    def tamper() -> None:
        found.extend(canaries.record(path.read_text(), "secret") for path in files)
        assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o640, 0o640]
        files[0].resolve().chmod(0o644)

    common = {"custody": "files", "directory": str(directory), "key_mode": "0640"}
    rungs = ladder.climb(
        "ilp_secret",
        {**common, "participants": [{"name": "perffsp-1"}, {"name": "perffsp-2"}]},
        tamper=tamper,
        absent={**common, "participants": [{"name": f"perffsp-{at}", "state": "absent"} for at in (1, 2)]},
        server=False,
    )

    assert len(set(found)) == 2
    assert rungs["mend"].items[0]["reasons"] == ["secret.mode is 0644, declared 0640"]
    assert not [path for path in directory.rglob("*") if path.is_file()]


def test_replaced_once_and_kept_for_what_was_agreed_on(
    keep: Module, vault: OpenBao, held: Callable[[str], dict[str, t.Any]]
) -> None:
    made = item(keep({"name": "perffsp-1"}, {"name": "perffsp-2"}))["secret"]["created"]
    first = held("perffsp-1")["secret"]
    instant = (datetime.datetime.fromisoformat(made) + datetime.timedelta(seconds=1)).isoformat()

    def replace() -> t.Any:
        return keep({"name": "perffsp-1", "not_before": instant}, {"name": "perffsp-2"})

    def once_due(run: Callable[[], t.Any]) -> t.Any:
        def changed() -> t.Any:
            result = run().ok()
            return result if result.changed else None

        return vault.wait_until(changed, what="the second in which something is due")

    result = once_due(replace)
    entry = item(result)
    assert entry["action"] == "replace"
    assert entry["secret"]["previous"] == 1
    assert 0 <= entry["secret"]["window_seconds"] < 60
    assert item(result, 1)["action"] == "none"
    record = held("perffsp-1")
    assert record["secret"] != first
    assert [generation["secret"] for generation in record["previous"]] == [first]
    assert not replace().ok().changed, "the same declaration replaces once"

    forgotten = item(once_due(lambda: keep({"name": "perffsp-1", "keep_previous": "0"})))
    assert forgotten["action"] == "update"
    assert forgotten["secret"]["previous"] == 0
    assert "previous" not in held("perffsp-1")


def test_secret_in_use_is_adopted_and_then_left_alone(
    keep: Module, held: Callable[[str], dict[str, t.Any]], canaries: Canaries
) -> None:
    ours = canaries.record(generate(), "adopted secret")
    other = canaries.record(generate(), "another secret")
    entry = item(keep({"name": "perffsp-2", "adopt": ours}))
    assert entry["reasons"] == ["exists and is adopted"]
    assert entry["secret"]["adopted"] is True
    assert entry["secret"]["bytes"] is None
    assert held("perffsp-2")["secret"] == ours
    for adopt in (ours, other, None):
        assert not keep({"name": "perffsp-2", "adopt": adopt}).ok().changed
    assert held("perffsp-2")["secret"] == ours


def test_secret_in_our_place_is_adopted(
    keep: Module, vault: OpenBao, mount: str, held: Callable[[str], dict[str, t.Any]], canaries: Canaries
) -> None:
    theirs = canaries.record(generate(), "secret of others")
    vault.api.write(f"{mount}/data/ilp_secret/perffsp-1", data={"ILP_SECRET": theirs, "owner": "ledger"})
    assert item(keep({"name": "perffsp-1"}))["reasons"] == ["exists and is adopted"]
    assert held("perffsp-1")["secret"] == theirs


def test_trap_jws_10_published_secrets_are_refused_wherever_they_are(
    keep: Module, run_module: Module, vault: OpenBao, mount: str, tmp_path: pathlib.Path, audit_window: t.Any
) -> None:
    vault.api.write(f"{mount}/data/ilp_secret/perffsp-1", data={"secret": PUBLIC_DEFAULT})
    known = "the default of the scheme adapter, known to everybody"
    with audit_window() as window:
        assert f"it is {known}" in keep({"name": "perffsp-1"}).msg
        assert (
            f"participants[0] (perffsp-2).adopt: is {known}" in keep({"name": "perffsp-2", "adopt": PUBLIC_DEFAULT}).msg
        )
    assert window.writes == []

    path = tmp_path / "perffsp-3" / "ilp.secret"
    path.parent.mkdir()
    path.write_text(PUBLIC_DEFAULT + "\n")
    given = {"custody": "files", "directory": str(tmp_path), "participants": [{"name": "perffsp-3"}]}
    assert f"it is {known}" in run_module("ilp_secret", given).msg
    assert path.read_text() == PUBLIC_DEFAULT + "\n"
    assert run_module("ilp_secret", {**given, "on_mismatch": "replace"}).ok().changed
    check(path.read_text())


@pytest.mark.parametrize(
    ("participants", "problem"),
    [
        ([{"name": "a", "adopt": "0123456789abcdef"}], "participants[0] (a).adopt: has 16 octets, fewer than 32"),
        ([{"name": "a", "adopt": "ab" * 32}], "participants[0] (a).adopt: is made of a few characters again and again"),
        ([{"name": "a", "bytes": 16}], "participants[0] (a).bytes: 16 is too short"),
        ([{"name": "../a"}], "participants[0] (../a).name: "),
    ],
)
def test_what_is_no_good_is_refused_before_anything_happens(
    keep: Module, audit_window: t.Any, participants: list[dict[str, t.Any]], problem: str
) -> None:
    with audit_window() as window:
        assert problem in keep(*participants).msg
    assert window.writes == []


def test_shared_secret_is_refused(keep: Module, canaries: Canaries, audit_window: t.Any) -> None:
    shared = canaries.record(generate(), "shared secret")
    with audit_window() as window:
        done = keep({"name": "a", "adopt": shared}, {"name": "b", "adopt": shared})
    assert "a and b would share a secret" in done.msg
    assert window.writes == []


def test_record_that_is_not_understood_is_left_alone(keep: Module, vault: OpenBao, mount: str) -> None:
    vault.api.write(f"{mount}/data/ilp_secret/a", data={"format": 99, "secret": "kept"})
    done = keep({"name": "a", "on_mismatch": "replace"})
    assert "holds no record of a key: the format is 99" in done.msg
    answer = vault.api.read(f"{mount}/data/ilp_secret/a")
    assert answer is not None
    assert answer["data"]["secret"] == "kept"


@pytest.mark.parametrize("version", [1, 2])
def test_documented_policy_is_enough(
    run_module: Module,
    connection: dict[str, str],
    vault: OpenBao,
    token: t.Any,
    unique_name: Name,
    canaries: Canaries,
    version: int,
) -> None:
    mount = make(vault, unique_name("kv"), version)
    limited = {**connection, "token": token(rules=(POLICY if version == 2 else POLICY_1).format(mount=mount))}
    for participant in (
        {"name": "a"},
        {"name": "a", "bytes": 64, "on_mismatch": "replace"},
        {"name": "a", "state": "absent"},
    ):
        assert run_module("ilp_secret", {**limited, "mount": mount, "participants": [participant]}).ok().changed


def test_values_reach_no_output_of_a_play(
    play: t.Any, connection: dict[str, str], mount: str, held: Callable[[str], dict[str, t.Any]], canaries: Canaries
) -> None:
    adopted = canaries.record(generate(), "adopted secret")
    task = {
        "name": "keep",
        "trustmesh.security.ilp_secret": {
            **connection,
            "mount": mount,
            "participants": [{"name": "perffsp-1"}, {"name": "perffsp-2", "adopt": adopted}],
        },
        "register": "kept",
    }
    result = play([task, {"name": "show", "ansible.builtin.debug": {"var": "kept"}}], diff=True).ok()
    assert result.task("keep").changed
    made = held("perffsp-1")["secret"]
    assert made not in result.stdout + result.stderr
    assert adopted not in result.stdout + result.stderr
