# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provision the declaration on standard input with hvac and nothing else: read, compare, write what differs.

The token comes from VAULT_TOKEN. Prints the number of writes.
"""

from __future__ import annotations

import json
import os
import sys
import typing as t

import hvac

Data = dict[str, t.Any]


class Provisioner:
    """One pass over the declaration."""

    def __init__(self, client: hvac.Client, wanted: Data) -> None:
        self.client = client
        self.wanted = wanted
        self.writes = 0

    def read(self, path: str) -> Data | None:
        """Return an object or None."""
        answer = self.client.adapter.get(f"/v1/{path}", raise_exception=False)
        if isinstance(answer, dict):
            return t.cast(Data, answer.get("data") or {})
        return None if answer.status_code == 404 else answer.raise_for_status()

    def write(self, path: str, body: Data) -> Data:
        """Write an object and return the answer's data."""
        self.writes += 1
        answer = self.client.adapter.post(f"/v1/{path}", json=body)
        return t.cast(Data, answer.get("data") or {}) if isinstance(answer, dict) else {}

    def ensure(self, path: str, body: Data) -> None:
        """Write an object whose declared fields differ from what is there."""
        held = self.read(path) or {}
        if any(held.get(name) != value for name, value in body.items()):
            self.write(path, body)

    def run(self) -> None:
        """Make everything exist."""
        for kind, table in (("mounts", self.wanted["mounts"]), ("auth", self.wanted["auth"])):
            present = self.read(f"sys/{kind}") or {}
            for path, body in table.items():
                if f"{path}/" not in present:
                    self.write(f"sys/{kind}/{path}", body)
        self._hierarchy(self.wanted["root"], self.wanted["intermediate"])
        for section in ("urls", "crl", "roles", "approles"):
            for path, body in self.wanted[section].items():
                self.ensure(path, body)
        for path, rules in self.wanted["policies"].items():
            if (self.read(path) or {}).get("policy") != rules:
                self.write(path, {"policy": rules})

    def _hierarchy(self, root: Data, intermediate: Data) -> None:
        upper, lower = root["mount"], intermediate["mount"]
        if not self._has_ca(upper):
            self.write(f"{upper}/root/generate/internal", root["body"])
        if not self._has_ca(lower):
            request = self.write(f"{lower}/intermediate/generate/internal", intermediate["body"])
            body = {"csr": request["csr"], **intermediate["signing"]}
            signed = self.write(f"{upper}/root/sign-intermediate", body)
            self.write(f"{lower}/intermediate/set-signed", {"certificate": signed["certificate"]})

    def _has_ca(self, mount: str) -> bool:
        """Tell whether an engine has an authority; without one the server answers 400."""
        answer = self.client.adapter.get(f"/v1/{mount}/cert/ca", raise_exception=False)
        return isinstance(answer, dict) and bool(answer["data"]["certificate"])


def main() -> None:
    """Do what standard input says."""
    task = json.load(sys.stdin)
    client = hvac.Client(url=task["url"], token=os.environ["VAULT_TOKEN"], verify=task["ca_cert"])
    provisioner = Provisioner(client, task["wanted"])
    provisioner.run()
    print(f"writes={provisioner.writes}")


if __name__ == "__main__":
    main()
