# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Development authorities as a user makes them: the ladder, the files, and what goes wrong."""

from __future__ import annotations

import os
import pathlib
import stat
import typing as t

import pytest
import yaml

from .conftest import Estate

RESULT = {"item", "changed", "action", "reasons", "warnings", "authority"}


def test_ladder(ladder: t.Any, estate: Estate) -> None:
    def tamper() -> None:
        os.chmod(estate.path("root", "ca-key.pem"), 0o640)
        estate.path("mesh", "crl.pem").unlink()

    rungs = ladder.climb("local_ca", estate.pair(), tamper=tamper, absent=estate.absent(), server=False)
    assert [item["action"] for item in rungs["create"].items] == ["create", "create"]
    assert [item["reasons"] for item in rungs["mend"].items] == [
        ["mode of ca-key.pem is 0640, declared 0600"],
        ["crl.pem is missing"],
    ]
    assert estate.files() == {}


def test_check_mode_leaves_no_trace(run_module: t.Any, estate: Estate) -> None:
    run_module("local_ca", estate.pair(), check=True, diff=True).ok()
    assert not estate.directory.exists()
    run_module("local_ca", estate.pair()).ok()
    before = estate.files()
    foretold = run_module("local_ca", estate.pair(path_length=0, ttl="500d"), check=True).ok()
    assert foretold.changed
    assert estate.files() == before


def test_mb_02_openssl_verifies_what_was_made(run_module: t.Any, estate: Estate, openssl: t.Callable[..., str]) -> None:
    results = run_module("local_ca", estate.pair()).ok().result["results"]
    root, mesh = estate.path("root"), estate.path("mesh")
    assert ": OK" in openssl("verify", "-x509_strict", "-CAfile", root, mesh)
    text = openssl("x509", "-noout", "-text", "-in", mesh)
    for shown in ("CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "OU = Development CA - not for production"):
        assert shown in text
    assert "Policy: 1.3.6.1.4.1.32473.7468.1" in text
    listed = openssl("crl", "-noout", "-text", "-CAfile", mesh, "-in", estate.path("mesh", "crl.pem"))
    assert "verify OK" in listed
    assert "Serial Number: 39DD2E" in listed
    assert results[1]["authority"]["certificate"] == mesh.read_text()
    assert stat.S_IMODE(estate.path("root", "ca-key.pem").stat().st_mode) == 0o600
    assert b"ENCRYPTED" in estate.path("root", "ca-key.pem").read_bytes()


def test_a_play_shows_no_key_and_no_passphrase_and_settles(play: t.Any, estate: Estate) -> None:
    task = {"name": "authorities", "trustmesh.security.local_ca": estate.pair()}
    first = play([task], diff=True).ok()
    assert first.changed == 1
    again = play([task], diff=True).ok()
    assert again.changed == 0
    assert estate.passphrase not in first.stdout + first.stderr + again.stdout


def _documented(returned: dict[str, t.Any]) -> dict[str, t.Any]:
    return {name: _documented(entry.get("contains", {})) for name, entry in returned.items()}


def _covered(value: t.Any, documented: dict[str, t.Any], path: str) -> None:
    if isinstance(value, list):
        for entry in value:
            _covered(entry, documented, path)
    elif isinstance(value, dict) and documented:
        assert set(value) <= set(documented), f"undocumented in {path}: {set(value) - set(documented)}"
        for key, entry in value.items():
            _covered(entry, documented[key], f"{path}.{key}")


def test_everything_returned_is_documented(run_module: t.Any, estate: Estate) -> None:
    results = run_module("local_ca", estate.pair()).ok().result["results"]
    module = pathlib.Path(__file__).parents[3] / "plugins" / "modules" / "local_ca.py"
    text = module.read_text(encoding="utf-8").split('RETURN = r"""')[1].split('"""')[0]
    _covered(results, _documented(yaml.safe_load(text))["results"], "results")
    assert set(results[0]) == RESULT


def test_mb_47_the_answer_of_production_is_no(run_module: t.Any, estate: Estate) -> None:
    run_module("local_ca", estate.pair()).ok()
    source = {"path": str(estate.path("mesh")), "ca_file": str(estate.path("root"))}
    refused = run_module("certificate_info", {"sources": [source]}).ok().result["results"][0]
    assert refused["problems"] == ["is of a development CA"]
    allowed = run_module("certificate_info", {"sources": [{**source, "allow_development_ca": True}]}).ok()
    assert allowed.result["results"][0]["ok"] is True


def _unusable(estate: Estate) -> None:
    estate.directory.parent.mkdir(exist_ok=True)
    estate.directory.write_text("a file is in the way")


def _damaged(file: str) -> t.Callable[[Estate], None]:
    def damage(estate: Estate) -> None:
        estate.path("root").parent.mkdir(parents=True)
        estate.path("root", file).write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    return damage


@pytest.mark.parametrize(
    ("prepare", "change", "texts"),
    [
        (None, {"directory": "/proc/nowhere"}, ["/proc/nowhere", "no such directory", "Create it first"]),
        (_unusable, {}, ["a part of the path is a file", "Correct the path"]),
        (_damaged("ca-cert.pem"), {}, ["ca-cert.pem", "malformed", "Restore the file"]),
        (_damaged("ca-key.pem"), {}, ["ca-key.pem", "no private key in PEM form"]),
        (None, {"ttl": "soon"}, ["authorities[0] (root).ttl", "90d, 72h or 1h30m"]),
        (None, {"key_type": "rsa", "key_size": 1024}, ["key_size", "1024 is not allowed", "2048"]),
        (None, {"passphrase": "short"}, ["passphrase", "shorter than 8 characters"]),
        (None, {"parent": "/proc/nowhere"}, ["/proc/nowhere/ca-cert.pem", "Make the authority first"]),
        (None, {"no_such_option": 1}, ["Unsupported parameters"]),
    ],
)
def test_faults_name_field_and_remedy(
    run_module: t.Any,
    estate: Estate,
    prepare: t.Callable[[Estate], None] | None,
    change: dict[str, t.Any],
    texts: list[str],
) -> None:
    if prepare:
        prepare(estate)
    before = estate.files()
    root = {"name": "root", "directory": str(estate.directory / "root"), **change}
    failed = run_module("local_ca", {"authorities": [root]})
    assert failed.failed
    for text in texts:
        assert text in failed.msg
    assert "Traceback" not in failed.stdout + failed.stderr
    assert estate.files() == before


def test_a_wrong_passphrase_is_an_error_that_does_not_show_it(run_module: t.Any, estate: Estate, canary: t.Any) -> None:
    run_module("local_ca", estate.pair()).ok()
    wrong = estate.pair()
    wrong["authorities"][0]["passphrase"] = canary()
    failed = run_module("local_ca", wrong)
    assert "passphrase is wrong or the file is damaged" in failed.msg
    assert str(estate.path("root", "ca-key.pem")) in failed.msg
