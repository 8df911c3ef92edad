# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts under names of the user's own: never spelled as Python does, and warned of when they look like secrets (S9)."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Callable

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.free_text import free_texts, in_the_clear
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._core.secret_names import SECRET_NAMES
from plugins.module_utils._host.process import LocalProcess
from plugins.module_utils._hygiene.container_secret import ITEM_OPTIONS as CONTAINER
from plugins.module_utils._hygiene.container_secret import ContainerSecret, Engine, Podman
from plugins.module_utils._hygiene.digest import DigestKey
from plugins.module_utils._hygiene.environment_file import ITEM_OPTIONS as ENVIRONMENT
from plugins.module_utils._hygiene.environment_file import EnvironmentFile
from plugins.module_utils._probe.signed_probe import _checked
from plugins.module_utils._vault.kv import KvState
from plugins.module_utils._vault.mount import MountState
from plugins.module_utils._vault.policy import Policy

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
Texts = dict[str, t.Any]


def _defaults(options: t.Mapping[str, t.Mapping[str, t.Any]], **given: t.Any) -> dict[str, t.Any]:
    return {**{name: option.get("default") for name, option in options.items()}, **given}


def _nothing(*_where: str) -> Secret:
    return Secret("")


def _environment_file(texts: Texts) -> EnvironmentFile:
    item = _defaults(ENVIRONMENT, path="/nowhere/a.env", mode="0600", variables=texts)
    return EnvironmentFile.declared(FileTransaction(), _nothing, item)


def _container_secret(texts: Texts) -> ContainerSecret:
    engine = Engine(Podman("podman"), DigestKey("/nowhere/key"))
    return ContainerSecret.declared(engine, _nothing, _defaults(CONTAINER, name="a", value="value", labels=texts))


def _process(texts: Texts) -> LocalProcess:
    item = {"state": "started", "argv": ["/bin/true"], "chdir": "/", "pid_file": "/nowhere/pid", "log_file": None}
    more = {"watch_files": [], "start_timeout": 1, "stop_timeout": 1, "ready": None, "secret_environment": {}}
    return LocalProcess.declared({"name": "a", **item, **more, "environment": texts})


#: What takes free texts: option and declaration.
TAKERS: dict[str, tuple[str, Callable[[Texts], t.Any]]] = {
    "environment_file": ("variables", _environment_file),
    "container_secret": ("labels", _container_secret),
    "vault_kv_secret": ("custom_metadata", lambda texts: KvState.declared({"custom_metadata": texts})),
    "vault_mount": ("engine_options", lambda texts: MountState.declared({"engine_options": texts})),
    "local_process": ("environment", _process),
    "fspiop_jws_probe": ("headers", lambda texts: _checked(texts, "headers")),
}


@pytest.mark.parametrize(("option", "declare"), TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize("value", [None, [1, 2], {"a": True}, float("inf")], ids=["null", "list", "mapping", "inf"])
def test_s9_what_is_no_text_is_refused_wherever_texts_are_free(
    option: str, declare: Callable[[Texts], t.Any], value: t.Any
) -> None:
    with pytest.raises(InvalidInput, match=rf"{option}\W+NAME.* is .*, not a text"):
        declare({"NAME": value})


def test_s9_truth_values_are_spelled_in_lower_case() -> None:
    given = {"a": True, "b": False, "c": 1, "d": 1.5, "e": ""}
    wanted = {"a": "true", "b": "false", "c": "1", "d": "1.5", "e": ""}
    assert free_texts(given, "x") == wanted
    assert KvState.declared({"custom_metadata": given}).custom_metadata == wanted
    labels = _container_secret(given).desired
    assert labels is not None and labels.labels == wanted


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_text_that_is_named_as_a_secret_is_warned_of_and_not_quoted(name: str) -> None:
    for spelling in (name.replace(" ", "_").upper(), f"hub-{name.replace(' ', '-')}"):
        (warning,) = in_the_clear({spelling: "Tr0ub4dor"}, "labels", "Keep it elsewhere.")
        assert warning == f"labels.{spelling} is named as a secret and is kept in the clear. Keep it elsewhere."


@pytest.mark.parametrize("name", ["owner", "PASSWORD_FILE", "TOKEN_URL", "secretary", "passage", "compass"])
def test_other_names_are_not_warned_of(name: str) -> None:
    assert list(in_the_clear({name: "Tr0ub4dor"}, "labels", "")) == []


@pytest.mark.parametrize("value", ["", "/run/secrets/db", "${DB_PASSWORD}", "{{ x }}", "vault:kv/db#password"])
def test_a_reference_to_a_secret_is_none(value: str) -> None:
    assert list(in_the_clear({"DB_PASSWORD": value}, "variables", "")) == []


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ('path "kv/*" {\n  allowed_parameters = {\n    "password" = ["Tr0ub4dor", "x"]\n  }\n}\n', "password"),
        ('{"path": {"kv/*": {"allowed_parameters": {"api_key": ["Tr0ub4dor"]}}}}', "api_key"),
        ('path "kv/*" {\n  allowed_parameters = { "password" = [], "passphrase" = ["*"] }\n}\n', None),
        ('path "kv/data/password" {\n  capabilities = ["read"]\n}\n', None),
    ],
)
def test_a_policy_with_a_secret_in_it_is_warned_of(rules: str, named: str | None) -> None:
    policy = Policy.declared(t.cast("t.Any", None), {"name": "p", "state": "present", "rules": rules})
    plan = policy.plan(None, NOW)
    assert [warning.split(" ")[0] for warning in plan.warnings] == ([f"rules.{named}"] if named else [])
    assert "Tr0ub4dor" not in str(plan.warnings)


@pytest.mark.parametrize("kind", ["environment_file", "container_secret", "local_process"])
def test_the_plan_warns(kind: str) -> None:
    option, declare = TAKERS[kind]
    (warning,) = declare({"DB_PASSWORD": "Tr0ub4dor"}).plan(None, NOW).warnings
    assert warning.startswith(f"{option}.DB_PASSWORD is named as a secret") and "Tr0ub4dor" not in warning
    assert declare({"DB_HOST": "db"}).plan(None, NOW).warnings == ()
