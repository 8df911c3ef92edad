# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options are secret, none of which may stop being hidden unnoticed (kind 10), and which may be left out."""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Iterator

import pytest

from plugins.module_utils._certificate import declaration, layout
from plugins.module_utils._core.spec import Options
from plugins.module_utils._keyring import (
    api_key_resource,
    holder_options,
    ilp_secret,
    jws_declaration,
    jwt_key,
    noise,
    options,
    rotation,
)
from plugins.module_utils._vault import connection, kv, mount, pki_issuer_declaration, secret_id, transit_key
from plugins.module_utils._vault.login import approle, cert, method, token, userpass
from tests.unit.architecture.guards import documentation, tree
from tests.unit.docs.blocks import ROOT
from tests.unit.docs.catalogue import specs

#: Named here one by one, so that a mutation run knows whose tests these are.
WITH_OPTIONS: t.Final = (
    *(api_key_resource, approle, cert, connection, declaration, holder_options, ilp_secret, jws_declaration, jwt_key),
    *(kv, layout, method, mount, noise, options, pki_issuer_declaration, rotation, secret_id, token, transit_key),
    userpass,
)
LOGIN: t.Final = frozenset({"password", "secret_id", "token"})
#: What is secret beside the options of a login, by module.
OWN: t.Final[dict[str, set[str]]] = {
    "api_key": {"pepper"},
    "container_secret": {"secrets.value"},
    "envelope_rewrap": {
        *("database.password", "new_key.value", "old_key.value"),
        *("tables.new_key.value", "tables.old_key.value"),
    },
    "envelope_secret": {"database.password", "key.value", "secrets.value"},
    "environment_file": {"files.secrets.value"},
    "fspiop_jws_probe": {"endpoints.secret_headers", "holder.pin", "secret_headers"},
    "ilp_secret": {"participants.adopt"},
    "jws_key": {"holder.pin", "publish.token"},
    "jws_key_info": {"publish.token"},
    "jwt_key": {"holder.pin"},
    "local_ca": {"authorities.parent_passphrase", "authorities.passphrase"},
    "local_process": {"processes.secret_environment"},
    "systemd_credential": {"services.credentials.value"},
    "vault_kv_secret": {"secrets.data"},
    "vault_pki_issuer": {"issuers.private_key"},
    "vault_stack": {"issuers.private_key", "secrets.data"},
}


def secret(options: Options, place: str = "") -> Iterator[str]:
    """Yield the paths of the options that are hidden."""
    for name, option in options.items():
        if option.get("no_log"):
            yield f"{place}{name}"
        yield from secret(option.get("options") or {}, f"{place}{name}.")


def test_every_secret_option_is_hidden() -> None:
    found = {module: set(secret(spec.options)) for module, spec in specs().items()}
    logs_in = {module for module, spec in specs().items() if "auth_method" in spec.options}
    assert len(logs_in) > 25
    assert found == {module: OWN.get(module, set()) | (LOGIN if module in logs_in else set()) for module in found}
    assert found.keys() >= OWN.keys()


@pytest.mark.parametrize("module", tree.modules(ROOT), ids=lambda path: str(path.stem))
def test_f1_what_may_be_left_out_and_what_that_means_is_as_documented(module: pathlib.Path) -> None:
    documented = documentation.merged(ROOT, module)
    assert documentation.compare(documented.get("options", {}), specs()[module.stem].argument_spec()) == []
