# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates on a real server, in its PKI engine and in files, looked at by the installed module and filter."""

from __future__ import annotations

import pathlib
import subprocess
import typing as t
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import yaml

from tests.integration.vault_pki.engine import Engine, MakeEngine, engine, make_engine
from tests.rigs.openbao import OpenBao

__all__ = ["engine", "make_engine"]

Connection = dict[str, str]


@pytest.fixture
def issued(make_engine: MakeEngine) -> tuple[Engine, dict[str, t.Any]]:
    """An engine, and a certificate that its server made with a key."""
    made = make_engine()
    made.make_root()
    made.write("roles/mesh", allowed_domains=["svc.example"], allow_subdomains=True, key_type="ec", max_ttl="90d")
    return made, made.write("issue/mesh", common_name="a.svc.example", ttl="1080h").data


def _files(directory: pathlib.Path, data: dict[str, t.Any]) -> dict[str, str]:
    """Write what a server issued into files; return their paths."""
    paths = {}
    for name, key in (("cert", "certificate"), ("key", "private_key"), ("ca", "issuing_ca")):
        paths[name] = str(directory / f"{name}.pem")
        pathlib.Path(paths[name]).write_text(data[key] + "\n")
    return paths


def test_one_certificate_is_the_same_wherever_it_is_found(
    run_module: t.Any, issued: tuple[Engine, dict[str, t.Any]], connection: Connection, tmp_path: pathlib.Path
) -> None:
    made, data = issued
    paths = _files(tmp_path, data)
    der = tmp_path / "cert.der"
    subprocess.run(["openssl", "x509", "-in", paths["cert"], "-outform", "DER", "-out", der], check=True, timeout=30)
    sources = [
        {"mount": made.path, "serial": data["serial_number"]},
        {"path": paths["cert"], "key_file": paths["key"], "host_name": "a.svc.example"},
        {"path": str(der)},
        {"pem": data["certificate"]},
    ]
    result = run_module("certificate_info", {**connection, "ca_file": paths["ca"], "sources": sources}).ok().result
    assert result["changed"] is False
    assert result["summary"] == {"ok": 4, "problems": 0, "failed": 0}
    facts = [entry["certificate"] for entry in result["results"]]
    assert facts == [facts[0]] * 4
    assert facts[0]["serial"] == data["serial_number"]
    assert facts[0]["dns_names"] == ["a.svc.example"]
    assert [entry["revoked"] for entry in result["results"]] == [False, None, None, None]
    assert result["results"][1]["key_matches"] is True
    assert all(entry["chain_valid"] and entry["days_left"] in (44, 45) for entry in result["results"])


def test_trap_18_a_revoked_certificate_is_so_by_the_server_and_by_its_list(
    run_module: t.Any,
    issued: tuple[Engine, dict[str, t.Any]],
    connection: Connection,
    tmp_path: pathlib.Path,
    vault: OpenBao,
) -> None:
    made, data = issued
    paths = _files(tmp_path, data)
    made.write("revoke", serial_number=data["serial_number"])
    crl = tmp_path / "crl.pem"
    crl.write_text(vault.api.request("GET", made.at("cert/crl")).data["certificate"])
    sources = [
        {"mount": made.path, "serial": data["serial_number"].replace(":", "-").upper()},
        {"path": paths["cert"], "crl_files": [str(crl)], "ca_file": paths["ca"]},
    ]
    result = run_module("certificate_info", {**connection, "sources": sources}).ok().result
    for entry in result["results"]:
        assert entry["revoked"] is True
        assert entry["problems"][0].startswith("is revoked since 20")
    by_server, by_list = (entry["revoked_reason"] for entry in result["results"])
    assert by_list == f"{by_server} (unspecified)"


def test_an_issuer_is_looked_at_and_nothing_is_written(
    run_module: t.Any, engine: Engine, connection: Connection, audit_window: t.Any, token: Callable[..., str]
) -> None:
    engine.make_root("first")
    limited = token(
        rules=f'path "{engine.path}/cert/*" {{ capabilities = ["read"] }}\n'
        f'path "{engine.path}/issuer/*" {{ capabilities = ["read"] }}'
    )
    with audit_window() as window:
        sources = [{"mount": engine.path, "issuer": "first"}, {"mount": engine.path, "issuer": "default"}]
        result = run_module("certificate_info", {**connection, "token": limited, "sources": sources}).ok().result
    assert window.writes == []
    assert [entry["certificate"]["subject_dn"] for entry in result["results"]] == ["CN=Test Root"] * 2
    assert result["results"][0]["certificate"]["is_ca"] is True


def test_what_is_not_in_the_engine_is_an_error_of_its_source_alone(
    run_module: t.Any, engine: Engine, connection: Connection
) -> None:
    engine.make_root("first")
    sources = [
        {"mount": engine.path, "issuer": "first"},
        {"mount": engine.path, "issuer": "nobody"},
        {"mount": engine.path, "serial": "39:dd"},
        {"mount": "no-such-mount", "serial": "39:dd"},
    ]
    failed = run_module("certificate_info", {**connection, "sources": sources})
    assert failed.failed
    results = failed.result["results"]
    assert results[0]["ok"] is True
    assert [entry.get("failed", False) for entry in results] == [False, True, True, True]
    assert f"{engine.path} has no certificate 39:dd" in results[2]["msg"]
    assert "no-such-mount" in results[3]["msg"]
    assert "Traceback" not in failed.stdout + failed.stderr


def test_a_tls_server_is_looked_at_trusted_or_not(run_module: t.Any, vault: OpenBao, tmp_path: pathlib.Path) -> None:
    address = urlsplit(vault.url)
    endpoint = f"{address.hostname}:{address.port}"
    sources = [{"endpoint": endpoint, "ca_file": vault.ca_path, "expires_within": "1h"}, {"endpoint": endpoint}]
    trusted, untold = run_module("certificate_info", {"sources": sources}).ok().result["results"]
    assert (trusted["ok"], trusted["chain_valid"], trusted["name_matches"]) == (True, True, True)
    assert trusted["tls"]["version"] in ("TLSv1.2", "TLSv1.3")
    assert untold["chain_valid"] is None
    assert untold["certificate"] == trusted["certificate"]
    seen = subprocess.run(
        ["openssl", "s_client", "-connect", endpoint, "-servername", "localhost"],
        input="", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    second = run_module("certificate_info", {"sources": [{"pem": seen.stdout}]}).ok().result["results"][0]
    assert second["certificate"]["fingerprint_sha256"] == trusted["certificate"]["fingerprint_sha256"]


def test_the_filter_says_the_same_in_a_play(
    play: t.Any, issued: tuple[Engine, dict[str, t.Any]], tmp_path: pathlib.Path
) -> None:
    paths = _files(tmp_path, issued[1])
    tasks = [
        {"name": "slurp", "ansible.builtin.slurp": {"src": paths["cert"]}, "register": "slurped"},
        {
            "name": "module",
            "trustmesh.security.certificate_info": {"sources": [{"der": "{{ slurped.content }}"}]},
            "register": "found",
        },
        {
            "name": "compare",
            "ansible.builtin.assert": {
                "that": [
                    "(slurped.content | trustmesh.security.x509_parse) == found.results[0].certificate",
                    "(slurped.content | b64decode | trustmesh.security.x509_parse(every=true)) | length == 1",
                ]
            },
        },
    ]
    assert play(tasks).ok().changed == 0


def _documented(returned: dict[str, t.Any]) -> dict[str, t.Any]:
    return {name: _documented(entry.get("contains", {})) for name, entry in returned.items()}


def test_everything_returned_is_documented(run_module: t.Any, vault: OpenBao) -> None:
    address = urlsplit(vault.url)
    source = {"endpoint": f"{address.hostname}:{address.port}"}
    (found,) = run_module("certificate_info", {"sources": [source]}).ok().result["results"]
    module = pathlib.Path(__file__).parents[3] / "plugins" / "modules" / "certificate_info.py"
    text = module.read_text(encoding="utf-8").split('RETURN = r"""')[1].split('"""')[0]
    documented = _documented(yaml.safe_load(text))["results"]
    assert set(documented) - set(found) == {"failed", "msg"}
    assert set(found) <= set(documented)
    assert set(found["certificate"]) == set(documented["certificate"])
    assert set(found["tls"]) == set(documented["tls"])
