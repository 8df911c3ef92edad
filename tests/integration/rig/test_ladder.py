# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ladder: a good module climbs it, and each kind of bad one falls from the rung that is there to catch it."""

from __future__ import annotations

import pathlib
import textwrap
import typing as t
from collections.abc import Callable

import pytest

from tests.integration.ladder import Ladder
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import Runner
from tests.rigs.transcript import Transcript

GOOD = 'path "secret/data/a" {\n  capabilities = ["read"]\n}\n'
OTHER = 'path "secret/data/b" {\n  capabilities = ["read"]\n}\n'

# A policy module with every fault that the ladder has to notice, on request.
MODULE = """
from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request

from ansible.module_utils.basic import AnsibleModule

OPTIONS = {name: {"type": "str"} for name in ("url", "ca_cert", "name", "rules", "state", "fault")}


class Api:
    def __init__(self, params):
        self.url = params["url"] + "/v1/sys/policies/acl/" + params["name"]
        self.token = params["token"]
        context = ssl.create_default_context(cafile=params["ca_cert"])
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        self.opener = urllib.request.build_opener(*handlers)

    def ask(self, method, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url, data, {"X-Vault-Token": self.token}, method=method)
        try:
            with self.opener.open(request) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None


def decide(p, current):
    wanted = p["rules"] if p["state"] == "present" else None
    if wanted == current or (p["fault"] == "blind to drift" and wanted and current):
        return wanted, ("update" if p["fault"] == "never settles" and wanted else "none")
    return wanted, "create" if current is None else "update" if wanted else "delete"


def main():
    module = AnsibleModule({**OPTIONS, "token": {"type": "str", "no_log": True}}, supports_check_mode=True)
    p, check = module.params, module.check_mode
    api = Api(p)
    answer = api.ask("GET")
    current = answer["data"]["policy"] if answer else None
    wanted, action = decide(p, current)
    writes = (not check or p["fault"] == "writes in check mode") and action != "none"
    writes = (writes or (p["fault"] == "writes for nothing" and not check)) and p["fault"] != "pretends"
    if writes:
        api.ask("POST" if wanted else "DELETE", {"policy": wanted} if wanted else None)
    changed = action != "none"
    reasons = ["rules differ" if check and p["fault"] == "foretells otherwise" else "rules differs"] if changed else []
    item = {"item": p["name"], "changed": changed, "action": action, "warnings": [],
            "reasons": [] if p["fault"] == "gives no reason" else reasons}
    if p["fault"] == "rambles":
        item["noise"] = os.urandom(8).hex()
    summary = {name: int(name == action) for name in ("none", "create", "update", "replace", "delete")}
    shown = {"before": current, "after": "?" if check and p["fault"] == "foretells another diff" else wanted}
    if p["fault"] == "miscounts":
        summary["none"] += 1
    module.exit_json(changed=changed, results=[item], summary={**summary, "failed": 0}, diff=[shown])


main()
"""

FAULTS = {
    "writes in check mode": "the server was written to",
    "writes for nothing": "the server was written to",
    "pretends": "the server saw nothing",
    "never settles": "check again",
    "blind to drift": "check mend",
    "foretells otherwise": "check mode foretold otherwise: create",
    "foretells another diff": "check mode foretold otherwise: create",
    "gives no reason": "a change needs a reason",
    "rambles": "two no-op runs differ",
    "miscounts": "the summary is",
}


@pytest.fixture
def own_ladder(tmp_path: pathlib.Path, transcript: Transcript, vault: OpenBao, connection: dict[str, str]) -> Ladder:
    """A ladder for the module above."""
    modules = tmp_path / "ansible_collections" / "rig" / "test" / "plugins" / "modules"
    modules.mkdir(parents=True)
    (modules / "policy.py").write_text(textwrap.dedent(MODULE))
    return Ladder(Runner(tmp_path, transcript), vault.audit, connection)


def climb(ladder: Ladder, vault: OpenBao, name: str, fault: str) -> dict[str, t.Any]:
    args = {"name": name, "rules": GOOD, "fault": fault}
    return ladder.climb(
        "rig.test.policy",
        {**args, "state": "present"},
        tamper=lambda: vault.api.write(f"sys/policies/acl/{name}", policy=OTHER),
        absent={**args, "state": "absent"},
    )


def test_good_module_climbs(own_ladder: Ladder, vault: OpenBao, unique_name: Callable[[str], str]) -> None:
    name = unique_name("policy")
    rungs = climb(own_ladder, vault, name, "none")
    assert list(rungs) == [
        "check create",
        "create",
        "check again",
        "again",
        "check mend",
        "mend",
        "mended",
        "check remove",
        "remove",
        "check removed",
        "removed",
    ]
    assert [w.operation for rung in rungs.values() for w in rung.writes] == ["update", "update", "delete"]
    assert [len(rung.reads) for rung in rungs.values()] == [1] * len(rungs)
    assert vault.api.read(f"sys/policies/acl/{name}") is None


@pytest.mark.parametrize(("fault", "complaint"), FAULTS.items(), ids=FAULTS)
def test_bad_module_falls(
    own_ladder: Ladder, vault: OpenBao, unique_name: Callable[[str], str], fault: str, complaint: str
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        climb(own_ladder, vault, unique_name("policy"), fault)


def test_vault_policy_climbs(ladder: Ladder, vault: OpenBao, unique_name: Callable[[str], str]) -> None:
    """The first module of the collection, as the pattern for the others."""
    kept, drifting = unique_name("policy"), unique_name("policy")
    both = [{"name": kept, "rules": GOOD}, {"name": drifting, "rules": GOOD}]
    rungs = ladder.climb(
        "vault_policy",
        {"policies": both},
        tamper=lambda: vault.api.write(f"sys/policies/acl/{drifting}", policy=OTHER),
        absent={"policies": [{"name": name, "state": "absent"} for name in (kept, drifting)]},
    )
    assert [item["action"] for item in rungs["mend"].items] == ["none", "update"]
    assert [w.path for w in rungs["mend"].writes] == [f"sys/policies/acl/{drifting}"]
