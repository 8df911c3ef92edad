# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scanners of one collection agree, show nothing of a secret, and say what they did not look into (S1 to S7)."""

from __future__ import annotations

import datetime
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import example, given
from hypothesis import strategies as st

from plugins.module_utils._core.secret_names import SECRET_NAMES
from plugins.module_utils._hygiene import scanner as scanner_module
from plugins.module_utils._hygiene.content import der_key, texts_of
from plugins.module_utils._hygiene.excerpt import excerpt
from plugins.module_utils._hygiene.finding import Allowances
from plugins.module_utils._hygiene.log import LOG_RULES, LogRules, LogScan
from plugins.module_utils._hygiene.repository_scan import RepositoryScan
from plugins.module_utils._hygiene.scanner import Scanned, Scanner
from plugins.module_utils._hygiene.shapes import readable
from tests.rigs.plants import Plants

NOW: t.Final = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
RULES: t.Final = LogRules(LOG_RULES, frozenset(), 100)
SECRET: t.Final = Plants(5).text(20) + "7"
SECOND: t.Final = Plants(6).text(20) + "8"


def _in_code(name: str, text: str | bytes) -> Scanned:
    with Scanner([]) as scanner:
        return scanner.scan(name, text if isinstance(text, bytes) else text.encode())


def _in_log(path: pathlib.Path, content: bytes) -> dict[str, t.Any]:
    path.write_bytes(content)
    (result,) = LogScan(RULES, Allowances([], NOW), None).run([str(path)], [])["results"]
    return t.cast("dict[str, t.Any]", result)


LEAKS: t.Final = (
    '{"user":"hub","password":"%s"}', '{"a":"{\\"password\\":\\"%s\\"}"}', "login password=%s by hub", "password: '%s'",
    "postgres://hub:%s@db.example/hub", "connecting to https://hub:%s@x:8443/y?z=1 now", "secret_id => \"%s\"",
)  # fmt: skip


@pytest.mark.parametrize("line", LEAKS)
@pytest.mark.parametrize("tail", ["'Aa1TAIL", '"Aa1TAIL', '\\"Aa1TAIL', ",Aa1TAIL", ";Aa1TAIL", "&Aa1TAIL", ")Aa1TAIL",
                                  "@Aa1TAIL", " Aa1TAIL", "password=Aa1TAIL", "\\Aa1TAIL"])  # fmt: skip
def test_s1_nothing_of_a_value_is_shown(line: str, tail: str) -> None:
    text = line % f"Tr0ub4dor{tail}"
    hits = RULES.hits(text)
    if "://" in line and " " in tail:
        assert not hits  # no URL holds a blank
        return
    assert hits
    shown = excerpt(text, hits)
    assert "TAIL" not in shown
    assert "Tr0" not in shown
    assert shown == excerpt(line % "An0therValue", RULES.hits(line % "An0therValue"))


@given(st.text(min_size=1, max_size=40), st.sampled_from(LEAKS))
@example("password=correct", LEAKS[0])
def test_s1_an_excerpt_does_not_depend_on_the_value(value: str, line: str) -> None:
    text = line % f"Zq9{value}".replace("\n", " ")
    hits = RULES.hits(text)
    first = line.index("%s")
    if hits and min(hit.start for hit in hits) == first:
        assert excerpt(text, hits) == excerpt(line % "An0therValue", RULES.hits(line % "An0therValue"))


def test_s1_words_that_nobody_knows_are_not_shown() -> None:
    line = 'hub hunter2 Zebra "k": "correct horse" 2026-11-21T10:00:00Z password=abc123def'
    assert excerpt(line, RULES.hits(line)) == "hub [...] 2026-11-21T10:00:00Z password=[password-field]"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("db:\n  password: >-\n    ${OLD}\n", f"db:\n  password: >-\n    {SECRET}\n"),
        ("db:\n  signing_key: |\n    ${OLD}\n", f"db:\n  signing_key: |\n    {SECRET}\n"),
        ('password = (\n    "${OLD}"\n)\n', f'password = (\n    "{SECRET}"\n)\n'),
        ("kind: Secret\ndata:\n  one: ''\n", f"kind: Secret\ndata:\n  one: {SECRET}\n"),
    ],
)
def test_s2_a_fresh_line_is_judged_with_the_lines_that_give_it_meaning(before: str, after: str) -> None:
    """The lines that a version before had are known, and only the value is fresh."""
    known = {hash(line) for line in before.split("\n")}
    with Scanner([]) as scanner:
        assert not scanner.scan("a.yml", before.encode()).found
        assert SECRET in {entry.secret for entry in scanner.scan("a.yml", after.encode(), known).found}


@pytest.mark.parametrize("part", ["data", "stringData"])
@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: Secret\n{part}:\n  one: {value}\n",
        '{part}:\n  one: "{value}"\nkind: Secret\n',
        "- kind: Secret\n  {part}:\n    one: {value}\n",
        "kind: List\nitems:\n  - apiVersion: v1\n    kind: Secret\n    {part}:\n      one: |\n        {value}\n",
        "kind: ConfigMap\n---\nkind: Secret # x\n{part}: {{one: {value}}}\n",
        '{{\n  "kind": "Secret",\n  "{part}": {{\n    "one": "{value}"\n  }}\n}}\n',
        '{{"kind": "List", "items": [{{"kind": "Secret", "{part}": {{"one": "{value}"}}}}]}}\n',
    ],
)
def test_s3_a_value_of_a_kubernetes_secret_is_found_whatever_its_key(text: str, part: str) -> None:
    (entry,) = _in_code("x.yml", text.format(part=part, value="plainword")).found
    assert (entry.rule, entry.secret) == ("kubernetes-secret", "plainword")


@pytest.mark.parametrize(
    "value", ["{{ .Values.one }}", "${ONE}", "<one>", "''", "ENC[AES256_GCM,data:x,iv:y,type:str]"]
)
def test_s3_a_template_is_no_value(value: str) -> None:
    assert not _in_code("x.yml", f"kind: Secret\ndata:\n  one: {value}\n").found
    assert not _in_code("x.yml", "kind: ConfigMap\ndata:\n  one: plainword\n").found


def _spellings(name: str) -> set[str]:
    words = name.split()
    camel = words[0] + "".join(word.capitalize() for word in words[1:])
    snake = "_".join(words)
    return {snake, "-".join(words), camel, snake.upper(), f"hub_{snake}", f"hub{camel[0].upper()}{camel[1:]}"}


@pytest.mark.parametrize("name", [*SECRET_NAMES, "token", "ilp secret"])
def test_s4_all_scanners_know_all_names_in_every_spelling(name: str, tmp_path: pathlib.Path) -> None:
    missed = []
    with Scanner([]) as scanner:
        for at, spelled in enumerate(sorted(_spellings(name))):
            for form in ('{}: "{}"', "{}: {}", "{}={}", '{{"{}": "{}"}}'):
                line = form.format(spelled, SECRET)
                if SECRET not in {entry.secret for entry in scanner.scan("a.yml", f"{line}\n".encode()).found}:
                    missed.append(("repository", line))
                if not any(SECRET in hit.secret for hit in RULES.hits(line)):
                    missed.append(("log", line, str(at)))
    assert missed == []


CONTENTS: t.Final = {
    "UTF-16 with a mark": f"use\npassword={SECRET}\n".encode("utf-16"),
    "UTF-16 LE": f"use\npassword={SECRET}\n".encode("utf-16-le"),
    "UTF-16 BE": f"use\npassword={SECRET}\n".encode("utf-16-be"),
    "UTF-32": f"use\npassword={SECRET}\n".encode("utf-32"),
    "a zero octet at the start": f"\0\0head\npassword={SECRET}\n".encode(),
    "UTF-16 in the midst of data": b"\1\2\0\3odd\n" + f"password={SECRET}\n".encode("utf-16-le"),
    "after 64 KiB": b"x y\n" * 20_000 + f"password={SECRET}\n".encode(),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_s5_every_scanner_reads_every_encoding(content: bytes, tmp_path: pathlib.Path) -> None:
    scanned = _in_code("a.conf", content)
    assert any(SECRET in entry.secret for entry in scanned.found)
    assert scanned.unread is None
    result = _in_log(tmp_path / "a.log", content)
    assert (result["ok"], result["complete"], set(result["matches"])) == (False, True, {"password-field"})


@pytest.mark.parametrize(
    ("start", "why"),
    [(b"PK\x03\x04", "zip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"LPKSHHRH", "the systemd journal"),
     (b"7z\xbc\xaf\x27\x1c", "7z")],
)  # fmt: skip
def test_s5_what_is_not_looked_into_is_counted(start: bytes, why: str, tmp_path: pathlib.Path) -> None:
    assert _in_code("a.bin", start + b"0" * 40).unread == f"packed with {why}"
    result = _in_log(tmp_path / "a.log", start + b"0" * 40)
    assert (result["ok"], result["complete"], result["unread"]) == (False, False, {f"packed with {why}": 1})


def test_s5_a_line_that_is_longer_than_the_memory_is_looked_at_whole(tmp_path: pathlib.Path) -> None:
    for at in range((1 << 20) + (1 << 18) - 40, (1 << 20) + (1 << 18) + 40, 8):
        result = _in_log(tmp_path / "a.log", b"x" * at + f" password={SECRET} ".encode() + b"y " * 300_000)
        assert result["matches"] == {"password-field": 1}, at


def test_s5_keys_in_der_are_keys() -> None:
    for key in (
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ec.generate_private_key(ec.SECP256R1()),
    ):
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
            content = key.private_bytes(Encoding.DER, form, NoEncryption())
            assert der_key(content) == "plain"
            assert [entry.rule for entry in _in_code("a.bin", content).found] == ["private-key"]
            assert der_key(content[:-1]) is None
        sealed = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"x" * 12))
        assert der_key(sealed) == "encrypted"
        assert der_key(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)) is None


@given(st.binary(max_size=300))
def test_s5_any_content_is_read(content: bytes) -> None:
    assert list(texts_of(content))
    der_key(content)
    der_key(b"\x30" + content)


JWK: t.Final = {"kty": "RSA", "kid": Plants(1).base64(32), "n": Plants(2).base64(256), "e": "AQAB", "use": "sig"}
HARMLESS: t.Final = {
    "a sealed secret": "kind: SealedSecret\nspec:\n  encryptedData:\n    password: "
    + "AgB" + Plants(3).base64(600).rstrip("=") + "\n",
    "SOPS": f"password: ENC[AES256_GCM,data:{Plants(4).base64(30)},iv:{Plants(5).base64(24)},tag:x,type:str]\nsops:\n"
    f"    kms:\n        - arn: arn:aws:kms:x\n          enc: {Plants(6).base64(120)}\n"
    "    mac: ENC[AES256_GCM,data:x,type:str]\n",
    "an external secret": "kind: ExternalSecret\nspec:\n  data:\n    - secretKey: database-password-2\n"
    "      remoteRef:\n"
    "        key: kv/data/hub-db-17\n        property: db_password_1\n",
    "public keys": json.dumps(
        {"keys": [JWK, {"kty": "EC", "x": Plants(7).base64(32), "y": Plants(8).base64(32)}]}, indent=2
    ),
    "a ciphertext of transit": f"api_key: vault:v1:{Plants(9).base64(60)}\n",
    "a certificate": f"cert: |\n  -----BEGIN CERTIFICATE-----\n  {Plants(1).base64(48)}\n  -----END CERTIFICATE-----\n",
    "a key of ssh": f"deploy_key: ssh-ed25519 AAAA{Plants(2).base64(48)} hub\n",
    "references": "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n"
    "api_key: *anchor1\nsecret_id: vars.hub.id1\n",
}  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_s6_what_is_sealed_or_public_is_no_finding(text: str) -> None:
    assert [(entry.rule, entry.line) for entry in _in_code("x.yml", text).found] == []


def test_s6_what_stands_beside_it_is_one() -> None:
    for text in HARMLESS.values():
        assert SECRET in {entry.secret for entry in _in_code("x.txt", f"{text}\n---\npassword={SECRET}\n").found}
    private = json.dumps({**JWK, "d": Plants(9).base64(256)})
    assert "private-jwk" in {entry.rule for entry in _in_code("x.json", private).found}


@pytest.mark.parametrize("depth", range(6))
@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"ilpSecret": SECRET}, SECRET),
        ({"password": f"{SECRET}\"'\\x"}, SECRET),
        ({"headers": {"authorization": f"Bearer {SECRET}"}}, SECRET),
        ({"url": f"postgres://hub:{SECRET}@db/hub"}, SECRET),
        ({"query": f"a=1&password={SECRET}"}, SECRET),
    ],
)
def test_s7_json_in_json_is_read(fields: dict[str, t.Any], wanted: str, depth: int) -> None:
    line = json.dumps(fields)
    for _level in range(depth):
        line = json.dumps({"message": line, "level": "info"})
    assert any(wanted in hit.secret for hit in RULES.hits(line)), line[:200]
    assert any(wanted in entry.secret for entry in _in_code("log.json", line).found)


def test_s7_characters_that_are_spelled_as_numbers_are_read() -> None:
    (hit,) = RULES.hits(readable(f"url a\\u0026password\\u003d{SECRET}"))
    assert hit.secret == SECRET


def test_r14_a_compressed_log_does_not_unpack_without_limit(tmp_path: pathlib.Path, monkeypatch: t.Any) -> None:
    monkeypatch.setattr("plugins.module_utils._hygiene.log_file.MOST_ALWAYS", 1 << 20)
    result = _in_log(tmp_path / "a.gz", gzip.compress(b"\n" * (8 << 20), 9))
    assert (result["ok"], result["complete"]) == (False, False)
    assert result["unread"] == {"unpacks to more than 250 times its size": 1}
    assert result["lines"] < 4 << 20


def test_r14_a_file_that_takes_too_long_is_counted(monkeypatch: t.Any) -> None:
    monkeypatch.setattr("plugins.module_utils._hygiene.scanner.SECONDS", 0.05)
    assert (_in_code("a.txt", "lorem ipsum " * 100_000).unread or "").startswith("took longer than")


def test_r14_a_file_that_takes_too_long_is_counted_in_any_thread(monkeypatch: t.Any) -> None:
    """A signal reaches the main thread alone."""
    monkeypatch.setattr("plugins.module_utils._hygiene.scanner.SECONDS", 0.2)

    def slow(*_arguments: object) -> t.Any:
        while True:
            time.sleep(0.01)

    monkeypatch.setattr(Scanner, "_in_content", slow)
    with Scanner([]) as scanner, ThreadPoolExecutor(1) as pool:
        scanned = pool.submit(scanner.scan, "a.txt", b"text").result(timeout=30)
        assert scanned == Scanned((), "took longer than 0.2 s")
        # What ends in time is not interrupted later.
        assert pool.submit(time.sleep, 0.4).result(timeout=30) is None


def test_copies_that_a_killed_scan_left_are_removed_by_the_next(tmp_path: pathlib.Path, monkeypatch: t.Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script = "import os, sys\nwith Scratch().file('a.yml', 'password: x') as path:\n    os._exit(9)\n"
    script = f"from plugins.module_utils._core.scratch import Scratch\n{script}"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 9
    (left,) = tmp_path.iterdir()
    assert left.stat().st_mode & 0o777 == 0o700 and (left / "a.yml").stat().st_mode & 0o777 == 0o600
    with Scanner([]) as scanner:
        scanner.scan("b.yml", b"password: Tr0ub4dor")
        assert left not in list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_a_fingerprint_is_made_where_something_depends_on_it(tmp_path: pathlib.Path, monkeypatch: t.Any) -> None:
    """Each takes milliseconds on purpose: thousands of findings of which few are told took minutes."""
    secrets = [Plants(number).text(24) for number in range(6)]
    for at, secret in enumerate(secrets):
        (tmp_path / f"{at}.yml").write_text(f'password: "{secret}"\n')
    made: list[str] = []
    real = scanner_module.fingerprint
    monkeypatch.setattr(scanner_module, "fingerprint", lambda secret: made.append(secret) or real(secret))
    items = [{"path": str(tmp_path), "history": False, "exclude": [], "must_ignore": [], "largest_file": 1 << 20}]
    about = {"owner": "us", "reason": "a test", "expires": "2099-01-01"}

    def run(allow: list[dict[str, t.Any]], most: int) -> dict[str, t.Any]:
        made.clear()
        with Scanner([]) as scanner:
            facts = RepositoryScan(scanner, Allowances(allow, NOW), most).run(items)
        return t.cast("dict[str, t.Any]", facts["results"][0])

    result = run([], 2)
    assert len(result["findings"]) == len(set(made)) == 2 and not result["complete"]
    assert not run([], 0)["ok"]
    known = real(secrets[3])
    allowed = run([{**about, "rule": None, "path": "3.yml", "fingerprint": known}], 10)
    assert sorted(made) == sorted(secrets), "each once"
    assert [it["path"] for it in allowed["findings"] if it["allowed_by"] == "us"] == ["3.yml"]
