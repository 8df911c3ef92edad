# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readers of what programs, kernels, other services and the files of others say; each with right inputs."""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import json
import os
import pathlib
import tarfile
import tempfile
import types
import typing as t
import zipfile

from cryptography.hazmat.primitives import serialization

from plugins.module_utils._core import address, foreign, normal, recognise, unannounced
from plugins.module_utils._core.places import directory
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._host import process as host_process
from plugins.module_utils._host import procfs, readiness
from plugins.module_utils._hygiene import content, harmless, key_material, manifest, packed, repository, structured
from plugins.module_utils._hygiene.container_secret import Podman
from plugins.module_utils._hygiene.digest import DigestKey
from plugins.module_utils._ilp import published
from plugins.module_utils._keyring import api_key_resource, jwt_key, noise
from plugins.module_utils._keyring.file_custody import FileCustody
from plugins.module_utils._keyring.mcm import McmPublisher
from plugins.module_utils._keyring.record import KeyMaterial
from plugins.module_utils._pki import certificate, names
from plugins.module_utils._pki.names import SubjectAltNames
from plugins.module_utils._probe import tls
from plugins.module_utils._vault import connection, seal, secret_id
from tests.unit.pki import forge

from . import pki
from .feeding import Target
from .vault import TARGETS as VAULT
from .words import JSON_TOKENS, TIME_TOKENS, each, octets_of, text

_BASE: t.Final = tempfile.TemporaryDirectory(prefix="fuzz-")
_PLACE: t.Final = pathlib.Path(_BASE.name)


def _file(octets: bytes, name: str = "given") -> str:
    """Keep octets where a reader of files finds them; each process has a file of its own."""
    folder = _PLACE / str(os.getpid())
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    path.write_bytes(octets)
    path.chmod(0o600)
    return str(path)


@contextlib.contextmanager
def _instead(owner: t.Any, name: str, value: t.Any) -> t.Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


# -- The kernel and programs -------------------------------------------------------------------------------------------

_STAT: t.Final = b"42 (a b) c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 2 3\n"


def _kernel(given: str) -> object:
    """The kernel writes these but for the name of a program, which stands in brackets."""
    name = given.replace("\n", " ")
    with _instead(procfs, "kernel_text", lambda *_parts: _STAT.decode().replace("a b) c", name)):
        return procfs.identify(42), procfs._program(42)


def _inspected(octets: bytes) -> object:
    podman = Podman("podman")
    answers = iter(("one two", octets.decode("utf-8", "replace")))
    with _instead(podman, "_run", lambda *_arguments: next(answers)):
        return podman.secrets()


_INSPECTED: t.Final = json.dumps(
    [{"ID": "1", "Spec": {"Name": "one", "Driver": {"Name": "file"}, "Labels": {"a": "b"}}}]
)
_OBJECT: t.Final = b"1" * 40


def _history(octets: bytes) -> object:
    """Git writes these but for paths and messages, in which no octet is zero."""
    path, held = octets.replace(b"\0", b""), repository.Repository("/nowhere")
    changed = b":100644 100644 " + b"0" * 40 + b" " + b"2" * 40 + b" M\0" + path + b"\0"
    said = [_OBJECT + b"\0" + changed + changed, b"100644 blob " + _OBJECT + b"\t" + path + b"\0"]
    answers = iter(said)
    with _instead(held, "_run", lambda *_arguments, **_options: next(answers)):
        found = [len(list(held.history(["1" * 40]))), len(list(held._tree("1" * 40)))]
    assert found == [1, 1]
    return len(held.message(octets))


def _identity(given: str) -> object:
    return readiness.Readiness.declared({"url": given, "host": None, "port": None, "ca_cert": None, "status": [200]})


# -- Files of others ---------------------------------------------------------------------------------------------------


def _archives() -> list[bytes]:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/server.key", "x")
        archive.writestr("b.txt", "y" * 100)
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        member = tarfile.TarInfo("a/server.key")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    return [zipped.getvalue(), tarred.getvalue(), gzip.compress(tarred.getvalue())]


def _archive(octets: bytes) -> object:
    found = [packed.members(io.BytesIO(octets), len(octets), named=named) for named in (True, False)]
    return tuple(str(why) for _names, why in found)


def _contents(octets: bytes) -> object:
    found = [content.packed_as(octets), content.is_text(octets), content.der_key(octets), key_material.key_in(octets)]
    sort = recognise.recognise(octets, "private key")
    texts = [len(part) for part in content.texts_of(octets)]
    return tuple(map(str, (*found, sort and sort.what, len(texts))))


def _der() -> list[bytes]:
    formats = (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL)
    plain, locked = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"passphrase")
    key = forge.ec_key()
    made = [key.private_bytes(serialization.Encoding.DER, form, plain) for form in formats]
    made.append(key.private_bytes(serialization.Encoding.DER, formats[0], locked))
    return [*made, *pki.pems(), "a=b\n".encode("utf-16"), "a=b\n".encode("utf-32")]


_SECRET_YAML: t.Final = (
    "kind: Secret\nmetadata:\n  name: a\ndata:\n  password: aHVudGVyMmh1bnRlcjI=\n"
    "stringData: {token: 'abcdefgh12345678'}\n"
)
_SECRET_JSON: t.Final = '{"kind": "Secret", "data": {"a": "aHVudGVyMmh1bnRlcjI="}, "items": [{"kind": "Secret"}]},\n'


def _structures(given: str) -> object:
    lines = given.splitlines()
    readers = (
        structured.values_below_names(lines),
        structured.kubernetes_values(lines),
        structured.private_jwks(given),
    )
    return tuple(str(bool(list(found))) for found in readers), len(harmless.without_harmless(given))


_PID_FILE: t.Final = "42\n" + json.dumps(
    {"ticks": 1, "boot": "b", "argv": ["a"], "chdir": "/", "environment": {}, "files": {}}
)
_RECORD: t.Final = json.dumps(
    {"role": "r", "accessor": "a", "sha256": "0" * 64, "expires": None, "unwrap_before": None}
)
_KEYS: t.Final = json.dumps({"keys_base64": ["a", "b"], "root_token": "s.token"})


def _custody(octets: bytes) -> object:
    path = _file(octets, "record.json")
    return FileCustody("/nowhere", "word", ())._document("a", directory(os.path.dirname(path)))


def _digest_key(octets: bytes) -> object:
    path = _file(octets)
    return DigestKey(path).of("name", Secret("value"))


# -- Texts that users and neighbours write -----------------------------------------------------------------------------


def _addresses(given: str) -> object:
    readers = (
        connection._is_address,
        connection._is_loopback,
        _identity,
        foreign.destination,
        foreign.printable,
        McmPublisher,
        lambda url: address.route(url, "mount"),
        address.word,
        lambda url: address.sendable(address.at("kv", url)),
        lambda url: SubjectAltNames.declared(["a.example", "*.b.example"], ["10.0.0.1"], [], []).covers(url),
        lambda url: SubjectAltNames.declared([url], [], [], []),
        lambda url: SubjectAltNames.declared([], [url], [], []),
        names.uri,
    )
    return each(readers, given)


def _instants(given: str) -> object:
    return each((manifest._instant, normal.instant), given)


def _compressed(octets: bytes) -> object:
    kinds = ("gzip", "deflate", "br")
    return each([functools.partial(foreign.inflated, encoding=kind, most=1 << 20) for kind in kinds], octets)


def _bodies(octets: bytes) -> object:
    return each((foreign.parse_object,), octets)


_KEYRING: t.Final = types.SimpleNamespace(custody=types.SimpleNamespace(place=str))
_NOISE: t.Final = noise.NoiseKey("hub", t.cast(t.Any, _KEYRING), None)


def _documents(given: str) -> object:
    given = given.encode("utf-8", "replace").decode()  # half a character is refused where records are read
    material = KeyMaterial({"private_key": Secret(given)}, given, {})
    readers = (
        api_key_resource._bare,
        api_key_resource._entries,
        certificate.decoded,
        published.published,
        lambda _text: jwt_key._public(material),
        lambda shown: _NOISE.adopt({"private_key": shown}),
    )
    return each(readers, given)


def _manager(octets: bytes) -> object:
    publisher = McmPublisher("https://mcm.example", hub="hub")
    with _instead(publisher, "_ask", lambda *_arguments: (200, "", octets)):
        return each((lambda _none: publisher.held(), lambda _none: publisher.publish({"a": "key"})), "")


class _Socket:
    """A connection on which the answer has arrived already."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def sendall(self, _octets: bytes) -> None:
        """Take a request."""

    def makefile(self, _mode: str) -> io.BytesIO:
        """Return what came back."""
        return io.BytesIO(self._octets)

    def close(self) -> None:
        """Do nothing."""


def _http(octets: bytes) -> object:
    target = t.cast(t.Any, types.SimpleNamespace(host="a", port=1, server_name="a", timeout=1))
    try:
        return tls._answer(target, t.cast(t.Any, _Socket(octets)), "/")
    except (OSError, tls.http.client.HTTPException) as error:  # what the callers of it catch
        return tls.read_failure(tls.Observation(), error, target)


_HTTP: t.Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 40\r\n\r\n400 No required SSL certificate was sent",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
)

TARGETS: t.Final = (
    *VAULT,
    Target("program_names", text(_kernel), octets_of("bash", "a) S 1 2", ""), (b")", b"(", b" "), 0.5),
    Target("podman_secrets", _inspected, octets_of(_INSPECTED), JSON_TOKENS, 0.5),
    Target("git_paths", _history, octets_of("a/b.txt", "tree a\n\nmessage"), (b":100644 ", b"\n\n", b"\t"), 0.5),
    Target("archives", _archive, _archives, (b"PK\x05\x06", b"PK\x01\x02", b"ustar", b"\x1f\x8b"), 0.15),
    Target("file_contents", _contents, _der, (b"\0", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----", b"\x30\x80"), 0.5),
    Target(
        "structured_texts",
        text(_structures),
        octets_of(_SECRET_YAML, _SECRET_JSON, 'password: |\n  abc\n{"kty": "EC", "d": "AAAA"}\n'),
        (b"kind: Secret\n", b"data:\n", b"  ", b"- ", b"password:\n", b'{"kty":', b'"d":"', *JSON_TOKENS),
        0.5,
    ),
    Target("pid_files", lambda octets: host_process._load(_file(octets)), octets_of(_PID_FILE), JSON_TOKENS, 0.25),
    Target(
        "secret_id_records", lambda octets: secret_id.Record.load(_file(octets)), octets_of(_RECORD), JSON_TOKENS, 0.25
    ),
    Target("keys_files", lambda octets: seal.Keys.load(_file(octets)), octets_of(_KEYS), JSON_TOKENS, 0.25),
    Target("custody_files", _custody, octets_of('{"format": 1}'), JSON_TOKENS, 0.25),
    Target("digest_keys", _digest_key, octets_of("00" * 32, "ab" * 32 + "\n"), (b"\n",), 0.25),
    Target("notes", unannounced._read, octets_of('["a", "b"]'), JSON_TOKENS),
    Target(
        "addresses",
        text(_addresses),
        octets_of("https://a.example:8200/v1", "http://[::1]:80/", "kv/a b"),
        (b"://", b"[", b"]", b":", b"@", b"%", b"/", b"xn--", b"*."),
        0.5,
    ),
    Target("instants", text(_instants), octets_of("2026-01-31", "2026-01-31T00:00:00.123456789Z"), TIME_TOKENS),
    Target("compressed_bodies", _compressed, lambda: [gzip.compress(b"{}" * 50)], (b"\x1f\x8b\x08", b"\0\0\0\xff\xff")),
    Target("bodies", _bodies, octets_of('{"data": {"a": [1, 2.5, null]}}'), JSON_TOKENS),
    Target("documents", text(_documents), octets_of('{"keys": [{"kid": "a", "uses": 1}]}', "QUJD"), JSON_TOKENS, 0.4),
    Target(
        "connection_managers",
        _manager,
        octets_of('[{"dfspId": "a", "publicKey": "k", "validationState": "VALID"}]', '{"publicKey": "k"}'),
        JSON_TOKENS,
        0.4,
    ),
    Target("http_answers", _http, lambda: list(_HTTP), (b"\r\n", b"HTTP/1.1 ", b"Content-Length: ", b": "), 0.5),
)
