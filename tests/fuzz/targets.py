# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every parser of the collection that reads what others wrote, with right inputs of each.

Keys and certificates are made when this runs: none of them is in the repository.
"""

from __future__ import annotations

import base64
import functools
import json
import secrets
import types
import typing as t

from cryptography.hazmat.primitives.asymmetric import ed25519 as library_ed25519

from plugins.module_utils._certificate import generation
from plugins.module_utils._core import normal, passphrase
from plugins.module_utils._envelope import local
from plugins.module_utils._envelope.cipher import new_key, seal
from plugins.module_utils._envelope.record import Form
from plugins.module_utils._envelope.record import Record as EnvelopeRecord
from plugins.module_utils._hygiene.environment_text import parse_environment, render_environment
from plugins.module_utils._hygiene.log import LOG_RULES, LogRules, excerpt
from plugins.module_utils._hygiene.scanner import Scanner
from plugins.module_utils._ilp import examination, packet, transaction
from plugins.module_utils._ilp.agreement import agree
from plugins.module_utils._jose import base64url, canonical, ed25519, fspiop, fspiop_uri, jwks, jwt
from plugins.module_utils._keyring import api_key
from plugins.module_utils._keyring.record import Record, Shape
from plugins.module_utils._pki import certificate, names, revocation
from plugins.module_utils._probe import exchange
from plugins.module_utils._sealed_secret import manifest
from plugins.module_utils._sealed_secret.recipient import Recipient
from plugins.module_utils._signed_message.message import Message
from plugins.module_utils._vault.port import Vault
from tests.unit.ilp.samples import CONVERSION, QUOTE, SECRET
from tests.unit.jose import requests as fspiop_requests
from tests.unit.pki import forge

from . import pki
from .feeding import Target
from .readers import TARGETS as READERS
from .words import JSON_TOKENS as _JSON
from .words import TIME_TOKENS as _TIMES
from .words import each, quiet
from .words import octets_of as _octets_of
from .words import text as _text

NOW: t.Final = forge.NOON
_PEM: t.Final = (b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n", b"-----BEGIN ", b"-----", b"BEGIN")
_DER: t.Final = (
    b"\x30\x80",
    b"\x30\x84\xff\xff\xff\xff",
    b"\x02\x01\x00",
    b"\x06\x03\x55\x1d\x11",
    b"\x05\x00",
    b"\xa0\x03",
)


# -- JOSE, FSPIOP, signed messages -------------------------------------------------------------------------------------


@functools.cache
def _token_key() -> tuple[t.Any, jwks.VerificationKey]:
    key = forge.ec_key()
    return jwt.signing_key("ES256", forge.pkcs8(key).decode(), "k1"), jwks.VerificationKey(
        key.public_key(), "k1", "ES256"
    )


def _tokens() -> list[bytes]:
    claims = {"iss": "a", "aud": ["b"], "sub": "c", "exp": int(NOW.timestamp()) + 60, "iat": int(NOW.timestamp())}
    return [jwt.mint(claims, _token_key()[0]).encode(), jwt.mint({**claims, "nbf": 1}, _token_key()[0]).encode()]


def _key_sets() -> list[t.Any]:
    public = [key.public_key() for key in (fspiop_requests.RSA, fspiop_requests.EC)]
    members = [dict(jwks.public_members(key)) for key in public]
    return [{"keys": [{**entry, "kid": str(at), "use": "sig"} for at, entry in enumerate(members)]}]


@functools.cache
def _signed() -> list[t.Any]:
    made = [fspiop_requests.signed("RS256"), fspiop_requests.signed("ES256")]
    return [{"headers": dict(one.headers), "body": one.body, "url": "/transfers", "method": "POST"} for one in made]


def _verify(given: t.Any) -> object:
    if not isinstance(given.get("headers"), dict) or not isinstance(given.get("method"), str):
        return None  # those come from the options of a module, which has checked them
    keys_of = {"perffsp-1": fspiop_requests.PUBLIC["RS256"]}
    found = fspiop.verify(
        keys_of, method=given["method"], url=given.get("url"), headers=given["headers"], body=given.get("body")
    )
    return found.valid, found.canonicalization


def _message(given: t.Any) -> object:
    message = Message.read(given)
    message.require_signature()
    return message


def _messages() -> list[t.Any]:
    key = library_ed25519.Ed25519PrivateKey.generate()
    return [dict(Message.new({"a": [1, "b"]}, key, NOW, 60).wire())]


def _edwards(text: str) -> object:
    return each((ed25519.read_public, ed25519.read_signature, ed25519.read_private), text)


# -- ILP ---------------------------------------------------------------------------------------------------------------


@functools.cache
def _transfers() -> list[t.Any]:
    made = []
    for version, content in (("v1", QUOTE), ("v4", QUOTE), ("v4", CONVERSION)):
        member = agree(content, SECRET, version).shown()
        made.append({**member, "amount": content.get("amount"), "expiration": "2030-01-31T12:00:00.123Z"})
    return made


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _examine(given: t.Any) -> object:
    verdict = examination.examine(given, secret=SECRET, at=NOW)
    return [problem.code for problem in verdict.problems]


# -- Records, manifests, environments, logs ----------------------------------------------------------------------------


def _envelopes() -> list[t.Any]:
    key = new_key()
    sealed = EnvelopeRecord(seal(key, b"value"), Form().write(seal(key, key).packed()))
    return [dict(sealed.written(Form())), dict(sealed.written(Form(), "encryptedDek"))]


def _custody() -> list[t.Any]:
    life = {"created": "2026-01-01T00:00:00Z", "private_key": "text", "public_key": "text"}
    return [{"format": 1, **life, "next": {**life, "published": "2026-01-02T00:00:00Z"}, "previous": [dict(life)]}]


def _previous() -> list[t.Any]:
    annotations = {manifest.DIGESTS: json.dumps({"a": "digest"}), "other": "x"}
    meta = {"name": "a", "namespace": "b", "annotations": annotations}
    spec = {"encryptedData": {"a": "AAAA", "b": "QUJD"}, "template": {"metadata": dict(meta)}}
    return [{"apiVersion": manifest.API_VERSION, "kind": manifest.KIND, "metadata": meta, "spec": spec}]


def _earlier(given: t.Any) -> object:
    earlier = manifest._Earlier.of(given)
    return earlier.fits("a", "digest"), earlier.encrypted, manifest._declared_part(given)


def _environment(text: str) -> object:
    variables = parse_environment(text)
    return parse_environment(render_environment(variables)) == variables


_LOG: t.Final = LogRules(tuple(LOG_RULES), frozenset(), 10)


def _log_line(text: str) -> object:
    hits = _LOG.hits(text)
    if hits:
        excerpt(text, hits)
    return [hit.shape.rule for hit in hits]


@functools.cache
def _scanner() -> Scanner:
    scanner = Scanner(())
    scanner.__enter__()
    return scanner


def _scan(octets: bytes) -> object:
    return [found.rule for found in _scanner()._by_shape(octets.decode("utf-8", "replace"))]


def _lines() -> list[bytes]:
    token = _tokens()[0]
    lines = (
        b'curl -u admin:hunter2hunter -H "Authorization: Bearer ' + token + b'" https://x:y0123456@host/',
        b"password=correct-horse-battery PGPASSWORD=abcdefgh1 --token s.abcdefghijklmnopqrstuvwx",
        b"postgres://user:s3cretvalue@db:5432/x card 4111 1111 1111 1111 AKIAIOSFODNN7EXAMPLE",
        b'{"private_key": "-----BEGIN PRIVATE KEY-----\\nMIIB\\n-----END PRIVATE KEY-----"}',
    )
    return list(lines)


_WORDS: t.Final = (b"curl ", b"eyJ", b"-eyJaaaaaaaa", b"password=", b"Bearer ", b"lorem ", b"://", b"@", b"-----BEGIN ",
                   b"-----BEGIN PRIVATE KEY-----", b"4111 ", b"AKIA", b"hvs.", b"--token ", b"'", b'"',
                   b"\\n")  # fmt: skip


# -- Answers -----------------------------------------------------------------------------------------------------------


class _Transport:
    """Gives the answer of an input to whatever is asked."""

    token: str | None = None
    base_uri = "https://vault.example:8200"

    def __init__(self, given: t.Any) -> None:
        self._given = given

    def request(self, method: str, url: str, **_options: t.Any) -> t.Any:
        """Return it in the form of an answer."""
        given = self._given
        status = given.get("status")
        content = given["raw"].encode("utf-8", "replace") if isinstance(given.get("raw"), str) else None
        if content is None:
            content = json.dumps(given.get("body")).encode("utf-8", "surrogatepass")
        headers = {name: text for name, text in (given.get("headers") or {}).items() if isinstance(text, str)}
        return types.SimpleNamespace(
            status_code=status if isinstance(status, int) and 200 <= status < 600 else 200,
            headers=headers,
            content=content,
            json=lambda: json.loads(content),
        )


def _answers() -> list[t.Any]:
    common = {"Content-Type": "application/json", "Date": "Sat, 21 Nov 2026 12:00:00 GMT"}
    data = {"keys": ["a", "b"], "key_info": {"a": {"x": 1}}, "data": {"k": "v"}, "metadata": {"version": 1}}
    body = {"data": data, "warnings": ["w"], "auth": {"client_token": "t"}, "wrap_info": None, "lease_duration": 0}
    right = {"status": 200, "headers": common, "body": body}
    absent = {"status": 404, "headers": common, "body": {"errors": []}}
    refused = {"status": 503, "headers": {**common, "Retry-After": "1"}, "body": {"errors": ["sealed"], "data": data}}
    return [right, absent, refused, {"status": 200, "headers": {}, "raw": "<html>", "body": 0}]


def _ask(given: t.Any) -> object:
    if not isinstance(given.get("headers"), dict):
        return None
    vault = Vault(t.cast(t.Any, _Transport(given)), retries=1, sleep=lambda _seconds: None)
    asked: tuple[t.Callable[[], object], ...] = (
        lambda: vault.read("kv/data/a"),
        lambda: vault.catalog("kv/metadata"),
        lambda: vault.write("kv/data/a", {"a": 1}),
        lambda: vault.patch("kv/data/a", {"a": 1}),
        lambda: vault.read_bare("sys/health"),
        lambda: vault.fields("kv/config"),
        lambda: vault.delete("kv/data/a"),
    )
    return tuple(quiet(lambda ask: ask(), ask) for ask in asked)


class _Answer:
    """As much of an HTTP answer as is looked at."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def read(self, most: int) -> bytes:
        """Return so much of it."""
        return self._octets[:most]


_AGES: t.Final = (
    "90d",
    "1h30m",
    "720h",
    "15s",
    "1d12h",
    "500ms",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.123456789Z",
)


def _spans(text: str) -> object:
    return each((normal.duration, normal.milliseconds, normal.instant), text)


def _addresses(text: str) -> object:
    readers = (normal.dns_name, normal.ip_address, normal.cidr, names.dns_name, names.email_address, names.uri)
    modes = [functools.partial(fspiop_uri.derive, mode=mode) for mode in ("clean", "peer")]
    return each((*readers, *modes, exchange.Address.of, certificate.serial_number), text)


def _blocks(text: str) -> object:
    return each((normal.pem, normal.pem_blocks, normal.text_lines), text)


TARGETS: t.Final = (
    *READERS,
    Target("certificates", pki.load, pki.pems, (*_PEM, *_DER), 0.6),
    Target("name_constraints", pki.check_limits, pki.limited, _DER, 0.4),
    Target("crls", revocation.parse_crl, pki.crls, (*_PEM, *_DER)),
    Target("requests", _text(pki.load_request), pki.requests, (*_PEM, *_DER)),
    Target("keys", pki.load_keys, pki.private_keys, (*_PEM, *_DER, b"ENCRYPTED", b"Proc-Type: 4,ENCRYPTED\n"), 0.15),
    Target("pem_texts", _text(_blocks), pki.pems, _PEM),
    Target(
        "base64url", _text(lambda text: quiet(base64url.decode, text)), _octets_of("QUJD", "-_-_"), (b"=", b"-", b"+")
    ),
    Target("json", canonical.parse, _octets_of('{"a":[1,2.5,"\\u00e9"],"b":null}', "[1e21,-0]"), _JSON, 2),
    Target("key_sets", jwks.parse_set, _key_sets),
    Target("key_set_texts", _text(jwks.parse_set), lambda: [json.dumps(_key_sets()[0]).encode()], _JSON),
    Target(
        "tokens",
        _text(lambda text: jwt.verify(text, [_token_key()[1]], jwt.Expectation(), NOW)),
        _tokens,
        (b".", *_JSON),
    ),
    Target("fspiop_requests", _verify, _signed, share=0.4),
    Target("signed_messages", _message, _messages, share=0.6),
    Target("ed25519_texts", _text(_edwards), _octets_of("00" * 32, "A" * 43, "A" * 86), (b"=", *_PEM), 0.5),
    Target(
        "ilp_packets",
        packet.decode,
        lambda: [_octets(one["ilpPacket"]) for one in _transfers()],
        (b"\x84\xff\xff\xff\xff", b"\x81\x80", b"g."),
    ),
    Target("ilp_packet_texts", _text(packet.from_text), lambda: [one["ilpPacket"].encode() for one in _transfers()]),
    Target(
        "ilp_transactions",
        lambda octets: transaction.parsed(transaction.unpacked(octets)),
        lambda: [transaction.packed(transaction.spelled(QUOTE))],
        _JSON,
    ),
    Target("ilp_messages", _examine, _transfers, share=0.6),
    Target("envelope_records", lambda given: EnvelopeRecord.parsed(given, Form()), _envelopes),
    Target("master_keys", _text(local.master_key), lambda: [secrets.token_hex(32).encode()]),
    Target(
        "passphrases",
        _text(lambda text: passphrase.checked_passphrase(text, "f")),
        _octets_of("a-long-passphrase", "a\n"),
    ),
    Target("custody_records", lambda given: Record.of(given, Shape(("private_key",)), "place"), _custody, share=1.5),
    Target("api_keys", _text(api_key.parse), lambda: [api_key.generate("tm_", 256).reveal().encode()], (b"_",)),
    Target("sealed_secrets", _earlier, _previous),
    Target("recipients", lambda octets: Recipient.of(octets, NOW), pki.pems, _PEM, 0.5),
    Target("generation_names", _text(generation.made_at), _octets_of("g-20261121T091500Z-3f9a01c2"), _TIMES, 2),
    Target("durations", _text(_spans), _octets_of(*_AGES), _TIMES, 2),
    Target(
        "names",
        _text(_addresses),
        _octets_of("a.example", "10.0.0.1", "::1", "10.0.0.0/8", "a@b.example", "https://a.example:1/b?c#d", "7f:01"),
        (b".", b":", b"[", b"]", b"/", b"@", b"xn--", b"%"),
    ),
    Target(
        "environment_files",
        _text(_environment),
        _octets_of("A=b\nC='d e'\n", 'E="f\\"g" # h\n\nexport I=j\n'),
        (b"'", b'"', b"\\", b"=", b"$", b"#", b"export "),
    ),
    Target("log_lines", _text(_log_line), _lines, _WORDS, 0.5),
    Target("repository_texts", _scan, _lines, _WORDS, 0.5),
    Target("vault_answers", _ask, _answers, share=1.5),
    Target(
        "error_codes",
        lambda octets: exchange._error_code(t.cast(t.Any, _Answer(octets))),
        _octets_of('{"errorInformation":{"errorCode":"3100"}}'),
        _JSON,
    ),
)
