# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declaration of a certificate may say, and the option that is named for what it may not."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from plugins.module_utils._certificate.declaration import ITEM_OPTIONS, declared
from plugins.module_utils._certificate.resource import Absence, Certificate, _unfit
from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import Attributes, FileTransaction
from plugins.module_utils._core.own_files import refuse_shared_files
from plugins.module_utils._pki.certificate import CertificateFacts
from tests.unit.pki import forge

BASE: t.Final = "/etc/pki/hub"


def _declared(name: str = "switch", **given: t.Any) -> Certificate | Absence:
    item = {option: about.get("default") for option, about in ITEM_OPTIONS.items()}
    item.update({"name": name, "directory": BASE, "mount": "pki", "role": "mesh", **given})
    made = declared(item, lambda _item: t.cast(t.Any, None), FileTransaction())
    assert isinstance(made, (Certificate, Absence))
    return made


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"keep_generations": 0}, "keep_generations"),
        ({"keep_generations": 1}, None),
        ({"renew_jitter_percent": -1}, "renew_jitter_percent"),
        ({"renew_jitter_percent": 0}, None),
        ({"renew_jitter_percent": 100}, None),
        ({"renew_jitter_percent": 101}, "renew_jitter_percent"),
        ({"ttl": "soon"}, "ttl"),
        ({"ttl": "7d", "renew_before": "7d"}, "renew_before"),
        ({"ttl": "7d", "renew_before": "604799s"}, None),
        ({"not_before": "yesterday"}, "not_before"),
        ({"key_type": "rsa", "key_size": 1024}, "key_size"),
        ({"mount": None}, "mount"),
        ({"role": ""}, "role"),
        ({"provider": "local"}, "ca_directory"),
        ({"provider": "local", "ca_directory": "/ca", "mount": None, "role": None}, None),
        ({"name": "a/b"}, "name"),
        ({"name": ".hidden"}, "name"),
        ({"name": "_wild@a.b-c"}, None),
        ({"key_file": ""}, "key_file"),
        ({"certificate_file": ""}, "certificate_file"),
        ({"chain_file": "", "fullchain_file": "", "ca_file": ""}, None),
        ({"key_mode": "0604"}, "key_mode"),
        ({"key_mode": "0601"}, "key_mode"),
        ({"key_mode": "0640"}, None),
        ({"key_mode": "rw"}, "key_mode"),
        ({"mode": "rw"}, "mode"),
        ({"owner": "no-such-user"}, "owner"),
        ({"state": "absent", "mount": None, "role": None}, None),
    ],
    ids=str,
)
def test_what_means_nothing_is_refused_by_its_option(given: dict[str, t.Any], field: str | None) -> None:
    if field is None:
        _declared(**given)
        return
    with pytest.raises(InvalidInput) as refusal:
        _declared(**given)
    assert refusal.value.field == field
    assert field == "not_before" or field == "ttl" or refusal.value.remedy


def test_the_files_of_a_certificate_and_their_attributes() -> None:
    layout = _declared(chain_file="", ca_file="../trust/{name}.pem", owner="0", group="1", key_mode="0640").layout
    assert layout.published == {
        "key": f"{BASE}/switch/key.pem",
        "certificate": f"{BASE}/switch/cert.pem",
        "fullchain": f"{BASE}/switch/fullchain.pem",
        "ca": "/etc/pki/trust/switch.pem",
    }
    assert layout.attributes["key"] == Attributes(0, 1, 0o640)
    assert {layout.attributes[role] for role in layout.published if role != "key"} == {Attributes(0, 1, 0o644)}
    assert (layout.store, layout.name, layout.home.path) == (
        f"{BASE}/.trustmesh/switch",
        "switch",
        f"{BASE}/.trustmesh",
    )
    assert layout.link_targets["key"] == "../.trustmesh/switch/current/key.pem"
    assert layout.link_targets["ca"] == "../hub/.trustmesh/switch/current/ca.pem"


def test_what_is_wanted() -> None:
    made = _declared(ttl="1h", renew_before="10m", renew_jitter_percent=20, not_before="2026-01-01T00:00:00Z")
    assert isinstance(made, Certificate)
    wanted = made.wanted
    assert (wanted.common_name, wanted.ttl, wanted.jitter_fraction) == ("switch", 3600, 0.2)
    assert wanted.seed.endswith("/switch")
    assert wanted.sans.dns == {"switch"}
    assert made.policy.not_before == datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    assert (made.policy.keep, made.policy.on_mismatch, made.policy.renew_key) == (2, "replace", True)
    bare = _declared(common_name="other", common_name_in_sans=False)
    assert isinstance(bare, Certificate)
    assert (bare.wanted.common_name, bare.wanted.sans.dns, bare.wanted.ttl) == ("other", frozenset(), None)


def test_two_certificates_share_no_path() -> None:
    same = {"certificate_file": "cert.pem"}
    refuse_shared_files([_declared("a"), _declared("b")])
    with pytest.raises(InvalidInput, match=f"are the same file, {BASE}/switch/cert.pem"):
        refuse_shared_files([_declared(chain_file="{name}/cert.pem")])
    with pytest.raises(InvalidInput, match=f"are the same file, {BASE}/cert.pem"):
        refuse_shared_files([_declared("a", **same), _declared("b", **same)])


def _with_usage(name: str, issuer: forge.Made | None, *usages: t.Any) -> forge.Made:
    extensions = [(x509.ExtendedKeyUsage(usages), False)] if usages else []
    return forge.make(name, issuer, ca=name != "leaf", extensions=extensions)


SERVER, CLIENT, CODE = (
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.CODE_SIGNING,
)


@pytest.mark.parametrize(
    ("declared_for", "leaf", "authority", "fits"),
    [
        (("ServerAuth",), (SERVER,), (), True),
        (("ServerAuth",), (SERVER,), (SERVER,), True),
        (("ServerAuth",), (SERVER,), (CLIENT,), False),
        (("ServerAuth", "ClientAuth"), (SERVER, CLIENT), (SERVER,), False),
        ((), (SERVER, CLIENT), (SERVER,), True),
        ((), (SERVER, CLIENT), (CODE,), False),
        ((), (CODE,), (CLIENT,), True),
        ((), (), (CODE,), True),
    ],
)
def test_c1_an_authority_has_to_be_for_what_a_certificate_is_for(
    declared_for: tuple[str, ...], leaf: tuple[t.Any, ...], authority: tuple[t.Any, ...], fits: bool
) -> None:
    issuer = _with_usage("CA", None, *authority)
    facts = CertificateFacts.of(_with_usage("leaf", issuer, *leaf).certificate)
    problems = _unfit(frozenset(declared_for), facts, (issuer.certificate,))
    assert (problems == []) is fits
    assert all("CN=CA is not for " in problem for problem in problems)


@pytest.mark.parametrize(
    ("usage", "purposes"),
    [(None, set()), ([], set()), (["ServerAuth"], {"ServerAuth"}), (["ClientAuth", "CodeSigning"], {"ClientAuth"})],
    ids=str,
)
def test_only_what_tls_needs_is_held_against_the_chain(usage: list[str] | None, purposes: set[str]) -> None:
    made = _declared(extended_key_usage=usage)
    assert isinstance(made, Certificate)
    assert made._purposes == purposes
