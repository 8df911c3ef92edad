# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R13: what lies in the place of a file is named by every module that takes a path, in seconds and little memory."""

from __future__ import annotations

import os
import pathlib
import resource
import socket
import time
import typing as t
from collections.abc import Callable

import pytest

Args = dict[str, t.Any]

#: Seconds and KiB; a module starts in well below a second and takes 60 MiB.
_PATIENCE = 20
_MEMORY = 400 * 1024
_STRANGER = 54321


def _sparse(path: pathlib.Path) -> None:
    path.touch(0o600)
    os.truncate(path, 1 << 40)


def _socket(path: pathlib.Path) -> None:
    # The name of a socket may have 107 characters.
    os.chdir(path.parent)
    socket.socket(socket.AF_UNIX).bind(path.name)


def _strange_link(path: pathlib.Path) -> None:
    """Put a link of another user to a file of root into a directory of that user."""
    target = path.parent.parent / "of-root"
    target.write_text("A=b\n")
    target.chmod(0o600)
    path.symlink_to(target)
    os.lchown(path, _STRANGER, _STRANGER)
    os.chown(path.parent, _STRANGER, _STRANGER)


#: How to make each thing, and what a message calls it.
THINGS: dict[str, tuple[Callable[[pathlib.Path], None], str]] = {
    "pipe": (os.mkfifo, "is a named pipe"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    "socket": (_socket, "is a socket"),
    "directory": (pathlib.Path.mkdir, "is a directory"),
    "endless": (_sparse, "is larger than"),
    "link": (_strange_link, "is a symbolic link that"),
}

_PARTICIPANT = {"name": "a"}
_VAULT = {"url": "http://127.0.0.1:9", "retries": 0, "timeout": 2}
_TOKEN = {**_VAULT, "token": "hvs.token-of-nobody"}


def _probe(**more: t.Any) -> Args:
    return {"probes": [{"name": "p", "host": "127.0.0.1", "port": 9, "timeout": 1, **more}]}


#: A module and an option: the arguments for a path.
FILES: dict[str, tuple[str, Callable[[str], Args]]] = {
    "ca_cert": ("vault_info", lambda path: {**_TOKEN, "ca_cert": path}),
    "client_cert": ("vault_info", lambda path: {**_TOKEN, "client_cert": path, "client_key": path}),
    "token_file": (
        "vault_policy",
        lambda path: {**_VAULT, "token_file": path, "policies": [{"name": "p", "rules": ""}]},
    ),
    "secret_id_file": (
        "vault_policy",
        lambda path: {
            **_VAULT,
            "auth_method": "approle",
            "role_id": "r",
            "secret_id_file": path,
            "policies": [{"name": "p", "rules": ""}],
        },
    ),
    "secret_id_kept": (
        "vault_policy",
        lambda path: {
            **_VAULT,
            "auth_method": "approle",
            "role_id": "r",
            "secret_id": "hvs.token-of-nobody",
            "secret_id_wrapped": True,
            "secret_id_file": path,
            "policies": [{"name": "p", "rules": ""}],
        },
    ),
    "approle": ("vault_approle", lambda path: {**_TOKEN, "roles": [{"name": "r", "delivery": {"path": path}}]}),
    "seal": ("vault_seal", lambda path: {"url": _VAULT["url"], "keys_file": path, "root_token_file": f"{path}.token"}),
    "session": (
        "vault_token",
        lambda path: {**_VAULT, "auth_method": "userpass", "username": "u", "password": "p" * 12, "path": path},
    ),
    "revocation": ("vault_pki_revocation", lambda path: {**_TOKEN, "revocations": [{"certificate_file": path}]}),
    "certificate_info": ("certificate_info", lambda path: {"sources": [{"path": path}]}),
    "environment_file": ("environment_file", lambda path: {"files": [{"path": path, "variables": {"A": "b"}}]}),
    "value_file": (
        "environment_file",
        lambda path: {"files": [{"path": f"{path}.env", "secrets": [{"name": "A", "value_file": path}]}]},
    ),
    "credential": (
        "systemd_credential",
        lambda path: {
            "directory": f"{path}.d",
            "unit_directory": f"{path}.u",
            "encrypt": "never",
            "services": [{"service": "s.service", "credentials": [{"name": "c", "value_file": path}]}],
        },
    ),
    "envelope_key": ("envelope_key", lambda path: {"keys": [{"path": path}]}),
    "manifest": (
        "secret_manifest",
        lambda path: {
            "stores": [{"name": "s", "type": "environment_file", "path": path}],
            "secrets": [{"name": "a", "store": "s", "key": "A", "owner": "o", "max_age": "90d"}],
        },
    ),
    "adopt": (
        "jws_key",
        lambda path: {
            "custody": "files",
            "directory": f"{path}.d",
            "participants": [{"name": "a", "adopt": {"file": path}}],
        },
    ),
    "publish": (
        "jws_key",
        lambda path: {
            "custody": "files",
            "directory": f"{path}.d",
            "publish": [{"kind": "directory", "path": os.path.dirname(path)}],
            "participants": [_PARTICIPANT],
        },
    ),
    "authority": (
        "local_ca",
        lambda path: {"authorities": [{"name": "r", "directory": os.path.dirname(path), "common_name": "R"}]},
    ),
    "passphrase_file": (
        "local_ca",
        lambda path: {
            "authorities": [
                {"name": "r", "directory": f"{path}.d", "common_name": "R", "passphrase_file": path},
            ]
        },
    ),
    "pid_file": (
        "local_process",
        lambda path: {
            "processes": [{"name": "p", "argv": ["sleep", "9"], "pid_file": path, "log_file": f"{path}.log"}]
        },
    ),
    "watch_files": (
        "local_process",
        lambda path: {
            "processes": [
                {
                    "name": "p",
                    "argv": ["sleep", "9"],
                    "pid_file": f"{path}.pid",
                    "log_file": f"{path}.log",
                    "watch_files": [path],
                }
            ]
        },
    ),
    "tls_client_cert": ("tls_probe_info", lambda path: _probe(client_cert=path, client_key=path)),
    "tls_ca_cert": ("tls_probe_info", lambda path: _probe(ca_cert=path)),
}

#: Those that ask the server before they look.
_NEED_A_SERVER = {"approle", "seal"}
#: Where the file has a name of its own in the directory that is declared.
_NAMES = {"authority": "ca-cert.pem", "publish": "a.pem"}
#: Where a directory is fine.
_FINE = {("ca_cert", "directory"), ("certificate_info", "directory")}


@pytest.mark.parametrize("thing", list(THINGS))
@pytest.mark.parametrize("case", list(FILES))
def test_r13_what_is_not_a_file_is_named(
    run_module: t.Any, request: pytest.FixtureRequest, tmp_path: pathlib.Path, case: str, thing: str
) -> None:
    if (case, thing) in _FINE:
        pytest.skip("not applicable: is fine there")
    if thing == "link" and os.geteuid() != 0:
        pytest.skip("takes root")
    make, called = THINGS[thing]
    module, args = FILES[case]
    server = request.getfixturevalue("connection") if case in _NEED_A_SERVER else {}
    path = tmp_path / "home" / _NAMES.get(case, "thing.pem")
    path.parent.mkdir()
    make(path)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    start = time.monotonic()
    done = run_module(module, {**args(str(path)), **server})
    assert time.monotonic() - start < _PATIENCE
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < max(before, _MEMORY) + 1
    assert done.failed, done.result
    told = str(done.result)
    assert called in told or "is a symbolic link" in told
    assert str(path) in told
    assert "defect" not in done.msg
    if thing == "link":
        assert (tmp_path / "of-root").read_text() == "A=b\n"
