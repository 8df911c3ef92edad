# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_seal against real servers that nobody has initialised: bring up, seal, unseal, and never lose a key."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import ssl
import stat
import subprocess
import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.rigs.canary import Canaries
from tests.rigs.pki import make_server_pair
from tests.rigs.process import LOOPBACK, Process, clean_environment, find_binary, free_port
from tests.rigs.vault_api import VaultApi

Module = Callable[..., t.Any]

CONFIGURATION = """\
disable_mlock = true
api_addr = {url}
cluster_addr = {cluster_url}
storage "{storage}" {{
{options}
}}
listener "tcp" {{
  address = {address}
  cluster_address = {cluster}
  tls_cert_file = {certificate}
  tls_key_file = {key}
}}
"""


class BareServer:
    """A server as a package leaves it: running, not initialised."""

    def __init__(self, directory: pathlib.Path, storage: str) -> None:
        pair = make_server_pair(directory)
        port, cluster = free_port(), free_port()
        self.url = f"https://{LOOPBACK}:{port}"
        self.ca = str(pair.ca)
        data = directory / "data"
        data.mkdir()
        values = {
            "url": self.url,
            "cluster_url": f"https://{LOOPBACK}:{cluster}",
            "address": f"{LOOPBACK}:{port}",
            "cluster": f"{LOOPBACK}:{cluster}",
            "certificate": str(pair.certificate),
            "key": str(pair.key),
        }
        options = "" if storage == "inmem" else f'  path = {json.dumps(str(data))}\n  node_id = "n"'
        quoted = {name: json.dumps(value) for name, value in values.items()}
        configuration = directory / "server.hcl"
        configuration.write_text(CONFIGURATION.format(storage=storage, options=options, **quoted))
        binary = find_binary("bao", "TRUSTMESH_VAULT_BIN")
        argv = [binary, "server", f"-config={configuration}"]
        self.process = Process("server", argv, directory, clean_environment(HOME=str(directory)))


@pytest.fixture(params=["inmem", "raft"])
def bare(request: pytest.FixtureRequest, tmp_path: pathlib.Path, run_module: Module) -> Iterator[BareServer]:
    """A server that was never initialised; a cluster of one (raft) has to be elected after unsealing."""
    directory = tmp_path / "server"
    directory.mkdir()
    server = BareServer(directory, request.param)
    server.process.start()
    try:
        look = {"url": server.url, "ca_cert": server.ca, "retries": 0}
        server.process.ready(lambda: not run_module("vault_info", look).failed, 30, "the API")
        yield server
    finally:
        server.process.stop()


@pytest.fixture
def keys(tmp_path: pathlib.Path) -> pathlib.Path:
    """Where the keys go."""
    directory = tmp_path / "keys"
    directory.mkdir()
    return directory / "keys.json"


def known(path: pathlib.Path, canaries: Canaries) -> dict[str, t.Any]:
    """Return the content of a keys file, which must turn up nowhere else."""
    content = json.loads(path.read_text())
    for secret in (*content["keys"], *content["keys_base64"], content["root_token"]):
        canaries.record(secret, "key of a server")
    return t.cast("dict[str, t.Any]", content)


def item(result: t.Any) -> dict[str, t.Any]:
    """Return the result of the one item."""
    return t.cast("dict[str, t.Any]", result.ok().result["results"][0])


def test_bring_up_seal_and_unseal(run_module: Module, bare: BareServer, keys: pathlib.Path, canaries: Canaries) -> None:
    root = keys.parent / "root-token"
    reach = {"url": bare.url, "ca_cert": bare.ca}
    present = {**reach, "keys_file": str(keys), "root_token_file": str(root), "shares": 3, "threshold": 2}

    def run(args: dict[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
        result = run_module("vault_seal", args, check=check, diff=True)
        assert result.changed is item(result)["changed"]
        return item(result)

    foretold = run(present, check=True)
    assert foretold["action"] == "create"
    assert foretold["seal"]["initialized"] is False
    assert list(keys.parent.iterdir()) == []

    made = run(present)
    assert (made["action"], made["reasons"]) == (foretold["action"], foretold["reasons"])
    assert made["seal"] == {"initialized": True, "sealed": False, "type": "shamir", "shares": 3, "threshold": 2}
    content = known(keys, canaries)
    assert len(content["keys_base64"]) == 3
    assert root.read_text().strip() == content["root_token"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (keys, root)] == [0o600, 0o600]
    assert sorted(path.name for path in keys.parent.iterdir()) == ["keys.json", "root-token"]
    mounts = run_module("vault_info", {**reach, "token_file": str(root)}).ok().result["mounts"]
    assert mounts["auth"]["token"]["type"] == "token", "it serves as soon as the module returns"

    assert run(present, check=True)["action"] == "none"
    assert run(present)["action"] == "none"

    sealed = {**reach, "state": "sealed", "token_file": str(root)}
    assert run(sealed, check=True)["changed"]
    assert run_module("vault_info", reach).ok().result["server"]["state"] == "active"
    assert run(sealed)["changed"]
    assert run_module("vault_info", reach).ok().result["server"]["state"] == "sealed"
    assert not run(sealed, check=True)["changed"]
    assert not run(sealed)["changed"]

    root.write_text("tampered")
    assert run(present, check=True)["reasons"] == ["the server is sealed, declared unsealed", "root_token_file differs"]
    assert run(present)["seal"]["sealed"] is False
    assert root.read_text().strip() == content["root_token"]
    assert known(keys, canaries) == content
    assert not run(present)["changed"]


@pytest.mark.parametrize("bare", ["inmem"], indirect=True)
def test_s12_a_server_is_sealed_whatever_the_namespace_and_the_login_is_where_it_is_declared(
    run_module: Module, bare: BareServer, keys: pathlib.Path, canaries: Canaries
) -> None:
    """The seal is that of the whole server: a namespace for the other tasks of a play does not come into its way."""
    reach = {"url": bare.url, "ca_cert": bare.ca, "namespace": "team"}
    assert run_module("vault_seal", {**reach, "keys_file": str(keys)}).ok().changed
    api = VaultApi(bare.url, ssl.create_default_context(cafile=bare.ca), known(keys, canaries)["root_token"])
    api.write("sys/auth/staff", type="userpass")
    api.write("sys/policies/acl/sealer", policy='path "sys/seal" { capabilities = ["update", "sudo"] }')
    password = base64.b64encode(os.urandom(18)).decode()
    canaries.record(password, "password")
    api.write("auth/staff/users/jo", password=password, token_policies="sealer")
    login = {"auth_method": "userpass", "auth_mount": "staff", "username": "jo", "password": password}
    sealed = {**reach, **login, "state": "sealed"}
    refused = run_module("vault_seal", sealed)
    assert refused.failed, "there is no such namespace to log in to"
    assert not refused.changed
    assert item(run_module("vault_seal", {**sealed, "auth_namespace": "root"}))["seal"]["sealed"] is True


@pytest.mark.parametrize("bare", ["inmem"], indirect=True)
def test_existing_keys_file_is_never_overwritten(run_module: Module, bare: BareServer, keys: pathlib.Path) -> None:
    keys.write_text(json.dumps({"keys_base64": [base64.b64encode(os.urandom(33)).decode()]}))
    before = keys.read_bytes()
    args = {"url": bare.url, "ca_cert": bare.ca, "keys_file": str(keys)}
    for check in (True, False):
        result = run_module("vault_seal", args, check=check)
        assert result.failed
        assert f"keys_file: {keys} exists, but the server at {bare.url} is not initialised" in result.msg
        assert "It may hold the only keys of another server" in result.msg
    assert keys.read_bytes() == before
    server = run_module("vault_info", {"url": bare.url, "ca_cert": bare.ca}).ok().result["server"]
    assert server["state"] == "uninitialized"


@pytest.mark.parametrize("bare", ["inmem"], indirect=True)
def test_keys_that_cannot_be_kept_are_never_made(
    run_module: Module, bare: BareServer, keys: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    reach = {"url": bare.url, "ca_cert": bare.ca}
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    for path, text in (
        (keys.parent / "nowhere" / "keys.json", "no such directory. Create it first"),
        (in_the_way / "keys.json", "a part of the path is a file"),
    ):
        result = run_module("vault_seal", {**reach, "keys_file": str(path)})
        assert result.failed
        assert text in result.msg
        assert run_module("vault_info", reach).ok().result["server"]["initialized"] is False


@pytest.mark.parametrize("bare", ["inmem"], indirect=True)
@pytest.mark.skipif(os.geteuid() != 0, reason="a full disk is made by mounting a small one")
def test_full_disk_leaves_the_server_uninitialised(
    run_module: Module, bare: BareServer, tmp_path: pathlib.Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no right to mount: {mounted.stderr.decode()}")
    try:
        args = {"url": bare.url, "ca_cert": bare.ca}
        result = run_module("vault_seal", {**args, "keys_file": str(disk / "keys.json")})
        assert result.failed
        assert "the disk is full. Free some space" in result.msg
        assert list(disk.iterdir()) == []
        assert run_module("vault_info", args).ok().result["server"]["initialized"] is False
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("bare", ["inmem"], indirect=True)
def test_wrong_missing_and_too_few_keys_are_told_apart(
    run_module: Module, bare: BareServer, keys: pathlib.Path, canaries: Canaries
) -> None:
    reach = {"url": bare.url, "ca_cert": bare.ca}
    root = keys.parent / "root-token"
    run_module(
        "vault_seal", {**reach, "keys_file": str(keys), "root_token_file": str(root), "shares": 3, "threshold": 2}
    ).ok()
    content = known(keys, canaries)
    run_module("vault_seal", {**reach, "state": "sealed", "token_file": str(root)}).ok()
    other = keys.parent / "other.json"

    def attempt(text: str | None) -> str:
        other.unlink(missing_ok=True)
        if text is not None:
            other.write_text(text)
        result = run_module("vault_seal", {**reach, "keys_file": str(other)})
        assert result.failed
        return str(result.msg)

    assert "does not exist, but the server is initialised and sealed" in attempt(None)
    assert "is not a keys file" in attempt("[]")
    assert "is not a keys file" in attempt("no JSON")
    one = {**content, "keys_base64": content["keys_base64"][:1]}
    assert "holds 1 of the 2 keys needed. Add the others to keys_base64" in attempt(json.dumps(one))
    wrong = [canaries.record(base64.b64encode(os.urandom(33)).decode(), "wrong key") for _at in range(3)]
    assert "do not open the server" in attempt(json.dumps({**content, "keys_base64": wrong}))
    mixed = [wrong[0], *content["keys_base64"][:1]]
    assert "do not open the server" in attempt(json.dumps({**content, "keys_base64": mixed}))

    assert run_module("vault_seal", {**reach, "keys_file": str(keys)}).ok().changed, "and the right ones still open it"


@pytest.mark.parametrize("bare", ["inmem"], indirect=True)
def test_impossible_shares_are_refused_before_the_server_is_asked(
    run_module: Module, bare: BareServer, keys: pathlib.Path
) -> None:
    for shares, threshold in ((1, 2), (3, 1), (0, 0), (256, 2)):
        args = {"url": bare.url, "ca_cert": bare.ca, "keys_file": str(keys), "shares": shares, "threshold": threshold}
        result = run_module("vault_seal", args)
        assert result.failed
        assert f"threshold: {threshold} of {shares} shares is not possible" in result.msg
    assert not keys.exists()


@pytest.mark.parametrize("bare", ["inmem"], indirect=True)
def test_sealing_takes_the_right_to(
    run_module: Module, bare: BareServer, keys: pathlib.Path, canaries: Canaries, canary: Callable[..., str]
) -> None:
    reach = {"url": bare.url, "ca_cert": bare.ca}
    run_module("vault_seal", {**reach, "keys_file": str(keys)}).ok()
    known(keys, canaries)
    result = run_module("vault_seal", {**reach, "state": "sealed", "token": canary("hvs.")})
    assert result.failed
    assert "permission denied for post sys/seal" in result.msg
    result = run_module("vault_seal", {**reach, "state": "sealed"})
    assert result.failed
    assert "token: not given, but auth_method token needs it" in result.msg
    assert run_module("vault_info", reach).ok().result["server"]["state"] == "active"
