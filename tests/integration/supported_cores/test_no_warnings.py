# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F6: filters, tests, lookups and a module warn of nothing on any supported ansible-core, given lazy values."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.openbao import OpenBao
from tests.rigs.process import RigError
from tests.rigs.runner import BINARIES
from tests.unit.docs.blocks import ROOT

PLAY = """
- hosts: localhost
  gather_facts: false
  vars:
    key: {type: value, value: "{{ lookup('file', 'master') }}"}
    payment: "{{ lookup('file', 'payment') }}"
    rsa: "{{ lookup('file', 'rsa.pem') }}"
    rsa_public: "{{ lookup('file', 'rsa.pub') }}"
    ed: "{{ lookup('file', 'ed.pem') }}"
    ed_public: "{{ lookup('file', 'ed.pub') }}"
    certificate: "{{ lookup('file', 'cert.pem') }}"
    claims: {sub: "{{ 'me' }}", roles: [a, b]}
    transfer:
      transactionId: 85feac2f-39b2-491b-817e-4a03203d4f14
      quoteId: 7c23e80c-d078-4077-8263-2c047876fcf6
      payee: {partyIdInfo: {partyIdType: MSISDN, partyIdentifier: "27787654321", fspId: "{{ 'b' }}"}}
      payer: {partyIdInfo: {partyIdType: MSISDN, partyIdentifier: "27713803912", fspId: a}}
      amount: {currency: USD, amount: "1.25"}
      transactionType: {scenario: TRANSFER, initiator: PAYER, initiatorType: CONSUMER}
    request: {method: POST, url: /transfers, headers: {FSPIOP-Source: "{{ 'a' }}"}, body: {a: {b: [1, "{{ 'c' }}"]}}}
    secret: {apiVersion: v1, kind: Secret, metadata: {name: a, namespace: b}, stringData: {k: "{{ 'value' }}"}}
  tasks:
    - name: Use every filter and test
      ansible.builtin.assert:
        that:
          - ('x' | trustmesh.security.envelope_seal(key)) | trustmesh.security.envelope_open(key) == 'x'
          - (claims | trustmesh.security.jwt_mint(rsa, lifetime='5m')) is truthy
          - (transfer | trustmesh.security.ilp_packet(payment, version='v4', expires_in='1h')
            | trustmesh.security.ilp_valid(secret=payment)) is truthy
          - ((transfer | trustmesh.security.ilp_packet(payment, expires_in='1h')).ilpPacket
            | trustmesh.security.ilp_decode) is truthy
          - (request | trustmesh.security.fspiop_jws_sign(rsa)
            | trustmesh.security.fspiop_jws_verify(rsa_public)) is truthy
          - (request | trustmesh.security.fspiop_jws_sign(rsa)) is trustmesh.security.fspiop_jws_valid(rsa_public)
          - (claims | trustmesh.security.signed_message_sign(ed)
            | trustmesh.security.signed_message_verify(ed_public)) is truthy
          - ('x' | trustmesh.security.ed25519_sign(ed)) is truthy
          - (certificate | trustmesh.security.x509_parse) is truthy
          - (secret | trustmesh.security.sealed_secret(certificate)) is truthy
          - payment is trustmesh.security.ilp_strong_secret
          - packet.fulfilment is trustmesh.security.ilp_fulfils(packet.fulfilment | trustmesh.security.ilp_condition)
          - not (claims | trustmesh.security.jwt_mint(rsa, lifetime='5m') | trustmesh.security.jwt_claims).verified
          - ('x' | trustmesh.security.ed25519_sign(ed)) | length > 80
          - ed is trustmesh.security.ed25519_valid(ed | trustmesh.security.ed25519_sign(ed), ed_public)
          - ('nmae' | trustmesh.security.closest_name(names)) == 'name'
          - not ('tm_live_x' is trustmesh.security.api_key_matches(no_keys, 'a'))
      vars:
        names: ["{{ 'name' }}", other]
        no_keys: {keys: []}
        packet: "{{ transfer | trustmesh.security.ilp_packet(payment, version='v4', expires_in='1h') }}"
    - name: Look a role's variables over
      vars:
        service_env_file: ["{{ 'name' }}"]
        planned: {results: [{item: "{{ 'name' }}", changed: true}]}
        root: "{{ playbook_dir }}/roles/service_env"
      ansible.builtin.assert:
        that:
          - (planned | trustmesh.security.role_verdict('a', 'files', 'file')).report == ['FAIL file name']
          - query('trustmesh.security.role_problem', root) | length == 1
    - name: Look secrets up
      vars:
        names: ["{{ 'name' }}"]
      ansible.builtin.assert:
        that:
          - lookup('trustmesh.security.vault_kv', 'a', key='one', mount=kv, **vault) == '1'
          - query('trustmesh.security.vault_kv', names[0][1], 'a', mount=kv, **vault) | length == 2
    - name: Use a module
      trustmesh.security.environment_file:
        files: [{path: "{{ playbook_dir }}/env", variables: {A: "{{ 'b' }}"}}]
"""
MATERIAL = """
openssl rand -hex 32 > master
openssl rand -base64 32 > payment
openssl genpkey -algorithm ed25519 -out ed.pem
openssl pkey -in ed.pem -pubout -out ed.pub
openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.pem -out cert.pem -subj /CN=x -days 3
openssl pkey -in rsa.pem -pubout -out rsa.pub
"""
CORES = {"2.18": "3.11", "2.19": "", "2.21": "3.12"}


def _core(version: str) -> pathlib.Path:
    """Return the programs of an ansible-core, from an environment that is made once and kept outside the checkout."""
    if not CORES[version]:
        return BINARIES
    kept = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / f"trustmesh-rigs/core-{version}"
    wanted = [f"ansible-core~={version}.0", "cryptography", "PyJWT", "hvac"]
    done = kept / "done"
    if not done.exists() or done.read_text() != str(wanted):
        pythons = pathlib.Path("~/.pyenv/versions").expanduser().glob(f"{CORES[version]}.*/bin/python")
        python = next((str(path) for path in pythons), shutil.which(f"python{CORES[version]}"))
        if python is None:
            raise RigError(f"no Python {CORES[version]} for ansible-core {version}")
        shutil.rmtree(kept, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(kept)], check=True, timeout=120)
        subprocess.run([kept / "bin/pip", "install", "--quiet", *wanted], check=True, timeout=300)
        done.write_text(str(wanted))
    return kept / "bin"


@pytest.mark.parametrize("version", CORES)
def test_f6_nothing_warns(
    version: str, collection: pathlib.Path, tmp_path: pathlib.Path, vault: OpenBao, unique_name: Callable[[str], str]
) -> None:
    programs = or_skip(lambda: _core(version))
    subprocess.run(["sh", "-ec", MATERIAL], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    kv = unique_name("kv")
    vault.api.write(f"sys/mounts/{kv}", type="kv", options={"version": "1"})
    vault.api.write(f"{kv}/a", one="1")
    (tmp_path / "server.json").write_text(
        json.dumps(
            {"kv": kv, "vault": {"url": vault.url, "ca_cert": vault.ca_path, "token": vault.make_token(["root"])}}
        )
    )
    shutil.copytree(ROOT / "roles" / "service_env", tmp_path / "roles" / "service_env")
    play = tmp_path / "play.yml"
    play.write_text(PLAY)
    for name in ("master", "payment", "rsa.pem", "rsa.pub", "ed.pem", "ed.pub", "cert.pem"):
        (tmp_path / "files").mkdir(exist_ok=True)
        shutil.copy(tmp_path / name, tmp_path / "files" / name)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(collection),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_PYTHON_INTERPRETER": str(programs / "python"),
    }

    done = subprocess.run(
        [programs / "ansible-playbook", "-e", f"@{tmp_path}/server.json", str(play)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )

    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "WARNING" not in told, told
    assert "DEPRECAT" not in told, told


def test_f6_the_play_uses_every_plugin() -> None:
    faces = ("filter", "test", "lookup")
    plugins = {path.stem for face in faces for path in (ROOT / "plugins" / face).glob("[!_]*.py")}
    assert sorted(name for name in plugins if f"trustmesh.security.{name}" not in PLAY) == []
