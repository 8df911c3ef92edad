# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logs are read line by line in every form they come in, and what is told of them gives nothing away."""

from __future__ import annotations

import bz2
import datetime
import gzip
import lzma
import os
import pathlib
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._hygiene.excerpt import excerpt
from plugins.module_utils._hygiene.finding import Allowances
from plugins.module_utils._hygiene.log import LOG_RULES, LogRules, LogScan
from plugins.module_utils._hygiene.paths import expand
from tests.rigs.plants import Plants

NOW = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
DEFAULTS: dict[str, t.Any] = {
    "rules": None,
    "skip_rules": [],
    "extra_rules": [],
    "known_digests": [],
    "max_findings": 100,
}


def _scan(
    *paths: pathlib.Path, exclude: t.Sequence[str] = (), allow: t.Any = (), tail: int | None = None, **options: t.Any
) -> dict[str, t.Any]:
    rules = LogRules.declared({**DEFAULTS, **options})
    return LogScan(rules, Allowances(allow, NOW), tail).run([str(path) for path in paths], exclude)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress], ids=["plain", "gz", "bz2", "xz"])
def test_a_secret_is_found_in_its_line(tmp_path: pathlib.Path, pack: t.Any) -> None:
    log = tmp_path / "api.log"
    password = Plants(1).password()
    log.write_bytes(pack(f"start\nlogin password={password} by hub\nend\n".encode()))
    (result,) = _scan(log)["results"]
    assert (result["ok"], result["lines"], result["matches"]) == (False, 3, {"password-field": 1})
    (finding,) = result["findings"]
    assert (finding["rule"], finding["line"]) == ("password-field", 2)
    assert finding["excerpt"] == "login password=[password-field]"
    assert password not in str(result)


def test_a_clean_log_is_in_order(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("start\nlogin password=**** by hub\n")
    facts = _scan(log)
    assert facts["results"][0]["ok"]
    assert facts["summary"] == {
        "ok": 1, "problems": 0, "failed": 0, "findings": 0, "allowed": 0, "stale_allowances": 0,
    }  # fmt: skip


def test_what_cannot_be_read_fails_beside_the_others(tmp_path: pathlib.Path) -> None:
    good = tmp_path / "good.log"
    good.write_text("fine\n")
    pipe = tmp_path / "pipe.log"
    os.mkfifo(pipe)
    broken = tmp_path / "broken.log"
    broken.write_bytes(gzip.compress(b"x" * 1000)[:-20])
    facts = _scan(tmp_path / "none.log", good, pipe, broken)
    assert [result.get("ok") for result in facts["results"]] == [None, True, None, None]
    assert [result.get("msg", "").partition(". ")[0] for result in facts["results"]] == [
        "there is no such file on this host",
        "",
        f"{pipe}: is a named pipe, not a regular file",
        f"{broken}: the compressed file is damaged",
    ]
    assert facts["failed"]
    assert "(3 of 4 failed, see results)" in facts["msg"]


def test_the_end_of_a_file_keeps_its_line_numbers(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "api.log"
    plants = Plants(1)
    lines = [f"{at} password={plants.password()}\n" for at in range(1, 51)]
    log.write_text("".join(lines))
    tail = sum(len(line) for line in lines[-3:])
    for size, wanted in ((tail, [48, 49, 50]), (tail - 1, [49, 50]), (tail + 1, [48, 49, 50]), (10**6, range(1, 51))):
        (result,) = _scan(log, tail=size)["results"]
        assert [finding["line"] for finding in result["findings"]] == list(wanted), size


def test_more_than_is_told_is_counted(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("".join(f"password={Plants(seed).password()}\n" for seed in range(20)))
    (result,) = _scan(log, max_findings=5)["results"]
    assert (len(result["findings"]), result["matches"], result["complete"]) == (5, {"password-field": 20}, False)


def test_what_is_allowed_does_not_hide_what_is_not(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("".join(f"card {Plants(seed).card()}\n" for seed in range(9)) + f"password={Plants(1).password()}\n")
    (result,) = _scan(log, max_findings=3, allow=[_allowance(rule="payment-card-number")])["results"]
    assert not result["ok"]
    assert sorted(finding["rule"] for finding in result["findings"]) == ["password-field", *["payment-card-number"] * 2]
    assert not _scan(log, max_findings=0)["results"][0]["ok"]


def test_rules_are_chosen_left_out_and_added(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "api.log"
    plants = Plants(1)
    log.write_text(f"password={plants.password()}\ncard {plants.card()}\naccount=1234567890\n")

    def found(**options: t.Any) -> list[str]:
        (result,) = _scan(log, **options)["results"]
        return [finding["rule"] for finding in result["findings"]]

    extra = [{"rule": "account", "pattern": r"account=(?P<secret>\d{10})", "title": None, "severity": "medium"}]
    assert found() == ["payment-card-number", "password-field"]
    assert found(rules=["payment-card-number"]) == ["payment-card-number"]
    assert found(skip_rules=["payment-card-number"]) == ["password-field"]
    assert found(rules=[], extra_rules=extra) == ["account"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"rules": ["no-such"]}, "rules: there is no rule no-such"),
        ({"skip_rules": ["no-such"]}, "skip_rules: there is no rule no-such"),
        ({"extra_rules": [{"rule": "hex-key"}]}, "extra_rules[0].rule: hex-key is a rule already"),
        ({"extra_rules": [{"rule": "a", "pattern": "("}]}, "extra_rules[0].pattern: is not a regular expression"),
        ({"extra_rules": [{"rule": "a", "pattern": "x*"}]}, "extra_rules[0].pattern: matches an empty text"),
    ],
)
def test_rules_that_make_no_sense_are_refused(options: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        LogRules.declared({**DEFAULTS, **options})
    assert str(refused.value).startswith(problem)


def test_a_known_digest_is_no_finding(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "api.log"
    digest = Plants(1).hexadecimal(32)
    log.write_text(f"running {digest}\n")
    assert not _scan(log)["results"][0]["ok"]
    assert _scan(log, known_digests=[digest.upper()])["results"][0]["ok"]


def _allowance(**more: t.Any) -> dict[str, t.Any]:
    base = {"rule": None, "path": None, "fingerprint": None, "owner": "hub team", "reason": "test bench"}
    return {**base, "expires": "2026-06-01", **more}


def test_an_allowance_covers_until_its_last_day(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "api.log"
    log.write_text(f"password={Plants(1).password()}\n")
    for expires, ok, verdict in (("2026-06-01", True, "used"), ("2026-05-31", False, "expired")):
        facts = _scan(log, allow=[_allowance(rule="password-field", path="*/api.log", expires=expires)])
        assert facts["results"][0]["ok"] is ok
        assert [entry["verdict"] for entry in facts["allowances"]] == [verdict]
        assert facts["results"][0]["findings"][0]["allowed_by"] == ("hub team" if ok else None)


def test_an_allowance_that_allows_nothing_is_told(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("fine\n")
    facts = _scan(log, allow=[_allowance(rule="password-field")])
    assert facts["allowances"][0]["verdict"] == "unused"
    assert facts["summary"]["stale_allowances"] == 1


@pytest.mark.parametrize(
    ("name", "value"), [("owner", " "), ("reason", ""), ("expires", "soon"), ("expires", "31.12.")]
)
def test_an_allowance_without_owner_reason_or_end_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Allowances([_allowance(rule="x", **{name: value})], NOW)
    assert str(refused.value).startswith(f"allow[0].{name}: ")


def test_directories_patterns_and_exclusions(tmp_path: pathlib.Path) -> None:
    for name in ("a.log", "b.txt", "deep/c.log", "deep/d.log.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n")

    def names(path: str, *exclude: str) -> list[str]:
        return [str(pathlib.Path(found).relative_to(tmp_path)) for found in expand(path, exclude)]

    assert names(str(tmp_path)) == ["a.log", "b.txt", "deep/c.log", "deep/d.log.gz"]
    assert names(f"{tmp_path}/**/*.log") == ["a.log", "deep/c.log"]
    assert names(str(tmp_path), "*.gz", "b.*") == ["a.log", "deep/c.log"]
    assert names(str(tmp_path), "*/deep/*") == ["a.log", "b.txt"]
    assert names(f"{tmp_path}/nothing") == []


def test_an_excerpt_masks_what_no_shape_knows() -> None:
    unknown = Plants(1).text(24)
    line = f"user hub {unknown} password={Plants(2).password()} then {unknown}\x1b[0m"
    rules = LogRules.declared(DEFAULTS)
    assert excerpt(line, rules.hits(line)) == "user hub [...] password=[password-field]"


@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 10**6))
def test_no_excerpt_holds_a_secret(around: str, at: int, seed: int) -> None:
    password = Plants(seed).password()
    line = f"{around[:at]} password={password} {around[at:]}"
    hits = LogRules(LOG_RULES, frozenset(), 1).hits(line)
    if any(password in hit.secret for hit in hits):
        assert password not in excerpt(line, hits)
        assert len(excerpt(line, hits)) <= 120
