# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of public keys: which files are keys of whom, and what becomes of those that cannot be written."""

from __future__ import annotations

import pathlib

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._keyring.directory import DirectoryPublisher


def test_whose_key_a_file_is_its_name_says(tmp_path: pathlib.Path) -> None:
    for name in ("a.pem", "A.b.pem", ".pem", ".hidden.pem", ".note", "b.pem.bak", "note", "c.PEM"):
        (tmp_path / name).write_text(name)
    publisher = DirectoryPublisher(str(tmp_path))
    assert publisher.texts() == {"a": "a.pem", "A.b": "A.b.pem"}
    assert publisher.held().keys() == {"a", "A.b"}
    assert publisher.strays() == ["b.pem.bak", "c.PEM", "note"]
    assert publisher.file("a") == str(tmp_path / "a.pem")


def test_a_file_of_another_mode_is_another_text(tmp_path: pathlib.Path) -> None:
    publisher = DirectoryPublisher(str(tmp_path))
    assert publisher.publish({"a": "key of a", "b": "key of b"}) == {}
    assert publisher.held() == {"a": "key of a", "b": "key of b"}
    (tmp_path / "a.pem").chmod(0o600)
    assert publisher.held() == {"a": "", "b": "key of b"}
    assert publisher.texts() == {"a": "key of a", "b": "key of b"}
    assert publisher.publish({"a": None}) == {}
    assert publisher.texts() == {"b": "key of b"}


def test_of_every_key_that_cannot_be_written_there_is_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "trust").write_text("a file in the way")
    failures = DirectoryPublisher(str(tmp_path / "trust")).publish({"a": "key of a", "b": "key of b"})
    assert failures.keys() == {"a", "b"}
    assert all(isinstance(failure, TrustmeshError) for failure in failures.values())
    assert DirectoryPublisher(str(tmp_path / "nowhere")).held() == {}
