# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Message keys with a holder, of others, and of participants that are only trusted (MJ-14, kind 10)."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import NotConverged, Overtaken, PolicyRefusal, TrustmeshError
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._jose import keys
from plugins.module_utils._keyring.directory import DirectoryPublisher
from plugins.module_utils._keyring.file_custody import FileCustody
from plugins.module_utils._keyring.jws import PRIVATE, SHAPE, JwsKey, JwsSpec, TrustedKey
from plugins.module_utils._keyring.keyring import Keyring
from plugins.module_utils._keyring.publisher import Target
from plugins.module_utils._keyring.record import KeyMaterial
from plugins.module_utils._keyring.resource import Terms
from plugins.module_utils._keyring.rotation import Rotation
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.unit.keyring.ring import START

EC: t.Final = generate(KeySpec("ec", 256))
OTHER: t.Final = generate(KeySpec("ec", 256))


class Holder:
    """Keeps keys of this process by their handle."""

    identity = "transit/"

    def __init__(self) -> None:
        self.kept: dict[str, t.Any] = {}
        self.made = 0

    def generate(self, name: str, algorithm: str, bits: int) -> tuple[str, str]:
        assert (algorithm, bits) == ("ES256", 256)
        self.made += 1
        handle = f"{name}-{self.made}"
        self.kept[handle] = generate(KeySpec("ec", 256))
        return handle, keys.public_pem(self.kept[handle])

    def public_pem(self, handle: str) -> str | None:
        return keys.public_pem(self.kept[handle]) if handle in self.kept else None

    def sign(self, handle: str, data: bytes, algorithm: str) -> bytes:
        raise AssertionError("nothing is signed here")

    def destroy(self, handle: str) -> None:
        del self.kept[handle]


def _ring(base: pathlib.Path) -> Keyring:
    target = Target(DirectoryPublisher(str(base / "trust")))
    return Keyring(FileCustody(str(base / "keys"), "jws_key", ()), [target], SHAPE, lambda: START)


def _run(base: pathlib.Path, holder: Holder | None, **given: t.Any) -> Outcome:
    ring = _ring(base)
    rotation = Rotation.declared(given.pop("rotation", {}))
    terms = None if given.pop("absent", False) else Terms(rotation, given.pop("on_mismatch", "fail"))
    key = JwsKey("fsp", ring, terms, JwsSpec.declared(given.pop("algorithm", "ES256"), 2048), holder)
    (outcome,) = reconcile(Batch([key], transaction=ring), check_mode=False, clock=lambda: START)
    return outcome


def test_a_key_of_a_holder_is_made_replaced_and_destroyed_there(tmp_path: pathlib.Path) -> None:
    holder = Holder()
    made = _run(tmp_path, holder)
    assert (made.error, made.action.value) == (None, "create")
    record = next((tmp_path / "keys").rglob("record.json")).read_text()
    assert PRIVATE not in record and "fsp-1" in record
    assert (made.facts["algorithm"], made.facts["bits"], made.facts["replaced"]) == ("ES256", 256, None)
    assert (tmp_path / "trust/fsp.pem").read_text() == holder.public_pem("fsp-1")
    assert not _run(tmp_path, holder).changed
    holder.kept["fsp-1"] = generate(KeySpec("ec", 256))
    refused = _run(tmp_path, holder)
    assert isinstance(refused.error, PolicyRefusal)
    assert "transit/ has another key under fsp-1" in str(refused.error)
    rotated = _run(tmp_path, holder, on_mismatch="replace")
    assert (rotated.error, rotated.action.value) == (None, "replace")
    assert list(holder.kept) == ["fsp-2"], "what no record names any more is destroyed"
    gone = _run(tmp_path, holder, absent=True)
    assert (gone.error, gone.action.value, holder.kept) == (None, "delete", {})


def test_a_replaced_key_that_is_kept_is_not_destroyed(tmp_path: pathlib.Path) -> None:
    holder = Holder()
    _run(tmp_path, holder)
    before = holder.public_pem("fsp-1")
    holder.kept["fsp-1"] = generate(KeySpec("ec", 256))
    rotated = _run(tmp_path, holder, on_mismatch="replace", rotation={"keep_previous": "7d"})
    assert rotated.error is None
    assert sorted(holder.kept) == ["fsp-1", "fsp-2"]
    assert rotated.facts["replaced"]["public_key"] == before


@pytest.mark.parametrize(
    ("held", "algorithm", "with_holder", "said"),
    [
        (((PRIVATE,), "ES256", 256), "ES256", False, []),
        (((PRIVATE,), "ES256", 256), "RS256", False, ["the algorithm is ES256, declared RS256"]),
        (((PRIVATE,), "RS256", 1024), "RS256", False, ["the key has 1024 bits, declared 2048"]),
        (((PRIVATE,), "RS256", None), "RS256", False, ["the key has None bits, declared 2048"]),
        (((PRIVATE,), "RS256", 4096), "RS256", False, []),
        (((PRIVATE,), "ES256", 256), "ES256", True, ["the private key is in custody, declared otherwise"]),
        (((), "ES256", 256), "ES256", False, ["the private key is with a holder, declared otherwise"]),
        (((), "ES256", 256), "ES256", True, []),
    ],
    ids=str,
)
def test_how_a_key_differs_from_what_is_declared(
    tmp_path: pathlib.Path, held: t.Any, algorithm: str, with_holder: bool, said: list[str]
) -> None:
    secrets, of, bits = held
    material = KeyMaterial(dict.fromkeys(secrets, Secret("x")), None, {"algorithm": of, "bits": bits})
    holder = t.cast(t.Any, Holder() if with_holder else None)
    key = JwsKey("fsp", _ring(tmp_path), None, JwsSpec.declared(algorithm, 2048), holder)
    assert list(key.mismatches(material)) == said


def test_a_kept_key_is_settled_from_its_private_part(tmp_path: pathlib.Path) -> None:
    key = JwsKey("fsp", _ring(tmp_path), None, JwsSpec())
    foreign = KeyMaterial({}, "public", {"handle": "h"})
    assert key.settle(foreign) is foreign
    settled = key.settle(KeyMaterial({PRIVATE: keys.private_pem(EC)}, "of another", {"note": "kept", "bits": 1}))
    assert settled.public == keys.public_pem(EC)
    assert (settled.facts["note"], settled.facts["bits"], settled.facts["algorithm"]) == ("kept", 256, "ES256")
    with pytest.raises(PolicyRefusal, match="is unusable") as refusal:
        key.settle(KeyMaterial({PRIVATE: Secret("damaged")}, None))
    assert refusal.value.field == PRIVATE


def test_a_trusted_key_is_published_replaced_and_taken_back(tmp_path: pathlib.Path) -> None:
    def run(public: str | None) -> Outcome:
        ring = _ring(tmp_path)
        trusted = TrustedKey("other", ring, public)
        (outcome,) = reconcile(Batch([trusted], transaction=ring), check_mode=False, clock=lambda: START)
        return outcome

    first = run(keys.public_pem(EC))
    assert (first.action.value, first.plan.changes[0].reason.endswith("lacks other")) == ("create", True)
    assert first.plan.warnings == ()
    assert not run(keys.public_pem(EC)).changed
    second = run(keys.public_pem(OTHER))
    assert (second.action.value, "has another text for other" in second.plan.reasons[0]) == ("update", True)
    assert len(second.plan.warnings) == 1, "whoever has read the old one has to read again"
    assert (tmp_path / "trust/other.pem").read_text() == keys.public_pem(OTHER)
    assert second.facts["kid"] and second.facts["published_to"]
    third = run(None)
    assert (third.action.value, third.plan.warnings, third.facts) == ("delete", (), {})
    assert not (tmp_path / "trust/other.pem").exists()
    assert not run(None).changed


@pytest.mark.parametrize("wrote", [True, False])
def test_r22_who_was_overtaken_after_it_wrote_has_not_converged(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, wrote: bool
) -> None:
    """A key that was written and not published is no work of others, and the run has changed something."""

    def refuse(_publisher: DirectoryPublisher, texts: t.Mapping[str, t.Any]) -> dict[str, TrustmeshError]:
        return {name: Overtaken("others wrote it meanwhile", remedy="Run again.") for name in texts}

    if not wrote:
        _run(tmp_path, None)
        (tmp_path / "trust/fsp.pem").unlink()
    monkeypatch.setattr(DirectoryPublisher, "publish", refuse)
    ring = _ring(tmp_path)
    key = JwsKey("fsp", ring, Terms(Rotation.declared({}), "fail"), JwsSpec.declared("ES256", 2048))
    key.apply(key.plan(key.read(), START))
    (failure,) = ring.commit().values()
    assert failure.__class__ is (NotConverged if wrote else Overtaken)
    assert failure.remedy == "Run again."


def test_a_key_that_could_not_be_taken_back_is_kept(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has to take it back later needs to know that it was there."""
    holder = Holder()
    _run(tmp_path, holder)

    def refuse(_publisher: DirectoryPublisher, texts: t.Mapping[str, t.Any]) -> dict[str, TrustmeshError]:
        return {name: TrustmeshError("the disk is full") for name in texts}

    with monkeypatch.context() as patched:
        patched.setattr(DirectoryPublisher, "publish", refuse)
        failed = _run(tmp_path, holder, absent=True)
    assert "the disk is full" in str(failed.error)
    assert list((tmp_path / "keys").rglob("record.json"))
    assert list(holder.kept) == ["fsp-1"]
    assert _run(tmp_path, holder, absent=True).error is None
    assert not list((tmp_path / "keys").rglob("record.json"))
