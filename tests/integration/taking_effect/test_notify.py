# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R10: a play that uses a module with notify reloads what a failed run changed, in the next run that ends well."""

from __future__ import annotations

import pathlib
import typing as t

from tests.integration.certificate.conftest import Estate

REASON = "changed by a run that failed, so that no handler was notified"
HANDLER = {
    "name": "reload",
    "ansible.builtin.debug": {
        "msg": "reloading {{ r.results | selectattr('changed') | map(attribute='item') | list }}"
    },
}


def test_r10_handler_is_notified_by_the_next_run(runner: t.Any, estate: Estate) -> None:
    def keep(common_name: str) -> t.Any:
        certificates = [{"name": "a", "common_name": "a.svc.example"}, {"name": "b", "common_name": common_name}]
        arguments = {**estate.connection, "mount": estate.engine.path, "directory": str(estate.directory)}
        task = {
            "name": "keep",
            "register": "r",
            "notify": "reload",
            "trustmesh.security.certificate": {**arguments, "role": "mesh", "certificates": certificates},
        }
        return runner.play([task], play={"handlers": [HANDLER], "force_handlers": True}, verbosity=0)

    failed = keep("b.elsewhere.test")
    assert failed.rc != 0
    assert estate.path("a").exists()
    mended = keep("b.svc.example")
    assert mended.rc == 0, mended.tail()
    assert "reloading ['a', 'b']" in mended.stdout
    quiet = keep("b.svc.example")
    assert quiet.changed == 0
    assert "reloading" not in quiet.stdout


def test_r10_keys_in_files_too(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    def keep(*names: str) -> t.Any:
        arguments = {"custody": "files", "directory": str(tmp_path / "keys")}
        return run_module("jws_key", {**arguments, "participants": [{"name": name} for name in names]})

    (tmp_path / "keys" / ".trustmesh-jws_key").mkdir(parents=True)
    (tmp_path / "keys" / ".trustmesh-jws_key" / "b").write_text("in the way")
    failed = keep("a", "b")
    assert failed.failed
    assert [entry["changed"] for entry in failed.result["results"]] == [True, False]
    announced = keep("a").ok().result["results"][0]
    assert announced["changed"] and announced["reasons"] == [REASON]
    assert not keep("a").ok().changed


def test_r10_environment_files_too(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    def keep(*paths: pathlib.Path) -> t.Any:
        return run_module("environment_file", {"files": [{"path": str(it), "variables": {"A": "1"}} for it in paths]})

    good, bad = tmp_path / "good.env", tmp_path / "nowhere" / "bad.env"
    assert keep(good, bad).failed
    assert good.exists()
    announced = keep(good).ok().result["results"][0]
    assert announced["changed"] and announced["reasons"] == [REASON]
    assert not keep(good).ok().changed
    assert list(tmp_path.iterdir()) == [good], "the note is gone"


def test_r10_credentials_too(run_module: t.Any, tmp_path: pathlib.Path, canary: t.Any) -> None:
    value = canary()

    def keep(*services: str) -> t.Any:
        items = [{"service": name, "credentials": [{"name": "token", "value": value}]} for name in services]
        places = {"directory": str(tmp_path / "credentials"), "unit_directory": str(tmp_path / "units")}
        return run_module("systemd_credential", {**places, "encrypt": "never", "services": items})

    (tmp_path / "credentials" / "bad.service" / "token").mkdir(parents=True)
    assert keep("good.service", "bad.service").failed
    announced = keep("good.service").ok().result["results"][0]
    assert announced["changed"] and announced["reasons"] == [REASON]
    assert not keep("good.service").ok().changed
