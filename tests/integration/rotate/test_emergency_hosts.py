# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J9: an emergency on several hosts that share one custody, and one of which may be away."""

from __future__ import annotations

import sys
import typing as t

import pytest
import yaml

from .conftest import Hub
from .test_emergency import NAME, PLAYBOOK, report, serials
from .test_unreachable import LOST

HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_pipelining": True}


def _keepers(hub: Hub, *names: str, **others: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the variables with which hosts keep the keys, each publishing them in a directory of its own."""
    hosts = {**others, **{name: {**HERE, "place": str(hub.base / name)} for name in names}}
    inventory = hub.base / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"keepers": {"hosts": hosts}}))
    publish = [{"kind": "directory", "path": "{{ place }}/{audience}"}]
    return {
        "rotate_keys_hosts": ":".join(hosts),
        "rotate_keys_jws": {**hub.variables["rotate_keys_jws"], "publish": publish},
        "rotate_keys_certificate_hosts": "localhost",
        "arguments": ["-i", str(inventory)],
        "participant": NAME,
    }


@pytest.mark.parametrize("playbook", [PLAYBOOK, "rotate_keys"])
def test_j9_hosts_with_the_same_custody_take_turns(hub: Hub, playbook: str) -> None:
    """The first host makes the key, and the other publishes that one: neither is in the way of the other."""
    given = _keepers(hub, "one", "two")
    moment = "compromised_at" if playbook == PLAYBOOK else "not_before"
    given[moment] = hub.moment()
    before = hub.mesh.held(NAME)["kid"]
    hub.play(playbook, **given).ok()
    after = hub.mesh.held(NAME)
    assert after["kid"] != before
    published = {(hub.base / name / "hub" / f"{NAME}.pem").read_text() for name in ("one", "two")}
    assert published == {after["public_key"]}
    assert hub.play(playbook, **given).ok().changed == 0


def test_j9_the_engine_is_asked_and_the_thief_revoked_though_the_first_host_is_away(hub: Hub) -> None:
    serial = hub.estate.certificate(NAME).serial_number
    done = hub.play(PLAYBOOK, **_keepers(hub, "one", lost=LOST), compromised_at=hub.moment())
    said = report(done)
    assert done.rc != 0
    assert [problem.partition(",")[0] for problem in said["problems"]] == ["lost: was not reached to the end"]
    assert [task.host for task in done.tasks if task.task == "Revoke what was made before" and task.changed] == ["one"]
    assert serials(hub) == {serial}
    assert said["lists"] == [str(hub.crl)]


def test_j4_nobody_with_keys_was_reached_so_that_nothing_was_revoked(hub: Hub) -> None:
    serial = f"{hub.estate.certificate(NAME).serial_number:x}"
    variables = {**_keepers(hub, lost=LOST), "rotate_keys_crl": []}
    said = report(hub.play(PLAYBOOK, **variables, compromised_at=hub.moment()))
    told = [problem for problem in said["problems"] if "no host that keeps keys was reached" in problem]
    assert (len(told), serial in told[0].replace(":", "")) == (1, True), said["problems"]


def test_j8_lists_that_the_controller_cannot_fetch_are_refused_first(hub: Hub, audit_window: t.Any) -> None:
    """The lists are fetched by the controller: what verifies the server has to be there as well."""
    missing = str(hub.base / "missing.pem")
    with audit_window() as window:
        refused = hub.play(
            PLAYBOOK,
            participant=NAME,
            compromised_at=hub.moment(),
            rotate_keys_vault={**hub.mesh.connection, "ca_cert": missing},
        )
    assert refused.rc != 0
    assert f"rotate_keys_vault.ca_cert: {missing} does not exist on the controller" in refused.stdout
    assert window.requests == []


def test_j11_a_list_that_could_not_be_fetched_leaves_the_one_that_is_installed(hub: Hub) -> None:
    """J11: an installed list was overwritten by an empty one, because the failure to fetch it was lost."""
    hub.play(PLAYBOOK, participant=NAME, compromised_at=hub.moment()).ok()
    installed = hub.crl.read_bytes()
    crl = [{"path": str(hub.crl), "mounts": [hub.estate.engine.path, "nowhere"]}]
    failed = hub.play(PLAYBOOK, participant=NAME, compromised_at=hub.moment(), rotate_keys_crl=crl)
    assert failed.rc != 0
    (problem,) = (text for text in report(failed)["problems"] if text.startswith("Install the revocation lists: "))
    assert problem.startswith(f"Install the revocation lists: {hub.crl}: could not be fetched: ")
    assert "What was installed is left as it was. See whether rotate_keys_crl names engines that there are" in problem
    assert hub.crl.read_bytes() == installed


def test_j4_a_key_that_was_not_there_is_doubted(hub: Hub) -> None:
    """J4: in check mode and without it, what is made where nothing was to replace is not called a success alone."""
    jws = {**hub.variables["rotate_keys_jws"], "path": "elsewhere/{name}"}
    given: dict[str, t.Any] = {"participant": NAME, "compromised_at": hub.moment(), "rotate_keys_jws": jws}
    for check, made in ((True, "would be"), (False, "was")):
        said = report(hub.play(PLAYBOOK, check=check, **given))
        assert said["signing_key"] == "create"
        assert (
            f"{NAME} had no signing key where rotate_keys_jws says, so that none was replaced and one {made} made. See "
            "whether rotate_keys_jws is right." in said["to_do"]
        )
