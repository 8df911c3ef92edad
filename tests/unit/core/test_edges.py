# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds up to a number holds at that number, and beyond it no more."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import re
import sys
import typing as t
import zlib
from pathlib import Path

import pytest

from plugins.module_utils._core import clock, deps, foreign, leftovers, masking, normal, places, redact, staging
from plugins.module_utils._core.attributes import OPEN_DIRECTORY, Attributes, FileFailure
from plugins.module_utils._core.errors import MissingLibrary, TrustmeshError
from plugins.module_utils._core.files import make_directory, put_file, read_file

NOW: t.Final = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
LIBRARIES: t.Final = [value for value in vars(deps).values() if isinstance(value, deps.Library)]


def _later(**much: float) -> datetime.datetime:
    return NOW + datetime.timedelta(**much)


def test_a_clock_may_be_an_hour_ahead() -> None:
    assert clock.ahead([_later(hours=1)], NOW) is None
    assert clock.ahead([None, _later(hours=1, seconds=1), _later(minutes=1)], NOW) == _later(hours=1, seconds=1)
    assert clock.made_before(_later(hours=1, seconds=1), NOW, NOW), "when that was is not known"
    assert not clock.made_before(_later(hours=1), NOW, NOW)
    assert not clock.made_before(NOW, NOW, NOW)
    assert not clock.made_before(_later(hours=-1), _later(seconds=1), NOW), "the instant has not come"


# -- answers -----------------------------------------------------------------------------------------------------------


def test_r17_an_answer_unpacks_to_64_mib_at_most() -> None:
    most = 64 * 1024 * 1024
    packed = zlib.compress(bytes(most), 1)
    assert len(foreign.inflated(packed, "deflate")) == most
    with pytest.raises(foreign.Unreadable, match="unpacks to more than 64 MiB"):
        foreign.inflated(zlib.compress(bytes(most + 1), 1), "deflate")


@pytest.mark.parametrize(
    ("fits", "too_much", "said"),
    [
        (b'"' + b"[]" * 2_000_000 + b'"', b'"' + b"[]" * 2_000_001 + b'"', "too many lists and objects"),
        (b"[" * 320 + b"]" * 320, b"[" * 321 + b"]" * 321, "nested too deep"),
        (b'{"a":' * 320 + b"1" + b"}" * 320, b'{"a":' * 321 + b"1" + b"}" * 321, "nested too deep"),
        (b"[" + b"[]," * 400 + b"[]]", b"[" * 161 + b"{}," * 400 + b'{"a":' * 161, "nested too deep"),
        (b"1" * 400, b"1" * 401, "a number of more digits than any meaning"),
        (b"-" + b"1" * 399, b"-" + b"1" * 400, "a number of more digits than any meaning"),
        (b"1e308", b"1e309", "a number that is too large"),
        (b"-1e308", b"-1e309", "a number that is too large"),
        (b'"NaN"', b"NaN", "NaN for a number"),
        (b'{"a": 1, "b": 1}', b'{"a": 1, "a": 1}', "names a field twice"),
        (b'[{"a": 1}, {"a": 1}]', b'[{"a": {"b": 1, "b": 1}}]', "names a field twice"),
        (b'"\\ud83d\\ude00"', b'"\\ud83d"', "is not UTF-8"),
        (b'"\\uD83D\\uDE00"', b'"\\uD83D"', "is not UTF-8"),
        ('"é"'.encode(), '"é"'.encode("latin-1"), "is not UTF-8"),
        (b" 1 ", b"", "is empty"),
        (b" 1 ", b" ", "is not JSON, or is cut short"),
        (b"[1]", b"[1", "is not JSON, or is cut short"),
    ],
    ids=lambda value: None if isinstance(value, str) else value[:12],
)
def test_r17_what_an_answer_may_hold(fits: bytes, too_much: bytes, said: str) -> None:
    foreign.parse_value(fits)
    with pytest.raises(foreign.Unreadable, match=said):
        foreign.parse_value(too_much)


def test_r17_an_instant_is_one_that_a_calendar_holds() -> None:
    last = 253402300799
    answer = foreign.Answer.of({"first": 0, "last": last, "beyond": last + 1, "before": -1, "none": None}, "x")
    assert [answer.seconds(name) for name in ("first", "last", "none")] == [0, last, 0]
    assert answer.instant("last").isoformat() == "9999-12-31T23:59:59+00:00"
    for name in ("beyond", "before"):
        for read in (answer.seconds, answer.instant):
            with pytest.raises(TrustmeshError, match=f"{name} is not an instant"):
                read(name)


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("x" * 300, None, "x" * 300),
        ("x" * 301, None, "x" * 300 + " ..."),
        ("x" * 5, 5, "x" * 5),
        ("x" * 6, 5, "xxxxx ..."),
        ("a\n\tb\0c  d", None, "a b c d"),
        ("x" * 20_000, 20_000, "x" * 16384),
    ],
)
def test_what_is_quoted_is_one_short_line(
    monkeypatch: pytest.MonkeyPatch, text: str, most: int | None, shown: str
) -> None:
    monkeypatch.setattr(masking, "_beginnings", {})  # a secret of another test may be spelled so
    monkeypatch.setattr(redact, "_known", set())
    monkeypatch.setattr(masking, "_indexed", set())
    assert (foreign.printable(text) if most is None else foreign.printable(text, most)) == shown


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_how_much_of_a_secret_tells_it() -> None:
    redact.remember(["Qx7.8ok", "Qy7.88ok", "Qz7-what-is-longer-than-that"])
    assert masking.masked("of Qx7.8ok, seven") == "of Qx7.8ok, seven"
    assert masking.masked("of Qy7.88ok, eight") == "of ********, eight"
    assert masking.masked("of Qz7-what-is-lon, fifteen") == "of Qz7-what-is-lon, fifteen"
    assert masking.masked("of Qz7-what-is-long, sixteen") == "of ********, sixteen"
    assert masking.masked("of Qz7-what-is-lon") == "of ********", "at the end of a text it was cut"


# -- durations ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1000000ns", 1),
        ("1000us", 1),
        ("1000\u00b5s", 1),
        ("1000\u03bcs", 1),
        ("1ms", 1),
        ("1s", 1000),
        ("1m", 60_000),
        ("1h", 3_600_000),
        ("1d", 86_400_000),
        ("1w", 604_800_000),
        ("1s" * 50, 50_000),
    ],
)
def test_what_a_unit_of_time_is(text: str, milliseconds: int) -> None:
    assert normal.milliseconds(text) == milliseconds


@pytest.mark.parametrize(("fits", "too_much"), [("9223372036", "9223372037"), ("1s" * 50, "1s" * 49 + "01s")])
def test_a_duration_is_one_that_servers_count(fits: str, too_much: str) -> None:
    assert normal.duration(fits) == (50 if "s" in fits else int(fits))
    with pytest.raises(ValueError, match=r"292 years|is not a duration"):
        normal.duration(too_much)


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_file_is_private_and_a_directory_open_unless_said_otherwise(tmp_path: Path) -> None:
    put_file(f"{tmp_path}/file", b"", Attributes())
    make_directory(f"{tmp_path}/folder")
    make_directory(f"{tmp_path}/other", OPEN_DIRECTORY)
    assert [(tmp_path / name).stat().st_mode & 0o7777 for name in ("file", "folder", "other")] == [0o600, 0o755, 0o755]


@pytest.mark.parametrize(("age", "left"), [(0, False), (3600, False), (3600.5, True)])
def test_r20_what_nobody_wrote_for_an_hour_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: float, left: bool
) -> None:
    name = ".trustmesh-00000000-1-0123abcd.tmp"
    (tmp_path / name).touch()
    os.utime(tmp_path / name, (1000, 1000))
    monkeypatch.setattr(leftovers.time, "time", lambda: 1000 + age)
    assert leftovers.leftovers(places.directory(str(tmp_path)), [name]) == ([name] if left else [])


@pytest.mark.parametrize(("count", "at_once"), [(7, False), (8, True)])
def test_few_files_are_flushed_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, at_once: bool
) -> None:
    """More than eight, their directory counted, wait for their file system: it may have much else to write."""
    flushed: list[int] = []
    systems: list[object] = []
    monkeypatch.setattr(staging, "_flush_file_systems", lambda folders: bool(systems.append(folders)) or True)
    monkeypatch.setattr(os, "fsync", flushed.append)
    for number in range(count):
        (tmp_path / str(number)).touch()
    wanted = [staging.Place.of(f"{tmp_path}/{number}") for number in range(count)]
    staging.flush(wanted, with_files=True)
    assert (len(systems), len(flushed)) == ((1, 0) if at_once else (0, count + 1))
    del flushed[:], systems[:]
    staging.flush(wanted, with_files=False)
    assert (len(systems), len(flushed)) == (0, 1), "one directory"


def test_r5_what_took_a_name_meanwhile_is_not_opened_to_be_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "victim").touch()
    (tmp_path / "link").symlink_to("victim")
    os.mkfifo(tmp_path / "pipe")
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    staging.flush([staging.Place.of(f"{tmp_path}/{name}") for name in ("link", "pipe", "none")], with_files=True)
    assert (tmp_path / "victim").stat().st_ino not in flushed
    assert flushed[-1] == tmp_path.stat().st_ino, "whatever becomes of the rest"


def test_r13_a_pipe_on_the_way_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileFailure, match="a part of the path is a file"):
        read_file(f"{tmp_path}/pipe/file")


# -- libraries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.reason)
def test_a_library_is_asked_for_by_its_name_from_its_version_on(
    monkeypatch: pytest.MonkeyPatch, library: deps.Library
) -> None:
    asked: list[str] = []
    found = [library.minimum]

    def version(name: str) -> str:
        asked.append(name)
        return found[0]

    monkeypatch.setattr(importlib.metadata, "version", version)
    library.check()
    found[0] = "0.0.9"
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    with pytest.raises(MissingLibrary) as failure:
        library.check()
    assert re.search(r"pip install '[A-Za-z][\w-]+>=\d+\.\d+\.\d+'$", str(failure.value))
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    with pytest.raises(MissingLibrary, match="in a virtual environment that ansible_python_interpreter names"):
        library.check()
    assert asked == [library.distribution] * 3


@pytest.mark.parametrize(("value", "problem"), [(None, "is missing"), (5, "is not a text"), ("", None)])
def test_r17_what_an_answer_lacks_is_told_apart_from_what_is_of_another_type(
    value: object, problem: str | None
) -> None:
    answer = foreign.Answer.of({"name": value}, "get a/b")
    if problem is None:
        assert answer.text("name") == value
    else:
        with pytest.raises(TrustmeshError, match=f"name {problem}"):
            answer.text("name")


def test_a_copy_has_the_attributes_of_a_file_or_is_for_this_process_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who cannot give a file to its owner and group must not open a copy of it to its own group or to everybody."""
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o4754)
    status = (tmp_path / "file").stat()
    own, private = Attributes(status.st_uid, status.st_gid, 0o754), Attributes(mode=0o600)
    assert Attributes.of(status) == own

    def process(user: int, group: int, *groups: int) -> Attributes:
        monkeypatch.setattr(os, "geteuid", lambda: user)
        monkeypatch.setattr(os, "getegid", lambda: group)
        monkeypatch.setattr(os, "getgroups", lambda: list(groups))
        return Attributes.of(status)

    stranger = 54321
    assert process(0, stranger) == own
    theirs = os.stat_result((status.st_mode, 0, 0, 1, stranger, stranger, 0, 0, 0, 0))
    status = theirs
    assert process(0, 0) == Attributes(stranger, stranger, 0o754)
    assert process(1, stranger) == private
    assert process(stranger, 1) == private
    assert process(stranger, 1, 2, stranger) == process(stranger, stranger) == Attributes(stranger, stranger, 0o754)
