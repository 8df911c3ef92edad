# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The search for secrets: it must find what is planted, in every form and place, before its silence means anything."""

from __future__ import annotations

import base64
import os
import pathlib
import subprocess
import sys
import typing as t
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.rigs.canary import Canaries, LeakError
from tests.rigs.process import wait_until
from tests.rigs.process_watch import ProcessWatch
from tests.rigs.runner import COLLECTIONS_VARIABLE, Runner
from tests.rigs.transcript import Transcript

ROOT = pathlib.Path(__file__).resolve().parents[3]


def base64_after(lead: int) -> Callable[[str], str]:
    """Encode with ``lead`` bytes before the secret, which shifts every character of the encoding."""
    return lambda secret: base64.b64encode(b"x" * lead + secret.encode()).decode()


def urlsafe_after(lead: int) -> Callable[[str], str]:
    """The same in the URL-safe alphabet, among bytes that need it."""
    return lambda secret: base64.urlsafe_b64encode(b"\xff" * lead + secret.encode() + b"\xfe").decode()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "inside a line": lambda secret: f"password={secret};",
    "json": lambda secret: f'{{"password": "{secret}"}}',
    "reversed": lambda secret: secret[::-1],
    "hex": lambda secret: secret.encode().hex(),
    "upper hex": lambda secret: secret.encode().hex().upper(),
    **{f"base64 after {lead} bytes": base64_after(lead) for lead in range(4)},
    **{f"url-safe base64 after {lead} bytes": urlsafe_after(lead) for lead in range(3)},
}


@pytest.fixture
def own() -> Canaries:
    """Secrets of this test alone, so that a planted leak is not one of the session."""
    return Canaries()


@pytest.fixture
def planted(own: Canaries, tmp_path: pathlib.Path) -> Transcript:
    """A transcript in which leaks are planted."""
    return Transcript(tmp_path / "planted", own)


@pytest.fixture
def careless(collection: pathlib.Path, planted: Transcript) -> Runner:
    """A runner whose outputs go to the planted transcript."""
    return Runner(collection, planted)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("origin", ["minted", "recorded"])
def test_finds_every_form(own: Canaries, origin: str, form: Callable[[str], str]) -> None:
    secret = own.mint() if origin == "minted" else own.record("Xk29-~q/+=Zw81&%Lm")
    leaks = own.known(f"a harmless line\n{form(secret)}\nanother".encode(), "here")
    assert leaks
    assert leaks[0].where == "here"


def test_finds_a_piece_of_a_minted_secret(own: Canaries) -> None:
    assert own.known(own.mint()[: len(own.marker) + 4].encode(), "a truncated line")


def test_says_where_but_not_what(own: Canaries) -> None:
    minted, recorded = own.mint(), own.record("a recorded secret", "database login")
    leaks = own.search(f"0123{minted} {recorded}".encode(), "log")
    assert str(leaks[0]) == "log, byte 4: minted (plain)"
    assert "database login" in str(leaks[1])
    assert not any(secret in str(leak) for leak in leaks for secret in (minted, recorded, own.marker))


def test_finds_a_key_by_its_lines_and_by_its_shape(own: Canaries) -> None:
    pem = (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )
    assert [leak.kind for leak in own.search(pem.encode(), "log")] == ["private key"]
    own.record(pem, "key")
    assert own.known(pem.replace("\n", "\\n").encode(), "a JSON string")
    assert not own.known(b"-----END PRIVATE KEY-----", "the frame alone is no secret")


@pytest.mark.parametrize("token", ["hvs." + "Ab1-_" * 6, "s." + "Zy9" * 8, "hvb." + "Q" * 40])
def test_finds_a_token_nobody_recorded(own: Canaries, token: str) -> None:
    assert [leak.kind for leak in own.search(f"X-Vault-Token: {token}".encode(), "log")] == ["vault token"]


def test_is_silent_about_harmless_text(own: Canaries, vault: t.Any) -> None:
    """No net may be so wide that the server's own log, or our own sources, set it off."""
    own.mint()
    assert own.search(vault.log_path.read_bytes(), "server log") == []
    for source in (pathlib.Path(__file__).parents[2] / "rigs").glob("*.py"):
        assert own.search(source.read_bytes(), str(source)) == []


def test_finds_leaks_in_files_and_file_names(own: Canaries, tmp_path: pathlib.Path) -> None:
    secret = own.mint()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "content.bin").write_bytes(b"\0\xff" + secret.encode())
    (tmp_path / f"name-{secret}").touch()
    leaks = own.search_trees([tmp_path])
    assert len(leaks) == 2
    assert any("content.bin" in leak.where for leak in leaks)


def test_finds_a_secret_in_the_process_list(own: Canaries) -> None:
    secret = own.mint()
    with ProcessWatch(own) as watch:
        child = subprocess.Popen([sys.executable, "-c", "input()", secret], stdin=subprocess.PIPE)
        try:
            wait_until(lambda: watch.leaks, 10.0, "a look at the process list")
        finally:
            child.communicate(b"\n")
    assert watch.leaks[0].where == f"command line of process {child.pid}"


def test_play_that_prints_a_secret_fails(careless: Runner, own: Canaries) -> None:
    tasks = [{"name": "Tell", "ansible.builtin.debug": {"msg": "{{ secret }}"}}]
    with pytest.raises(LeakError, match="stdout"):
        careless.play(tasks, variables={"secret": own.mint()})


def test_play_that_puts_a_secret_on_a_command_line_fails(careless: Runner, own: Canaries) -> None:
    """The child lives for a moment and the task says nothing: the interpreter's events still tell."""
    tasks = [
        {"name": "Run", "ansible.builtin.command": {"argv": ["true", "{{ secret }}"]}, "no_log": True},
    ]
    with pytest.raises(LeakError, match=r"events\.log"):
        careless.play(tasks, variables={"secret": own.mint()})


def test_play_that_leaves_a_secret_in_a_temporary_file_fails(careless: Runner, own: Canaries) -> None:
    copy = {"content": "{{ secret }}", "dest": "{{ lookup('ansible.builtin.env', 'TMPDIR') }}/left", "mode": "0600"}
    with pytest.raises(LeakError, match="tmp/left"):
        careless.play(
            [{"name": "Leave", "ansible.builtin.copy": copy, "no_log": True}], variables={"secret": own.mint()}
        )


def test_module_that_returns_a_secret_fails(careless: Runner, own: Canaries) -> None:
    with pytest.raises(LeakError, match="stdout"):
        careless.module("ansible.builtin.ping", {"data": own.mint()})


def test_module_that_logs_a_secret_fails(careless: Runner, own: Canaries) -> None:
    """`ping` returns its argument as well; the system log is one of the places that the message names."""
    with pytest.raises(LeakError, match=r"events\.log"):
        careless.module("ansible.builtin.ping", {"data": own.mint()})


def test_secret_known_later_is_found_at_the_end(careless: Runner, own: Canaries, planted: Transcript) -> None:
    careless.module("ansible.builtin.ping", {"data": "only-later-a-secret"})
    planted.check()
    own.record("only-later-a-secret")
    with pytest.raises(LeakError, match="stdout"):
        planted.check()


SESSION = """
from tests.integration.conftest import *

def test_tells_what_only_later_is_a_secret(run_module, canaries):
    run_module("ansible.builtin.ping", {"data": "only-later-a-secret"})
    canaries.record("only-later-a-secret")

def test_puts_a_secret_into_a_path(vault, canaries):
    vault.api.read("secret/" + canaries.mint())
"""


def test_session_with_a_leak_fails(tmp_path: pathlib.Path, collection: pathlib.Path) -> None:
    """Both tests pass; the searches at the session's end are what fails it: of the transcript, and of the server."""
    (tmp_path / "test_session.py").write_text(SESSION)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    command += ["-c", str(ROOT / "pytest.ini"), f"--basetemp={tmp_path / 'base'}", str(tmp_path / "test_session.py")]
    env = {**os.environ, COLLECTIONS_VARIABLE: str(collection)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 passed, 1 error" in done.stdout, "the end of the session is one error, with both findings"
    assert "recorded (plain)" in done.stdout
    assert "audit.log" in done.stdout


def test_masked_secret_passes(careless: Runner, own: Canaries, planted: Transcript) -> None:
    """The search must let a well-behaved task through: an option with no_log, given by variable."""
    uri = {"url": "http://127.0.0.1:1/", "url_password": "{{ secret }}"}
    done = careless.play(
        [{"name": "Ask", "ansible.builtin.uri": uri, "ignore_errors": True}], variables={"secret": own.mint()}
    )
    assert done.ok().task("Ask").result["status"] == -1
    planted.check()
