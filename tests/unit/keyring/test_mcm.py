# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publishing to a connection manager: its reply decides, not its status."""

from __future__ import annotations

import pathlib

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._jose import keys
from plugins.module_utils._keyring.jws import material_of
from plugins.module_utils._keyring.mcm import McmFailure, McmPublisher
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.rigs.mcm import Manager
from tests.rigs.pki import make_server_pair


def _public(key_type: str) -> str:
    size = 2048 if key_type == "rsa" else 256
    return str(material_of(generate(KeySpec(key_type, size))).public)


def test_a_key_is_published_replaced_and_taken_back() -> None:
    first, second = _public("rsa"), _public("rsa")
    with Manager(["dfsp-1"]) as manager:
        publisher = McmPublisher(manager.url, hub="hub")
        assert publisher.publish({"hub": first, "dfsp-1": second}) == {}
        assert publisher.held() == {"hub": first, "dfsp-1": second}
        assert manager.store["dfsp-jws-certs/dfsp-1"]["publicKey"] == second
        assert publisher.publish({"dfsp-1": None}) == {}
        assert publisher.held() == {"hub": first}
        assert "cannot be taken back" in str(publisher.publish({"hub": None})["hub"])


def test_trap_jws_2_an_elliptic_key_is_refused_although_it_is_stored() -> None:
    with Manager(["dfsp-1", "dfsp-2"]) as manager:
        publisher = McmPublisher(manager.url)
        failures = publisher.publish({"dfsp-1": _public("ec"), "dfsp-2": _public("rsa")})
        assert list(failures) == ["dfsp-1"], "the other one is published all the same"
        assert "state INVALID: TEXT_PUBLIC_KEY_CORRECT" in str(failures["dfsp-1"])
        assert "dfsp-jws-certs/dfsp-1" in manager.store, "it is stored and handed out all the same"
        assert keys.public_of(keys.load_public(publisher.held()["dfsp-2"]))
        assert publisher.held()["dfsp-1"].startswith("INVALID "), "and never counts as published"


def test_who_is_not_known_or_not_allowed_is_told_apart() -> None:
    key = _public("rsa")
    with Manager([], token="right") as manager:
        failures = McmPublisher(manager.url, "right").publish({"dfsp-1": key})
        assert "Create the participant" in str(failures["dfsp-1"])
        with pytest.raises(McmFailure, match="token"):
            McmPublisher(manager.url, "wrong").held()
    with pytest.raises(McmFailure, match="cannot be reached"):
        McmPublisher(manager.url, timeout=2).held()


def test_a_manager_whose_certificate_nobody_vouches_for_is_told_nothing(tmp_path: pathlib.Path) -> None:
    pair = make_server_pair(tmp_path)
    with Manager(["dfsp-1"], tls=pair) as manager:
        assert McmPublisher(manager.url, ca_cert=str(pair.ca)).publish({"dfsp-1": _public("rsa")}) == {}
        manager.requests.clear()
        with pytest.raises(McmFailure, match=r"ca_cert: the certificate of .* was not accepted"):
            McmPublisher(manager.url).held()
        assert manager.requests == []


def test_what_is_no_connection_manager_is_told() -> None:
    with Manager() as manager:
        with pytest.raises(McmFailure, match="did not answer as a connection manager"):
            McmPublisher(manager.url.replace("/api", "/api/hub/jwscerts/rotate?")).held()
        with pytest.raises(InvalidInput):
            McmPublisher("mcm.example")
