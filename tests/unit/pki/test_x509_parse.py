# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter x509_parse: every form in which a playbook may hold a certificate."""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from plugins.filter.x509_parse import FilterModule, x509_parse
from tests.unit.pki import forge

ROOT = forge.make("Root", ca=True)
LEAF = forge.make("leaf", ROOT, extensions=[(forge.sans("a.example"), False)])
FORMS: dict[str, t.Any] = {
    "PEM": LEAF.pem.decode(),
    "PEM with CRLF": LEAF.pem.decode().replace("\n", "\r\n"),
    "PEM with a chain": (LEAF.pem + ROOT.pem).decode(),
    "PEM after text": "subject=CN = leaf\n" + LEAF.pem.decode(),
    "DER in base64": base64.b64encode(LEAF.der).decode(),
    "DER in base64 with line ends": base64.encodebytes(LEAF.der).decode(),
    "PEM in base64": base64.b64encode(LEAF.pem).decode(),
    "DER": LEAF.der,
}


@pytest.mark.parametrize("form", FORMS)
def test_ts_26_every_form_has_the_same_facts(form: str) -> None:
    facts = x509_parse(FORMS[form])
    assert isinstance(facts, dict)
    assert facts["subject"] == {"common_name": "leaf"}
    assert facts["dns_names"] == ["a.example"]
    assert facts == x509_parse(FORMS["PEM"])
    assert json.loads(json.dumps(facts)) == facts


def test_every_certificate_of_a_text_on_request() -> None:
    found = x509_parse((LEAF.pem + ROOT.pem).decode(), every=True)
    assert [entry["subject_dn"] for entry in t.cast("list[dict[str, t.Any]]", found)] == ["CN=leaf", "CN=Root"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("", "no certificate was found"),
        ("§", "is not base64"),
        (LEAF.key_pem.decode(), "no certificate was found"),
        (base64.b64encode(LEAF.der[:100]).decode(), "malformed"),
        (None, "takes a text, not null"),
        (["x"], "takes a text, not a list"),
    ],
)
def test_what_is_no_certificate_is_an_error_of_a_filter(wrong: t.Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        x509_parse(wrong)


def test_ansible_finds_it_by_its_name() -> None:
    assert FilterModule().filters() == {"x509_parse": x509_parse}


def test_every_fact_is_documented_and_every_documented_fact_exists() -> None:
    path = pathlib.Path(__file__).parents[3] / "plugins" / "filter" / "x509_parse.yml"
    documented = yaml.safe_load(path.read_text(encoding="utf-8"))["RETURN"]["_value"]["contains"]
    facts = x509_parse(FORMS["PEM"])
    assert set(documented) == set(facts)
    kinds = {"str": (str, type(None)), "int": (int, type(None)), "bool": (bool,), "list": (list,), "dict": (dict,)}
    for name, value in t.cast("dict[str, t.Any]", facts).items():
        assert isinstance(value, kinds[documented[name]["type"]]), name
