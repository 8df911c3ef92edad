# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a survey says of keys, places and adapters: the check, whose it is, where, what is wrong, and what to do."""

from __future__ import annotations

import datetime
import threading
import time
import typing as t

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448

from plugins.module_utils._core.redact import Secret
from plugins.module_utils._jose.keys import private_pem, public_pem
from plugins.module_utils._keyring.adapter import adapter_findings
from plugins.module_utils._keyring.jws_findings import (
    Finding,
    Kept,
    Place,
    Wanted,
    custody_findings,
    place_findings,
    shared_findings,
)
from plugins.module_utils._keyring.jws_survey import survey
from plugins.module_utils._keyring.publisher import Target
from plugins.module_utils._pki.errors import PkiError
from plugins.module_utils._pki.keys import KeySpec, generate, load_private_key
from tests.unit.pki.forge import pkcs8

NOON: t.Final = datetime.datetime(2026, 1, 10, 12, tzinfo=datetime.timezone.utc)
DAY: t.Final = datetime.timedelta(days=1)
KEY: t.Final = generate(KeySpec("ec", 256))
OTHER: t.Final = generate(KeySpec("ec", 256))
PRIVATE: t.Final = private_pem(KEY)
PUBLIC: t.Final = public_pem(KEY)


def _in_custody(max_age: int | None = None, **kept: t.Any) -> list[Finding]:
    return list(custody_findings(Kept("hub", "kv/hub", **kept), Wanted(["hub"], max_age=max_age), NOON))


def _id(value: t.Any) -> str:
    """Return what a case is called: keys differ from run to run."""
    return ",".join(value) if isinstance(value, (dict, list)) else "text"


def _checks(findings: t.Sequence[Finding]) -> list[str]:
    assert all(finding.problem and finding.remedy and finding.where for finding in findings)
    return [finding.check for finding in findings]


@pytest.mark.parametrize(
    ("kept", "checks"),
    [
        ({"private": PRIVATE}, []),
        ({"private": PRIVATE, "public": PUBLIC}, []),
        ({"private": PRIVATE, "public": public_pem(OTHER)}, ["mismatched"]),
        ({"private": PRIVATE, "public": "no key"}, ["mismatched"]),
        ({"held_elsewhere": True, "public": PUBLIC}, []),
        ({}, ["missing"]),
        ({"created": NOON - 9 * DAY, "next_created": NOON, "public": PUBLIC}, ["missing"]),
        ({"private": Secret("no key"), "public": PUBLIC}, ["not_a_key"]),
        ({"private": Secret(pkcs8(KEY).decode())}, ["wrong_encoding"]),
        ({"private": PRIVATE, "next_created": NOON}, ["pending"]),
        ({"held_elsewhere": True, "next_created": NOON}, ["pending"]),
    ],
    ids=_id,
)
def test_a_key_in_custody_has_what_is_wrong_with_it(kept: dict[str, t.Any], checks: list[str]) -> None:
    found = _in_custody(**kept)
    assert _checks(found) == checks
    assert {(finding.participant, finding.where) for finding in found} <= {("hub", "kv/hub")}


@pytest.mark.parametrize(("age", "aged"), [(DAY, False), (DAY + datetime.timedelta(seconds=1), True)])
@pytest.mark.parametrize("held", [{"private": PRIVATE}, {"held_elsewhere": True}], ids=["here", "elsewhere"])
def test_a_key_is_aged_from_the_second_after(held: dict[str, t.Any], age: datetime.timedelta, aged: bool) -> None:
    assert _checks(_in_custody(86400, created=NOON - age, **held)) == ["aged"] * aged
    assert _in_custody(None, created=NOON - age, **held) == []


def test_what_can_be_done_about_a_text_that_is_not_a_key_is_told() -> None:
    with pytest.raises(PkiError) as refusal:
        load_private_key(b"no key")
    (finding,) = _in_custody(private=Secret("no key"))
    assert (finding.problem, finding.remedy) == (refusal.value.problem, refusal.value.remedy)


def test_since_when_a_next_key_waits_is_told() -> None:
    (finding,) = _in_custody(private=PRIVATE, next_created=NOON)
    assert finding.problem == "the key made at 2026-01-10T12:00:00Z is not in use yet"
    assert finding.shown() == {
        "check": "pending",
        "verdict": "warn",
        "participant": "hub",
        "where": "kv/hub",
        "problem": finding.problem,
        "remedy": finding.remedy,
    }


def _published(text: str | None, **kept: t.Any) -> list[str]:
    place = Place("trust", {} if text is None else {"hub": text})
    return _checks(list(place_findings(place, {"hub": Kept("hub", "kv/hub", **kept)}, Wanted(["hub"]))))


@pytest.mark.parametrize(
    ("text", "kept", "checks"),
    [
        (PUBLIC, {"private": PRIVATE}, []),
        (PUBLIC, {"public": PUBLIC}, []),
        (PUBLIC, {"public": public_pem(OTHER)}, ["mismatched"]),
        (PUBLIC, {"private": private_pem(OTHER)}, ["mismatched"]),
        (PUBLIC, {"public": public_pem(OTHER), "next_public": PUBLIC}, []),
        (PUBLIC, {}, []),
        (PUBLIC, {"held_elsewhere": True}, []),
        (None, {"private": PRIVATE}, ["missing"]),
        ("no key", {"private": PRIVATE}, ["not_a_key"]),
        (public_pem(t.cast(t.Any, ed448.Ed448PrivateKey.generate())), {"private": PRIVATE}, ["weak"]),
        (PRIVATE.reveal(), {"private": PRIVATE}, ["exposed"]),
    ],
    ids=_id,
)
def test_what_is_published_is_held_against_custody(text: str | None, kept: dict[str, t.Any], checks: list[str]) -> None:
    assert _published(text, **kept) == checks


def test_one_key_of_several_is_found_in_custody_and_in_places() -> None:
    damaged = Kept("x", "kv/x", Secret("no key"))
    kept = [Kept("b", "kv/b", PRIVATE), Kept("a", "kv/a", PRIVATE), Kept("c", "kv/c", private_pem(OTHER)), damaged]
    place = Place("trust", {"c": PUBLIC, "d": PUBLIC, "e": "no key", "f": "no key"})
    found = list(shared_findings(kept, [place]))
    assert _checks(found) == ["shared", "shared"]
    assert [(finding.participant, finding.where, finding.problem) for finding in found] == [
        ("a", "custody", "a, b have one key"),
        ("c", "trust", "c, d have one key"),
    ]


class Custody:
    """Keeps documents of this process, and notes who reads them at a time."""

    def __init__(self, documents: dict[str, dict[str, t.Any]], *, here: bool) -> None:
        self.documents, self.reads_here = documents, here
        self.threads: set[threading.Thread] = set()
        self.calls, self.reading, self.most = 0, 0, 0
        #: The first eight wait for each other, where there are so many.
        self._eight = threading.Barrier(8 if len(documents) > 8 else 1, timeout=5)
        self._lock = threading.Lock()

    def place(self, name: str) -> str:
        return f"kv/{name}"

    def read(self, name: str) -> t.Any:
        with self._lock:
            self.threads.add(threading.current_thread())
            self.calls, self.reading = self.calls + 1, self.reading + 1
            self.most, call = max(self.most, self.reading), self.calls
        if call <= 8:
            self._eight.wait()
        time.sleep(0.02)
        with self._lock:
            self.reading -= 1
        return (self.documents[name], 1) if name in self.documents else None


class Publisher:
    """Holds texts of this process."""

    identity = "kv/trust"

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def held(self) -> dict[str, str]:
        return self._texts


def _survey(custody: Custody, wanted: Wanted, texts: dict[str, str], **adapters: t.Any) -> dict[str, t.Any]:
    return survey(t.cast(t.Any, custody), [Target(t.cast(t.Any, Publisher(texts)))], wanted, adapters, NOON)


def test_a_survey_says_of_everybody_what_is_wrong_and_of_whom_nothing_is() -> None:
    kept = {"a": {"private_key": PRIVATE.reveal()}, "b": {"handle": "h", "public_key": public_pem(OTHER)}}
    texts = {"a": PUBLIC, "b": public_pem(OTHER), "d": public_pem(generate(KeySpec("ec", 256)))}
    good = {"JWS_SIGN_PUT_PARTIES": True, "VALIDATE_INBOUND_PUT_PARTIES_JWS": True, "JWS_SIGNING_KEY_PATH": "/key"}
    custody = Custody(kept, here=True)
    report = _survey(custody, Wanted(["a", "b"], trusted=["a", "c"]), texts, a={**good, "DFSP_ID": "A"})
    assert custody.threads == {threading.main_thread()}
    told = {entry["item"]: [finding["check"] for finding in entry["findings"]] for entry in report["results"]}
    assert told == {"a": ["setting", "setting"], "b": [], "c": ["missing"]}
    assert [(entry["item"], entry["ok"]) for entry in report["results"]] == [("a", False), ("b", True), ("c", False)]
    assert [finding["check"] for finding in report["others"]] == ["undeclared"]
    assert report["summary"] == {"participants": 3, "missing": 1, "undeclared": 1, "setting": 2}
    assert report["ok"] is False
    assert [sorted(entry.get("key", {})) != [] for entry in report["results"]] == [True, True, False]


def test_a_server_is_asked_for_eight_at_a_time() -> None:
    kept = {f"p{number}": {"private_key": PRIVATE.reveal()} for number in range(12)}
    custody = Custody(kept, here=False)
    _survey(custody, Wanted(list(kept)), dict.fromkeys(kept, PUBLIC))
    assert custody.most == 8


GOOD: t.Final = {
    "JWS_SIGN": "true",
    "JWS_SIGN_PUT_PARTIES": "yes",
    "VALIDATE_INBOUND_JWS": True,
    "VALIDATE_INBOUND_PUT_PARTIES_JWS": "1",
    "JWS_SIGNING_KEY_PATH": "/keys/hub.key",
    "JWS_VERIFICATION_KEYS_DIRECTORY": "/trust",
    "DFSP_ID": "hub",
}


@pytest.mark.parametrize(
    ("other", "option", "remedy"),
    [
        ({}, None, ""),
        ({"DFSP_ID": None}, None, ""),
        ({"JWS_SIGN": None, "VALIDATE_INBOUND_JWS": None}, None, ""),
        ({"JWS_SIGN": "false"}, "JWS_SIGN", "Set it to true."),
        ({"JWS_SIGN": ""}, "JWS_SIGN", "Set it to true."),
        ({"JWS_SIGN": " ON "}, None, ""),
        ({"JWS_SIGN_PUT_PARTIES": None}, "JWS_SIGN_PUT_PARTIES", "it is off by default"),
        ({"VALIDATE_INBOUND_JWS": "no"}, "VALIDATE_INBOUND_JWS", "Set it to true."),
        ({"VALIDATE_INBOUND_PUT_PARTIES_JWS": 0}, "VALIDATE_INBOUND_PUT_PARTIES_JWS", "it is off by default"),
        ({"JWS_SIGNING_KEY_PATH": ""}, "JWS_SIGNING_KEY_PATH", "path of the private key"),
        ({"JWS_VERIFICATION_KEYS_DIRECTORY": None}, "JWS_VERIFICATION_KEYS_DIRECTORY", "<fspId>.pem"),
        ({"JWS_VERIFICATION_KEYS_DIRECTORY": None, "VALIDATE_INBOUND_JWS": "0"}, "VALIDATE_INBOUND_JWS", "true"),
        ({"PM4ML_ENABLED": "true", "JWS_VERIFICATION_KEYS_DIRECTORY": None}, "PM4ML_ENABLED", "connection manager"),
        ({"PM4ML_ENABLED": "false"}, None, ""),
        ({"DFSP_ID": "Hub"}, "DFSP_ID", "Set it to hub, case included."),
        ({"JWS_SIGNING_KEY": "x"}, "JWS_SIGNING_KEY", "Set JWS_SIGNING_KEY_PATH."),
        ({"JWS_VERIFICATION_CACHE_SIZE": 5}, "JWS_VERIFICATION_CACHE_SIZE", "Remove it."),
        ({"JWS_VERIFICATION_CACHE_TTL": None}, "JWS_VERIFICATION_CACHE_TTL", "Remove it."),
    ],
    ids=str,
)
def test_a_setting_that_means_something_else_is_found(other: dict[str, t.Any], option: str | None, remedy: str) -> None:
    settings = {name: value for name, value in {**GOOD, **other}.items() if value is not None or name in other}
    found = [(one.check, one.participant, one.where) for one in adapter_findings("hub", settings)]
    assert found == ([] if option is None else [("setting", "hub", option)])
    assert all(one.problem and remedy in one.remedy for one in adapter_findings("hub", settings))
