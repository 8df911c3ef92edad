# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an item of each section has to say, may leave out, and may leave to the whole call."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from plugins.module_utils._core.deps import CRYPTOGRAPHY
from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.sections import Section
from plugins.module_utils._vault import pki_key
from plugins.module_utils._vault.approle import APPROLES
from plugins.module_utils._vault.mount import MOUNTS
from plugins.module_utils._vault.pki_config import ENGINES
from plugins.module_utils._vault.pki_issuer_declaration import ISSUERS
from plugins.module_utils._vault.pki_issuer_state import IssuerState
from plugins.module_utils._vault.pki_revocation import REVOCATIONS
from plugins.module_utils._vault.pki_role import PKI_ROLES, RoleState
from plugins.module_utils._vault.policy import POLICIES
from plugins.module_utils._vault.transit_key import TRANSIT_KEYS
from tests.unit.vault.memory import Data, Memory
from tests.unit.vault.subjects import completed

#: Of each section the least that an item says, and what may be said once for all items.
LEAST: t.Final[dict[str, tuple[Section[t.Any], Data, str | None]]] = {
    "approles": (APPROLES, {"name": "a"}, "mount"),
    "mounts": (MOUNTS, {"path": "a", "type": "kv"}, "category"),
    "engines": (ENGINES, {"mount": "a", "crl": {}}, None),
    "issuers": (ISSUERS, {"name": "a", "type": "root", "common_name": "A"}, "mount"),
    "revocations": (REVOCATIONS, {"serial": "01:02"}, "mount"),
    "roles": (PKI_ROLES, {"name": "a"}, "mount"),
    "policies": (POLICIES, {"name": "a", "rules": "x"}, None),
    "keys": (TRANSIT_KEYS, {"name": "a", "type": "ed25519"}, "mount"),
}


def named(value: object) -> str:
    """Name a part of a case, the same in every process."""
    return t.cast(str, value.plural) if isinstance(value, Section) else str(value)


PARTS: t.Final = [(name, part) for name, (_section, least, _shared) in LEAST.items() for part in least]


@pytest.mark.parametrize("name", LEAST)
def test_the_least_that_an_item_says_is_enough(name: str) -> None:
    section, least, shared = LEAST[name]
    plural = t.cast(str, section.plural)
    for common in ({}, {} if shared is None else {shared: "auth" if shared == "category" else "elsewhere"}):
        batch = section.batch(Memory().vault, completed(section.spec, **{plural: [least]}, **common))
        (resource,) = batch.resources
        assert not common or any(word in resource.identity for word in ("auth/", "elsewhere"))
    assert (section.spec.requires == (CRYPTOGRAPHY,)) or name not in ("issuers", "revocations")


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_an_item_that_says_less_is_refused(name: str, part: str) -> None:
    section, least, _shared = LEAST[name]
    rest = {option: value for option, value in least.items() if option != part}
    with pytest.raises(ValueError, match=r"missing|required"):
        completed(section.spec, **{t.cast(str, section.plural): [rest]})


@pytest.mark.parametrize(
    ("section", "item", "field"),
    [
        (REVOCATIONS, {"serial": "zz"}, "revocations[0] (zz).serial"),
        (MOUNTS, {"path": "auth/x", "type": "kv"}, "mounts[0] (auth/x).path"),
        (ENGINES, {"mount": "p", "crl": {"expiry": "soon"}}, "engines[0] (p).crl.expiry"),
        (ISSUERS, {"name": "default", "type": "root", "common_name": "A"}, "issuers[0] (default).name"),
        (PKI_ROLES, {"name": "r", "ttl": "soon"}, "roles[0] (r).ttl"),
    ],
    ids=named,
)
def test_a_wrong_item_is_named_by_its_number_and_its_own_name(section: Section[t.Any], item: Data, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        section.batch(Memory().vault, completed(section.spec, **{t.cast(str, section.plural): [item]}))
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("section", "item", "said"),
    [
        (REVOCATIONS, {"serial": "01", "certificate": "x"}, "mutually exclusive"),
        (REVOCATIONS, {"serial": "01", "certificate_file": "x"}, "mutually exclusive"),
        (ISSUERS, {"name": "a", "type": "intermediate"}, "common_name"),
        (ISSUERS, {"name": "a", "type": "imported"}, "certificate"),
        (ISSUERS, {"name": "a", "type": "intermediate", "common_name": "A", "signed_by": {"issuer": "x"}}, "mount"),
        (APPROLES, {"name": "a", "delivery": {}}, "path"),
    ],
    ids=named,
)
def test_what_belongs_together_or_not_is_checked(section: Section[t.Any], item: Data, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        completed(section.spec, **{t.cast(str, section.plural): [item]})


def test_what_follows_from_others_is_no_option_of_an_issuer() -> None:
    options = ISSUERS.spec.argument_spec()["issuers"]["options"]
    assert {"issuer_name", "has_key"}.isdisjoint(options)
    assert options["signed_by"]["type"] == "dict"


def test_nothing_is_destroyed_or_forced_that_was_not_asked_for() -> None:
    (issuer,) = completed(ISSUERS.spec, issuers=[{"name": "a", "state": "absent"}])["issuers"]
    assert (issuer["delete_key"], issuer["force"], issuer["on_mismatch"]) == (False, False, "fail")
    (role,) = completed(APPROLES.spec, roles=[{"name": "a", "delivery": {"path": "/s"}}])["roles"]
    assert (role["delivery"]["wrapped"], role["delivery"]["mode"], role["on_mismatch"]) == (True, "0600", "fail")


@pytest.mark.parametrize(
    ("key_type", "usual", "others"),
    [
        ("rsa", 2048, (3072, 4096, 8192)),
        ("ec", 256, (224, 384, 521)),
        ("ed25519", 0, ()),
        ("mldsa", 44, (65, 87)),
        ("any", 0, ()),
    ],
)
def test_sizes_of_keys_are_those_of_their_algorithms(key_type: str, usual: int, others: tuple[int, ...]) -> None:
    """RSA from 2048 on, the NIST curves, and the parameter sets of FIPS 204; 0 is the usual one."""
    known = {usual, *others, 0}
    for size in {*range(700), 2048, 2049, 3072, 3073, 4096, 4097, 8192, 8193}:
        if size in known:
            assert pki_key.settled_bits(size, key_type) == (size or usual)
            continue
        with pytest.raises(InvalidInput):
            pki_key.settled_bits(size, key_type)


def test_sizes_are_settled_for_roles_and_issuers() -> None:
    assert RoleState.declared({"key_type": "ec", "key_bits": 0}).key_bits == 256
    assert IssuerState.declared({"key_type": "ec", "key_bits": 0}).key_bits == 256


@pytest.mark.parametrize(
    ("given", "told"),
    [('["hunter2hunter2X9"]', True), ('["*"]', False), ('["*hunter2hunter2X9"]', False), ("[]", False)],
)
def test_a_secret_among_the_rules_of_a_policy_is_told_of(given: str, told: bool) -> None:
    rules = f'path "a" {{ allowed_parameters = {{ password = {given} }} }}'
    (policy,) = POLICIES.batch(
        Memory().vault, completed(POLICIES.spec, policies=[{"name": "p", "rules": rules}])
    ).resources
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    warnings = policy.plan(policy.read(), now).warnings
    assert bool(warnings) is told
    assert not told or "Whoever may read policies sees it" in warnings[0]
