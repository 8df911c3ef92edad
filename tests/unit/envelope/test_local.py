# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Master keys of this process: where they come from, and which are refused."""

from __future__ import annotations

import os
import pathlib
import secrets

import pytest

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._envelope import local
from plugins.module_utils._envelope.errors import EnvelopeError


@pytest.fixture
def key_file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "master.key"
    path.write_text(secrets.token_hex(32) + "\n")
    path.chmod(0o600)
    return path


def test_mb_22_key_of_the_environment() -> None:
    text = secrets.token_hex(32).upper()
    assert local.from_environment("MASTER_ENCRYPTION_KEY", {"MASTER_ENCRYPTION_KEY": text}).reveal() == text.lower()


def test_unset_variable_says_so() -> None:
    for environ in ({}, {"KEY": ""}):
        with pytest.raises(EnvelopeError, match=r"variable: KEY is not set\. Make one with: openssl rand -hex 32"):
            local.from_environment("KEY", environ)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_mb_22_key_of_a_file(key_file: pathlib.Path, mode: int) -> None:
    key_file.chmod(mode)
    assert local.from_file(str(key_file)).reveal() == key_file.read_text().strip()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o610, 0o666, 0o777])
def test_mb_71_file_that_others_may_use_is_refused(key_file: pathlib.Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(EnvelopeError, match=f"has mode {mode:04o}.* Set its mode to 0600"):
        local.from_file(str(key_file))


@pytest.mark.skipif(os.geteuid() != 0, reason="not applicable: only root can give files away")
def test_mb_71_file_of_another_user_is_refused(key_file: pathlib.Path) -> None:
    os.chown(key_file, 65534, 65534)
    with pytest.raises(EnvelopeError, match="belongs to another user"):
        local.from_file(str(key_file))


def test_link_is_judged_by_what_it_leads_to(key_file: pathlib.Path, tmp_path: pathlib.Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(key_file)
    assert local.from_file(str(link))
    key_file.chmod(0o644)
    with pytest.raises(EnvelopeError, match="has mode 0644"):
        local.from_file(str(link))


def test_what_is_no_file_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(TrustmeshError, match="is a directory, not a regular file"):
        local.from_file(str(tmp_path))
    with pytest.raises(TrustmeshError, match="does not exist"):
        local.from_file(str(tmp_path / "none"))
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(TrustmeshError, match="is a named pipe, not a regular file"):
        local.from_file(str(tmp_path / "pipe"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<your-64-character-hex-key>", "is not 64 hexadecimal characters, but 27 characters"),
        ("", "is not 64 hexadecimal characters"),
        ("0123456789abcdef" * 4, "has a pattern"),
        ("00" * 32, "has a pattern"),
        ("ff" * 32, "has a pattern"),
        (bytes(range(32)).hex(), "has a pattern"),
        (bytes(range(0, 96, 3)).hex(), "has a pattern"),
        (bytes(range(32, 0, -1)).hex(), "has a pattern"),
        (bytes(range(16)).hex() * 2, "has a pattern"),
        ("deadbeef" * 8, "has a pattern"),
        (("00" * 8 + "c0ffee4b1d5eed01") * 2, "has a pattern"),
        ("g" * 64, "is not 64 hexadecimal characters"),
        ("٣" * 64, "is not 64 hexadecimal characters"),
        ("a1" * 31, "is not 64 hexadecimal characters, but 62 characters"),
    ],
)
def test_mb_26_key_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(EnvelopeError) as caught:
        local.master_key(text)
    assert message in str(caught.value)
    assert "openssl rand -hex 32" in str(caught.value)


def test_mb_26_random_keys_pass() -> None:
    for _at in range(5000):
        assert local.master_key(secrets.token_hex(32))
