# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of an issuer's keys over real files: what is published when, and which tokens are accepted all the while."""

from __future__ import annotations

import datetime
import hashlib
import json
import pathlib
import tempfile
import typing as t

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import Attributes
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._jose.jwks import VerificationKey, parse_set, thumbprint
from plugins.module_utils._jose.jwt import Expectation, SharedKey, TokenRefused, mint, signing_key, verify
from plugins.module_utils._keyring.directory import DirectoryPublisher
from plugins.module_utils._keyring.documents import SUFFIX
from plugins.module_utils._keyring.file_custody import FileCustody, Projection
from plugins.module_utils._keyring.jwt_key import ITEM_OPTIONS, SHAPE, JwtKeyResource, Wanted, declared_rotation
from plugins.module_utils._keyring.keyring import Keyring
from plugins.module_utils._keyring.publisher import Target
from plugins.module_utils._pki.keys import KeySpec, generate, load_private_key, private_pem

START = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
ROTATED = {"max_age": "30d", "lead": "10m", "token_lifetime": "15m"}


def complete(name: str, **declared: t.Any) -> dict[str, t.Any]:
    """Return an item as the module would get it."""
    return {
        **{option: spec.get("default") for option, spec in ITEM_OPTIONS.items()},
        "name": name,
        **declared,
    }


class Issuer:
    """One issuer with its keys in files and its key set in a directory."""

    def __init__(self, base: pathlib.Path, name: str = "trust-service") -> None:
        self.base = base
        self.name = name
        self.clock = START

    def batch(self, **declared: t.Any) -> Batch:
        fields = [Projection(name, f"{{name}}.{name}", Attributes()) for name in ("private_key", "secret")]
        shared = frozenset({self.name}) if declared.get("algorithm") == "HS256" else frozenset()
        target = Target(DirectoryPublisher(str(self.base / "jwks"), suffix=SUFFIX), without=shared)
        custody = FileCustody(str(self.base / "keys"), "jwt_key", fields)
        # Moments are noted to the millisecond, while a plan knows the second of its run.
        keyring = Keyring(custody, [target], SHAPE, lambda: self.clock + datetime.timedelta(milliseconds=700))
        resource = JwtKeyResource.declared(complete(self.name, **declared), keyring)
        return Batch([resource], reads_here=True, transaction=keyring)

    def run(self, *, check: bool = False, **declared: t.Any) -> Outcome:
        """Reconcile once."""
        (outcome,) = reconcile(self.batch(**declared), check_mode=check, clock=lambda: self.clock)
        assert outcome.error is None, str(outcome.error)
        return outcome

    def later(self, **span: int) -> None:
        """Let time pass."""
        self.clock += datetime.timedelta(**span)

    def token(self, algorithm: str = "RS256") -> str:
        """Mint as the issuer does, with what lies where programs look."""
        pem = (self.base / "keys" / f"{self.name}.private_key").read_text()
        now = int(self.clock.timestamp())
        return mint({"sub": "user123", "iat": now, "exp": now + 900}, signing_key(algorithm, pem))

    def published(self) -> dict[str, t.Any]:
        """Return the key set as verifiers fetch it."""
        return t.cast("dict[str, t.Any]", json.loads((self.base / "jwks" / f"{self.name}.json").read_text()))

    def kids(self) -> list[str]:
        return [key["kid"] for key in self.published()["keys"]]

    def accepts(self, token: str, keys: tuple[VerificationKey, ...] | None = None) -> bool:
        try:
            verify(token, parse_set(self.published()) if keys is None else keys, Expectation(), self.clock)
        except TokenRefused:
            return False
        return True


@pytest.fixture
def issuer(tmp_path: pathlib.Path) -> Issuer:
    return Issuer(tmp_path)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_key_is_made_once_and_its_set_verifies(issuer: Issuer, algorithm: str) -> None:
    size = {"key_size": 2048} if algorithm == "RS256" else {}
    assert issuer.run(check=True, algorithm=algorithm, **size).plan.action.value == "create"
    assert not list(issuer.base.iterdir()), "check mode writes nothing"
    made = issuer.run(algorithm=algorithm, **size)
    assert made.facts["kid"] == issuer.kids()[0]
    assert made.facts["algorithm"] == algorithm
    assert issuer.run(algorithm=algorithm, **size).plan.action.value == "none"
    assert issuer.accepts(issuer.token(algorithm))
    assert "PRIVATE" not in json.dumps(issuer.published())


def test_no_token_is_refused_while_the_key_changes(issuer: Issuer) -> None:
    """Follow a rotation minute by minute, run by run, as signers and verifiers see it.

    Verifiers keep a set that they fetched for ten minutes. Every token has to be accepted for its 15 minutes by the
    set of then and by any set that is up to ten minutes old.
    """
    issuer.run(algorithm="ES256", **ROTATED)
    first = issuer.kids()
    tokens: list[tuple[datetime.datetime, str]] = []
    sets: list[tuple[datetime.datetime, tuple[VerificationKey, ...]]] = []
    issuer.later(days=30, seconds=1)
    actions = []
    for _minute in range(60):
        actions.append(issuer.run(algorithm="ES256", **ROTATED).plan.action.value)
        tokens.append((issuer.clock, issuer.token("ES256")))
        sets.append((issuer.clock, parse_set(issuer.published())))
        for made, token in tokens:
            alive = issuer.clock - made < datetime.timedelta(minutes=15)
            for fetched, keys in sets:
                if alive and issuer.clock - fetched < datetime.timedelta(minutes=10):
                    assert issuer.accepts(token, keys), (issuer.clock, made, fetched)
        issuer.later(minutes=1)
    changes = [(minute, action) for minute, action in enumerate(actions) if action != "none"]
    assert changes == [(0, "replace"), (11, "replace"), (31, "update")]
    assert len(issuer.kids()) == 1
    assert issuer.kids() != first


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 4) | st.integers(1, 45), min_size=12, max_size=24))
def test_no_token_is_refused_whenever_runs_happen(pauses: list[int]) -> None:
    """However irregular the schedule is (pauses in minutes), what was just signed holds for its life everywhere."""
    with tempfile.TemporaryDirectory() as directory:
        issuer = Issuer(pathlib.Path(directory))
        policy = {"algorithm": "EdDSA", "max_age": "21m", "lead": "10m", "token_lifetime": "15m"}
        seen: list[tuple[datetime.datetime, str, tuple[VerificationKey, ...]]] = []
        for pause in pauses:
            issuer.run(**policy)
            seen.append((issuer.clock, issuer.token("EdDSA"), parse_set(issuer.published())))
            for made, token, _keys in seen:
                for fetched, _token, keys in seen:
                    alive = issuer.clock - made < datetime.timedelta(minutes=15)
                    if alive and issuer.clock - fetched < datetime.timedelta(minutes=10):
                        assert issuer.accepts(token, keys), (issuer.clock, made, fetched)
            issuer.later(minutes=pause)


def test_states_of_a_rotation(issuer: Issuer) -> None:
    issuer.run(algorithm="ES256", **ROTATED)
    (old,) = issuer.kids()
    issuer.later(days=31)
    begun = issuer.run(algorithm="ES256", **ROTATED)
    assert begun.plan.reasons[0] == "the key is 31d old, max_age is 30d"
    new, listed = issuer.kids()
    assert listed == old
    assert (begun.facts["kid"], begun.facts["next_kid"], begun.facts["previous_kids"]) == (old, new, [])
    waiting = issuer.run(algorithm="ES256", **ROTATED)
    assert waiting.plan.action.value == "none"
    assert waiting.plan.warnings == (
        "the new key of trust-service is published and waits until 2026-02-01T12:10:00.700Z",
    )
    before = issuer.token("ES256")
    issuer.later(minutes=10, seconds=1)
    used = issuer.run(algorithm="ES256", **ROTATED)
    assert (used.facts["kid"], used.facts["next_kid"], used.facts["previous_kids"]) == (new, None, [old])
    assert used.facts["window_seconds"] == 601
    assert issuer.kids() == [new, old], "one text before and after the change"
    assert issuer.accepts(before)
    issuer.later(minutes=20)
    over = issuer.run(algorithm="ES256", **ROTATED)
    assert over.plan.reasons == [f"directory {issuer.base}/jwks has another text for trust-service"]
    assert issuer.kids() == [new]
    assert not issuer.accepts(before)
    assert over.facts["previous_kids"] == [old], "kept in custody for keep_previous"
    issuer.later(days=7)
    assert issuer.run(algorithm="ES256", **ROTATED).facts["previous_kids"] == []


def test_key_that_leaked_is_out_of_the_set_at_once(issuer: Issuer) -> None:
    issuer.run(algorithm="ES256")
    token = issuer.token("ES256")
    issuer.later(minutes=1)
    now = issuer.clock.isoformat()
    issuer.run(algorithm="ES256", not_before=now, lead="0", overlap="0", token_lifetime="0")
    assert len(issuer.kids()) == 1
    assert not issuer.accepts(token)
    assert issuer.accepts(issuer.token("ES256"))


def test_key_that_leaked_does_not_come_back_with_the_next_usual_run(issuer: Issuer) -> None:
    """What was taken back early stays out, though the usual declaration would grant it the usual time."""
    usual = {"algorithm": "ES256", "max_age": "30d", "lead": "0"}
    issuer.run(**usual)
    token = issuer.token("ES256")
    issuer.later(minutes=1)
    at_once = {"overlap": "0", "token_lifetime": "0", "not_before": issuer.clock.isoformat()}
    issuer.run(**{**usual, **at_once})
    assert not issuer.accepts(token)
    again = issuer.run(**usual)
    assert again.plan.action.value == "none", again.plan.reasons
    assert not issuer.accepts(token)


def test_overlap_that_began_can_be_cut_short_for_good(issuer: Issuer) -> None:
    """A shorter overlap ends one that is running, for the key before may have leaked too; a longer one revives none."""
    usual = {"algorithm": "ES256", "lead": "0", "token_lifetime": "60m"}
    issuer.run(**usual)
    token = issuer.token("ES256")
    issuer.later(minutes=1)
    issuer.run(**usual, not_before=issuer.clock.isoformat())
    assert issuer.accepts(token)
    issuer.later(minutes=1)
    cut = issuer.run(algorithm="ES256", lead="0", token_lifetime="0", overlap="0")
    assert "the key made at 2026-01-01T12:00:00Z is published until 2026-01-01T13:06:00Z" in cut.plan.reasons[0]
    assert not issuer.accepts(token)
    for overlap in ("65m", "30d"):
        assert issuer.run(**usual, overlap=overlap).plan.action.value == "none"
        assert not issuer.accepts(token)


def test_secret_is_published_nowhere(issuer: Issuer) -> None:
    made = issuer.run(algorithm="HS256", lead="0")
    assert issuer.run(algorithm="HS256", lead="0").plan.action.value == "none"
    assert not (issuer.base / "jwks").exists()
    secret = (issuer.base / "keys" / "trust-service.secret").read_text()
    assert len(secret) == 64, "48 octets in base64url"
    key = SharedKey(made.facts["kid"], secret.encode())
    token = mint({"exp": int(issuer.clock.timestamp()) + 60}, key)
    assert verify(token, [key], Expectation(), issuer.clock)
    issuer.later(days=31)
    rotated = issuer.run(algorithm="HS256", lead="0", max_age="30d")
    assert rotated.plan.action.value == "replace"
    assert rotated.facts["kid"] != made.facts["kid"]
    assert (issuer.base / "keys" / "trust-service.secret").read_text() != secret
    assert secret not in made.facts["kid"] + str(rotated.plan.diff("x"))


def test_longer_secret_is_a_reason(issuer: Issuer) -> None:
    issuer.run(algorithm="HS256", secret_bytes=32, lead="0")
    batch = issuer.batch(algorithm="HS256", secret_bytes=64, lead="0")
    (refused,) = reconcile(batch, check_mode=False, clock=lambda: issuer.clock)
    assert "the secret has 32 octets, declared 64" in str(refused.error)
    issuer.run(algorithm="HS256", secret_bytes=64, lead="0", on_mismatch="replace")
    assert issuer.run(algorithm="HS256", secret_bytes=32, lead="0").plan.action.value == "none", "more is no less"


def test_secret_that_is_printed_everywhere_is_not_adopted(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = "a sample of a document that many a server was deployed with"
    digest = hashlib.sha256(sample.encode()).hexdigest()
    monkeypatch.setattr("plugins.module_utils._ilp.published.PUBLISHED", {digest: "sample of a document"})
    path = issuer.base / "keys" / "trust-service.secret"
    path.parent.mkdir()
    path.write_text(sample)
    (refused,) = reconcile(issuer.batch(algorithm="HS256"), check_mode=False, clock=lambda: issuer.clock)
    assert "everybody knows the secret: sample of a document" in str(refused.error)
    assert path.read_text() == sample
    issuer.run(algorithm="HS256", lead="0", on_mismatch="replace")
    assert path.read_text() != sample


def test_issuer_cannot_change_between_secret_and_pair(issuer: Issuer) -> None:
    issuer.run(algorithm="ES256")
    (refused,) = reconcile(
        issuer.batch(algorithm="HS256", on_mismatch="replace"), check_mode=False, clock=lambda: START
    )
    assert "algorithm: the issuer has a key for ES256" in str(refused.error)


def test_other_algorithm_is_a_rotation_that_has_to_be_allowed(issuer: Issuer) -> None:
    issuer.run(algorithm="ES256", lead="0")
    old = issuer.token("ES256")
    (refused,) = reconcile(issuer.batch(algorithm="EdDSA", lead="0"), check_mode=False, clock=lambda: START)
    assert "algorithm is ES256, declared EdDSA" in str(refused.error)
    issuer.later(seconds=1)
    issuer.run(algorithm="EdDSA", lead="0", on_mismatch="replace")
    assert [key["alg"] for key in issuer.published()["keys"]] == ["EdDSA", "ES256"]
    assert issuer.accepts(issuer.token("EdDSA"))
    assert issuer.accepts(old)


def test_key_of_before_is_adopted_if_it_fits(issuer: Issuer) -> None:
    path = issuer.base / "keys" / "trust-service.private_key"
    path.parent.mkdir()
    key = generate(KeySpec("ec", 256))
    path.write_bytes(private_pem(key))
    (refused,) = reconcile(issuer.batch(algorithm="RS256"), check_mode=False, clock=lambda: issuer.clock)
    assert "algorithm is ES256, declared RS256" in str(refused.error)
    made = issuer.run(algorithm="ES256")
    assert made.plan.reasons[0] == "exists and is adopted"
    assert made.facts["kid"] == thumbprint(key)
    assert issuer.run(algorithm="ES256").plan.action.value == "none"


@pytest.mark.parametrize("kind", ["rsa 1024", "p-384", "text"])
def test_key_of_before_that_is_unfit_is_left_alone(issuer: Issuer, kind: str) -> None:
    path = issuer.base / "keys" / "trust-service.private_key"
    path.parent.mkdir()
    content = {
        "rsa 1024": lambda: private_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        "p-384": lambda: private_pem(generate(KeySpec("ec", 384))),
        "text": lambda: b"no key",
    }[kind]()
    path.write_bytes(content)
    (refused,) = reconcile(issuer.batch(algorithm="ES256"), check_mode=False, clock=lambda: issuer.clock)
    assert "holds a key that cannot be used" in str(refused.error)
    assert path.read_bytes() == content


def test_set_follows_the_key_that_is_kept(issuer: Issuer) -> None:
    """Whoever put another private key into custody changed what tokens are signed with, and the set has to say so."""
    issuer.run(algorithm="ES256")
    record = next((issuer.base / "keys/.trustmesh-jwt_key/trust-service").glob("s-*/record.json"))
    document = json.loads(record.read_text())
    other = private_pem(generate(KeySpec("ec", 256))).decode()
    record.write_text(json.dumps({**document, "private_key": other}))
    mended = issuer.run(algorithm="ES256")
    assert mended.plan.action.value == "update"
    assert issuer.kids() == [thumbprint(load_private_key(other.encode()))]
    assert issuer.accepts(issuer.token("ES256"))


def test_removal_takes_the_set_back(issuer: Issuer) -> None:
    issuer.run(algorithm="ES256")
    assert issuer.run(state="absent").plan.action.value == "delete"
    assert not list((issuer.base / "jwks").iterdir())
    assert not (issuer.base / "keys/trust-service.private_key").exists()
    assert issuer.run(state="absent").plan.action.value == "none"


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"overlap": "10m"}, "overlap: 10m is shorter than token_lifetime, 15m"),
        ({"overlap": "59m", "token_lifetime": "60m"}, "overlap: 59m is shorter than token_lifetime, 1h"),
        ({"token_lifetime": "soon"}, "token_lifetime: 'soon' is not a duration"),
        ({"algorithm": "ES256", "key_size": 384}, "key_size: ES256 has keys of one size"),
        ({"key_size": 1024}, "key_size: 1024 is not allowed for rsa keys"),
        ({"algorithm": "HS256", "secret_bytes": 31}, "secret_bytes: 31 octets are too few for HS256"),
        ({"max_age": "10m", "lead": "10m"}, "max_age: 10m is not longer than lead"),
        ({"name": "../x"}, "name: '../x' cannot name files"),
    ],
)
def test_declaration_that_cannot_be_made_true_is_refused(
    issuer: Issuer, declared: dict[str, t.Any], problem: str
) -> None:
    issuer.name = declared.pop("name", issuer.name)
    with pytest.raises(InvalidInput) as refusal:
        issuer.batch(**declared)
    assert str(refusal.value).startswith(problem)


def test_usual_overlap_is_the_life_of_a_token_and_a_margin() -> None:
    assert declared_rotation(complete("a")).overlap == 20 * 60
    assert declared_rotation(complete("a", token_lifetime="60m")).overlap == 65 * 60
    assert declared_rotation(complete("a", overlap="7d")).overlap == 7 * 86400


def test_usual_keys() -> None:
    assert str(Wanted.declared(complete("a")).spec) == "rsa-3072"
    assert str(Wanted.declared(complete("a", algorithm="ES256")).spec) == "ec-256"
    assert str(Wanted.declared(complete("a", algorithm="EdDSA")).spec) == "ed25519"
