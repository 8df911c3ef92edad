# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Situations of public reports about other scanners, rebuilt; tests/public_reports.yml lists all of them."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

import pytest

from plugins.module_utils._hygiene.finding import Allowances
from plugins.module_utils._hygiene.log import LOG_RULES, LogRules, LogScan
from plugins.module_utils._hygiene.scanner import Scanner
from tests.rigs.plants import Plants

NOW: t.Final = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
SECRET: t.Final = Plants(395).text(14) + "7"
SECOND: t.Final = Plants(396).text(14) + "8"


def in_code(name: str, text: str) -> list[tuple[int, str]]:
    """Return line and rule of what is found in a file of a repository."""
    with Scanner([]) as scanner:
        return [(found.line, found.rule) for found in scanner.scan(name, text.encode()).found]


def in_log(folder: pathlib.Path, text: str) -> tuple[int, str]:
    """Return how many secrets a log holds, and everything that the result shows."""
    log = folder / "service.log"
    log.write_text(text)
    rules = LogRules(LOG_RULES, frozenset(), 100)
    (result,) = LogScan(rules, Allowances([], NOW), None).run([str(log)], [])["results"]
    return len(result["findings"]), str(result)


CONNECTIONS: t.Final = (
    'var c = "Server=tcp:db.example,1433;Database=d;User ID=sa;Pwd=%s;Encrypt=True;";',
    '"Password=%s;Server=db;Uid=app"',
    '{"ConnectionStrings":{"Main":"Host=db;Username=app;Password=%s;Pooling=true"}}',
    'conn = psycopg.connect("host=db user=app password=%s dbname=x")',
    "AccountName=x;AccountKey=%s==;EndpointSuffix=core.example",
    "jdbc:sqlserver://db:1433;user=sa;password=%s;encrypt=true",
    "    o.UseMySql(\n      \"Server=db;Uid=app;Pwd=%s;\"\n    );",
    "//registry.example/:_password=%s",
)  # fmt: skip
PROGRAMS: t.Final = (
    "mysqldump --user=root --password=%s ledger",
    "mysql -uroot -p%s -e 'select 1'",
    "sshpass -p %s ssh hub",
    "redis-cli -h cache -a %s ping",
    "docker login -u hub -p %s registry.example",
    "curl -u hub:%s https://api.example",
    "kubectl create secret generic x --from-literal=password=%s",
)


@pytest.mark.parametrize("line", [*CONNECTIONS, *PROGRAMS])
def test_secret_among_parameters_is_found_by_every_scanner(line: str, tmp_path: pathlib.Path) -> None:
    """trufflesecurity/trufflehog#4089, #3576, gitleaks/gitleaks#1920: passwords of connection strings."""
    text = line % SECRET
    assert len(in_code("Program.cs", text)) == 1
    count, shown = in_log(tmp_path, text)
    assert count == 1
    assert SECRET not in shown


@pytest.mark.parametrize(
    "line",
    [
        "connect(host=h, password=self.password)",
        "connect(host=h, password=settings.DB_PASSWORD, token=get_token())",
        ";t.password=e.password;var secretKey=n;",
        'mysql -u root -p"$DB_PASSWORD" -e x',
        "mysql --protocol=tcp -h dbhost -port 3306",
        "docker login -u hub -p registry.example",
        "cp -p file1.txt dest2/abc",
        "run password=$(cat /run/secret1) next",
        "login --password={{ vault_password1 }} now",
    ],
)
def test_reference_among_parameters_is_no_secret(line: str) -> None:
    """trufflesecurity/trufflehog#4089, turned round: what names a value is not the value."""
    assert in_code("run.sh", line) == []


def test_every_secret_of_a_line_is_found(tmp_path: pathlib.Path) -> None:
    """gitleaks/gitleaks#395: only the first secret of a line was found."""
    line = f"export DB_PASSWORD={SECRET}; curl -u hub:{SECOND} https://api.example; TOKEN={SECRET[::-1]} run"
    assert len(in_code("deploy.sh", line)) == 3
    count, shown = in_log(tmp_path, line)
    assert count >= 2
    assert SECRET not in shown and SECOND not in shown


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("webapp.py", "app.secret_key = (\n    '%s'\n)\n", 2),
        ("keys.js", "const apiKey =\n  '%s';\n", 2),
        ("Dockerfile", "FROM scratch\nENV DB_PASSWORD %s\n", 2),
        ("Dockerfile", "FROM scratch\nENV API_TOKEN %s\n", 2),
    ],
)
def test_value_apart_from_its_name_is_found(name: str, text: str, line: int) -> None:
    """cloud-gov/caulking#73: the name stands in one line and its value in the next, or with a blank between them."""
    assert [at for at, _rule in in_code(name, text % SECRET)] == [line]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "mongodb+srv", "amqps", "redis"])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:7432/test", "db.example"])
def test_password_in_a_url_is_found_whatever_the_host(scheme: str, host: str) -> None:
    """trufflesecurity/trufflehog#4527: URLs of databases on the loopback address were left out."""
    assert len(in_code("settings.txt", f"{scheme}://hub:{SECRET}@{host}\n")) == 1


def test_base64_password_in_a_setting_is_found() -> None:
    """gitleaks/gitleaks#1336: a value with ``/`` and ``+`` was taken for none."""
    assert len(in_code("client.properties", f"sasl_password={SECRET[:6]}+/{SECRET[6:]}+a/\n")) == 1


def test_value_without_a_telling_name_in_a_state_file_is_found() -> None:
    """feeltheajf/trufflehog3#37: the password that Terraform made stands beside the name ``result``."""
    state = {"type": "random_password", "instances": [{"attributes": {"length": 24, "result": SECRET + SECOND}}]}
    assert [rule for _line, rule in in_code("infra.tfstate", json.dumps(state, indent=2))] != []


ELEMENTS: t.Final = (
    "<password>%s</password>",
    '<wsse:Password Type="PasswordText">%s</wsse:Password>',
    "<settings.sonar.password> %s </settings.sonar.password>",
    "<clientSecret><![CDATA[%s]]></clientSecret>",
    '<add key="ApiKey" value="%s" />',
    '<property name="hibernate.connection.password" value="%s"/>',
    '<password encrypted="no" value="%s"/>',
)


@pytest.mark.parametrize("line", ELEMENTS)
def test_secret_in_an_element_of_xml_is_found_by_every_scanner(line: str, tmp_path: pathlib.Path) -> None:
    """gitleaks/gitleaks#908, Yelp/detect-secrets#270: a value between tags was not found."""
    assert len(in_code("settings.xml", f"<a>\n{line % SECRET}\n</a>\n")) == 1
    count, shown = in_log(tmp_path, f"request {line % SECRET}\n")
    assert count == 1
    assert SECRET not in shown


@pytest.mark.parametrize(
    "line",
    [
        '<label for="password">Password1:</label>',
        '<string name="password">Passwort1:</string>',
        "<passwordPolicy>at-least-12</passwordPolicy>",
        "<password>${env.DEPLOY_PASSWORD1}</password>",
        "<password>{{ vault_password1 }}</password>",
        '<input type="password" name="password" value="">',
        '<xs:element name="password" type="xs:string1" minOccurs="0"/>',
        "if (left<password>right-1234567) {",
    ],
)
def test_what_an_element_of_xml_says_of_a_secret_is_none(line: str) -> None:
    """gitleaks/gitleaks#908, turned round: labels, rules and references are no values."""
    assert in_code("settings.xml", line) == []


@pytest.mark.parametrize("escape", ["\x1b", "\\u001b", "\\x1b", "\\033", "\\e"])
@pytest.mark.parametrize(
    "line",
    ["{}[32mpassword{}[0m={}[1;33m%s{}[0m", "{}[36mghp_%s{}[39m done", '{{"m":"{}[38;5;196mpwd{}[m: {}[0m%s{}[K"}}'],
)
def test_colours_hide_no_secret(line: str, escape: str, tmp_path: pathlib.Path) -> None:
    """NousResearch/hermes-agent#81012: a token between the colours of a terminal was not masked."""
    secret = (SECRET * 3)[:36]
    text = line.replace("{}", escape).replace("{{", "{").replace("}}", "}") % secret
    count, shown = in_log(tmp_path, text)
    assert count == 1
    assert secret not in shown


def test_private_key_of_a_kind_without_a_scanner_is_found() -> None:
    """authlib/authlib#913: a set with a key of a new kind; its private half has a name that RFC 7518 does not know."""
    key = {"kty": "AKP", "alg": "ML-DSA-65", "pub": SECOND * 3, "priv": SECRET * 3}
    assert (1, "private-jwk") in in_code("keys.json", json.dumps({"keys": [key]}))
    assert in_code("keys.json", json.dumps({"keys": [{**key, "priv": ""}]})) == []


_SEALED: t.Final = "ENC[AES256_GCM,data:YhQtquwyl/s1b+DK,iv:2oAcrZiuiHUUjwOMb+Vj,tag:2eu0KnAdHuDjfbo+iOHorg==,type:str]"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hub.conf", "DB_PASSWORD={0}\nsops_encrypted_regex=^data$\nsops_mac={1}\nsops_version=3.10.2\n"),
        ("hub.yaml", "db:\n  password: {0}\n  user: {1}\nsops:\n  mac: {1}\n  encrypted_regex: ^data$\n"),
        ("hub.json", '{{"password": "{0}", "user": "{1}",\n "sops": {{"mac": "{1}", "version": "3.10.2"}}}}'),
    ],
)
def test_what_sops_left_in_plain_text_is_found(name: str, text: str) -> None:
    """getsops/sops#1886: a rule for encryption that matched nothing left all values readable, and nobody was told."""
    assert len(in_code(name, text.format(SECRET, _SEALED))) == 1
    assert in_code(name, text.format(_SEALED, _SEALED)) == []
