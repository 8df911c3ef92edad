# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plans of a participant's key, as data in plans/jws_key.yml."""

from __future__ import annotations

import datetime
import functools
import pathlib
import typing as t

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal
from plugins.module_utils._core.normal import duration
from plugins.module_utils._core.plan import Plan
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._keyring.file_custody import FileCustody
from plugins.module_utils._keyring.jws import EC_WARNING, SHAPE, JwsKey, JwsSpec, material_of
from plugins.module_utils._keyring.jws_declaration import ITEM_OPTIONS, declared, general_warnings, refuse_lookalikes
from plugins.module_utils._keyring.keyring import Keyring
from plugins.module_utils._keyring.publisher import Target
from plugins.module_utils._keyring.record import Generation, KeyMaterial, Record
from plugins.module_utils._keyring.resource import Holding, Terms
from plugins.module_utils._keyring.rotation import Rotation
from plugins.module_utils._pki.keys import KeySpec, generate

START = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
NAME = "perffsp-1"
CASES = yaml.safe_load((pathlib.Path(__file__).parent / "plans" / "jws_key.yml").read_text())["cases"]


class Shelf:
    """A place that exists in name only; planning asks it nothing."""

    def __init__(self, identity: str) -> None:
        self.identity = identity

    def file(self, name: str) -> None:
        return None

    def held(self) -> t.NoReturn:
        raise AssertionError("a plan looked for itself")

    def publish(self, texts: t.Any) -> t.NoReturn:
        raise AssertionError("a plan published")


@functools.cache
def _weak() -> str:
    key = rsa.generate_private_key(65537, 1024)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@functools.cache
def _material(name: str) -> KeyMaterial:
    kind, _dash, bits = name.partition("-")
    return material_of(generate(KeySpec(kind, int(bits))))


def _private(name: str) -> str:
    if name == "rsa-1024":
        return _weak()
    return _material(name).secrets["private_key"].reveal() if name.startswith("rsa") else name


def _holding(hold: t.Any) -> Holding | None:
    if hold == "nothing":
        return None
    hold = hold or {}
    published = {
        place: None if name is None else str(_material(name).public)
        for place, name in hold.get("published", {"trust": "rsa-2048"}).items()
    }
    if "foreign" in hold:
        document = {"private_key": _private(hold["foreign"])} if hold["foreign"].startswith("rsa") else {"a": "b"}
        return Holding(None, None, {**document, "created": hold.get("created", "2026-01-01T12:00:00Z")}, published)
    if hold.get("current", "") is None:
        return Holding(None, None, None, published)
    current = _material(hold.get("current", "rsa-2048"))
    if "swapped" in hold:
        current = KeyMaterial({"private_key": Secret(_private(hold["swapped"]))}, current.public, current.facts)
    following = Generation(_material(hold["next"]), START) if "next" in hold else None
    record = Record(Generation(current, START), following)
    return Holding(record, 1, None, published, [tuple(entry) for entry in hold.get("misplaced", ())])


def _plan(case: dict[str, t.Any], directory: pathlib.Path) -> Plan:
    hold = case.get("hold") or {}
    places = hold.get("published", {"trust": None}) if isinstance(hold, dict) else {"trust": None}
    targets = [Target(Shelf(place)) for place in places]
    keyring = Keyring(FileCustody(str(directory), "jws_key", ()), targets, SHAPE)
    item = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    item.update({"name": NAME, **case.get("declare", {})})
    resource = declared(item, keyring, t.cast("t.Any", None))
    now = START + datetime.timedelta(seconds=duration(case.get("now", 0)))
    return resource.plan(_holding(case.get("hold")), now)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_plan(case: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    if "refused" in case:
        with pytest.raises(PolicyRefusal) as refused:
            _plan(case, tmp_path)
        assert case["refused"] in str(refused.value)
        return
    plan = _plan(case, tmp_path)
    assert plan.action.value == case["action"], plan.reasons
    assert list(dict.fromkeys(change.path for change in plan.changes)) == case.get("changed", [])
    assert plan.reasons == case.get("reasons", [])
    assert case.get("warning", "") in " ".join(plan.warnings)
    assert "PRIVATE KEY" not in str(plan.diff("x"))


def test_trap_jws_2_an_elliptic_key_is_warned_about_once() -> None:
    keyring = Keyring(FileCustody("/keys", "jws_key", ()), (), SHAPE)
    terms = Terms(Rotation())
    rsa_key, ec_key, gone = (
        JwsKey(NAME, keyring, declared_terms, JwsSpec.declared(algorithm, 2048))
        for declared_terms, algorithm in ((terms, "RS256"), (terms, "ES256"), (None, "ES256"))
    )
    assert general_warnings([rsa_key, gone]) == []
    assert general_warnings([ec_key, ec_key, rsa_key]) == [EC_WARNING]


@pytest.mark.parametrize("bits", [0, 1024, 2047, 8193])
def test_trap_jws_3_keys_that_peers_would_accept_though_weak_are_not_made(bits: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        JwsSpec.declared("RS256", bits)
    assert refused.value.field == "bits"


@pytest.mark.parametrize(("algorithm", "label"), [("RS256", "PRIVATE KEY"), ("ES256", "EC PRIVATE KEY")])
def test_trap_jws_2_keys_are_written_as_the_adapter_signs_with_them(
    algorithm: str, label: str, tmp_path: pathlib.Path
) -> None:
    keyring = Keyring(FileCustody(str(tmp_path), "jws_key", ()), (), SHAPE)
    material = JwsKey(NAME, keyring, None, JwsSpec.declared(algorithm, 2048)).generate()
    assert material.secrets["private_key"].reveal().startswith(f"-----BEGIN {label}-----")
    assert material.facts["algorithm"] == algorithm


def test_trap_jws_4_names_that_differ_in_case_alone_are_refused() -> None:
    refuse_lookalikes(["perffsp-1", "perffsp-2"])
    with pytest.raises(InvalidInput, match="upper and lower case"):
        refuse_lookalikes(["perffsp-1", "PerfFsp-1"])
