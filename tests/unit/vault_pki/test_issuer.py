# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read about an issuer, and what is done before one is put in force: a server in memory answers."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plugins.module_utils._core.errors import InvalidInput, Overtaken, TrustmeshError
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.plan import Step
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._vault.errors import Rejected, VaultError
from plugins.module_utils._vault.pki_issuer import Key, PkiIssuer
from plugins.module_utils._vault.pki_issuer_declaration import ISSUER_OPTIONS, declared_issuer
from plugins.module_utils._vault.pki_issuer_deeds import Deeds
from plugins.module_utils._vault.pki_mount import PkiMounts
from tests.unit.vault.memory import Data, Memory, Reply, found, refused
from tests.unit.vault_pki.certificates import Authority, authority
from tests.unit.vault_pki.subjects import DAY, NOON

ROOT: t.Final = {"type": "root", "common_name": "Root", "key_type": "ec", "ttl": "3650d"}


class Engine:
    """A PKI engine at ``pki``: issuers by id, keys by id, roles by name."""

    def __init__(self) -> None:
        self.memory = Memory(pki="pki")
        self.issuers: dict[str, Data] = {}
        self.keys: dict[str, Data] = {}
        self.memory.on("list", "pki/issuers", lambda _path, _body: self._listed(self.issuers, "issuer_name", "key_id"))
        self.memory.on("list", "pki/keys", lambda _path, _body: self._listed(self.keys, "key_name"))
        self.memory.on("get", "pki/issuer/[^/]+", self._issuer)
        self.memory.on("get", "pki/key/[^/]+", lambda path, _body: found(self.keys[path.rpartition("/")[2]]))

    @property
    def asked(self) -> list[str]:
        return [f"{method} {path}" for method, path, _body in self.memory.asked]

    def add(self, issuer_id: str, name: str, ca: Authority, key: str = "k", **more: t.Any) -> None:
        data = {"issuer_id": issuer_id, "issuer_name": name, "key_id": key, "certificate": ca.pem, "ca_chain": [ca.pem]}
        self.issuers[issuer_id] = {**data, **more}

    def _listed(self, objects: dict[str, Data], *shown: str) -> Reply:
        if not objects:
            return 404, {"errors": []}
        info = {name: {field: held.get(field, "") for field in shown} for name, held in objects.items()}
        return found({"keys": list(objects), "key_info": info})

    def _issuer(self, path: str, _body: Data) -> Reply:
        wanted = path.rpartition("/")[2]
        for issuer_id, held in self.issuers.items():
            if wanted in (issuer_id, held["issuer_name"]):
                return found(held)
        return refused(500, f"unable to find PKI issuer for reference: {wanted}")

    def issuer(self, **item: t.Any) -> PkiIssuer:
        options = {**dict.fromkeys(ISSUER_OPTIONS), "on_mismatch": "fail", "force": False, "delete_key": False}
        wanted = {} if item.get("state") == "absent" else ROOT
        declared = {**options, "name": "ca", "mount": "pki", "state": "present", **wanted, **item}
        return t.cast(PkiIssuer, declared_issuer(PkiMounts(self.memory.vault), FileTransaction(), declared))


def root(name: str = "Root", days: int = 3650) -> Authority:
    return authority(name, NOON, days * DAY)


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


# -- deeds -------------------------------------------------------------------------------------------------------------


def deeds(engine: Engine, files: FileTransaction | None = None) -> Deeds:
    mount = engine.issuer().mount
    return Deeds(mount, mount, files or FileTransaction(), "vault_pki_issuer pki/ca")


def request(key: ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lower")])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


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
        engine.bundle = body["pem_bundle"]  # type: ignore[attr-defined]
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
    assert engine.bundle == lower.pem + above.pem  # type: ignore[attr-defined]
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
        ([Step("rename_issuer", "old", "ca-1")], "issuer name already in use", False),
        ([], "unknown key type", False),
    ],
)
def test_r22_names_that_others_took_first_are_told_apart(before: list[Step], said: str, overtaken: bool) -> None:
    engine = Engine()
    engine.memory.on("patch", "pki/issuer/old", lambda _path, body: found(body))
    engine.memory.on("post", "pki/root/generate/internal", lambda _path, _body: refused(400, said))
    with pytest.raises(TrustmeshError) as failed:
        deeds(engine).carry_out([*before, Step("generate", "pki/root/generate/internal", {})])
    assert isinstance(failed.value, Overtaken) is overtaken
    assert isinstance(failed.value, Rejected) is not overtaken


@pytest.mark.parametrize(("later", "refused_"), [(0, False), (1, True)])
def test_a_ca_that_would_outlive_its_issuer_is_refused_before_it_is_made(later: int, refused_: bool) -> None:
    engine = Engine()
    engine.add("root", "root", root())
    ends = NOON + datetime.timedelta(days=3650, seconds=later)
    fence = Step("fence", "pki/issuer/root", ends.isoformat())
    engine.memory.on("post", "pki/root/generate/internal", lambda _path, _body: found({"issuer_id": "made"}))
    plan = [fence, Step("generate", "pki/root/generate/internal", {})]
    if not refused_:
        deeds(engine).carry_out(plan)
        return
    with pytest.raises(InvalidInput) as refusal:
        deeds(engine).carry_out(plan)
    assert refusal.value.field == "ttl"
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


# -- what is declared --------------------------------------------------------------------------------------------------


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


def _imports(engine: Engine, issuer_id: str, ca: Authority) -> list[tuple[str, str]]:
    """Let the engine take what is imported; return where it came and what it was."""
    seen: list[tuple[str, str]] = []

    def take(path: str, body: Data) -> Reply:
        seen.append((path, body["pem_bundle"]))
        engine.add(issuer_id, "", ca)
        return found({"imported_issuers": [issuer_id], "existing_issuers": []})

    def name(path: str, body: Data) -> Reply:
        engine.issuers[path.rpartition("/")[2]].update(body)
        return found(body)

    engine.memory.on("post", "pki/issuers/import/.*", take)
    engine.memory.on("patch", "pki/issuer/.*", name)
    engine.memory.on("post", "pki/key/.*", lambda path, body: engine.keys[path.rpartition("/")[2]].update(body))
    return seen


def _run(issuer: PkiIssuer) -> Outcome:
    batch = Batch([issuer], transaction=issuer.files)
    (outcome,) = reconcile(batch, check_mode=False, clock=lambda: NOON)
    return outcome


@pytest.mark.parametrize("with_key", [True, False])
def test_a_ca_that_was_made_elsewhere_is_imported_once(with_key: bool) -> None:
    engine, ca = Engine(), root("Imported")
    engine.keys = {"k": {"key_name": ""}}
    key = ca.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    seen = _imports(engine, "imported", ca)
    item = {
        **dict.fromkeys(ROOT),
        "type": "imported",
        "certificate": ca.pem,
        "private_key": key if with_key else None,
    }
    outcome = _run(engine.issuer(**item))
    assert (outcome.error, outcome.action.value) == (None, "create")
    assert seen == [(f"pki/issuers/import/{'bundle' if with_key else 'cert'}", ca.pem + (key if with_key else ""))]
    assert engine.keys["k"]["key_name"] == ("ca" if with_key else "")
    assert key not in str(outcome.result())
    if with_key:
        assert not _run(engine.issuer(**item)).changed


def test_a_key_that_does_not_belong_to_its_certificate_is_not_imported() -> None:
    engine, ca, other = Engine(), root("Imported"), root("Other")
    seen = _imports(engine, "imported", ca)
    key = other.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    item = {**dict.fromkeys(ROOT), "type": "imported", "certificate": ca.pem, "private_key": key}
    outcome = _run(engine.issuer(**item))
    assert isinstance(outcome.error, InvalidInput)
    assert outcome.error.field == "private_key"
    assert seen == []


def test_a_ca_that_is_signed_elsewhere_waits_for_its_certificate(tmp_path: pathlib.Path) -> None:
    engine, above, path = Engine(), root(), tmp_path / "ca.csr"
    lower = authority("Lower", NOON, 100 * DAY, parent=above)
    ski = x509.SubjectKeyIdentifier.from_public_key(lower.key.public_key()).digest.hex()
    made: list[Data] = []

    def generate(_path: str, body: Data) -> Reply:
        made.append(body)
        engine.keys["k"] = {"key_name": "ca", "key_type": "ec", "subject_key_id": ski}
        return found({"csr": request(lower.key)})

    engine.memory.on("post", "pki/intermediate/generate/.*", generate)
    item = {"type": "intermediate", "common_name": "Lower", "ttl": None, "key_type": "ec", "csr_file": str(path)}
    outcome = _run(engine.issuer(**item))
    assert (outcome.error, outcome.action.value) == (None, "create")
    assert made[0]["key_name"] == "ca"
    assert "BEGIN CERTIFICATE REQUEST" in path.read_text()
    assert any("waits for its certificate" in text for text in outcome.result()["warnings"])
    waiting = _run(engine.issuer(**item))
    assert (waiting.error, waiting.changed, len(made)) == (None, False, 1)
    assert waiting.facts == {"csr": path.read_text()}
    path.write_text(request(root("Other").key))
    again = _run(engine.issuer(**item))
    assert again.plan.reasons == ["csr_file does not hold a request for the waiting key"]
    assert made[1]["key_ref"] == "k", "a second request is for the same key"
    seen = _imports(engine, "lower", lower)
    outcome = _run(engine.issuer(**item, certificate=lower.pem + above.pem))
    assert outcome.error is None
    assert seen == [("pki/issuers/import/cert", lower.pem + above.pem)]


def test_a_certificate_for_another_key_is_not_installed(tmp_path: pathlib.Path) -> None:
    engine = Engine()
    lower = authority("Lower", NOON, 100 * DAY, parent=root())
    engine.keys["k"] = {"key_name": "ca", "key_type": "ec", "subject_key_id": "ab" * 20}
    seen = _imports(engine, "lower", lower)
    item = {"type": "intermediate", "common_name": "Lower", "ttl": None, "csr_file": str(tmp_path / "ca.csr")}
    outcome = _run(engine.issuer(**item, certificate=lower.pem))
    assert isinstance(outcome.error, InvalidInput)
    assert outcome.error.field == "certificate"
    engine.keys.clear()
    outcome = _run(engine.issuer(**item, certificate=lower.pem))
    assert isinstance(outcome.error, InvalidInput)
    assert seen == []
