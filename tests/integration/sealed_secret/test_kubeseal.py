# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sealed objects and the real kubeseal: it opens ours, and what it seals itself has the same layout."""

from __future__ import annotations

import base64
import copy
import pathlib
import typing as t

import pytest
import yaml

from plugins.filter.sealed_secret import sealed_secret
from tests.integration.conftest import or_skip
from tests.rigs.kubeseal import Kubeseal, Object, Refused
from tests.unit.sealed_secret.sealing import controller, secret

KEY = "an HMAC key of the tests that is long enough"
ANNOTATION = "sealedsecrets.bitnami.com/"
SCOPES = ("strict", "namespace-wide", "cluster-wide")
LABELS = {"strict": "payments/token", "namespace-wide": "payments", "cluster-wide": ""}
VALUES = {
    "text": b"correct horse battery",
    "empty": b"",
    "octets": bytes(range(256)),
    "umlaut": "Überweisung €".encode(),
    "large": b"x" * 200_000,
}


@pytest.fixture(scope="module", params=[2048, 4096])
def kubeseal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kubeseal:
    """The program with a controller's key of either size."""
    owner = controller(request.param)
    folder = tmp_path_factory.mktemp("kubeseal")
    made: Kubeseal = or_skip(lambda: Kubeseal(folder, owner.pem.encode(), owner.key_pem))
    made.owner = owner  # type: ignore[attr-defined]
    return made


def ours(kubeseal: t.Any, manifest: Object, **options: t.Any) -> Object:
    return sealed_secret(manifest, kubeseal.owner.pem, **options)


def with_values(**changes: t.Any) -> Object:
    data = {name: base64.b64encode(value).decode() for name, value in VALUES.items()}
    return secret(stringData=None, data=data, **changes)


@pytest.mark.parametrize("scope", SCOPES)
def test_kubeseal_opens_what_we_sealed(kubeseal: Kubeseal, scope: str) -> None:
    sealed = ours(kubeseal, with_values(type="Opaque", immutable=True), scope=scope, digest_key=KEY)
    opened, values = kubeseal.unseal(sealed)
    assert values == VALUES
    assert (opened["type"], opened["immutable"]) == ("Opaque", True)
    assert (opened["metadata"]["name"], opened["metadata"]["namespace"]) == ("token", "payments")
    wanted = {} if scope == "strict" else {ANNOTATION + scope: "true"}
    assert opened["metadata"].get("annotations", {}) == wanted


@pytest.mark.parametrize("scope", SCOPES)
def test_we_open_what_kubeseal_sealed_with_the_label_we_compute(kubeseal: t.Any, scope: str) -> None:
    theirs = kubeseal.seal(with_values(), "--scope", scope)
    encrypted = theirs["spec"]["encryptedData"]
    assert {name: kubeseal.owner.open(text, LABELS[scope]) for name, text in encrypted.items()} == VALUES
    mine = ours(kubeseal, with_values(), scope=scope)["spec"]["encryptedData"]
    lengths = {name: len(base64.b64decode(text)) for name, text in encrypted.items()}
    assert {name: len(base64.b64decode(text)) for name, text in mine.items()} == lengths


@pytest.mark.parametrize("scope", [None, *SCOPES])
@pytest.mark.parametrize("annotated", [None, "namespace-wide", "cluster-wide"])
def test_the_rest_of_the_object_is_the_same(kubeseal: Kubeseal, scope: str | None, annotated: str | None) -> None:
    metadata = {
        "name": "token",
        "namespace": "payments",
        "labels": {"app": "hub"},
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "kubecfg.ksonnet.io/last-applied-configuration": "{}",
            "team": "core",
            **({ANNOTATION + annotated: "true"} if annotated else {}),
        },
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b"}],
        "uid": "0d1c",
        "resourceVersion": "17",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    manifest = secret(metadata=metadata, type="Opaque", immutable=False)
    theirs = kubeseal.seal(manifest, *(["--scope", scope] if scope else []))
    mine = ours(kubeseal, manifest, scope=scope)
    for made in (theirs, mine):
        assert set(made["spec"].pop("encryptedData")) == {"user", "password"}
    if scope == "strict" and annotated:
        # Its --scope strict is the same as none at all, so that it leaves the wider scope; we do what was asked for.
        assert ANNOTATION + annotated in theirs["metadata"]["annotations"]
        assert "annotations" not in mine["metadata"]
        return
    assert mine == without_nulls(theirs)


def without_nulls(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: without_nulls(entry) for key, entry in value.items() if entry is not None and entry != {}}
    return value


@pytest.mark.parametrize(("scope", "opens"), [("strict", False), ("namespace-wide", True), ("cluster-wide", True)])
def test_another_name_opens_where_the_scope_allows_it(kubeseal: Kubeseal, scope: str, opens: bool) -> None:
    sealed = ours(kubeseal, secret(), scope=scope)
    sealed["metadata"]["name"] = "elsewhere"
    expect(kubeseal, sealed, opens)


@pytest.mark.parametrize(("scope", "opens"), [("strict", False), ("namespace-wide", False), ("cluster-wide", True)])
def test_another_namespace_opens_where_the_scope_allows_it(kubeseal: Kubeseal, scope: str, opens: bool) -> None:
    sealed = ours(kubeseal, secret(), scope=scope)
    sealed["metadata"]["namespace"] = "elsewhere"
    expect(kubeseal, sealed, opens)


def expect(kubeseal: Kubeseal, sealed: Object, opens: bool) -> None:
    if opens:
        assert kubeseal.unseal(sealed)[1]["password"] == b"correct horse battery"
    else:
        with pytest.raises(Refused, match="no key could decrypt secret"):
            kubeseal.unseal(sealed)


def test_a_changed_ciphertext_is_refused_by_kubeseal_and_sealed_anew_by_us(kubeseal: Kubeseal) -> None:
    sealed = ours(kubeseal, secret(), digest_key=KEY)
    tampered = copy.deepcopy(sealed)
    octets = bytearray(base64.b64decode(tampered["spec"]["encryptedData"]["password"]))
    octets[-1] ^= 1
    tampered["spec"]["encryptedData"]["password"] = base64.b64encode(octets).decode()
    expect(kubeseal, tampered, False)
    mended = ours(kubeseal, secret(), digest_key=KEY, previous=tampered)
    expect(kubeseal, mended, True)
    assert mended["spec"]["encryptedData"]["user"] == sealed["spec"]["encryptedData"]["user"]


def test_a_file_in_a_repository_is_written_once(
    play: t.Any, tmp_path: pathlib.Path, canary: t.Any, kubeseal: t.Any
) -> None:
    """The example of the documentation as a play: the second run changes nothing, a new value changes one line."""
    password, digest_key = canary(), canary() + canary()
    path = tmp_path / "sealed.yml"
    path.write_text("{}\n")
    task = {
        "ansible.builtin.copy": {
            "dest": str(path),
            "content": "{{ manifest | trustmesh.security.sealed_secret(certificate, digest_key=digest_key,"
            " previous=lookup('ansible.builtin.file', file) | from_yaml) | to_yaml }}",
            "mode": "0644",
        },
        "no_log": True,
    }
    variables = {"certificate": kubeseal.owner.pem, "digest_key": digest_key, "file": str(path)}
    manifest = secret(stringData={"user": "hub", "password": password})

    def run(value: Object) -> bool:
        return bool(play([task], variables={**variables, "manifest": value}).ok().changed)

    assert run(manifest)
    first = yaml.safe_load(path.read_text())
    assert kubeseal.unseal(first)[1] == {"user": b"hub", "password": password.encode()}
    assert not run(manifest)
    assert run({**manifest, "stringData": {"user": "switch", "password": password}})
    second = yaml.safe_load(path.read_text())
    assert second["spec"]["encryptedData"]["password"] == first["spec"]["encryptedData"]["password"]
    assert kubeseal.unseal(second)[1] == {"user": b"switch", "password": password.encode()}
