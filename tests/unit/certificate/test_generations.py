# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which generations stay, what a run leaves that is killed, and what is there when others write at the same time."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import typing as t

import pytest
from cryptography.hazmat.primitives import serialization

from plugins.module_utils._certificate import generation, look
from plugins.module_utils._certificate.declaration import ITEM_OPTIONS
from plugins.module_utils._certificate.layout import Layout
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.plan import Action
from tests.unit.certificate.test_life import WHOLE, Authority, Host
from tests.unit.pki import forge

ALONE: t.Final = ["cert.pem"]
#: What changes something that a reader sees.
MORTAL: t.Final = ("replace", "unlink", "rmdir")


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Host:
    """An empty directory and an authority."""
    tmp_path.chmod(0o755)
    return Host(tmp_path, Authority())


def _renewed(host: Host, times: int, **options: t.Any) -> None:
    """Issue, and renew so often, a day apart, so that every certificate lives on."""
    host.run(**options)
    for _time in range(times):
        host.later(1)
        made_now = host.authority.now.isoformat()
        assert host.run(not_before=made_now, **options).plan.action is Action.REPLACE


def _in_force(host: Host) -> pathlib.Path:
    return host.base / ".trustmesh/web/current"


def _names(host: Host) -> list[str]:
    """Return the names of the generations, the oldest first."""
    return sorted(name for name in os.listdir(host.base / ".trustmesh/web") if name.startswith("g-"))


@pytest.mark.parametrize("keep", [1, 2, 3, 4, 5])
def test_as_many_stay_whole_as_are_declared_and_of_the_others_what_names_them(host: Host, keep: int) -> None:
    _renewed(host, 3, keep_generations=keep)
    assert host.generations == [ALONE] * max(4 - keep, 0) + [WHOLE] * min(keep, 4)
    assert not host.run(keep_generations=keep).changed


def test_fewer_are_kept_from_the_next_run_on(host: Host) -> None:
    _renewed(host, 3, keep_generations=4)
    foretold = host.run(check=True, keep_generations=2)
    assert (foretold.plan.action, foretold.plan.reasons) == (
        Action.UPDATE,
        [f"{host.base}/.trustmesh/web has {', '.join(_names(host)[:2])}, which is kept no longer"],
    )
    assert host.generations == [WHOLE] * 4
    serial = host.certificate.serial_number
    assert host.run(keep_generations=2).plan.action is Action.UPDATE
    assert (host.generations, host.certificate.serial_number) == ([ALONE, ALONE, WHOLE, WHOLE], serial)
    assert not host.run(keep_generations=2).changed
    assert not host.run(keep_generations=3).changed, "what has no key is not one of those that are kept"


def test_of_one_certificate_in_many_generations_one_stays(host: Host) -> None:
    """A chain that is put right is written with the same pair anew."""
    host.run()
    for _time in range(3):
        (host.base / "web/chain.pem").resolve().write_text("another\n")
        assert host.run().plan.action is Action.UPDATE
        assert len(host.generations) <= 2
    host.later(1)
    again = host.authority.now.isoformat()
    assert host.run(not_before=again).plan.action is Action.REPLACE
    assert host.generations == [WHOLE, WHOLE], "the first certificate is in the second of them still"
    host.later(1)
    assert host.run(not_before=host.authority.now.isoformat(), keep_generations=1).plan.action is Action.REPLACE
    assert host.generations == [ALONE, ALONE, WHOLE], "one of each certificate that lives on"


def test_the_same_certificate_is_not_kept_beside_the_one_in_force(host: Host) -> None:
    host.run(keep_generations=1)
    (host.base / "web/chain.pem").resolve().write_text("another\n")
    assert host.run(keep_generations=1).plan.action is Action.UPDATE
    assert host.generations == [WHOLE]


def test_two_of_one_certificate_leave_one_name_behind(host: Host) -> None:
    host.run()
    (host.base / "web/chain.pem").resolve().write_text("another\n")
    host.run()
    assert host.generations == [WHOLE, WHOLE]
    host.later(1)
    host.run(keep_generations=1, not_before=host.authority.now.isoformat())
    assert host.generations == [ALONE, WHOLE]


def test_what_has_expired_leaves_nothing_behind(host: Host) -> None:
    _renewed(host, 2, keep_generations=1)
    assert host.generations == [ALONE, ALONE, WHOLE]
    host.later(29)
    assert host.run(keep_generations=1).plan.action is Action.REPLACE
    assert host.generations == [ALONE, WHOLE], "the first of them ends at this very moment"
    host.later(30)
    host.run(keep_generations=1)
    assert host.generations == [WHOLE]


def test_the_one_in_force_is_kept_before_later_ones(host: Host) -> None:
    _renewed(host, 2, keep_generations=3)
    first, second, third = _names(host)
    _in_force(host).unlink()
    _in_force(host).symlink_to(first)
    host.later(1)
    assert host.run(not_before=host.authority.now.isoformat()).plan.action is Action.REPLACE
    whole = [name for name in _names(host) if len(list((host.base / ".trustmesh/web" / name).iterdir())) > 1]
    assert (first in whole, second in whole, third in whole, len(whole)) == (True, False, False, 2)


def test_what_a_killed_run_left_unfinished_is_removed(host: Host) -> None:
    host.run()
    left = host.base / ".trustmesh/web/.trustmesh-1-0.tmp"
    left.mkdir()
    os.utime(left, (0, 0))
    mended = host.run()
    assert (mended.error, mended.plan.action) == (None, Action.UPDATE)
    assert [(change.path, change.before, change.after) for change in mended.plan.changes] == [
        ("store", left.name, None)
    ]
    assert (left.exists(), host.generations) == (False, [WHOLE])
    assert not host.run().changed


@pytest.mark.parametrize("left", ["nothing", "no certificate", "a damaged one", "not one of ours", "a file"])
def test_a_strange_generation_is_in_nobodys_way_and_goes_with_the_next_writing(host: Host, left: str) -> None:
    host.run()
    name = "g-by-hand" if left == "not one of ours" else "g-20260101T120000Z-0123abcd"
    strange = host.base / ".trustmesh/web" / name
    if left == "a file":
        strange.write_text("x")
    else:
        strange.mkdir()
        (strange / "key.pem").write_text("x")
        if left == "nothing":
            (strange / "key.pem").unlink()
        if left == "a damaged one":
            (strange / "cert.pem").write_text("damaged")
        if left == "not one of ours":
            shutil.copy(host.base / "web/cert.pem", strange / "cert.pem")
    unchanged = host.run()
    former = [entry["certificate_file"] for entry in unchanged.facts["previous"]]
    assert (unchanged.error, unchanged.changed) == (None, False)
    assert former == ([str(strange / "cert.pem")] if left == "a damaged one" else [])
    host.later(1)
    replaced = host.run(not_before=host.authority.now.isoformat(), keep_generations=1)
    assert (replaced.error, strange.exists()) == (None, False)


@pytest.mark.parametrize("expired", [True, False])
def test_what_another_run_put_in_force_meanwhile_is_not_removed(host: Host, expired: bool) -> None:
    """Two runs at a time: between the look of one and its removals the other goes back to a former generation."""
    _renewed(host, 1)
    first, second = _names(host)
    item = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    layout = Layout.declared({**item, "name": "web", "directory": str(host.base)})
    files = FileTransaction()
    with files.group("web") as group:
        now = host.authority.now + (40 if expired else 0) * forge.DAY
        generation.stage_pruning(group, look.look(layout), keep=1, now=now)
    _in_force(host).unlink()
    _in_force(host).symlink_to(first)
    assert not files.commit()
    assert (_names(host), host.generations) == ([first, second], [WHOLE, WHOLE])


def test_a_directory_that_goes_away_meanwhile_is_named(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = generation.directory

    def gone(path: str) -> t.Any:
        os.rmdir(path)
        return opened(path)

    monkeypatch.setattr(generation, "directory", gone)
    failed = host.run()
    assert str(failed.error).startswith(f"{host.base}/web: ")
    assert "defect" not in str(failed.error)


class Killed(BaseException):
    """Stands for the end of the process."""


def _pair(host: Host) -> tuple[t.Any, int] | None:
    """Return the public key and the serial number that a reader of both files sees."""
    try:
        key = serialization.load_pem_private_key(host.text("key").encode(), None).public_key()
        certificate = host.certificate
    except FileNotFoundError:
        return None
    assert certificate.public_key() == key, "the key of one generation beside the certificate of another"
    return key, certificate.serial_number


@pytest.mark.parametrize("start", ["theirs, kept", "theirs, replaced", "ours, replaced", "ours, arranged"])
def test_trap_31_whoever_reads_between_two_calls_sees_a_pair(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    """As the test with real kills, in this process: from the fatal call on, nothing is done any more."""
    authority = Authority()
    for fatal in range(1, 100):
        host = Host(tmp_path / str(fatal), authority)
        host.base.mkdir(mode=0o755)
        options = _prepared(host, start)
        before = _pair(host)
        died = _dies(host, fatal, monkeypatch, options)
        seen = _pair(host)
        assert seen == before or (seen is not None and start.endswith("replaced"))
        if not died:
            break
        assert host.run(**options).error is None
        assert not host.run(**options).changed
    assert fatal > (8 if start.startswith("theirs") else 2), (
        "so few calls mean that it does not die where the writing is"
    )


def _dies(host: Host, fatal: int, monkeypatch: pytest.MonkeyPatch, options: dict[str, t.Any]) -> bool:
    """Carry out what is declared, up to a call; return whether there are so many."""
    resource, calls = host.declared(**options), 0
    plan = resource.plan(resource.read(), host.authority.now)

    def mortal(call: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def made(*given: t.Any, **options: t.Any) -> t.Any:
            nonlocal calls
            calls += 1
            if calls >= fatal:
                raise Killed
            return call(*given, **options)

        return made

    with monkeypatch.context() as patched, contextlib.suppress(Killed):
        for name in MORTAL:
            patched.setattr(os, name, mortal(getattr(os, name)))
        resource.apply(plan)
        assert not resource.files.commit()
    return calls >= fatal


def _prepared(host: Host, start: str) -> dict[str, t.Any]:
    """Bring a host into a state, and return what is declared next."""
    if start.startswith("theirs"):
        made = forge.make("web", host.authority.issuer, extensions=[(forge.sans("web"), False)])
        (host.base / "web").mkdir()
        (host.base / "web/key.pem").write_bytes(made.key_pem)
        (host.base / "web/cert.pem").write_bytes(made.pem)
    else:
        host.run()
    if start == "ours, arranged":
        (host.base / "web/chain.pem").resolve().write_text("another\n")
    return {"dns_names": ["b.example"]} if start.endswith("replaced") else {}
