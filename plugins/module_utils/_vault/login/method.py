# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What every login method is made of."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t
from dataclasses import dataclass

from ..._core.address import Address, at, route
from ..._core.errors import InvalidInput
from ..._core.files import FileFailure, read_file
from ..._core.redact import Secret
from ..._core.spec import Options, Params
from ..errors import Forbidden, Rejected, VaultError
from ..port import Reply, Vault

# How servers write the tokens that they wrap secrets in.
_WRAPPING: t.Final = re.compile(r"(hv)?[sb]\.")


@dataclass(frozen=True)
class Method:
    """A way to get a token.

    ``options`` is the argument spec it adds; ``check`` refuses unusable parameters without touching the network;
    ``login`` returns the token.
    """

    name: str
    options: Options
    check: t.Callable[[Params], None]
    login: t.Callable[[Vault, Params], Secret]


def setting(params: Params, name: str) -> str | None:
    """Return an option, else what ``VAULT_<NAME>`` or ``BAO_<NAME>`` says.

    Where the option has a ``<name>_file`` beside it, that comes before the environment, and ``VAULT_<NAME>_FILE`` or
    ``BAO_<NAME>_FILE`` last. What a play says beats what the environment says: Ansible's own fallback could not tell.
    """
    if params.get(name) is not None:
        return str(params[name])
    if params.get(f"{name}_file") is None:
        value = from_environment(name)
        if value is not None:
            return value
    field, path = file_of(params, name) or (name, None)
    if path is None:
        return None
    text = content_of(field, path)
    if text is None:
        raise InvalidInput(f"{path} cannot be read (there is no such file)", field=field, remedy="Correct the path.")
    return text


def from_environment(name: str) -> str | None:
    """Return what ``VAULT_<NAME>`` or ``BAO_<NAME>`` says."""
    return next(filter(None, (os.environ.get(prefix + name.upper()) for prefix in ("VAULT_", "BAO_"))), None)


def file_of(params: Params, name: str) -> tuple[str, str] | None:
    """Return what names the file of a setting, the option or a variable of the environment, and its path."""
    if f"{name}_file" not in params:
        return None
    if params[f"{name}_file"] is not None:
        return f"{name}_file", str(params[f"{name}_file"])
    for prefix in ("VAULT_", "BAO_"):
        path = os.environ.get(f"{prefix}{name.upper()}_FILE")
        if path:
            return f"{prefix}{name.upper()}_FILE", path
    return None


def content_of(field: str, path: str) -> str | None:
    """Return the text of a file, ``None`` when there is none; an empty one is an error."""
    try:
        content = read_file(path)
        text = None if content is None else content.decode("utf-8").strip()
    except FileFailure as failure:
        raise failure.within(field) from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} cannot be read (not text)", field=field) from None
    if text == "":
        raise InvalidInput(f"{path} is empty", field=field)
    return text


def required(params: Params, name: str, method: str) -> str:
    """Return a setting or say where it can come from."""
    value = setting(params, name)
    if value is None:
        sources = [name, *([f"{name}_file"] if f"{name}_file" in params else []), f"VAULT_{name.upper()}"]
        raise InvalidInput(
            f"not given, but auth_method {method} needs it", field=name, remedy=f"Set {' or '.join(sources)}."
        )
    return value


def mount_of(params: Params, default: str) -> str:
    """Return where the method is enabled, without slashes around it."""
    return route(params["auth_mount"] or default, "auth_mount")


def login_path(mount: str, user: str | None = None) -> Address:
    """Return the address of a login, for methods that name it the name of a user as well."""
    if user is None:
        return at("auth", mount, "login")
    try:
        return at("auth", mount, "login", user)
    except InvalidInput as error:
        raise error.within("username") from None


@contextlib.contextmanager
def logging_in(method: str, field: str, remedy: str) -> t.Iterator[None]:
    """Name the options behind the refusal of a login: ``field`` and ``remedy`` are of what was given as proof."""
    try:
        yield
    except Forbidden as error:
        refused: VaultError = Forbidden(
            error.problem,
            field="auth_mount",
            remedy=f"Servers say this where no method is enabled. Give the path of {method} in auth_mount, and the "
            "right namespace, or enable it there (trustmesh.security.vault_mount).",
        )
    except Rejected as error:
        refused = Rejected(error.problem, field=field, remedy=remedy)
    else:
        return
    raise refused


def granted(reply: Reply) -> Secret:
    """Return the token that a login got; raises for an answer without one that can be sent."""
    token = reply.auth.text("client_token")
    if not (token and token.isascii() and token.isprintable()):
        raise reply.auth.wrong("client_token", "is not a token")
    return Secret(token)


def looks_wrapped(text: str) -> bool:
    """Tell whether a text has the form of a wrapping token."""
    return _WRAPPING.match(text) is not None


def secret_option(name: str) -> Options:
    """Return the options of a secret that may also come from a file."""
    return {name: {"type": "str", "no_log": True}, f"{name}_file": {"type": "path", "no_log": False}}
