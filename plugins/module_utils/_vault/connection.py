# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""From module options to a logged-in port."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import ssl
import typing as t
from urllib.parse import unquote, urlsplit

from .._core.client_pair import load_client_pair, trusting_copy
from .._core.deps import HVAC
from .._core.errors import InvalidInput
from .._core.files import is_directory, status
from .._core.lending import lend
from .._core.redact import Secret
from .._core.spec import Params, Spec
from .errors import VaultError
from .login import METHODS
from .login.method import setting
from .port import Vault

#: More gained nothing against one server, and on a busy host the threads get in each other's way.
WORKERS: t.Final = 4

_OPTIONS: dict[str, t.Mapping[str, t.Any]] = {
    "url": {"type": "str"},
    "namespace": {"type": "str"},
    "ca_cert": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "timeout": {"type": "int", "default": 30},
    "retries": {"type": "int", "default": 3},
    "auth_method": {"type": "str", "choices": list(METHODS), "default": "token"},
    "auth_mount": {"type": "str"},
    "auth_namespace": {"type": "str"},
}
for _method in METHODS.values():
    _OPTIONS.update(_method.options)

VAULT = Spec(_OPTIONS, fragment="trustmesh.security._vault", required_together=(("client_cert", "client_key"),))


def connect(params: Params, stack: contextlib.ExitStack) -> Vault:
    """Return a port that is logged in; a token obtained here is revoked when ``stack`` closes."""
    method = METHODS[params["auth_method"]]
    method.check(params)
    vault = reach(params, stack)
    _refuse_unheard(vault, setting(params, "namespace"))
    gate = vault if params.get("auth_namespace") is None else reach_login(params, stack)
    token = method.login(gate, params).reveal()
    vault.use_token(token)
    if gate is not vault:
        gate.use_token(token)
        gate.warnings = vault.warnings
        vault.owner = gate
    if method.name != "token":
        stack.callback(_revoke, gate)
    return vault


def reach_login(params: Params, stack: contextlib.ExitStack) -> Vault:
    """Return a port without a token to where a login is made, which may be another namespace than that of the work."""
    namespace = params.get("auth_namespace")
    if namespace is None:
        namespace = setting(params, "namespace")
    gate = reach({**params, "namespace": "" if (namespace or "").strip("/") == "root" else namespace}, stack)
    _refuse_unheard(gate, namespace)
    return gate


def has_login(params: Params) -> bool:
    """Tell whether a login is given at all; for modules that have something to say without one."""
    return bool(params["auth_method"] != "token" or setting(params, "token"))


def reach(params: Params, stack: contextlib.ExitStack) -> Vault:
    """Return a port without a token, for what a server tells everybody."""
    url = _url(params)
    _refuse_numbers(params)
    namespace = _header("namespace", setting(params, "namespace"))
    HVAC.check()
    # The libraries behind it take longer to load than all the rest of a run that asks no server.
    import requests

    from .transport import PooledAdapter

    session = stack.enter_context(requests.Session())
    # A proxy named in the environment cannot reach our loopback; requests would ask it all the same.
    session.trust_env = not _is_loopback(url)
    # REQUESTS_CA_BUNDLE overrides True, but not a path; see also PooledAdapter.
    session.verify = _authority(params, stack) or True
    session.cert = _client_pair(params, stack)
    adapter = PooledAdapter(
        base_uri=url,
        token="",
        namespace=namespace,
        session=session,
        timeout=params["timeout"],
    )
    return Vault(adapter, retries=params["retries"])


def _refuse_unheard(vault: Vault, namespace: str | None) -> None:
    """Raise when a server would take what is meant for a namespace as meant for all, before it gets a credential."""
    if (namespace or "").strip("/") not in ("", "root") and vault.ignores_namespaces():
        raise InvalidInput(
            f"this server has no namespaces and would do outside what is declared for {namespace}",
            field="namespace",
            remedy="Leave it out, or use OpenBao or HashiCorp Vault Enterprise.",
        )


def _revoke(vault: Vault) -> None:
    """Give a token back; it expires by itself if that fails, so a failure is a warning."""
    try:
        vault.write("auth/token/revoke-self")
    except VaultError as error:
        vault.warn(f"the login token could not be revoked: {error}")


def _url(params: Params) -> str:
    url = setting(params, "url") or setting(params, "addr")
    if not url:
        raise InvalidInput(
            "not given", field="url", remedy="Set url, VAULT_ADDR or BAO_ADDR, for example https://vault:8200."
        )
    _refuse_credentials(url)
    if not _is_address(url):
        raise InvalidInput(
            f"{url!r} is not an address", field="url", remedy="Write it like https://vault.internal:8200."
        )
    return url.rstrip("/")


def _refuse_credentials(url: str) -> None:
    """Raise for an address with a user or password in it, which stays unread and is masked in all that is returned."""
    authority = re.split(r"[/?#]", url.partition("//")[2])[0]
    login = (authority if "@" in authority else url).rpartition("@")[0].rpartition("//")[2]
    if not login:
        return
    # The whole address as well: a password of a few characters is too short to be masked by itself.
    for text in (url, login, login.partition(":")[2]):
        for spelling in filter(None, (text, unquote(text))):
            Secret(spelling)
    raise InvalidInput(
        "has a user name or password in it, which the server does not take there",
        field="url",
        remedy="Leave out what stands before the @, and use the options of auth_method.",
    )


def _is_address(url: str) -> bool:
    """Tell whether requests could be sent there: a scheme, a host, perhaps a port and a path, and nothing else."""
    if not url.isprintable() or " " in url or "\\" in url or "?" in url or "#" in url:
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and port != 0


def _refuse_numbers(params: Params) -> None:
    """Raise for numbers that no request can be made with."""
    for name, least in (("timeout", 1), ("retries", 0)):
        if params[name] <= least - 1:
            raise InvalidInput(f"{params[name]} is too small", field=name, remedy=f"Use {least} or more.")


def _header(name: str, value: str | None) -> str | None:
    """Return a setting that is sent in a header; raises for one that none can hold, without showing it."""
    if value is not None and not (value.isascii() and value.isprintable() and value == value.strip()):
        raise InvalidInput(
            "cannot be sent in a header of HTTP",
            field=name,
            remedy="Use printable characters of ASCII, without a line end, and without blanks around them.",
        )
    return value


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _authority(params: Params, stack: contextlib.ExitStack) -> str | None:
    """Return what the library is to believe, kept as it is now: it opens the file for each connection."""
    path = _file(params, "ca_cert") or _file(params, "cacert")
    if path is None or is_directory(path):
        return path
    lent = stack.enter_context(lend(path, "ca_cert"))
    # The library would blame TLS for a file without a certificate in it.
    trusting_copy(path, lent)
    return lent.name


def _client_pair(params: Params, stack: contextlib.ExitStack) -> tuple[str, str] | None:
    client_cert, client_key = _file(params, "client_cert"), _file(params, "client_key")
    if not client_cert or not client_key:
        return None
    load_client_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), client_cert, client_key)
    certificate, key = (
        stack.enter_context(lend(path, name)).name
        for name, path in (("client_cert", client_cert), ("client_key", client_key))
    )
    return certificate, key


def _file(params: Params, name: str) -> str | None:
    path = setting(params, name)
    if path is not None and status(path, follow=True) is None:
        raise InvalidInput(f"{path} does not exist on this host", field=name, remedy="Give the path of a PEM file.")
    return path
