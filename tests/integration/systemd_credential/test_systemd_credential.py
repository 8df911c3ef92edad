# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials are kept, encrypted by the real systemd-creds, and loaded by a drop-in that systemd accepts."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import typing as t

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.process import MissingPartError

Args = dict[str, t.Any]


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingPartError(f"{name} is not installed (Debian package systemd)")
    return found


@pytest.fixture
def creds() -> str:
    """The real systemd-creds, with the key of this machine."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only root has the key of the host")
    return t.cast("str", or_skip(lambda: _tool("systemd-creds")))


@pytest.fixture(params=["never", "always"], ids=["plain", "encrypted"])
def encrypt(request: pytest.FixtureRequest) -> str:
    if request.param == "always":
        request.getfixturevalue("creds")
    return t.cast("str", request.param)


@pytest.fixture
def args(tmp_path: pathlib.Path) -> t.Callable[..., Args]:
    """A function that returns the module's arguments: ``args({"a": "value"}, encrypt="never")``."""

    def make(values: dict[str, str] | None, **options: t.Any) -> Args:
        service: Args = {"service": "hub", "state": "absent"}
        if values is not None:
            credentials = [{"name": name, "value": value} for name, value in values.items()]
            service = {"service": "hub.service", "credentials": credentials}
        places = {"directory": str(tmp_path / "credentials"), "unit_directory": str(tmp_path / "units")}
        return {**places, "with_key": "host", "services": [service], **options}

    return make


def _opened(path: pathlib.Path) -> str:
    argv = ["systemd-creds", "decrypt", f"--name={path.stem}", str(path), "-"]
    return subprocess.run(argv, capture_output=True, check=True).stdout.decode()


def _files(tmp_path: pathlib.Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "credentials" / "hub.service").iterdir()}


def test_ladder(ladder: t.Any, args: t.Any, tmp_path: pathlib.Path, canary: t.Any, encrypt: str) -> None:
    values = {"db-password": f"{canary()}\nline two\n", "token": canary()}

    def tamper() -> None:
        for path in (tmp_path / "credentials" / "hub.service").iterdir():
            path.write_bytes(b"tampered")
            path.chmod(0o644)
        (tmp_path / "credentials" / "hub.service" / "stray").write_text("x")
        (tmp_path / "units" / "hub.service.d" / "60-trustmesh-credentials.conf").write_text("[Service]\n")

    present, absent = args(values, encrypt=encrypt), args(None, encrypt=encrypt)
    rungs = ladder.climb("systemd_credential", present, tamper=tamper, absent=absent, server=False)
    assert rungs["create"].items[0]["service"]["encrypted"] is (encrypt == "always")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_is_written(run_module: t.Any, args: t.Any, tmp_path: pathlib.Path, canary: t.Any, encrypt: str) -> None:
    values = {"db-password": f"{canary()}\nline two\n", "token": canary()}
    assert run_module("systemd_credential", args(values, encrypt=encrypt)).changed
    folder = tmp_path / "credentials" / "hub.service"
    assert folder.stat().st_mode & 0o777 == 0o700
    if encrypt == "never":
        assert _files(tmp_path) == {"db-password": 0o600, "token": 0o600}
        assert {name: (folder / name).read_text() for name in values} == values
    else:
        assert _files(tmp_path) == {"db-password.cred": 0o600, "token.cred": 0o600}
        assert {name: _opened(folder / f"{name}.cred") for name in values} == values
        assert canary().encode()[:14] not in (folder / "token.cred").read_bytes()
    drop_in = tmp_path / "units" / "hub.service.d" / "60-trustmesh-credentials.conf"
    assert drop_in.stat().st_mode & 0o777 == 0o644


def test_one_changes_and_the_others_stay(run_module: t.Any, args: t.Any, tmp_path: pathlib.Path, encrypt: str) -> None:
    run_module("systemd_credential", args({"a": "one value", "b": "two values"}, encrypt=encrypt))
    before = {path.name: path.read_bytes() for path in (tmp_path / "credentials" / "hub.service").iterdir()}
    done = run_module("systemd_credential", args({"a": "one value", "b": "new value"}, encrypt=encrypt))
    assert done.result["results"][0]["reasons"] == ["credentials.b differs"]
    after = {path.name: path.read_bytes() for path in (tmp_path / "credentials" / "hub.service").iterdir()}
    assert [name[:1] for name in sorted(after) if after[name] != before[name]] == ["b"]


def test_what_is_not_declared_any_more_goes(run_module: t.Any, args: t.Any, tmp_path: pathlib.Path) -> None:
    run_module("systemd_credential", args({"a": "one value", "b": "two values"}, encrypt="never"))
    run_module("systemd_credential", args({"a": "one value"}, encrypt="never"))
    assert set(_files(tmp_path)) == {"a"}
    drop_in = tmp_path / "units" / "hub.service.d" / "60-trustmesh-credentials.conf"
    assert [line for line in drop_in.read_text().splitlines() if "=" in line] == [
        f"LoadCredential=a:{tmp_path}/credentials/hub.service/a"
    ]


def test_from_plain_to_encrypted(run_module: t.Any, args: t.Any, tmp_path: pathlib.Path, creds: str) -> None:
    run_module("systemd_credential", args({"a": "one value"}, encrypt="never"))
    assert run_module("systemd_credential", args({"a": "one value"}, encrypt="always")).changed
    assert set(_files(tmp_path)) == {"a.cred"}, "the plain file is gone"
    assert not run_module("systemd_credential", args({"a": "one value"}, encrypt="auto")).changed


def test_a_credential_of_another_name_or_host_is_made_anew(
    run_module: t.Any, args: t.Any, tmp_path: pathlib.Path, creds: str
) -> None:
    values = {"a": "one value", "b": "one value"}
    run_module("systemd_credential", args(values, encrypt="always"))
    folder = tmp_path / "credentials" / "hub.service"
    shutil.copy(folder / "a.cred", folder / "b.cred")
    done = run_module("systemd_credential", args(values, encrypt="always"))
    assert done.result["results"][0]["reasons"] == ["credentials.b differs"]
    assert _opened(folder / "b.cred") == "one value"


def test_systemd_accepts_the_drop_in(run_module: t.Any, args: t.Any, tmp_path: pathlib.Path, encrypt: str) -> None:
    analyze = or_skip(lambda: _tool("systemd-analyze"))
    run_module("systemd_credential", args({"a": "one value"}, encrypt=encrypt))
    unit = tmp_path / "units" / "hub.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    argv = [analyze, "verify", "--man=no", str(unit)]
    env = {"SYSTEMD_UNIT_PATH": f"{tmp_path}/units:", "PATH": os.environ["PATH"]}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    assert "60-trustmesh" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    drop_in = tmp_path / "units" / "hub.service.d" / "60-trustmesh-credentials.conf"
    drop_in.write_text(drop_in.read_text() + "LoadCredential\n")
    broken = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    assert "60-trustmesh" in broken.stderr, "the checker looks at the drop-in"


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ({"service": "a b"}, "service: 'a b' is not a unit that takes credentials"),
        ({"service": "a.target"}, "service: 'a.target' is not a unit"),
        ({"service": "../a"}, "is not a unit that takes credentials"),
        ({"service": "a"}, "credentials: is empty"),
        ({"service": "a", "credentials": [{"name": "../x", "value": "x"}]}, "name: is not a name of a credential"),
        ({"service": "a", "credentials": [{"name": ".x", "value": "x"}]}, "name: is not a name of a credential"),
        ({"service": "a", "credentials": [{"name": "x", "value": "x"}] * 2}, "name: is declared twice"),
        ({"service": "a", "credentials": [{"name": "x"}]}, "value: nothing given"),
    ],
)
def test_what_cannot_be_is_refused(
    run_module: t.Any, args: t.Any, tmp_path: pathlib.Path, service: Args, problem: str
) -> None:
    done = run_module("systemd_credential", {**args({"a": "b"}, encrypt="never"), "services": [service]})
    assert done.failed
    assert problem in done.result["msg"]
    assert not list(tmp_path.iterdir())
