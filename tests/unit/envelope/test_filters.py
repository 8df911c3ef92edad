# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters envelope_seal and envelope_open with keys of this process."""

from __future__ import annotations

import base64
import pathlib
import secrets
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from plugins.filter.envelope_open import FilterModule as Opening
from plugins.filter.envelope_open import envelope_open
from plugins.filter.envelope_seal import FilterModule as Sealing
from plugins.filter.envelope_seal import envelope_seal

FILTERS = pathlib.Path(__file__).resolve().parents[3] / "plugins" / "filter"
KEY = {"type": "value", "value": secrets.token_hex(32)}


@pytest.mark.parametrize("options", [{}, {"iv_bytes": 16}, {"encoding": "hex"}, {"dek_field": "encryptedDek"}])
def test_what_is_sealed_opens(options: dict[str, t.Any]) -> None:
    record = envelope_seal("geheim ✓", KEY, aad="name", **options)
    assert options.get("dek_field", "encryptedDEK") in record
    assert envelope_open(record, KEY, aad="name", encoding=options.get("encoding", "base64")) == "geheim ✓"


def test_bytes() -> None:
    octets = base64.b64encode(bytes(range(256))).decode()
    record = envelope_seal(octets, KEY, binary=True)
    assert envelope_open(record, KEY, binary=True) == octets
    with pytest.raises(AnsibleFilterError, match="is not text in UTF-8"):
        envelope_open(record, KEY)


def test_key_of_the_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ENCRYPTION_KEY", KEY["value"])
    assert envelope_open(envelope_seal("x", KEY)) == "x"
    assert envelope_open(envelope_seal("x"), {"type": "environment"}) == "x"
    monkeypatch.delenv("MASTER_ENCRYPTION_KEY")
    with pytest.raises(AnsibleFilterError, match=r"envelope_seal: key.variable: MASTER_ENCRYPTION_KEY is not set"):
        envelope_seal("x")


def test_key_of_a_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY["value"])
    path.chmod(0o600)
    assert envelope_open(envelope_seal("x", {"type": "file", "path": str(path)}), KEY) == "x"
    path.chmod(0o644)
    with pytest.raises(AnsibleFilterError, match=r"key.path: .* has mode 0644"):
        envelope_seal("x", {"type": "file", "path": str(path)})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": {"type": "vault"}}, "value of type must be one of: environment, file, value, transit, aws_kms"),
        ({"key": {}}, "missing required arguments: type"),
        ({"key": {"type": "file"}}, "type is file but all of the following are missing: path"),
        ({"key": {"type": "transit"}}, "type is transit but all of the following are missing: name"),
        ({"key": {"type": "aws_kms"}}, "type is aws_kms but all of the following are missing: key_id"),
        ({"key": "environment"}, "envelope_seal"),
        ({"key": {**KEY, "typo": 1}}, "typo"),
        ({"encoding": "base32"}, "encoding: 'base32' is not known. Use base64 or hex."),
        ({"iv_bytes": 8}, "iv_bytes: 8 is neither 12 nor 16"),
        ({"dek_field": "dek"}, "dek_field: 'dek' is not known"),
        ({"binary": True, "value": "§"}, "binary: the value is not base64"),
        ({"value": {"a": 1}}, "takes a text, not a mapping"),
    ],
)
def test_wrong_options_say_so(options: dict[str, t.Any], message: str) -> None:
    given = {"value": "x", "key": KEY, **options}
    with pytest.raises(AnsibleFilterError) as caught:
        envelope_seal(given.pop("value"), **given)
    assert message in str(caught.value)
    assert KEY["value"] not in str(caught.value)


def test_no_error_quotes_a_key() -> None:
    wrong = KEY["value"][:-2]
    with pytest.raises(AnsibleFilterError) as caught:
        envelope_seal("x", {"type": "value", "value": wrong})
    assert wrong not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(("name", "module"), [("envelope_seal", Sealing()), ("envelope_open", Opening())])
def test_documented_options_are_those_taken(name: str, module: t.Any) -> None:
    import inspect

    document = yaml.safe_load((FILTERS / f"{name}.yml").read_text())["DOCUMENTATION"]
    taken = list(inspect.signature(module.filters()[name]).parameters)[1:]
    assert sorted(document["options"]) == sorted(["_input", *taken])
