# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys in a transit engine."""

from __future__ import annotations

import base64
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._jose import ed25519
from plugins.module_utils._vault.errors import Forbidden, VaultError
from plugins.module_utils._vault.transit_holder import TransitHolder
from tests.integration.key_holders.test_every_holder import fits
from tests.integration.vault_port.conftest import Port
from tests.rigs.openbao import OpenBao

RULES: t.Final = """
path "{mount}/keys/*" {{ capabilities = ["create", "read", "update", "delete"] }}
path "{mount}/sign/*" {{ capabilities = ["update"] }}
"""


@pytest.mark.parametrize(("algorithm", "kind"), [("RS256", "rsa-2048"), ("ES256", "ecdsa-p256"), ("EdDSA", "ed25519")])
def test_the_private_key_was_made_in_the_engine_and_does_not_leave_it(
    vault: OpenBao, transit_mount: str, transit_holder: TransitHolder, algorithm: str, kind: str
) -> None:
    handle, _public = transit_holder.generate("payerfsp", algorithm, 2048)
    about = vault.api.read(f"{transit_mount}/keys/{handle}")
    assert about is not None
    assert (about["type"], about["exportable"], about["allow_plaintext_backup"]) == (kind, False, False)
    for path in (f"{transit_mount}/export/signing-key/{handle}", f"{transit_mount}/backup/{handle}"):
        assert vault.api.request("GET", path).status >= 400


def test_pk_01_ed25519_of_an_engine_is_that_of_the_rfc(transit_holder: TransitHolder) -> None:
    handle, public = transit_holder.generate("paykit", "EdDSA", 0)
    key = ed25519.read_public(public)
    for data in (b"", b"pay 10 to bob", bytes(1000)):
        signature = transit_holder.sign(handle, data, "EdDSA")
        ed25519.verify(key, data, signature)
        with pytest.raises(ed25519.BadSignature):
            ed25519.verify(key, data + b"!", signature)


def test_a_version_that_somebody_added_changes_nothing(
    vault: OpenBao, transit_mount: str, transit_holder: TransitHolder
) -> None:
    handle, public = transit_holder.generate("payerfsp", "RS256", 2048)
    vault.api.write(f"{transit_mount}/keys/{handle}/rotate")
    assert transit_holder.public_pem(handle) == public
    assert fits(public, transit_holder.sign(handle, b"data", "RS256"), b"data")
    transit_holder.destroy(handle)
    assert vault.api.list(f"{transit_mount}/keys") == []


def test_a_version_that_may_not_sign_any_more_is_an_error(
    vault: OpenBao, transit_mount: str, transit_holder: TransitHolder
) -> None:
    handle, _public = transit_holder.generate("payerfsp", "ES256", 256)
    vault.api.write(f"{transit_mount}/keys/{handle}/rotate")
    vault.api.write(f"{transit_mount}/keys/{handle}/config", min_encryption_version=2)
    with pytest.raises(VaultError):
        transit_holder.sign(handle, b"data", "ES256")


@pytest.mark.parametrize("bits", [1024, 2047, 8192])
def test_sizes_that_an_engine_does_not_have_are_refused_first(
    audit_window: t.Any, transit_holder: TransitHolder, bits: int
) -> None:
    with audit_window() as window, pytest.raises(InvalidInput, match=f"bits: .* no RSA keys of {bits} bits"):
        transit_holder.generate("payerfsp", "RS256", bits)
    assert window.writes == []


def test_an_engine_that_is_not_there_is_named(port: Port) -> None:
    with port() as opened:
        absent = TransitHolder(opened, "no-such-engine")
        assert absent.public_pem("x") is None
        absent.destroy("x")
        with pytest.raises(InvalidInput, match=r"holder\.mount"):
            absent.generate("payerfsp", "ES256", 256)


def test_the_rights_of_the_documentation_are_enough_and_needed(
    vault: OpenBao, port: Port, transit_mount: str, token: t.Any
) -> None:
    with port(token=token(rules=RULES.format(mount=transit_mount))) as opened:
        holder = TransitHolder(opened, transit_mount)
        handle, public = holder.generate("payerfsp", "ES256", 256)
        assert fits(public, holder.sign(handle, b"data", "ES256"), b"data")
        holder.destroy(handle)
    with port(token=token(rules=RULES.format(mount="elsewhere"))) as opened:
        holder = TransitHolder(opened, transit_mount)
        with pytest.raises(Forbidden):
            holder.generate("payerfsp", "ES256", 256)


def test_what_the_engine_signs_is_not_written_down(
    vault: OpenBao, transit_holder: TransitHolder, canary: t.Any
) -> None:
    """The audit log has a code of the data in place of the data; the search at the end of the session looks for it."""
    handle, _public = transit_holder.generate("payerfsp", "ES256", 256)
    data = canary().encode()
    transit_holder.sign(handle, data, "ES256")
    log = vault.audit.path.read_bytes()
    assert base64.b64encode(data) not in log
    assert handle.encode() in log
