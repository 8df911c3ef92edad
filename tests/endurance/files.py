# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The four other resources: certificate, local_ca, envelope_key and vault_kv_secret."""

from __future__ import annotations

import functools
import pathlib
import string
import typing as t
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.endurance.subject import NOW, OVERTAKEN, Meeting, Seen, Subject, Wish, mark
from tests.endurance.workshop import KV, KV1, Spot

_DER: t.Final = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
_CERTIFICATES: t.Final = ("a.svc.example", "b.svc.example")
_MAKE: t.Final = Wish("make", onto_base=False, made=1)


def _public(path: pathlib.Path) -> bytes:
    return serialization.load_pem_private_key(path.read_bytes(), None).public_key().public_bytes(*_DER)


def _certificate(path: pathlib.Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _belong(key: pathlib.Path, certificate: pathlib.Path) -> bool:
    return _public(key) == _certificate(certificate).public_key().public_bytes(*_DER)


def _part(*names: str) -> Wish:
    return Wish("part with", item={"state": "absent"}, names=names or None, keeps=False, removes=True)


def _look_at_certificates(spot: Spot) -> Seen:
    seen = Seen()
    for name in _CERTIFICATES:
        if (spot.store / ".trustmesh" / name).exists() and not (spot.store / name / "key.pem").exists():
            seen.unfinished.append(f"there is a store of {name} and no key")
        paths = {file: spot.store / name / f"{file}.pem" for file in ("key", "cert", "chain", "fullchain", "ca")}
        there = {file: path for file, path in paths.items() if path.exists()}
        if there:
            seen.missing += [f"{file} of {name}" for file in paths if file not in there]
        if "key" not in there or "cert" not in there:
            continue
        if not _belong(paths["key"], paths["cert"]):
            seen.problems.append(f"the key of {name} is not that of its certificate")
        if "fullchain" in there and not paths["fullchain"].read_bytes().startswith(paths["cert"].read_bytes()):
            seen.problems.append(f"the full chain of {name} does not begin with its certificate")
        seen.in_force[name] = mark(_public(paths["key"]))
        kept = [path.parent for path in spot.store.glob(f".trustmesh/{name}/g-*/key.pem")]
        seen.problems += [f"a generation of {name} is no pair" for path in kept if not _pair_in(path)]
        seen.kept[name] = [mark(_public(path / "key.pem")) for path in kept]
    return seen


def _pair_in(generation: pathlib.Path) -> bool:
    return (generation / "cert.pem").exists() and _belong(generation / "key.pem", generation / "cert.pem")


def _certificate_subject(connection: dict[str, str]) -> Subject:
    rotate = Wish("renew", {"not_before": NOW}, made=1, withdrawable=True)
    only = Wish("renew and keep one", {"not_before": NOW, "keep_generations": 1}, made=1, keeps=False)
    wider, other = (
        Wish("change", {"keep_generations": 3}, {"dns_names": [name]}, made=1)
        for name in ("c.svc.example", "d.svc.example")
    )
    first, second = (Wish("make", names=(name,), onto_base=False, made=1) for name in _CERTIFICATES)
    return Subject(
        "certificate",
        "directory",
        _CERTIFICATES,
        "certificates",
        lambda spot, name: {"name": name},
        lambda spot: {
            **connection,
            "mount": "endurance-pki",
            "role": "mesh",
            "ttl": "240h",
            "renew_before": "72h",
            "directory": str(spot.store),
        },
        _look_at_certificates,
        (_MAKE, rotate, only, wider, _part()),
        (
            Meeting("two names", first, second, _MAKE, (1, 1)),
            Meeting("make twice", _MAKE, _MAKE, _MAKE, (1, 1)),
            Meeting("renew twice", rotate, rotate, rotate, (1, 1)),
            Meeting("two contents", wider, other, other, (1, 2), settled=False),
            Meeting("renew twice and keep one", only, only, only, (1, 1)),
            Meeting("renew and part", rotate, _part(_CERTIFICATES[1]), rotate, (0, 1), settled=False),
        ),
        spare=1,
    )


def _look_at_authorities(spot: Spot) -> Seen:
    seen = Seen()
    for name in ("root", "mesh"):
        key, certificate, chain, crl = (
            spot.store / name / f"{file}.pem" for file in ("ca-key", "ca-cert", "ca-chain", "crl")
        )
        if not key.exists():
            seen.missing += [f"key of {name}"] if certificate.exists() else []
            continue
        seen.in_force[name] = mark(_public(key))
        seen.kept[name] = [seen.in_force[name]]
        if not certificate.exists():
            seen.missing.append(f"certificate of {name}")
            continue
        if not _belong(key, certificate):
            seen.problems.append(f"the key of {name} is not that of its certificate")
        own = _certificate(certificate)
        if name == "mesh":
            _look_below_root(spot, own, chain, seen)
        elif not crl.exists():
            seen.missing.append(f"list of {name}")
        elif not x509.load_pem_x509_crl(crl.read_bytes()).is_signature_valid(t.cast(t.Any, own.public_key())):
            seen.problems.append(f"the list of {name} is not signed by it")
    return seen


def _look_below_root(spot: Spot, own: x509.Certificate, chain: pathlib.Path, seen: Seen) -> None:
    root = spot.store / "root" / "ca-cert.pem"
    if not chain.exists() or not root.exists():
        seen.missing.append("chain of mesh")
    elif _certificate(chain) != _certificate(root):
        seen.unfinished.append("the chain of mesh is not that of root")
    else:
        try:
            own.verify_directly_issued_by(_certificate(root))
        except ValueError:
            seen.unfinished.append("the certificate of mesh is not signed by root")


def _authority(spot: Spot, name: str) -> dict[str, t.Any]:
    declared: dict[str, t.Any] = {"name": name, "directory": str(spot.store / name)}
    if name == "root":
        return {**declared, "path_length": 1, "crl_file": "crl.pem"}
    return {**declared, "parent": str(spot.store / "root")}


def _local_ca() -> Subject:
    longer, shorter = (Wish("change", item={"ttl": ttl}) for ttl in ("3000d", "2000d"))
    revoke = Wish("revoke", item={"revoked": [{"serial": "39:dd:2e:90"}]}, names=("root",), withdrawable=True)
    rsa = {"key_type": "rsa", "key_size": 2048, "on_mismatch": "replace"}
    replace = Wish("replace", item=rsa, made=1, keeps=False)
    first = Wish("make", names=("root",), onto_base=False, made=1)
    return Subject(
        "local_ca",
        "directory",
        ("root", "mesh"),
        "authorities",
        _authority,
        lambda spot: {},
        _look_at_authorities,
        (_MAKE, longer, revoke, replace, _part()),
        (
            Meeting("make twice", _MAKE, _MAKE, _MAKE, (1, 1)),
            Meeting("one and both", first, _MAKE, _MAKE, (1, 1)),
            Meeting("two contents", longer, shorter, shorter, (0, 0), settled=False),
            Meeting("change and part", longer, _part("mesh"), longer, (0, 1), settled=False),
            Meeting("replace twice", replace, replace, replace, (1, 1)),
            Meeting("revoke and change", revoke, longer, longer, (0, 0), settled=False),
        ),
    )


def _look_at_keys(spot: Spot) -> Seen:
    seen = Seen()
    for name in ("master", "next"):
        path = spot.store / f"{name}.key"
        if path.exists():
            text = path.read_text()
            if len(text) != 65 or not set(text.strip()) <= set(string.hexdigits):
                seen.problems.append(f"{path.name} holds no key")
            seen.in_force[name] = mark(text)
            seen.kept[name] = [mark(text)]
    return seen


def _envelope_key() -> Subject:
    strict, plain = Wish("change", item={"mode": "0400"}, withdrawable=True), Wish("change", item={"mode": "0600"})
    gone = Wish("part with", item={"state": "absent", "deletion_allowed": True}, keeps=False, removes=True)
    first, second = (Wish("make", names=(name,), onto_base=False, made=1) for name in ("master", "next"))
    return Subject(
        "envelope_key",
        "file",
        ("master", "next"),
        "keys",
        lambda spot, name: {"path": str(spot.store / f"{name}.key")},
        lambda spot: {},
        _look_at_keys,
        (_MAKE, strict, gone),
        (
            Meeting("two names", first, second, _MAKE, (1, 1)),
            Meeting("make twice", _MAKE, _MAKE, _MAKE, (1, 1)),
            Meeting("two contents", strict, plain, plain, (0, 0), settled=False),
        ),
        yields_with=OVERTAKEN,
    )


def _look_at_secrets(mount: str, spot: Spot) -> Seen:
    seen = Seen()
    for name in ("ledger", "quotes"):
        held = spot.secret(mount, f"app/{name}")
        if held is not None:
            if not held.get("password") or not held.get("username"):
                seen.problems.append(f"{name} lacks a key that is declared")
            seen.in_force[name] = mark(str(held.get("password")))
            seen.kept[name] = [seen.in_force[name]]
    return seen


def _gone(mount: str, *names: str) -> Wish:
    item = {"state": "absent", **({"on_delete": "destroy"} if mount == KV else {})}
    return Wish("part with", item=item, names=names or None, keeps=False, removes=True)


def _kv_secrets(connection: dict[str, str]) -> Iterator[Subject]:
    one, two = (Wish("change", item={"data": {"username": name}}, withdrawable=True) for name in ("one", "two"))
    first, second = (Wish("make", names=(name,), onto_base=False, made=1) for name in ("ledger", "quotes"))
    for mount in (KV, KV1):
        yield Subject(
            "vault_kv_secret",
            "vault_kv" if mount == KV else "vault_kv 1",
            ("ledger", "quotes"),
            "secrets",
            lambda spot, name: {
                "path": f"{spot.name}/app/{name}",
                "data": {"username": "app"},
                "generate": [{"key": "password"}],
            },
            functools.partial(lambda mount, _spot: {**connection, "mount": mount}, mount),
            functools.partial(_look_at_secrets, mount),
            (_MAKE, one, _gone(mount)),
            (
                Meeting("two names", first, second, _MAKE, (1, 1)),
                Meeting("make twice", _MAKE, _MAKE, _MAKE, (1, 1)),
                Meeting("two contents", one, two, two, (0, 0), settled=False),
                Meeting("change and part", one, _gone(mount, "quotes"), one, (0, 1), settled=False),
            )
            if mount == KV
            else (),
            yields_with=OVERTAKEN,
        )


def subjects(connection: dict[str, str]) -> list[Subject]:
    """Return the four resources, with each of their custodies."""
    return [_certificate_subject(connection), _local_ca(), _envelope_key(), *_kv_secrets(connection)]
