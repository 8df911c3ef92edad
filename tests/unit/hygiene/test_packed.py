# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a file audit looks into: keys anywhere in a file and in any encoding, and archives that want to be too much."""

from __future__ import annotations

import bz2
import codecs
import datetime
import gzip
import io
import lzma
import os
import pathlib
import struct
import tarfile
import tracemalloc
import typing as t
import zipfile
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from plugins.module_utils._hygiene import file_facts, key_material, packed
from plugins.module_utils._hygiene.file_audit import ITEM_OPTIONS, FileAudit
from tests.rigs.plants import Plants

NOW = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
KEY = Plants(1).private_key()
PLAIN = serialization.NoEncryption()


def _audit(path: pathlib.Path, **options: t.Any) -> dict[str, t.Any]:
    """Return the facts of an audit of everything below a path."""
    defaults = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    audit = FileAudit.declared({**defaults, "path": str(path), **options}, NOW)
    return audit.describe(audit.read())


def _der(encryption: serialization.KeySerializationEncryption, form: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    if form == "PKCS12":
        return pkcs12.serialize_key_and_certificates(b"a", key, None, None, encryption)
    return key.private_bytes(serialization.Encoding.DER, getattr(serialization.PrivateFormat, form), encryption)


BY_PASSWORD = serialization.BestAvailableEncryption(b"passphrase")
CONTENTS: dict[str, bytes] = {
    "utf-8 with a mark": codecs.BOM_UTF8 + KEY.encode(),
    "carriage returns": KEY.replace("\n", "\r\n").encode(),
    **{name: f"\ufeff{KEY}".encode(name) for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")},
    **{f"{name} without a mark": KEY.encode(name) for name in ("utf-16-le", "utf-16-be", "utf-32-be")},
    "beyond 64 KiB": b"x" * 70_000 + KEY.encode(),
    "beyond 3 MiB": b"line\n" * 700_000 + KEY.encode(),
    "across two pieces": b"x" * ((1 << 20) - 10) + KEY.encode(),
    "across two pieces, utf-16": ("x" * ((1 << 19) - 5) + KEY).encode("utf-16-le"),
    "after zeros": bytes(2 << 20) + KEY.encode(),
    "after a very long line": b"a" * (5 << 20) + b"\n" + KEY.encode(),
    "SEC 1": _der(PLAIN, "TraditionalOpenSSL"),
    "PKCS #8": _der(PLAIN, "PKCS8"),
    "PKCS #8, encrypted": _der(BY_PASSWORD, "PKCS8"),
    "PKCS #12": _der(BY_PASSWORD, "PKCS12"),
    "JKS": b"\xfe\xed\xfe\xed\0\0\0\2" + bytes(40),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_s5_a_key_is_found_wherever_and_however_it_stands_in_a_file(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / "notes").write_bytes(content)
    (tmp_path / "notes").chmod(0o644)
    facts = _audit(tmp_path)
    assert [finding["rule"] for finding in facts["findings"]] == ["open-to-all"], facts
    assert facts["secret_files"] == 1 and facts["complete"] and not facts["ok"]


@pytest.mark.parametrize("at", [0, 100, (1 << 20) - 300, (1 << 20) - 60_000, 2 << 20])
def test_an_encrypted_key_is_one_wherever_it_lies(at: int) -> None:
    """A block that a piece cuts in two is judged as a whole."""
    inside = b"openssh-key-v1\0" + struct.pack(">I", 10) + b"aes256-ctr" + Plants(1).raw(300)
    label = b"OPENSSH PRIVATE KEY-----\n"
    block = b"-----BEGIN " + label + codecs.encode(inside, "base64") + b"-----END " + label
    assert key_material.key_in(b"x" * at + block + b"x" * 10) == "encrypted"


def test_what_is_no_key_is_none(tmp_path: pathlib.Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "public").write_bytes(key.public_bytes(serialization.Encoding.DER, form))
    (tmp_path / "noise").write_bytes(Plants(3).raw(3 << 20))
    (tmp_path / "public.key").write_bytes(codecs.BOM_UTF8 + key.public_bytes(serialization.Encoding.PEM, form))
    assert _audit(tmp_path)["secret_files"] == 0


def test_what_is_larger_than_is_searched_is_counted(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_facts, "MOST_SEARCHED", 2 << 20)
    with open(tmp_path / "sparse", "wb") as handle:
        handle.truncate(1 << 40)
    facts = _audit(tmp_path)
    assert facts["unread"] == {"larger than 2 MiB": 1}
    assert not facts["complete"] and not facts["ok"]


def test_a_name_with_a_line_end_is_a_name(tmp_path: pathlib.Path) -> None:
    for name in ("a\nb.key", "c.key\n", ".env\n.bak", b"\xff.key"):
        path = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
        with open(path, "wb") as handle:
            handle.write(b"secret")
        os.chmod(path, 0o644)
    found = {os.path.basename(finding["path"]) for finding in _audit(tmp_path)["findings"]}
    assert found == {"a\nb.key", "\\udcff.key"}


def test_loops_of_links_end(tmp_path: pathlib.Path) -> None:
    (tmp_path / "round.key").symlink_to("round.key")
    (tmp_path / "one.key").symlink_to("two.key")
    (tmp_path / "two.key").symlink_to("one.key")
    (tmp_path / "up").symlink_to("..")
    facts = _audit(tmp_path)
    assert facts["examined"] == 4
    assert {finding["rule"] for finding in facts["findings"]} == {"link"}
    assert all("leads nowhere" in finding["problem"] for finding in facts["findings"])


# -- archives ----------------------------------------------------------------------------------------------------------


def _tar(mode: str, *names: str, size: int = 10) -> bytes:
    packed_files = io.BytesIO()
    with tarfile.open(fileobj=packed_files, mode=t.cast("t.Any", mode)) as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = size
            archive.addfile(member, io.BytesIO(bytes(size)))
    return packed_files.getvalue()


def _zip(*names: str) -> bytes:
    packed_files = io.BytesIO()
    with zipfile.ZipFile(packed_files, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return packed_files.getvalue()


def _member(name: str, kind: bytes, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


#: name of the file -> content, members that are told, and why there may be more
ARCHIVES: dict[str, tuple[str, Callable[[], bytes], int, str | None]] = {
    "tar": ("a.tar", lambda: _tar("w", "etc/a.key", "readme"), 1, None),
    "gzip": ("a.tgz", lambda: _tar("w:gz", "etc/a.key", "readme"), 1, None),
    "xz": ("a.tar.xz", lambda: _tar("w:xz", "etc/a.key"), 1, None),
    "zip": ("a.zip", lambda: _zip("etc/a.key", "b\\.env"), 2, None),
    "zip under another name": ("report.docx", lambda: _zip("etc/a.key"), 1, None),
    "tar with a zip at its end": ("a.tar", lambda: _tar("w", "etc/a.key") + _zip("b.key"), 2, None),
    "links out of it": ("a.tar", lambda: _tar("w", "../../etc/shadow.key", "/root/a.key"), 2, None),
    "no tar": ("a.tar.sha256", lambda: b"0" * 64 + b"  a.tar\n", 0, None),
    "empty": ("a.tar", lambda: b"", 0, None),
    "only zeros": ("a.tar", lambda: bytes(10_240), 0, None),
    "cut short": ("a.tar.gz", lambda: _tar("w:gz", *(f"{n}.key" for n in range(400)))[:-30], 400, "a damaged archive"),
    "gzip of no tar": ("a.tar.gz", lambda: gzip.compress(b"no tar" * 200), 0, "a damaged archive"),
    "a log": ("a.log.gz", lambda: gzip.compress(b"line\n" * 200), 0, None),
    "noise in a zip": ("a.zip", lambda: b"PK\x03\x04" + Plants(1).raw(500), 0, "a damaged archive"),
    "zstd": ("a.tar.zst", lambda: b"\x28\xb5\x2f\xfd" + bytes(40), 0, "packed with zstd"),
    "a member of 8 EiB": ("a.tar", lambda: _member("a.key", b"0", 2**62) + bytes(1024), 1, "a damaged archive"),
    "a name of 4 GiB": ("a.tar", lambda: _member("x", b"L", 2**32) + bytes(64 << 20), 0, "header that is"),
    "a bomb": ("a.tgz", lambda: gzip.compress(_member("x.key", b"0", 2**40) + bytes(80 << 20)), 1, "unpacks to"),
    "a bomb, bzip2": ("a.tbz", lambda: bz2.compress(_member("x", b"L", 2**33) + bytes(80 << 20)), 0, "header that is"),
    "a bomb in one stream": ("a.gz", lambda: gzip.compress(bytes(80 << 20)), 0, "unpacks to more than"),
    "headers without end": ("a.tar.xz", lambda: lzma.compress(_member("x", b"L", 1) * 40_000), 0, "a damaged archive"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "told", "why"), ARCHIVES.values(), ids=ARCHIVES)
def test_r14_an_archive_is_read_within_limits(
    tmp_path: pathlib.Path, name: str, content: Callable[[], bytes], told: int, why: str | None
) -> None:
    (tmp_path / name).write_bytes(content())
    (tmp_path / name).chmod(0o600)
    tracemalloc.start()
    try:
        facts = _audit(tmp_path, archives=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    found = [finding["problem"].partition("in it: ")[2].split(",") for finding in facts["findings"]]
    shown = sum(len(names) if len(names) < 3 else 400 for names in found)
    assert (shown, facts["complete"]) == (told, why is None), facts
    assert any(why in reason for reason in facts["unread"]) if why else facts["unread"] == {}, facts
    assert peak < 250 << 20


def test_r14_an_archive_with_too_many_members_is_counted(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MOST_MEMBERS", 10)
    (tmp_path / "a.zip").write_bytes(_zip(*(f"{number}.key" for number in range(20))))
    assert _audit(tmp_path, archives=True)["unread"] == {"has more than 10 members": 1}


def test_archives_are_looked_into_on_request_only(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(_tar("w:gz", "a.key")[:40])
    facts = _audit(tmp_path)
    assert facts["ok"] and facts["complete"]


def test_a_key_in_one_packed_stream_is_found(tmp_path: pathlib.Path) -> None:
    for name, pack in (("a.gz", gzip.compress), ("a.bz2", bz2.compress), ("a.xz", lzma.compress)):
        (tmp_path / name).write_bytes(pack(b"line\n" * 100_000 + KEY.encode()))
    assert _audit(tmp_path, archives=True)["secret_files"] == 3
