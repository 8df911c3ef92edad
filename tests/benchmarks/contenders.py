# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is compared: for each contender the command that makes n certificates, and where the files then are."""

from __future__ import annotations

import abc
import json
import pathlib
import typing as t

from tests.benchmarks.estate import DOMAIN, MOUNT, ROLE, TTL, Estate
from tests.benchmarks.workbench import Workbench

Task = dict[str, t.Any]
Run = tuple[list[str], dict[str, str], str]


class Leaf(t.NamedTuple):
    """One certificate to be made."""

    name: str
    common_name: str
    dns_names: list[str]


class Files(t.NamedTuple):
    """Where a contender puts it."""

    key: pathlib.Path
    certificate: pathlib.Path
    """The leaf first; what follows is the chain."""


def leaves(count: int) -> list[Leaf]:
    """Return ``count`` certificates with two names each."""
    names = [f"leaf-{number:05d}" for number in range(count)]
    return [Leaf(name, f"{name}.{DOMAIN}", [f"{name}.{DOMAIN}", f"{name}.svc.{DOMAIN}"]) for name in names]


class Contender(abc.ABC):
    """Somebody who makes certificates."""

    name: t.ClassVar[str]
    label: t.ClassVar[str]
    #: Whether it signs by itself instead of asking the server.
    local: t.ClassVar[bool] = False
    has_chain: t.ClassVar[bool] = True

    def __init__(self, bench: Workbench, estate: Estate) -> None:
        self.bench = bench
        self.estate = estate

    @abc.abstractmethod
    def command(self, wanted: list[Leaf], target: pathlib.Path, *, pipelining: bool, check: bool) -> Run:
        """Return argv, environment and standard input of the run that makes ``wanted`` in ``target``."""

    def files(self, leaf: Leaf, target: pathlib.Path) -> Files:
        """Return where the files of ``leaf`` are after the run."""
        return Files(target / f"{leaf.name}.key", target / f"{leaf.name}.pem")

    def _play(self, tasks: list[Task], wanted: list[Leaf], target: pathlib.Path, pipelining: bool, check: bool) -> Run:
        items = [leaf._asdict() for leaf in wanted]
        variables = {"certificates": items, "target": str(target), "authority": str(self.estate.local_ca)}
        argv = self.bench.playbook(self.name, tasks, **variables)
        environment = self.bench.environment(self._secrets(), pipelining=pipelining)
        return [*argv, *(["--check"] if check else [])], environment, ""

    def _secrets(self) -> dict[str, str]:
        return self.estate.by_token


class Ours(Contender):
    """One task, one login with an AppRole; more files than anybody else and all of them durable on disk."""

    name = "ours"
    label = "trustmesh.security.certificate"

    def __init__(self, bench: Workbench, estate: Estate, **options: t.Any) -> None:
        super().__init__(bench, estate)
        self.options = options

    def command(self, wanted: list[Leaf], target: pathlib.Path, *, pipelining: bool = True, check: bool = False) -> Run:
        task = {
            "name": "Keep the certificates",
            "trustmesh.security.certificate": {
                **self.estate.connection,
                "auth_method": "approle",
                "mount": MOUNT,
                "role": ROLE,
                "ttl": TTL,
                "renew_before": "7d",
                "directory": str(target),
                "certificates": "{{ certificates }}",
                **self.options,
            },
        }
        return self._play([task], wanted, target, pipelining, check)

    def files(self, leaf: Leaf, target: pathlib.Path) -> Files:
        return Files(target / leaf.name / "key.pem", target / leaf.name / "fullchain.pem")

    def _secrets(self) -> dict[str, str]:
        return self.estate.by_approle


def _copies(private_key: str, certificate: str) -> list[Task]:
    """Return the two tasks that put an issued key and certificate on disk."""
    loop = {"loop": "{{ issued.results }}", "loop_control": {"label": "{{ item.item.name }}"}}
    return [
        {
            "name": "Write the keys",
            "ansible.builtin.copy": {
                "content": private_key,
                "dest": "{{ target }}/{{ item.item.name }}.key",
                "mode": "0600",
            },
            "no_log": True,
            **loop,
        },
        {
            "name": "Write the certificates",
            "ansible.builtin.copy": {
                "content": certificate,
                "dest": "{{ target }}/{{ item.item.name }}.pem",
                "mode": "0644",
            },
            **loop,
        },
    ]


class HashiVault(Contender):
    """Issue with the key made by the server, then two copies, as its documentation shows."""

    name = "hashi_vault"
    label = "community.hashi_vault, issue + 2 copy"

    def command(self, wanted: list[Leaf], target: pathlib.Path, *, pipelining: bool = True, check: bool = False) -> Run:
        issue: Task = {
            "name": "Issue",
            "community.hashi_vault.vault_pki_generate_certificate": {
                **self.estate.connection,
                "auth_method": "token",
                "engine_mount_point": MOUNT,
                "role_name": ROLE,
                "common_name": "{{ item.common_name }}",
                "alt_names": "{{ item.dns_names }}",
                "ttl": TTL,
            },
            "loop": "{{ certificates }}",
            "loop_control": {"label": "{{ item.name }}"},
            "register": "issued",
        }
        data = "item.data.data"
        chain = f"{{{{ [{data}.certificate, {data}.ca_chain[0]] | join('\\n') }}}}\n"
        return self._play(
            [issue, *_copies(f"{{{{ {data}.private_key }}}}\n", chain)], wanted, target, pipelining, check
        )


class TerryHowe(Contender):
    """Issue with the key made by the server, then two copies."""

    name = "hashivault"
    label = "hashivault modules, issue + 2 copy"

    def command(self, wanted: list[Leaf], target: pathlib.Path, *, pipelining: bool = True, check: bool = False) -> Run:
        issue: Task = {
            "name": "Issue",
            "hashivault_pki_cert_issue": {
                **self.estate.connection,
                "mount_point": MOUNT,
                "role": ROLE,
                "common_name": "{{ item.common_name }}",
                "extra_params": {"alt_names": "{{ item.dns_names | join(',') }}", "ttl": TTL},
            },
            "loop": "{{ certificates }}",
            "loop_control": {"label": "{{ item.name }}"},
            "register": "issued",
        }
        data = "item.data"
        chain = f"{{{{ [{data}.certificate, {data}.ca_chain[0]] | join('\\n') }}}}\n"
        return self._play(
            [issue, *_copies(f"{{{{ {data}.private_key }}}}\n", chain)], wanted, target, pipelining, check
        )


class Crypto(Contender):
    """Key, request and certificate from an authority on the same disk: no server at all."""

    name = "crypto"
    label = "community.crypto, key + request + ownca"
    local = True
    has_chain = False

    def command(self, wanted: list[Leaf], target: pathlib.Path, *, pipelining: bool = True, check: bool = False) -> Run:
        loop = {"loop": "{{ certificates }}", "loop_control": {"label": "{{ item.name }}"}}
        path = "{{ target }}/{{ item.name }}"
        tasks: list[Task] = [
            {
                "name": "Make the keys",
                "community.crypto.openssl_privatekey": {"path": f"{path}.key", "type": "ECC", "curve": "secp256r1"},
                **loop,
            },
            {
                "name": "Make the requests",
                "community.crypto.openssl_csr": {
                    "path": f"{path}.csr",
                    "privatekey_path": f"{path}.key",
                    "common_name": "{{ item.common_name }}",
                    "subject_alt_name": "{{ item.dns_names | map('regex_replace', '^', 'DNS:') | list }}",
                },
                **loop,
            },
            {
                "name": "Sign",
                "community.crypto.x509_certificate": {
                    "path": f"{path}.pem",
                    "csr_path": f"{path}.csr",
                    "provider": "ownca",
                    "ownca_path": "{{ authority }}/ca.pem",
                    "ownca_privatekey_path": "{{ authority }}/ca.key",
                    "ownca_not_after": "+30d",
                },
                **loop,
            },
        ]
        return self._play(tasks, wanted, target, pipelining, check)


class Script(Contender):
    """A plain hvac program that makes key and request, has them signed and writes two files; no Ansible, no checks."""

    name = "script"
    label = "plain hvac script"
    threads = 1

    def command(self, wanted: list[Leaf], target: pathlib.Path, *, pipelining: bool = True, check: bool = False) -> Run:
        given = {
            **self.estate.connection,
            "mount": MOUNT,
            "role": ROLE,
            "ttl": TTL,
            "target": str(target),
            "threads": self.threads,
            "leaves": [leaf._asdict() for leaf in wanted],
        }
        return self.bench.script("issue"), self.bench.environment(self.estate.by_token), json.dumps(given)


class ThreadedScript(Script):
    """The same with eight threads."""

    name = "script8"
    label = "plain hvac script, 8 threads"
    threads = 8


PEERS: tuple[type[Contender], ...] = (HashiVault, TerryHowe, Crypto)
SCRIPTS: tuple[type[Contender], ...] = (Script, ThreadedScript)
