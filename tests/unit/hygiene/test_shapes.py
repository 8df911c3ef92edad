# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every shape finds what it is for, in the line in which it occurs, and leaves alone what only resembles it."""

from __future__ import annotations

import string
import typing as t
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._hygiene.shape_table import SHAPES
from plugins.module_utils._hygiene.shapes import SEVERITIES, entropy, find, is_card_number
from tests.rigs.plants import Plants

LOGS: t.Final = [shape for shape in SHAPES if shape.in_logs]
CODE: t.Final = [shape for shape in SHAPES if shape.in_code]
BY_NAME: t.Final = {shape.rule: shape for shape in SHAPES}


def _spaced(card: str) -> str:
    return " ".join(card[at : at + 4] for at in range(0, 16, 4))


#: rule -> (line with {} for the secret, maker of the secret)
LINES: list[tuple[str, str, Callable[[Plants], str]]] = [
    ("private-key", "key: {}", lambda it: it.private_key().replace("\n", "\\n").rstrip("\\n")),
    ("private-key", '{{"key": "{}"}}', lambda it: it.private_key("RSA").splitlines()[0]),
    ("private-key", "{}", lambda it: it.private_key("EC").splitlines()[0]),
    ("private-key", "{}", lambda it: it.private_key("OPENSSH").splitlines()[0]),
    ("private-key", "{}", lambda it: it.private_key("ENCRYPTED").splitlines()[0]),
    ("putty-key", "{}", lambda it: "PuTTY-User-Key-File" + "-3: ssh-ed25519"),
    ("age-key", "identity {}", lambda it: it.age()),
    ("vault-token", "X-Vault-Token: {}", lambda it: it.vault()),
    ("vault-token", "logged in with {} at once", lambda it: it.openbao()),
    ("aws-access-key", "id={}", lambda it: it.aws()),
    ("github-token", "git clone with {} failed", lambda it: it.github()),
    ("gitlab-token", "PRIVATE-TOKEN {}", lambda it: it.gitlab()),
    ("slack-token", "posting as {}", lambda it: it.slack()),
    ("slack-webhook", "POST {} 200", lambda it: it.webhook()),
    ("stripe-key", "charge with {}", lambda it: it.stripe()),
    ("google-api-key", "GET /maps?x={}&y=2", lambda it: it.google()),
    ("npm-token", "//registry.example/:{}", lambda it: it.npm()),
    ("pypi-token", "upload as __token__ {}", lambda it: it.pypi()),
    ("service-token", "deploy with {} now", lambda it: "dop" + f"_v1_{it.hexadecimal(32)}"),
    ("service-token", "deploy with {} now", lambda it: "h" + f"f_{it.text(34, string.ascii_letters)}"),
    ("service-token", "deploy with {} now", lambda it: "gl" + f"sa_{it.text(32)}_{it.hexadecimal(4)}"),
    ("service-token", "deploy with {} now", lambda it: "shp" + f"at_{it.hexadecimal(16)}"),
    ("service-token", "deploy with {} now", lambda it: f"{it.text(3)}8Q~{it.text(34)}"),
    ("json-web-token", "Cookie: session {}; Path=/", lambda it: it.token()),
    ("url-password", "connecting to postgres://hub:{}@db.example:5432/hub", lambda it: it.text(12)),
    ("url-password", "redis://:{}@cache", lambda it: it.text(12)),
    ("authorization-header", '"Authorization": "Bearer {}"', lambda it: it.text(30)),
    ("authorization-header", "authorization: Basic {}", lambda it: it.base64(18)),
    ("password-field", "password={}", lambda it: it.password()),
    ("password-field", "DB_PASSWORD={}", lambda it: it.password()),
    ("password-field", '{{"password": "{}", "user": "hub"}}', lambda it: it.password() + " " + it.password()),
    ("password-field", '{{\\"secret_id\\": \\"{}\\"}}', lambda it: it.text(16)),
    ("password-field", "Passphrase: {}", lambda it: it.password()),
    ("password-field", "apiKey={}&user=1", lambda it: it.text(20)),
    ("password-field", "client_secret => '{}'", lambda it: it.text(20)),
    ("secret-element", "<db:password>{}</db:password>", lambda it: it.password() + "7"),
    ("password-word", "the new password is {}", lambda it: it.password()),
    ("named-token", "const sessionToken = '{}';", lambda it: it.text(24)),
    ("secret-field", 'HUB_CREDENTIALS: "{}"', lambda it: it.text(24)),
    ("secret-parameter", "GET https://api.example/x?user=hub&clientSecret={}&y=1", lambda it: it.text(24)),
    ("secret-setting", "secret_id: {}", lambda it: it.text(24)),
    ("secret-setting", "  - signingKey: {}  # of the hub", lambda it: it.text(24)),
    ("environment-assignment", "ENV DB_PASSWORD={}", lambda it: it.password()),
    ("environment-assignment", "export MASTER_KEY='{}'", lambda it: it.hexadecimal(32)),
    ("password-directive", "  requirepass {}", lambda it: it.password()),
    ("password-directive", "password {};", lambda it: it.password()),
    ("login-argument", "curl -sS -u hub:{} https://api.example", lambda it: it.password()),
    ("login-argument", "curl https://api.example --user 'hub:{}'", lambda it: it.password()),
    ("payment-card-number", "paid with {}", lambda it: it.card()),
    ("payment-card-number", "paid with {} today", lambda it: _spaced(it.card())),
    ("hex-key", "seed {}", lambda it: it.hexadecimal(32)),
    ("hex-key", "seed {}", lambda it: it.hexadecimal(64)),
    ("hex-key", "seed {}", lambda it: it.hexadecimal(32).upper()),
    ("base64-key", "derived {}", lambda it: it.base64(32)),
    ("base64-key", "derived {}", lambda it: it.base64(64)),
]


@pytest.mark.parametrize(("rule", "line", "make"), LINES, ids=[f"{at}-{case[0]}" for at, case in enumerate(LINES)])
@pytest.mark.parametrize("seed", range(5))
def test_a_secret_is_found_whole(rule: str, line: str, make: Callable[[Plants], str], seed: int) -> None:
    secret = make(Plants(seed))
    shapes = LOGS if BY_NAME[rule].in_logs else CODE
    text = ("2026-11-21T10:00:00Z INFO " if shapes is LOGS else "") + line.format(secret)
    assert [(hit.shape.rule, hit.secret) for hit in find(text, shapes)] == [(rule, secret)]


@pytest.mark.parametrize(("rule", "line", "make"), LINES, ids=[f"{at}-{case[0]}" for at, case in enumerate(LINES)])
def test_without_the_shape_it_is_not_found(rule: str, line: str, make: Callable[[Plants], str]) -> None:
    others = [shape for shape in SHAPES if shape.rule != rule]
    text = line.format(make(Plants(3)))
    assert rule not in {hit.shape.rule for hit in find(text, others)}


def test_every_shape_has_a_line_of_its_own() -> None:
    assert {rule for rule, _line, _make in LINES} == set(BY_NAME)
    assert all(shape.severity in SEVERITIES for shape in SHAPES)
    assert all(literal == literal.lower() for shape in SHAPES for literal in shape.literals)


@pytest.mark.parametrize(
    "line",
    [
        "password=********",
        "password=[REDACTED]",
        "password: null, next",
        "password={{ vault_password }}",
        "password=${DB_PASSWORD}",
        "password=<your-password>",
        "password=VALUE_SPECIFIED_IN_NO_LOG_PARAMETER",
        "password=secret:0123456789ab",
        "the password is wrong",
        "secret is required",
        "postgres://hub:****@db.example/hub",
        "postgres://hub@db.example:5432/hub",
        "https://example.com:8443/path@2",
        "Authorization: Bearer [redacted]",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "version s.0 and b.1 and r.2",
        "2026-11-21 10:00:00.123 took 4111111 ms",
        "id 5500000000000000000000001",
        "0000000000000000",
        "keyboard=english monkey=banana",
        "password protected;",
        "secret sauce 2000",
        "API_KEY=$(read_key)",
        "DB_PASSWORD=${DB_PASSWORD}",
        "curl -u hub:$PASSWORD https://api.example",
    ],
)
def test_an_innocent_line_stays_innocent(line: str) -> None:
    assert list(find(line, SHAPES)) == []


@pytest.mark.parametrize(
    "before", ["sha256:", "sha256=", 'digest="', "fingerprint ", "commit ", '"trace_id": "', "checksum: ", "sha512sum "]
)
@pytest.mark.parametrize("length", [32, 64])
def test_a_digest_is_no_key(before: str, length: int) -> None:
    digest = Plants(2).hexadecimal(length)
    assert list(find(f"pulled {before}{digest}", SHAPES)) == []
    assert [hit.shape.rule for hit in find(f"pulled {digest}", SHAPES)] == ["hex-key"]


def test_what_several_shapes_know_is_told_once_and_by_the_more_telling_one() -> None:
    token = Plants(7).github()
    assert [hit.shape.rule for hit in find(f"password={token}", LOGS)] == ["github-token"]


def test_the_check_digit_decides() -> None:
    card = Plants(4).card()
    assert is_card_number(card)
    for digit in "0123456789".replace(card[-1], ""):
        assert not is_card_number(card[:-1] + digit)


@pytest.mark.parametrize("text", ["", "1234567812345670", "4444444444444448", "9" + Plants(1).card()[1:]])
def test_other_numbers_are_no_cards(text: str) -> None:
    assert not is_card_number(text)


def test_entropy_in_bits() -> None:
    assert entropy("") == 0.0
    assert entropy("aaaa") == 0.0
    assert entropy("abab") == 1.0
    assert entropy("abcdefgh") == 3.0


@given(st.text(max_size=400))
def test_any_line_is_read_without_a_failure_and_hits_are_where_they_say(line: str) -> None:
    for hit in find(line, SHAPES):
        assert line[hit.start : hit.end] == hit.secret
