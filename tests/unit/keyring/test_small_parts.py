# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What custody, surveys and declarations of message keys are made of, part by part."""

from __future__ import annotations

import datetime
import os
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, TrustmeshError
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._jose.keys import private_pem, public_pem
from plugins.module_utils._keyring import api_key_resource, jws_declaration, jws_survey, lost
from plugins.module_utils._keyring.jws_findings import Kept
from plugins.module_utils._keyring.record import DamagedRecord, KeyMaterial, Record, Shape
from plugins.module_utils._pki.keys import KeySpec, generate

NOON: t.Final = datetime.datetime(2026, 1, 10, 12, tzinfo=datetime.timezone.utc)
KEY: t.Final = generate(KeySpec("ec", 256))
OTHER: t.Final = generate(KeySpec("ec", 256))


@pytest.mark.parametrize("private", [True, False])
def test_facts_of_a_kept_key_are_public(private: bool) -> None:
    secret = private_pem(KEY)
    kept = Kept("fsp", "place", secret if private else None, None if private else public_pem(KEY), not private)
    facts = jws_survey._facts(kept, NOON)
    assert {**facts, "kid": ""} == {"algorithm": "ES256", "bits": 256, "kid": "", "created": None, "age_days": None}
    assert len(facts["kid"]) > 20
    assert secret.reveal() not in str(facts)
    aged = Kept("fsp", "place", secret, created=NOON - datetime.timedelta(days=3, hours=23))
    assert (jws_survey._facts(aged, NOON)["created"], jws_survey._facts(aged, NOON)["age_days"]) == (
        "2026-01-06T13:00:00Z",
        3,
    )
    assert jws_survey._facts(Kept("fsp", "place", Secret("no key")), NOON) == {}


def test_a_moment_that_is_none_is_not_known() -> None:
    assert jws_survey._moment("2026-01-10T12:00:00Z") == NOON
    assert [jws_survey._moment(value) for value in ("yesterday", 5, None)] == [None] * 3
    assert (jws_survey._text("a"), jws_survey._text(5)) == ("a", None)


def test_a_key_is_adopted_from_a_file_with_its_age(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "fsp.key"
    with pytest.raises(InvalidInput, match="does not exist") as refusal:
        jws_declaration._from_file(str(path))
    assert refusal.value.field == "adopt"
    path.write_text("the only copy")
    os.utime(path, (0, NOON.timestamp() + 0.9))
    assert jws_declaration._from_file(str(path)) == {"private_key": "the only copy", "created": "2026-01-10T12:00:00Z"}


class Held:
    """A holder that shows one key."""

    identity = "transit/"

    def __init__(self, public: str | None) -> None:
        self._public = public

    def public_pem(self, handle: str) -> str | None:
        assert handle == "h"
        return self._public


@pytest.mark.parametrize(
    ("shown", "recorded", "said"),
    [
        (public_pem(KEY), public_pem(KEY), None),
        (public_pem(KEY).replace("\n", "\r\n"), public_pem(KEY), None),
        (None, public_pem(KEY), "transit/ has no key h any more"),
        (public_pem(OTHER), public_pem(KEY), "transit/ has another key under h"),
        (public_pem(KEY), None, "transit/ has another key under h"),
        (public_pem(KEY), "damaged", "transit/ has another key under h"),
    ],
)
def test_a_key_that_its_holder_lost_is_told(shown: str | None, recorded: str | None, said: str | None) -> None:
    held = t.cast(t.Any, Held(shown))
    material = KeyMaterial({}, recorded, {"handle": "h"})
    assert tuple(lost.lost(held, material)) == (() if said is None else (said,))
    assert tuple(lost.lost(None, material)) == ()
    assert tuple(lost.lost(held, KeyMaterial({}, recorded))) == ()


@pytest.mark.parametrize(
    ("entry", "noted"),
    [
        ({"use_count": 0}, (None, 0)),
        ({"use_count": 1, "last_used_at": "2026-01-10T13:00:00+01:00"}, ("2026-01-10T12:00:00Z", 1)),
        ({"use_count": -1}, (None, 0)),
        ({"use_count": True}, (None, 0)),
        ({"use_count": "7"}, (None, 0)),
        ({"use_count": 7.0}, (None, 0)),
        ({"use_count": 7, "last_used_at": "yesterday"}, (None, 7)),
        ({"use_count": 7, "last_used_at": 5}, (None, 7)),
        ({}, (None, 0)),
    ],
    ids=str,
)
def test_of_what_a_service_notes_a_count_and_an_instant_are_kept(entry: dict[str, t.Any], noted: t.Any) -> None:
    found = api_key_resource._noted(entry)
    assert (found["last_used_at"], found["use_count"]) == noted


@pytest.mark.parametrize(
    ("held", "wanted", "same"),
    [
        ('{"keys": [{"id": "a", "use_count": 5}]}', '{"keys": [{"id": "a"}]}', True),
        ('{"keys": [{"id": "a"}]}', '{"keys": [{"id": "b"}]}', False),
        ('{"keys": []}', '{"keys": [{"id": "a"}]}', False),
        ("damaged", "damaged", True),
        ("damaged", '{"keys": []}', False),
        (None, None, True),
        (None, '{"keys": []}', False),
        ('{"keys": []}', None, False),
        ('{"keys": 5}', '{"keys": 6}', False),
    ],
)
def test_a_published_record_is_compared_without_what_the_service_notes(
    held: str | None, wanted: str | None, same: bool
) -> None:
    resource = t.cast(t.Any, object.__new__(api_key_resource.ApiKeyResource))
    assert resource.same_text(held, wanted) is same


def test_what_is_no_record_has_no_entries() -> None:
    for text in (None, "", "{", "[]", "5", '{"keys": 5}', '{"keys": null}', '{"keys": [5]}'):
        assert api_key_resource._entries(text) == []
    assert api_key_resource._entries('{"keys": [{"id": "a"}, 5]}') == [{"id": "a"}]


def test_adopting_from_a_vault_takes_one_key_of_one_secret() -> None:
    class Custody:
        def __init__(self, path: str) -> None:
            self.path = path

        def read(self, name: str) -> t.Any:
            return ({"pem": "the key", "n": 5}, 1) if self.path.replace("{name}", name) == "old/fsp" else None

        def place(self, name: str) -> str:
            return self.path.replace("{name}", name)

    class Stores:
        def custody(self, _mount: str, path: str) -> Custody:
            return Custody(path)

    def source(path: str, key: str) -> t.Any:
        adopt = {"file": None, "mount": "kv", "path": path, "key": key}
        return jws_declaration._source({"name": "fsp", "adopt": adopt}, t.cast(t.Any, Stores()))

    for path in ("old/{name}", "old/fsp"):
        assert source(path, "pem")() == {"private_key": "the key"}
        for key in ("none", "n"):
            with pytest.raises(TrustmeshError, match=f"old/fsp has no {key}"):
                source(path, key)()
    with pytest.raises(TrustmeshError, match="none has no pem"):
        source("none", "pem")()


def test_a_record_of_another_format_is_left_alone() -> None:
    shape = Shape(("private_key",), "public_key")
    sound = {"format": 1, "created": "2026-01-10T12:00:00Z", "private_key": "x"}
    assert Record.of(sound, shape, "place").current.created == NOON
    with pytest.raises(DamagedRecord, match="the format is 2, known is 1"):
        Record.of({**sound, "format": 2}, shape, "place")
