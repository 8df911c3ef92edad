# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sealed_secret: what it makes, what it keeps, what it refuses."""

from __future__ import annotations

import base64
import copy
import json
import pathlib
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from plugins.filter.sealed_secret import FilterModule, sealed_secret
from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._sealed_secret.declaration import SecretDeclaration
from tests.unit.sealed_secret.sealing import Controller, Object, controller, secret

KEY: t.Final = "an HMAC key of the tests that is long enough"
OTHER_KEY: t.Final = KEY[::-1]
DIGESTS: t.Final = "trustmesh.security/sealed-digests"
WIDE: t.Final = "sealedsecrets.bitnami.com/"
LABELS: t.Final = {"strict": "payments/token", "namespace-wide": "payments", "cluster-wide": ""}


def seal(manifest: t.Any = None, by: Controller | None = None, **options: t.Any) -> Object:
    return sealed_secret(secret() if manifest is None else manifest, (by or controller()).pem, **options)


def texts(sealed: Object) -> dict[str, str]:
    return t.cast("dict[str, str]", sealed["spec"]["encryptedData"])


def metadata(**changes: t.Any) -> Object:
    return {"name": "token", "namespace": "payments", **changes}


@pytest.mark.parametrize("scope", LABELS)
def test_a_value_opens_with_the_label_of_its_scope_and_no_other(scope: str) -> None:
    sealed = seal(scope=scope)
    assert controller().open(texts(sealed)["password"], LABELS[scope]) == b"correct horse battery"
    for label in {*LABELS.values(), "payments/other", "other"} - {LABELS[scope]}:
        with pytest.raises(ValueError, match=r"[Dd]ecryption|[Ee]ncryption"):
            controller().open(texts(sealed)["password"], label)


@pytest.mark.parametrize("scope", ["namespace-wide", "cluster-wide"])
def test_the_annotation_of_a_scope_is_on_the_object_and_on_its_template(scope: str) -> None:
    sealed = seal(scope=scope)
    assert sealed["metadata"]["annotations"] == {WIDE + scope: "true"}
    assert sealed["spec"]["template"]["metadata"]["annotations"] == {WIDE + scope: "true"}


def test_a_declared_scope_goes_before_an_annotated_one() -> None:
    annotated = secret(metadata=metadata(annotations={WIDE + "cluster-wide": "true", "team": "core"}))
    assert controller().open(texts(seal(annotated))["user"], "") == b"hub"
    strict = seal(annotated, scope="strict")
    assert controller().open(texts(strict)["user"], "payments/token") == b"hub"
    assert "annotations" not in strict["metadata"]
    assert strict["spec"]["template"]["metadata"]["annotations"] == {"team": "core"}


def test_every_value_is_under_a_key_of_its_own_and_every_run_differs() -> None:
    manifest = secret(stringData={"a": "the same", "b": "the same"})
    first, second = texts(seal(manifest)), texts(seal(manifest))
    assert len({first["a"], first["b"], second["a"], second["b"]}) == 4
    assert len({text[:40] for text in (first["a"], first["b"], second["a"], second["b"])}) == 4


def test_string_data_goes_before_data() -> None:
    manifest = secret(data={"user": "b2xk", "more": "/w=="}, stringData={"user": "new"})
    opened = {name: controller().open(text, "payments/token") for name, text in texts(seal(manifest)).items()}
    assert opened == {"user": b"new", "more": b"\xff"}


def test_base64_with_line_ends_is_read_as_a_server_does() -> None:
    manifest = secret(stringData=None, data={"key": base64.encodebytes(b"x" * 100).decode().replace("\n", "\r\n")})
    assert controller().open(texts(seal(manifest))["key"], "payments/token") == b"x" * 100


def test_what_a_server_or_an_owner_wrote_is_left_out_and_the_rest_stays() -> None:
    kept = {"labels": {"app": "hub"}, "finalizers": ["example.com/wait"]}
    dropped = {
        "uid": "u", "resourceVersion": "1", "generation": 1, "creationTimestamp": "c", "managedFields": [{}],
        "ownerReferences": [{"name": "o"}], "selfLink": "/s", "generateName": "g-", "deletionTimestamp": "d",
        "deletionGracePeriodSeconds": 3,
    }  # fmt: skip
    sealed = seal(secret(metadata=metadata(**kept, **dropped), type="kubernetes.io/tls", immutable=True))
    assert sealed["spec"]["template"] == {"metadata": metadata(**kept), "type": "kubernetes.io/tls", "immutable": True}
    assert sealed["metadata"] == metadata()


@pytest.mark.parametrize(
    "tool",
    [
        "kubectl.kubernetes.io/last-applied-configuration",
        "kubecfg.ksonnet.io/last-applied-configuration",
        "kapp.k14s.io/original",
    ],
)
def test_copies_that_tools_keep_are_left_out(tool: str) -> None:
    sealed = seal(secret(metadata=metadata(annotations={tool: json.dumps(secret()), "team": "core"})))
    assert sealed["spec"]["template"]["metadata"]["annotations"] == {"team": "core"}
    assert "correct horse" not in json.dumps(sealed)


@pytest.mark.parametrize("form", ["correct horse battery", base64.b64encode(b"correct horse battery").decode()])
@pytest.mark.parametrize("place", ["annotations", "labels"])
def test_a_value_in_clear_text_beside_the_sealed_one_is_refused(place: str, form: str) -> None:
    manifest = secret(metadata=metadata(**{place: {"example.com/copy": f"password={form}"}}))
    with pytest.raises(AnsibleFilterError, match=rf"metadata.{place}.example.com/copy: holds the value of password"):
        seal(manifest)


# -- The second run ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", LABELS)
def test_the_same_declaration_gives_the_same_object(scope: str) -> None:
    first = seal(scope=scope, digest_key=KEY)
    assert seal(scope=scope, digest_key=KEY, previous=copy.deepcopy(first)) == first


def test_without_a_digest_key_nothing_is_noted() -> None:
    assert "annotations" not in seal()["metadata"]
    assert DIGESTS not in json.dumps(seal(digest_key=KEY)["spec"])


def test_what_a_server_added_is_no_difference_and_stays() -> None:
    live = seal(digest_key=KEY)
    live["metadata"].update(uid="u", resourceVersion="7", generation=2, creationTimestamp=None, managedFields=[])
    live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    live["status"] = {"observedGeneration": 2}
    assert seal(digest_key=KEY, previous=copy.deepcopy(live)) == live
    unnoted = seal(digest_key=KEY)
    del unnoted["metadata"]["annotations"][DIGESTS]
    unnoted["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    assert texts(seal(digest_key=KEY, previous=unnoted)) != texts(unnoted)


def test_one_changed_value_changes_one_ciphertext() -> None:
    first = seal(digest_key=KEY)
    second = seal(secret(stringData={"user": "hub", "password": "another"}), digest_key=KEY, previous=first)
    assert texts(second)["user"] == texts(first)["user"]
    assert controller().open(texts(second)["password"], "payments/token") == b"another"


def test_a_value_that_is_gone_is_gone() -> None:
    second = seal(secret(stringData={"user": "hub"}), digest_key=KEY, previous=seal(digest_key=KEY))
    assert set(texts(second)) == {"user"}
    assert set(json.loads(second["metadata"]["annotations"][DIGESTS])) == {"user"}


def test_a_new_label_seals_nothing_anew() -> None:
    first = seal(digest_key=KEY)
    second = seal(secret(metadata=metadata(labels={"app": "hub"})), digest_key=KEY, previous=first)
    assert texts(second) == texts(first)
    assert second["spec"]["template"]["metadata"]["labels"] == {"app": "hub"}


@pytest.mark.parametrize(
    "change",
    [
        {"by": controller(number=1)},
        {"digest_key": OTHER_KEY},
        {"scope": "namespace-wide"},
        {"manifest": secret(metadata=metadata(name="other"))},
        {"manifest": secret(metadata=metadata(namespace="other"))},
    ],
    ids=["certificate", "key", "scope", "name", "namespace"],
)
def test_all_is_sealed_anew_for_another(change: t.Any) -> None:
    first = seal(digest_key=KEY)
    second = seal(**{"digest_key": KEY, **change, "previous": first})
    assert not set(texts(first).values()) & set(texts(second).values())


def test_values_that_changed_places_are_sealed_anew() -> None:
    first = seal(secret(stringData={"a": "one", "b": "two"}), digest_key=KEY)
    first["spec"]["encryptedData"] = {"a": texts(first)["b"], "b": texts(first)["a"]}
    second = seal(secret(stringData={"a": "one", "b": "two"}), digest_key=KEY, previous=first)
    assert controller().open(texts(second)["a"], "payments/token") == b"one"


@pytest.mark.parametrize("damage", ["", "not base64!", None, 5, ["x"], "ÿ"])
def test_a_damaged_ciphertext_is_sealed_anew(damage: t.Any) -> None:
    first = seal(digest_key=KEY)
    first["spec"]["encryptedData"]["user"] = damage
    assert controller().open(texts(seal(digest_key=KEY, previous=first))["user"], "payments/token") == b"hub"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"user": 5, "password": "\\ud800"}', "[" * 100_000, 5])
def test_damaged_digests_fit_nothing(damage: t.Any) -> None:
    first = seal(digest_key=KEY)
    first["metadata"]["annotations"][DIGESTS] = damage
    assert not set(texts(first).values()) & set(texts(seal(digest_key=KEY, previous=first)).values())


def test_a_digest_tells_nothing_without_the_key() -> None:
    """The same value has another digest in every place and for every key, and none is the plain hash of anything."""
    digests = [
        json.loads(made["metadata"]["annotations"][DIGESTS])["user"]
        for made in (seal(digest_key=KEY), seal(digest_key=OTHER_KEY), seal(digest_key=KEY, scope="cluster-wide"))
    ]
    assert len(set(digests)) == 3
    assert all(len(digest) == 43 for digest in digests)


def test_a_tampered_ciphertext_does_not_open() -> None:
    octets = bytearray(base64.b64decode(texts(seal())["user"]))
    for at in (2, len(octets) - 1):
        changed = bytes(octets[:at]) + bytes([octets[at] ^ 1]) + bytes(octets[at + 1 :])
        with pytest.raises((ValueError, InvalidTag)):
            controller().open(base64.b64encode(changed).decode(), "payments/token")


# -- Refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("text", "secret: is not a mapping"),
        ({}, "is not a Secret"),
        (secret(kind="ConfigMap"), "is not a Secret"),
        (secret(apiVersion="v2"), "is not a Secret"),
        (secret(stringdata={}), "members that no Secret has: 'stringdata'"),
        (secret(stringData=None), "neither data nor stringData"),
        (secret(stringData={}), "neither data nor stringData"),
        (secret(metadata=None), "metadata.namespace|metadata: is not a mapping"),
        (secret(metadata={"namespace": "payments"}), "metadata.name: is missing"),
        (secret(metadata=metadata(name="a/b")), "metadata.name: is missing or is not a name"),
        (secret(metadata=metadata(name="Token")), "metadata.name"),
        (secret(metadata=metadata(name="token\n")), "metadata.name"),
        (secret(metadata=metadata(namespace="a.b")), "metadata.namespace"),
        (secret(metadata=metadata(namespace="a" * 64)), "metadata.namespace"),
        (secret(metadata={"name": "token"}), "metadata.namespace: is missing"),
        (secret(metadata=metadata(annotations={"a": True})), "metadata.annotations.a: is a truth value"),
        (secret(metadata=metadata(labels=["a"])), "metadata.labels: is not a mapping"),
        (secret(type=["Opaque"]), "type: is a list, not a text"),
        (secret(immutable="yes"), "immutable: is a text, not a truth value"),
        (secret(stringData={"a b": "x"}), "data.a b: is missing or is not a name"),
        (secret(stringData={"..": "x"}), "is not a name"),
        (secret(stringData={"a": 5}), "stringData.a: is a whole number, not a text"),
        (secret(stringData={"a": "\ud800"}), "stringData.a: holds half of a surrogate pair"),
        (secret(data={"a": "hidden!"}), "data.a: is not base64"),
        (secret(data={"a": "aGlkZGVu="}), "data.a: is not base64"),
    ],
)
def test_a_manifest_that_is_no_secret_is_refused(manifest: t.Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message) as refused:
        seal(manifest)
    assert "hidden" not in str(refused.value)
    assert "aGlkZGVu" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": controller(bits=1024)}, "RSA with 2048 bits"),
        ({"by": controller(bits=0)}, "key of type ec-256"),
        ({"by": controller(ended=True)}, "certificate: has ended at"),
        ({"scope": "wide"}, "scope: is not one of strict"),
        ({"digest_key": "k" * 31}, "digest_key: is shorter than 32 bytes"),
        ({"digest_key": 5}, "digest_key: takes a text, not a whole number"),
        ({"previous": {"kind": "SealedSecret"}}, "digest_key: is needed"),
        ({"previous": {"kind": "Secret"}, "digest_key": KEY}, "previous: is not a SealedSecret"),
        ({"previous": "text", "digest_key": KEY}, "previous: takes a mapping, not a text"),
    ],
)
def test_options_that_cannot_serve_are_refused(options: t.Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        seal(**options)


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="no certificate was found"):
        sealed_secret(secret(), controller().key_pem.decode())


def test_of_several_certificates_the_first_counts() -> None:
    pem = controller().pem + controller(number=1).pem
    sealed = sealed_secret(secret(), pem)
    assert controller().open(texts(sealed)["user"], "payments/token") == b"hub"


@pytest.mark.parametrize("empty", [{"data": None}, {"data": {}}, {"immutable": None, "type": None}])
def test_an_empty_member_is_none(empty: t.Any) -> None:
    assert seal({**secret(), **empty})["spec"]["template"] == {"metadata": metadata()}


def test_an_empty_file_is_no_previous_object() -> None:
    """What a first run finds where nothing has been sealed yet."""
    assert seal(digest_key=KEY, previous={})["kind"] == "SealedSecret"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MANIFESTS = st.fixed_dictionaries(
    {"apiVersion": st.just("v1") | PLAIN, "kind": st.just("Secret") | PLAIN},
    optional={
        "metadata": st.fixed_dictionaries(
            {"name": st.just("a") | PLAIN, "namespace": st.just("a") | PLAIN},
            optional={"annotations": PLAIN, "labels": PLAIN, "finalizers": PLAIN},
        )
        | PLAIN,
        "data": st.dictionaries(st.text(max_size=3), st.text(), max_size=2) | PLAIN,
        "stringData": st.dictionaries(st.sampled_from(["a", "b"]), st.text(), max_size=2) | PLAIN,
        "type": PLAIN,
        "immutable": PLAIN,
    },
)


@given(MANIFESTS | PLAIN)
def test_whatever_is_declared_is_read_or_refused(manifest: t.Any) -> None:
    try:
        found = SecretDeclaration.of(manifest)
    except InvalidInput:
        return
    assert found.name == manifest["metadata"]["name"]
    assert all(isinstance(value, bytes) for value in found.values.values())


@given(PLAIN, PLAIN)
def test_whatever_was_sealed_before_is_kept_or_replaced(encrypted: t.Any, annotations: t.Any) -> None:
    previous = {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"annotations": annotations},
        "spec": {"encryptedData": encrypted},
    }
    assert set(texts(seal(digest_key=KEY, previous=previous))) == {"user", "password"}


def test_ansible_finds_it_and_its_documentation() -> None:
    assert FilterModule().filters() == {"sealed_secret": sealed_secret}
    path = pathlib.Path(__file__).parents[3] / "plugins" / "filter" / "sealed_secret.yml"
    documented = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(documented["RETURN"]["_value"]["contains"]) == set(seal())
