# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read about an issuer, and what may be declared of one."""

from __future__ import annotations

import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._vault.pki_issuer import Key
from plugins.module_utils._vault.pki_issuer_state import _constraint_fields
from tests.unit.vault.memory import Data
from tests.unit.vault_pki.certificates import authority
from tests.unit.vault_pki.engine import Engine, root
from tests.unit.vault_pki.subjects import DAY, NOON


def test_no_engine_is_no_issuer_and_is_warned_of_unless_it_is_declared() -> None:
    for expected in ([], ["pki"]):
        engine = Engine()
        del engine.memory.tables["sys/mounts"]["pki/"]
        engine.memory._handlers.clear()
        issuer = engine.issuer()
        issuer.vault.expect(expected)
        view = issuer.read()
        assert (view.held, view.state, view.key, view.users) == (None, None, None, ())
        assert [text.startswith("vault_pki_issuer pki/ca: ") for text in issuer.vault.warnings] == [
            *([] if expected else [True])
        ]


def test_an_issuer_is_read_by_its_name_alone() -> None:
    engine = Engine()
    engine.add("one", "ca", root())
    engine.add("two", "", root())
    engine.memory.objects["pki/config/issuers"] = {"default": "two"}
    view = engine.issuer().read()
    assert view.held is not None and view.state is not None
    assert (view.held.issuer_id, view.held.default, view.state.default) == ("one", False, False)
    assert (view.users, view.key_is_shared, view.key, view.parent) == ((), False, None, None)
    assert "get pki/issuer/two" not in engine.asked
    assert view.state.signed_by == "itself"


@pytest.mark.parametrize("follows", [False, True])
def test_a_default_that_follows_the_latest_is_none(follows: bool) -> None:
    engine = Engine()
    engine.add("one", "ca", root())
    engine.memory.objects["pki/config/issuers"] = {"default": "one", "default_follows_latest_issuer": follows}
    view = engine.issuer().read()
    assert view.held is not None and view.state is not None
    assert view.held.default
    assert view.state.default is not follows


def test_a_nameless_issuer_is_recognised_by_what_it_is() -> None:
    engine = Engine()
    engine.add("other", "", root("Other"))
    engine.add("named", "another", root())
    engine.add("mine", "", root())
    view = engine.issuer().read()
    assert view.held is not None
    assert view.held.issuer_id == "mine"
    assert "get pki/issuer/named" not in engine.asked


def test_two_nameless_issuers_that_fit_are_an_error_that_names_them() -> None:
    engine = Engine()
    engine.add("mine", "", root())
    engine.add("twin", "", root(days=100))
    with pytest.raises(InvalidInput, match="2 nameless issuers fit: mine, twin") as refusal:
        engine.issuer().read()
    assert refusal.value.field == "name"


def test_what_is_declared_absent_is_not_looked_for_without_its_name() -> None:
    engine = Engine()
    engine.add("mine", "", root())
    assert engine.issuer(state="absent").read().held is None


def test_an_issuer_to_be_deleted_is_read_with_who_needs_it() -> None:
    engine = Engine()
    engine.add("one", "ca", root(), key="k")
    engine.memory.objects["pki/config/issuers"] = {"default": "one"}
    for name, reference in {"a": "ca", "b": "one", "c": "default", "d": "", "e": "other"}.items():
        engine.memory.objects[f"pki/roles/{name}"] = {"issuer_ref": reference}
    view = engine.issuer(state="absent").read()
    assert (view.users, view.key_is_shared) == (("a", "b", "c", "d"), False)
    engine.memory.objects["pki/config/issuers"] = {"default": "other"}
    engine.add("other", "other", root("Other"), key="k")
    view = engine.issuer(state="absent").read()
    assert (view.users, view.key_is_shared) == (("a", "b"), True)


def test_a_key_that_waits_is_known_by_its_name() -> None:
    engine = Engine()
    engine.keys = {
        "k1": {"key_name": "other", "key_type": "rsa"},
        "k2": {"key_name": "ca", "key_type": "ec", "subject_key_id": "AB:CD"},
    }
    assert engine.issuer().read().key == Key("k2", "ec", "abcd")
    assert engine.issuer(key_name="other").read().key == Key("k1", "rsa", "")
    assert engine.issuer(key_name="none").read().key is None


def test_the_names_of_a_chain_are_those_of_its_issuers() -> None:
    engine = Engine()
    engine.add("one", "ca", root(), manual_chain=["one", "two", "gone"])
    engine.add("two", "second", root("Second"))
    view = engine.issuer(manual_chain=["ca", "second"]).read()
    assert view.state is not None
    assert view.state.manual_chain == ("ca", "second", "gone")


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"ttl": "0"}, "ttl"),
        ({"ttl": "1s"}, None),
        ({"max_path_length": -2}, "max_path_length"),
        ({"max_path_length": -1}, None),
        ({"max_path_length": 0}, None),
        ({"key_bits": 257}, "key_bits"),
        ({"name": "default"}, "name"),
        ({"name": "a b"}, "name"),
        ({"key_name": "a b"}, "key_name"),
        ({"mount": ""}, "mount"),
        ({"certificate": "-----BEGIN"}, "certificate"),
        ({"type": "intermediate"}, "signed_by"),
        ({"type": "intermediate", "signed_by": {"mount": "pki", "issuer": "ca"}}, "signed_by"),
        ({"type": "intermediate", "signed_by": {"mount": "pki", "issuer": "root"}}, None),
        ({"type": "intermediate", "signed_by": {"mount": "pki", "issuer": "root"}, "csr_file": "/c"}, "signed_by"),
    ],
    ids=str,
)
def test_what_cannot_become_true_is_refused_by_its_option(item: Data, field: str | None) -> None:
    if field is None:
        Engine().issuer(**item)
        return
    with pytest.raises(InvalidInput) as refusal:
        Engine().issuer(**item)
    assert refusal.value.field == field


def test_not_the_default_cannot_be_made_true_and_is_not_compared() -> None:
    engine = Engine()
    engine.add("one", "ca", root())
    engine.memory.objects["pki/config/issuers"] = {"default": "one"}
    issuer = engine.issuer(default=False)
    plan = issuer.plan(issuer.read(), NOON)
    assert not plan
    assert [text for text in plan.warnings if "until another issuer is declared" in text]


def test_facts_are_those_of_what_is_there() -> None:
    engine = Engine()
    issuer = engine.issuer()
    assert issuer.describe(None) == {}
    assert issuer.describe(issuer.read()) == {}
    engine.add("one", "ca", root(), key="k")
    facts = issuer.describe(issuer.read())
    assert (facts["issuer_id"], facts["key_id"], facts["issuer_name"], facts["default"]) == ("one", "k", "ca", False)
    assert (facts["subject"], facts["issuer"], facts["chain_length"], facts["chain_complete"]) == (
        *("CN=Root", "CN=Root"),
        *(1, True),
    )
    assert facts["certificate"] == facts["chain"] == root().pem


@pytest.mark.parametrize(
    ("name", "key", "self_signed", "known"),
    [
        ("Lower", "k", False, True),
        ("Other", "k", False, False),
        ("Lower", "", False, False),
        ("Lower", "k", True, False),
    ],
)
def test_a_nameless_issuer_that_was_signed_elsewhere_is_recognised(
    name: str, key: str, self_signed: bool, known: bool
) -> None:
    engine = Engine()
    engine.add("it", "", authority(name, NOON, 100 * DAY, parent=None if self_signed else root()), key=key)
    issuer = engine.issuer(type="intermediate", common_name="Lower", ttl=None, csr_file="/ca.csr")
    assert (issuer.read().held is not None) is known


def test_name_constraints_are_read_under_the_names_of_the_options() -> None:
    key = root().key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bounded")])
    bounds = x509.NameConstraints(
        [x509.DNSName("a.example"), x509.RFC822Name("m.example"), x509.UniformResourceIdentifier("u.example")],
        [x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), x509.DNSName("b.example")],
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOON)
        .not_valid_after(NOON + datetime.timedelta(days=1))
        .add_extension(bounds, critical=True)
        .sign(key, hashes.SHA256())
    )
    assert _constraint_fields(certificate) == {
        "permitted_dns_domains": ["a.example"],
        "permitted_email_addresses": ["m.example"],
        "permitted_uri_domains": ["u.example"],
        "excluded_ip_ranges": ["10.0.0.0/8"],
        "excluded_dns_domains": ["b.example"],
    }
