# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters and the test of signed requests: what they take, return and refuse, as their documentation says."""

from __future__ import annotations

import inspect
import json
import pathlib
import typing as t
from collections import UserDict
from collections.abc import Callable

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from plugins.filter import fspiop_jws_sign as sign_file
from plugins.filter import fspiop_jws_verify as verify_file
from plugins.test import fspiop_jws_valid as valid_file
from tests.unit.jose.requests import BODY, HEADERS, PRIVATE, PUBLIC, URL

sign = sign_file.FilterModule().filters()["fspiop_jws_sign"]
verify = verify_file.FilterModule().filters()["fspiop_jws_verify"]
valid = valid_file.TestModule().tests()["fspiop_jws_valid"]
PLUGINS = {"filter/fspiop_jws_sign": sign, "filter/fspiop_jws_verify": verify, "test/fspiop_jws_valid": valid}
REQUEST = {"method": "POST", "url": URL, "headers": HEADERS, "body": BODY}
ROOT = pathlib.Path(__file__).resolve().parents[3] / "plugins"


def documented(name: str) -> dict[str, t.Any]:
    """Return the documentation of a plugin."""
    blocks = yaml.safe_load((ROOT / f"{name}.yml").read_text(encoding="utf-8"))
    return {**blocks["DOCUMENTATION"], "returned": blocks["RETURN"]["_value"]}


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_what_comes_out_of_signing_goes_into_verifying(algorithm: str) -> None:
    signed = sign(REQUEST, PRIVATE[algorithm])
    assert valid(signed, PUBLIC[algorithm])
    assert valid(signed, {"perffsp-1": PUBLIC[algorithm]}, canonicalization="sorted")
    assert verify(signed, PUBLIC[algorithm])["valid"] is True
    assert not valid({**signed, "url": "/quotes"}, PUBLIC[algorithm])
    assert not valid({**signed, "method": "PUT"}, PUBLIC[algorithm])
    assert not valid(signed, PUBLIC["ES256" if algorithm == "RS256" else "RS256"])


def test_mappings_of_any_kind_are_taken() -> None:
    signed = sign(UserDict(REQUEST | {"headers": UserDict(HEADERS), "body": UserDict(BODY)}), PRIVATE["RS256"])
    assert signed == sign(REQUEST, PRIVATE["RS256"])
    assert valid(UserDict(signed), UserDict({"perffsp-1": PUBLIC["RS256"]}))


def test_the_diagnosis_names_what_is_wrong() -> None:
    signed = sign(REQUEST, PRIVATE["RS256"])
    found = verify({**signed, "url": "/quotes", "body": "{}"}, PUBLIC["RS256"])
    assert found["valid"] is False and found["canonicalization"] is None
    assert [problem["field"] for problem in found["problems"]] == ["FSPIOP-Signature", "FSPIOP-URI"]
    assert all(problem["remedy"] and problem["problem"] for problem in found["problems"])
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("request_given", "message"),
    [
        ("POST", "takes a request, which is a mapping, not a text"),
        ({**REQUEST, "url": None}, "url: is not a text"),
        ({**REQUEST, "method": None}, "method: is not a text"),
        ({**REQUEST, "headers": []}, "headers: is not a mapping of texts"),
        ({**REQUEST, "headers": {1: "a"}}, "headers: is not a mapping of texts"),
        ({}, "method: is not a text"),
    ],
)
@pytest.mark.parametrize("plugin", PLUGINS)
def test_what_is_no_request_is_refused(plugin: str, request_given: t.Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        PLUGINS[plugin](request_given, PRIVATE["RS256"] if plugin.endswith("sign") else PUBLIC["RS256"])
    assert str(caught.value).startswith(f"{plugin.rpartition('/')[2]}: {message}")


@pytest.mark.parametrize("plugin", [verify, valid], ids=["verify", "valid"])
def test_wrong_keys_and_options_are_errors(plugin: Callable[..., t.Any]) -> None:
    signed = sign(REQUEST, PRIVATE["RS256"])
    for keys in (None, 1, "", PRIVATE["RS256"], {"perffsp-1": "no key"}, {"perffsp-1": None}):
        with pytest.raises(AnsibleFilterError, match="key"):
            plugin(signed, keys)
    with pytest.raises(AnsibleFilterError, match="canonicalization: is unknown"):
        plugin(signed, PUBLIC["RS256"], canonicalization="other")
    with pytest.raises(AnsibleFilterError, match="key: is null"):
        sign(REQUEST, None)


@pytest.mark.parametrize("name", PLUGINS)
def test_the_documentation_names_the_options_and_their_defaults(name: str) -> None:
    documentation = documented(name)
    assert documentation["name"] == name.rpartition("/")[2]
    options = {option: entry.get("default") for option, entry in documentation["options"].items() if option != "_input"}
    parameters = list(inspect.signature(PLUGINS[name]).parameters.values())[1:]
    given = {entry.name: None if entry.default is entry.empty else entry.default for entry in parameters}
    assert given == options
    required = {option for option, entry in documentation["options"].items() if entry.get("required")}
    assert required == {"_input", *(entry.name for entry in parameters if entry.default is entry.empty)}


def test_the_documentation_names_what_is_returned() -> None:
    signed = sign(REQUEST, PRIVATE["RS256"])
    assert list(documented("filter/fspiop_jws_sign")["returned"]["contains"]) == list(signed)
    found = verify(signed, PUBLIC["RS256"])
    contents = documented("filter/fspiop_jws_verify")["returned"]["contains"]
    assert list(contents) == list(found)
    assert list(contents["accepted_by"]["contains"]) == list(found["accepted_by"])
