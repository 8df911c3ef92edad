# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done to make an issuer: nothing is put in force that was not asked for (C3)."""

from __future__ import annotations

import datetime
import pathlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from plugins.module_utils._core.errors import InvalidInput, Overtaken, TrustmeshError
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.plan import Step
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._vault.errors import Rejected, VaultError
from plugins.module_utils._vault.pki_issuer_deeds import Deeds
from tests.unit.vault.memory import Data, Reply, found, refused
from tests.unit.vault_pki.certificates import Authority, authority
from tests.unit.vault_pki.engine import Engine, request, root
from tests.unit.vault_pki.subjects import DAY, NOON


def deeds(engine: Engine, files: FileTransaction | None = None) -> Deeds:
    mount = engine.issuer().mount
    return Deeds(mount, mount, files or FileTransaction(), "vault_pki_issuer pki/ca")


def steps() -> list[Step]:
    return [
        Step("make_request", "pki/intermediate/generate/internal", {"common_name": "Lower"}),
        Step("sign", "pki/issuer/root/sign-intermediate", {"common_name": "Lower"}),
        Step("install", "pki/issuers/import/cert"),
        Step("adjust", "", {"issuer_name": "ca"}),
    ]


def signing(engine: Engine, signed: Authority, issuing: Authority, key: ec.EllipticCurvePrivateKey) -> None:
    """Let the engine sign what it is asked for with what is given here."""

    def take(_path: str, body: Data) -> Reply:
        engine.add("new", "", signed)
        engine.bundle = body["pem_bundle"]
        return found({"imported_issuers": ["old", "new"], "existing_issuers": None})

    engine.add("old", "old", root("Other"))
    answer = {"certificate": signed.pem, "issuing_ca": issuing.pem, "ca_chain": [issuing.pem]}
    engine.memory.on("post", "pki/intermediate/generate/internal", lambda _path, _body: found({"csr": request(key)}))
    engine.memory.on("post", "pki/issuer/root/sign-intermediate", lambda _path, _body: found(answer))
    engine.memory.on("post", "pki/issuers/import/cert", take)
    engine.memory.on("patch", "pki/issuer/new", lambda _path, body: found(body))


def test_c3_what_was_signed_is_installed_with_what_is_above_it() -> None:
    engine, above = Engine(), root()
    lower = authority("Lower", NOON, 100 * DAY, parent=above)
    signing(engine, lower, above, lower.key)
    deeds(engine).carry_out(steps())
    assert engine.bundle == lower.pem + above.pem
    assert engine.memory.asked[-1] == ("patch", "pki/issuer/new", {"issuer_name": "ca"})
    signed = next(body for _method, path, body in engine.memory.asked if path.endswith("sign-intermediate"))
    assert signed["csr"].startswith("-----BEGIN CERTIFICATE REQUEST-----")
    assert signed["common_name"] == "Lower"


@pytest.mark.parametrize("fault", ["another key", "another issuer", "longer than its issuer"])
def test_c3_a_certificate_that_does_not_belong_to_the_request_is_not_installed(fault: str) -> None:
    engine = Engine()
    above = root(days=100 if fault == "longer than its issuer" else 3650)
    lower = authority("Lower", NOON, 100 * DAY + (fault == "longer than its issuer"), parent=above)
    issuing = root("Other") if fault == "another issuer" else above
    signing(engine, lower, issuing, root("Other").key if fault == "another key" else lower.key)
    with pytest.raises(TrustmeshError, match=r"would live until|does not belong to the request"):
        deeds(engine).carry_out(steps())
    assert not [path for _method, path in engine.memory.writes if "import" in path]


def test_what_is_imported_and_not_there_afterwards_is_an_error() -> None:
    engine = Engine()
    engine.add("old", "old", root("Other"))
    engine.memory.on("post", "pki/issuers/import/bundle", lambda _path, _body: found({"imported_issuers": []}))
    with pytest.raises(TrustmeshError, match="is not among the issuers afterwards"):
        deeds(engine).carry_out([Step("install", "pki/issuers/import/bundle", (root().pem, None))])
    engine.add("mine", "", root())
    deeds(engine).carry_out([Step("install", "pki/issuers/import/bundle", (root().pem, Secret("-----KEY-----")))])
    (bundle,) = [body["pem_bundle"] for _m, path, body in engine.memory.asked if path.endswith("bundle")][1:]
    assert bundle == f"{root().pem}-----KEY-----"


@pytest.mark.parametrize("named", [True, False])
def test_a_key_that_has_a_name_keeps_it(named: bool) -> None:
    engine = Engine()
    engine.add("mine", "ca", root(), key="k1")
    engine.keys["k1"] = {"key_name": "other" if named else ""}
    worker = deeds(engine)
    worker._issuer_id = "mine"
    worker.carry_out([Step("name_key", "", "ca")])
    written = [body for method, path, body in engine.memory.asked if (method, path) == ("post", "pki/key/k1")]
    assert written == ([] if named else [{"key_name": "ca"}])


@pytest.mark.parametrize(
    ("before", "said", "overtaken"),
    [
        ([], "issuer name already in use", True),
        ([Step("guard", "ttl", 60)], "issuer name already in use", True),
        ([Step("fence", "pki/issuer/root", {"common_name": "x", "ends": None})], "issuer name already in use", True),
        ([Step("rename_issuer", "old", "ca-1")], "issuer name already in use", False),
        ([], "unknown key type", False),
    ],
)
def test_r22_names_that_others_took_first_are_told_apart(before: list[Step], said: str, overtaken: bool) -> None:
    engine = Engine()
    engine.add("root", "root", root())
    engine.memory.on("patch", "pki/issuer/old", lambda _path, body: found(body))
    engine.memory.on("post", "pki/root/generate/internal", lambda _path, _body: refused(400, said))
    with pytest.raises(TrustmeshError) as failed:
        deeds(engine).carry_out([*before, Step("generate", "pki/root/generate/internal", {})])
    assert isinstance(failed.value, Overtaken) is overtaken
    assert isinstance(failed.value, Rejected) is not overtaken


@pytest.mark.parametrize(
    ("kept", "later", "field"),
    [
        ({}, 0, None),
        ({}, 1, "ttl"),
        ({"revoked": True}, 0, "signed_by"),
        ({"usage": "read-only,crl-signing"}, 0, "signed_by"),
        ({"usage": "read-only,issuing-certificates"}, 0, None),
        ({"key_id": ""}, 0, "signed_by"),
    ],
    ids=str,
)
def test_a_ca_that_cannot_be_below_its_issuer_is_refused_before_it_is_made(
    kept: Data, later: int, field: str | None
) -> None:
    engine = Engine()
    engine.add("root", "root", root())
    engine.issuers["root"].update(kept)
    ends = NOON + datetime.timedelta(days=3650, seconds=later)
    fence = Step("fence", "pki/issuer/root", {"common_name": "Lower", "ends": ends.isoformat()})
    engine.memory.on("post", "pki/root/generate/internal", lambda _path, _body: found({"issuer_id": "made"}))
    plan = [fence, Step("generate", "pki/root/generate/internal", {})]
    if field is None:
        deeds(engine).carry_out(plan)
        return
    with pytest.raises(InvalidInput) as refusal:
        deeds(engine).carry_out(plan)
    assert refusal.value.field == field
    assert engine.memory.writes == []


def test_a_request_travels_in_a_file_that_everybody_may_read(tmp_path: pathlib.Path) -> None:
    engine, files, text = Engine(), FileTransaction(), request(root().key)
    engine.memory.on("post", "pki/intermediate/generate/internal", lambda _path, _body: found({"csr": text.strip()}))
    deeds(engine, files).carry_out([steps()[0], Step("save_request", str(tmp_path / "ca.csr"))])
    assert not (tmp_path / "ca.csr").exists()
    assert files.commit() == {}
    assert (tmp_path / "ca.csr").read_text() == f"{text.strip()}\n"
    assert (tmp_path / "ca.csr").stat().st_mode & 0o777 == 0o644


def test_the_default_is_fixed_where_it_is_declared() -> None:
    engine = Engine()
    worker = deeds(engine)
    worker._issuer_id = "made"
    worker.carry_out([Step("make_default", ""), Step("make_default", "one")])
    assert [body for _method, path, body in engine.memory.asked if path == "pki/config/issuers"] == [
        {"default": "made", "default_follows_latest_issuer": False},
        {"default": "one", "default_follows_latest_issuer": False},
    ]


@pytest.mark.parametrize(("length", "warned"), [(0, False), (1, True), (None, True)])
def test_what_was_declared_is_no_news(length: int | None, warned: bool) -> None:
    said = "Max path length of the generated certificate is zero. This certificate cannot be used to issue"
    engine = Engine()
    engine.memory.on(
        "post",
        "pki/root/generate/internal",
        lambda _path, _body: (200, {"data": {"issuer_id": "made"}, "warnings": [f"{said} intermediate CAs."]}),
    )
    worker = deeds(engine)
    worker.carry_out([Step("generate", "pki/root/generate/internal", {"max_path_length": length})])
    assert bool(worker._vault.warnings) is warned


def test_an_issuer_that_cannot_be_read_is_not_absent() -> None:
    engine = Engine()
    engine.memory.on("get", "pki/issuer/ca", lambda _path, _body: refused(403, "1 error occurred: permission denied"))
    with pytest.raises(VaultError, match="permission denied"):
        engine.issuer().read()
