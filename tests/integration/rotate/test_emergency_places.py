# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J8: an emergency that was declared with a wrong place replaces and revokes nothing of another participant."""

from __future__ import annotations

import pathlib
import sys
import typing as t

import pytest
import yaml

from .conftest import Hub
from .test_emergency import NAME, PLAYBOOK, report

OTHER = "perffsp-2"
FILES = {f"{file}_file": f"{OTHER}/{name}.pem" for file, name in (("key", "key"), ("certificate", "cert"))}
FILES |= {f"{file}_file": f"{OTHER}/{file}.pem" for file in ("chain", "fullchain", "ca")}


def _state(hub: Hub) -> list[t.Any]:
    """Return everything that an emergency could replace."""
    serials = [hub.estate.certificate(name).serial_number for name in (NAME, OTHER)]
    return [*serials, hub.mesh.held(NAME)["kid"], hub.secret(NAME), hub.crl.exists()]


def _hosts(hub: Hub, **items: list[dict[str, t.Any]]) -> list[str]:
    """Write an inventory of hosts with certificates and return the arguments that name it."""
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_pipelining": True}
    hosts = {name: {**here, "certificates": declared} for name, declared in items.items()}
    inventory = hub.base / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"edges": {"hosts": hosts}}))
    return ["-i", str(inventory)]


def test_j8_a_place_with_the_certificate_of_another_is_refused_before_any_change(hub: Hub, audit_window: t.Any) -> None:
    """One host is right and one is wrong; neither is changed, in check mode and without it."""
    item = {"name": NAME, "common_name": f"{NAME}.svc.example"}
    given: dict[str, t.Any] = {
        "rotate_keys_certificate_hosts": "edges",
        "rotate_keys_certificates": "{{ certificates }}",
        "arguments": _hosts(hub, one=[item], two=[{**item, **FILES}]),
        "participant": NAME,
        "compromised_at": hub.moment(),
    }
    before = _state(hub)
    for check in (True, False):
        with audit_window() as window:
            refused = hub.play(PLAYBOOK, check=check, **given)
        assert refused.rc != 0
        faults = [task for task in refused.tasks if task.task == "Refuse places that have the certificates of others"]
        assert {task.host: task.result.get("msg") for task in faults if task.status == "failed"} == {
            "two": f"two: {hub.estate.path(OTHER)} has a certificate of {OTHER}.svc.example in use, not of "
            f"{NAME}.svc.example. Correct where {NAME} is (directory, certificate_file) in rotate_keys_certificates, "
            f"or set its common_name to {OTHER}.svc.example if this certificate is meant."
        }
        assert not any(task.task == "Have certificates with new keys" for task in refused.tasks)
        assert window.writes == []
        assert _state(hub) == before

    meant = [{**item, **FILES, "common_name": f"{OTHER}.SVC.example"}]
    allowed = hub.play(PLAYBOOK, check=True, **{**given, "arguments": _hosts(hub, one=[item], two=meant)}).ok()
    assert report(allowed)["certificates"] == {f"{NAME} on one": "replace", f"{NAME} on two": "replace"}


def test_j8_the_certificates_of_another_participant_are_not_declared(hub: Hub, audit_window: t.Any) -> None:
    items = [{"name": name, "common_name": f"{name}.svc.example"} for name in (NAME, OTHER)]
    with audit_window() as window:
        refused = hub.play(PLAYBOOK, participant=NAME, compromised_at=hub.moment(), rotate_keys_certificates=items)
    assert refused.rc != 0
    assert f"rotate_keys_certificates: {OTHER} is another participant, whose certificates would be" in refused.stdout
    assert window.requests == []


def test_r7_former_certificates_of_another_name_reveal_nobody_else(hub: Hub) -> None:
    """R7: the place once had another name by mistake; it is revoked, and what its owner has elsewhere is not."""
    estate = hub.estate
    wrong = {"name": NAME, "common_name": f"{OTHER}.svc.example"}
    hub.runner.module("certificate", estate.args(wrong, ttl="30d")).ok()
    mistaken, used = estate.certificate(NAME).serial_number, hub.renew(NAME)
    stranger = estate.certificate(OTHER).serial_number
    done = report(hub.play(PLAYBOOK, participant=NAME, compromised_at=hub.moment()).ok())
    revoked = {int(serial.replace(":", ""), 16) for serial in done["revoked"]}
    assert {mistaken, used} <= revoked
    assert stranger not in revoked
    (doubt,) = done["to_do"]
    assert f"was issued to {OTHER}.svc.example, which former certificates of {NAME} are of" in doubt
    assert doubt.endswith(f"It stays valid. Add it to rotate_keys_revoke if it is of {NAME}.")


@pytest.mark.parametrize(("owner", "refused"), [(NAME, False), (OTHER, True)])
def test_j8_a_certificate_without_a_common_name_goes_by_its_other_names(hub: Hub, owner: str, refused: bool) -> None:
    hub.estate.role("nameless", require_cn=False)
    issued = hub.estate.engine.write("issue/nameless", alt_names=f"{owner}.svc.example", key_type="ec").data
    place = hub.base / "nameless" / "edge"
    place.mkdir(parents=True)
    for file, text in (("cert", "certificate"), ("key", "private_key"), ("chain", "issuing_ca")):
        (place / f"{file}.pem").write_text(issued[text])
    hub.mesh.canaries.record(issued["private_key"], "private key")
    certificate = {**hub.variables["rotate_keys_certificate"], "directory": str(pathlib.Path(place).parent)}
    play = hub.play(
        PLAYBOOK,
        check=True,
        participant=NAME,
        compromised_at=hub.moment(),
        rotate_keys_certificate=certificate,
        rotate_keys_certificates=[{"name": "edge", "common_name": f"{NAME}.svc.example"}],
    )
    if refused:
        assert play.rc != 0
        assert f"has a certificate of {OTHER}.svc.example in use, not of {NAME}.svc.example" in play.stdout
        return
    said = report(play.ok())
    assert said["certificates"] == {"edge": "replace"}
    assert said["to_do"] == [
        f"No item of rotate_keys_certificates has the name {NAME}. See whether these are its certificates: edge."
    ]
