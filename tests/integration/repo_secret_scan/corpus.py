# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A repository full of planted secrets, made when the test runs: one plant per file, so that a finding names its plant.

What is planted, and what only looks like it, is the table; the values follow from a fixed seed (see
`tests/rigs/plants.py`), because rules that measure entropy would otherwise judge differently from run to run.
"""

from __future__ import annotations

import base64
import dataclasses
import os
import pathlib
import string
import subprocess
import typing as t
from collections.abc import Callable

from tests.rigs.plants import Plants

Make = Callable[[Plants], str]


@dataclasses.dataclass(frozen=True)
class Plant:
    """One file; ``{}`` in its text is the secret. ``how`` says in which part of the repository it is."""

    path: str
    text: str
    make: Make
    how: str = "tree"


def _pem(kind: str = "", indent: str = "") -> Make:
    return lambda plants: plants.private_key(kind).rstrip("\n").replace("\n", f"\n{indent}")


def _wrapped_pem(plants: Plants) -> str:
    return base64.b64encode(plants.private_key().encode()).decode()


def _wrapped_password(plants: Plants) -> str:
    return base64.b64encode(plants.password().encode()).decode()


def _letters(plants: Plants) -> str:
    return plants.text(24)


#: Secrets.
PLANTED: tuple[Plant, ...] = (
    Plant("conf/service.env", "LOG_LEVEL=info\nDB_PASSWORD={}\n", Plants.password),
    Plant("conf/app.yml", "database:\n  host: db.example\n  password: {}\n", Plants.password),
    Plant("conf/app.json", '{{"db": {{"user": "hub", "password": "{}"}}}}\n', Plants.password),
    Plant("conf/app.properties", "db.user=hub\ndb.password={}\n", Plants.password),
    Plant("conf/app.ini", "[db]\nuser = hub\npassword = {}\n", Plants.password),
    Plant("conf/app.toml", '[db]\nuser = "hub"\npassword = "{}"\n', Plants.password),
    Plant("conf/app.xml", '<db user="hub" password="{}"/>\n', Plants.password),
    Plant("conf/hub.conf", "user hub;\npassword {};\n", Plants.password),
    Plant("src/login.py", 'USER = "hub"\nPASSWORD = "{}"\n', Plants.password),
    Plant("src/Login.java", 'class Login {{ String apiKey = "{}"; }}\n', lambda it: it.text(32)),
    Plant("src/login.js", "const clientSecret = '{}';\n", lambda it: it.text(32)),
    Plant("src/ilp.js", 'const ILP_SECRET = "{}";\n', lambda it: it.hexadecimal(32)),
    Plant("src/noise.js", 'sign(body, "{}");\n', lambda it: it.base64(32)),
    Plant("src/token.js", 'const sessionToken = "{}";\n', lambda it: it.text(24)),
    Plant("src/creds.py", 'HUB_CREDENTIALS = "{}"\n', lambda it: it.text(24)),
    Plant("src/key.go", 'var cookieKey = "{}"\n', lambda it: it.hexadecimal(16)),
    Plant("src/access.rb", "access: '{}'\n", lambda it: it.text(24)),
    Plant("deploy/run.sh", "#!/bin/sh\nexport MASTER_KEY={}\n", lambda it: it.hexadecimal(32)),
    Plant("deploy/call.sh", 'curl -H "Authorization: Bearer {}" https://api.example\n', lambda it: it.text(40)),
    Plant("deploy/basic.sh", "curl -u hub:{} https://api.example\n", Plants.password),
    Plant("deploy/Dockerfile", "FROM debian\nENV DB_PASSWORD={}\n", Plants.password),
    Plant("deploy/main.tf", 'resource "db" "hub" {{\n  password = "{}"\n}}\n', Plants.password),
    Plant("deploy/compose.yml", "services:\n  app:\n    environment: [postgres://hub:{}@db/hub]\n", _letters),
    Plant("deploy/secret.yml", "kind: Secret\ndata:\n  password: {}\n", _wrapped_password),
    Plant("deploy/wrapped.yml", "kind: Secret\ndata:\n  tls.key: {}\n", _wrapped_pem),
    Plant("keys/rsa.pem", "{}\n", _pem("RSA")),
    Plant("keys/pkcs8.pem", "{}\n", _pem()),
    Plant("keys/ec.yml", "key: |\n  {}\n", _pem("EC", "  ")),
    Plant("keys/id_ed25519", "{}\n", _pem("OPENSSH")),
    Plant("keys/encrypted.pem", "{}\n", _pem("ENCRYPTED")),
    Plant("keys/one_line.json", '{{"private_key": "{}"}}\n', lambda it: it.private_key().replace("\n", "\\n")),
    Plant("keys/hub.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{}\n", lambda it: it.base64(36)),
    Plant("keys/age.txt", "# created\n{}\n", Plants.age),
    Plant("keys/hub.p12", "\x00{}\x00", lambda it: it.text(200)),
    Plant("tokens/aws_id.txt", "id {}\n", Plants.aws),
    Plant("tokens/aws_secret.txt", 'aws_secret_access_key = "{}"\n', lambda it: it.base64(30)),
    Plant("tokens/github.txt", "use {}\n", Plants.github),
    Plant("tokens/gitlab.txt", "use {}\n", Plants.gitlab),
    Plant("tokens/slack.txt", "use {}\n", Plants.slack),
    Plant("tokens/webhook.txt", "use {}\n", Plants.webhook),
    Plant("tokens/stripe.txt", "use {}\n", Plants.stripe),
    Plant("tokens/google.txt", "use {}\n", Plants.google),
    Plant("tokens/digitalocean.txt", "use {}\n", lambda it: "dop" + f"_v1_{it.hexadecimal(32)}"),
    Plant("tokens/huggingface.txt", "use {}\n", lambda it: "h" + f"f_{it.text(34, string.ascii_letters)}"),
    Plant("tokens/azure.txt", "use {}\n", lambda it: f"{it.text(3)}8Q~{it.text(34)}"),
    Plant("tokens/.npmrc", "//registry.example/:_authToken={}\n", Plants.npm),
    Plant("tokens/.pypirc", "[pypi]\nusername = __token__\npassword = {}\n", Plants.pypi),
    Plant("tokens/jwt.txt", "session {}\n", Plants.token),
    Plant("tokens/vault.txt", "token {}\n", Plants.vault),
    Plant("tokens/openbao.txt", "token {}\n", Plants.openbao),
    Plant("tokens/.netrc", "machine api.example login hub password {}\n", Plants.password),
    Plant("tokens/.pgpass", "db.example:5432:hub:hub:{}\n", Plants.password),
    Plant("tokens/.git-credentials", "https://hub:{}@git.example\n", lambda it: it.text(20)),
    Plant("tokens/.htpasswd", "hub:$apr1${}\n", lambda it: f"{it.text(8)}${it.text(22)}"),
    Plant(".env", "HUB_NAME=hub\nHUB_VALUE={}\n", lambda it: it.text(12)),
    Plant("odd/marked.py", 'PASSWORD = "{}"  # pragma: allowlist secret\n', _letters),
    Plant("odd/marked_too.py", 'PASSWORD = "{}"  # gitleaks:allow\n', _letters),
    Plant("odd/windows.yml", "db:\r\n  password: {}\r\n", _letters),
    Plant("odd/latin.py", '# M\xfcnchen\nPASSWORD = "{}"\n', _letters),
    Plant("odd/long.js", "var a=1;" * 4000 + 'var t="{}";\n', Plants.github),
    Plant("odd/notebook.ipynb", '{{"cells": [{{"source": ["token = \\"{}\\""]}}]}}\n', Plants.github),
    Plant("odd/picture.svg", "<svg><!-- {} --></svg>\n", Plants.github),
    Plant("odd/poetry.lock", "# use {}\n", Plants.github),
    Plant("odd/utf16.txt", "use {}\n", Plants.github),
    Plant("odd/prose.md", "Log in as hub with the word {} and a smile.\n", Plants.password),
    Plant("odd/halves.py", 'TOKEN = "{}" + REST\n', lambda it: it.github()[:12]),
    Plant("past/removed.yml", "password: {}\n", _letters, "removed"),
    Plant("past/replaced.txt", "use {}\n", Plants.github, "replaced"),
    Plant("past/branch.txt", "use {}\n", Plants.gitlab, "branch"),
    Plant("past/tag.txt", "use {}\n", Plants.slack, "tag"),
    Plant("past/merge.txt", "use {}\n", Plants.stripe, "merge"),
    Plant("past/stash.txt", "use {}\n", Plants.npm, "stash"),
    Plant("(message)", "Rotate the key\n\nIt was {} before.\n", Plants.github, "message"),
)  # fmt: skip

#: What looks like a secret and is none.
DECOYS: tuple[Plant, ...] = (
    Plant("fine/image.yml", "image: registry.example/hub@sha256:{}\n", lambda it: it.hexadecimal(32)),
    Plant("fine/sums.txt", "{}  hub.tar\n", lambda it: it.hexadecimal(32)),
    Plant("fine/id.yml", "id: 6f1c2d3e-{}-4a5b-8c7d-0123456789ab\n", lambda it: it.hexadecimal(2)),
    Plant("fine/template.yml", "password: '{{{{ hub_password }}}}' # {}\n", lambda it: ""),
    Plant("fine/shell.sh", 'export DB_PASSWORD="${{DB_PASSWORD:?}}" # {}\n', lambda it: ""),
    Plant("fine/lookup.py", 'password = get_password("hub") # {}\n', lambda it: ""),
    Plant("fine/readme.md", "Set password to <your-password>. {}\n", lambda it: ""),
    Plant("fine/app.env.example", "DB_PASSWORD=\nHUB_NAME={}\n", lambda it: "hub"),
    Plant("fine/public.pem", "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lambda it: it.base64(90)),
    Plant("fine/package-lock.json", '{{"integrity": "sha512-{}"}}\n', lambda it: it.base64(64)),
    Plant("fine/prose.txt", "The password is stored in the vault, the token expires. {}\n", lambda it: ""),
    Plant("fine/url.txt", "https://example.com:8443/a@b {}\n", lambda it: ""),
)


class Corpus:
    """The repository in a directory."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        #: By path of a plant: the secret in it.
        self.secrets: dict[str, str] = {}
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        for at, plant in enumerate((*PLANTED, *DECOYS)):
            self.secrets[plant.path] = plant.make(Plants(1000 + at))
        for plant in (*PLANTED, *DECOYS):
            if plant.how in ("tree", "removed", "replaced"):
                self.write(plant)
        self.commit("Add everything")
        self._past()

    def _past(self) -> None:
        """Move plants to where only the history knows them."""
        of = {plant.how: plant for plant in PLANTED}
        (self.path / of["removed"].path).unlink()
        (self.path / of["replaced"].path).write_text("use the vault\n")
        self.commit("Remove two")
        self.git("checkout", "--quiet", "-b", "side")
        self.write(of["branch"])
        self.commit("Work aside")
        self.git("checkout", "--quiet", "--detach", "main")
        self.write(of["tag"])
        self.commit("Release")
        self.git("tag", "v1")
        self.git("checkout", "--quiet", "main")
        self.git("checkout", "--quiet", "-b", "other", "main~1")
        (self.path / "README").write_text("hub\n")
        self.commit("Say what it is")
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--no-commit", "--no-ff", "other")
        self.write(of["merge"])
        self.commit("Join")
        (self.path / of["merge"].path).unlink()
        self.commit("Remove what the merge brought")
        self.write(of["stash"])
        self.git("add", "--force", "--all")
        self.git("stash", "--quiet")
        self.git("commit", "--quiet", "--allow-empty", "--file=-", given=self.text(of["message"]))

    def text(self, plant: Plant) -> str:
        """Return the text of a plant."""
        return plant.text.format(self.secrets[plant.path])

    def write(self, plant: Plant) -> None:
        """Write the file of a plant."""
        path = self.path / plant.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.text(plant).encode("utf-16" if plant.path == "odd/utf16.txt" else "latin-1"))

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "--force", "--all")
        self.git("commit", "--quiet", f"--message={message}")

    def git(self, *arguments: str, check: bool = True, given: str | None = None) -> str:
        """Run git in the repository, with nobody's configuration."""
        identity = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "T"), ("EMAIL", "t@example.com"), ("DATE", "2026-01-01T00:00:00Z"))
        }
        env = {"PATH": os.environ["PATH"], "HOME": str(self.path.parent), "GIT_CONFIG_NOSYSTEM": "1", **identity}
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=env, check=check, capture_output=True, text=True, input=given
        )
        return t.cast("str", done.stdout).strip()
