# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Vault rig: it starts, its audit log tells the truth, it seals, restarts and is gone afterwards."""

from __future__ import annotations

import os
import pathlib
import signal
import ssl
import stat
import subprocess
import sys
import time
import typing as t
import urllib.request
from collections.abc import Callable

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.openbao import OpenBao
from tests.rigs.process import LOOPBACK, RigError, listening, wait_until

POLICY = 'path "secret/data/rig" {\n  capabilities = ["read"]\n}\n'
ROOT = pathlib.Path(__file__).resolve().parents[3]


def _alive(pid: int) -> bool:
    """Whether the process runs; a zombie that only waits to be reaped does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_serves_over_verified_tls(vault: OpenBao) -> None:
    context = ssl.create_default_context(cafile=vault.ca_path)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(f"{vault.url}/v1/sys/health", timeout=10) as answer:
        assert answer.status == 200
    strangers = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.build_opener(urllib.request.ProxyHandler({}), strangers).open(vault.url, timeout=10)


def test_listens_on_loopback_only(vault: OpenBao) -> None:
    assert vault.pid is not None
    sockets = listening(vault.pid)
    assert (LOOPBACK, vault.port) in sockets
    assert {address for address, _port in sockets} == {LOOPBACK}


def test_keeps_secrets_off_the_command_line_and_private(vault: OpenBao) -> None:
    process = pathlib.Path(f"/proc/{vault.pid}")
    shown = (process / "cmdline").read_text() + (process / "environ").read_text()
    assert not any(secret in shown for secret in vault.secrets)
    assert not any(secret in repr(vault) for secret in vault.secrets)
    assert stat.S_IMODE((vault.directory / "server.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(vault.directory.stat().st_mode) == 0o700


def test_audit_tells_reads_from_writes(vault: OpenBao, unique_name: Callable[[str], str]) -> None:
    path = f"sys/policies/acl/{unique_name('policy')}"
    mark = vault.audit.mark()
    assert vault.api.read(path) is None
    vault.api.write(path, policy=POLICY)
    vault.api.list("sys/policies/acl")
    middle = vault.audit.mark()
    vault.api.delete(path)
    assert [str(r) for r in vault.audit.reads(mark)] == [f"read {path}", "list sys/policies/acl/"]
    assert [r.path for r in vault.audit.writes(mark)] == [path, path]
    assert [(r.operation, r.path) for r in vault.audit.writes(middle)] == [("delete", path)]
    assert [r.type for r in vault.audit.since(middle)] == ["request", "response"]


def test_logins_and_token_upkeep_are_not_writes(vault: OpenBao, unique_name: Callable[[str], str]) -> None:
    """Neither is a write; a role that is *named* login is one."""
    mount = unique_name("users")
    vault.api.write(f"sys/auth/{mount}", type="userpass")
    vault.api.write(f"auth/{mount}/users/login", password="correct horse")
    mark = vault.audit.mark()
    answer = vault.as_token(None).write(f"auth/{mount}/login/login", password="correct horse")
    user = vault.as_token(answer.body["auth"]["client_token"])
    user.read("auth/token/lookup-self")
    user.write("auth/token/renew-self")
    user.write("sys/capabilities-self", paths=["sys/mounts"])
    user.write("auth/token/revoke-self")
    assert vault.audit.writes(mark) == []
    assert vault.audit.reads(mark) == []
    assert [r.path for r in vault.audit.logins(mark)] == [f"auth/{mount}/login/login"]
    vault.api.write(f"auth/{mount}/users/login", password="battery staple")
    assert [r.path for r in vault.audit.writes(mark)] == [f"auth/{mount}/users/login"]
    vault.api.delete(f"sys/auth/{mount}")


def test_limited_token_is_refused_and_the_attempt_counts_as_write(
    vault: OpenBao, token: Callable[..., str], unique_name: Callable[[str], str]
) -> None:
    name = unique_name("policy")
    limited = vault.as_token(token(rules='path "sys/policies/acl/*" {\n  capabilities = ["read", "list"]\n}\n'))
    mark = vault.audit.mark()
    assert limited.request("GET", "sys/policies/acl/default").status == 200
    assert limited.request("POST", f"sys/policies/acl/{name}", {"policy": POLICY}).status == 403
    (attempt,) = vault.audit.writes(mark)
    assert "permission denied" in attempt.error
    assert vault.api.read(f"sys/policies/acl/{name}") is None


def test_audit_window_has_an_end(vault: OpenBao, audit_window: t.Any, unique_name: Callable[[str], str]) -> None:
    path = f"sys/policies/acl/{unique_name('policy')}"
    with audit_window() as window:
        vault.api.read("sys/mounts")
        assert window.writes == []
    vault.api.write(path, policy=POLICY)
    assert window.writes == []
    assert [r.path for r in window.reads] == ["sys/mounts"]
    assert vault.audit.writes(window.start)[-1].path == path


def test_seals_and_unseals(start_vault: Callable[..., OpenBao]) -> None:
    server = start_vault()
    server.seal()
    assert server.sealed()
    assert server.api.request("GET", "sys/mounts").status == 503
    server.unseal()
    assert server.api.request("GET", "sys/mounts").status == 200


def test_restart_keeps_address_data_and_audit(start_vault: Callable[..., OpenBao]) -> None:
    server = start_vault(storage="raft")
    server.api.write("sys/policies/acl/kept", policy=POLICY)
    mark, url, pid = server.audit.mark(), server.url, server.pid
    server.restart()
    assert server.url == url
    assert server.pid != pid
    stored = server.api.read("sys/policies/acl/kept")
    assert stored is not None
    assert stored["policy"] == POLICY
    assert "sys/policies/acl/kept" in [r.path for r in server.audit.reads(mark)]


def test_restart_without_disk_is_refused(vault: OpenBao) -> None:
    with pytest.raises(RigError, match="raft"):
        vault.restart()


def test_is_ready_in_seconds(start_vault: Callable[..., OpenBao]) -> None:
    start = time.monotonic()
    start_vault()
    assert time.monotonic() - start < 10, "usually a fifth of a second; ten allow for a busy machine"


def test_stop_leaves_nothing(start_vault: Callable[..., OpenBao]) -> None:
    server = start_vault()
    pid, directory = server.pid, server.directory
    assert pid is not None
    assert os.getsid(pid) == pid, "a session of its own"
    assert (directory / "server.pid").read_text() == f"{pid}\n"
    server.stop()
    assert not _alive(pid)
    assert not directory.exists()
    server.stop()


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_missing_program_skips_here_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("TRUSTMESH_VAULT_BIN", "/no/such/program")
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="/no/such/program"):
        or_skip(OpenBao)


def test_missed_condition_shows_the_log(start_vault: Callable[..., OpenBao]) -> None:
    server = start_vault()
    with pytest.raises(RigError, match=r"(?s)gave up on the impossible.*end of .*server\.log"):
        server.wait_until(lambda: False, deadline=0.05, what="the impossible")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    with pytest.raises(RigError, match="ended while waiting"):
        server.wait_until(lambda: False, deadline=30.0)


@pytest.mark.parametrize("ending", ["exit", "kill"])
def test_server_dies_with_its_tests(vault: OpenBao, ending: str, tmp_path: pathlib.Path) -> None:
    """A forgotten rig ends when its interpreter exits, and when that is killed before it can clean up."""
    end = "raise SystemExit" if ending == "exit" else "import os; os.kill(os.getpid(), 9)"
    script = f"from tests.rigs.openbao import OpenBao; v = OpenBao(); print(v.pid, flush=True); {end}"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == (0 if ending == "exit" else -signal.SIGKILL)
    pid = int(done.stdout)
    wait_until(lambda: not _alive(pid), 15.0, f"the end of process {pid}")
