# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Where the value of a secret comes from: it is given, read from a file of the host, or from a key-value engine."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping

from .._core.errors import InvalidInput
from .._core.files import read_file
from .._core.redact import Secret
from .._core.spec import Options

#: Reads one key of one secret: engine, path, key.
Fetch = Callable[[str, str, str], Secret]

VAULT_REFERENCE: t.Final[Options] = {
    "mount": {"type": "str", "required": True},
    "path": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},
}
VALUE_OPTIONS: t.Final[Options] = {
    "value": {"type": "str", "no_log": True},
    "value_file": {"type": "path"},
    "vault": {"type": "dict", "options": VAULT_REFERENCE},
}
#: A list of secrets, each with a name.
NAMED_VALUES: t.Final[Mapping[str, t.Any]] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "no_log": False,
    "options": {"name": {"type": "str", "required": True}, **VALUE_OPTIONS},
}
ONE_VALUE: t.Final = ("value", "value_file", "vault")


def resolve(item: Mapping[str, t.Any], fetch: Fetch) -> Secret:
    """Return the value that an item with :data:`VALUE_OPTIONS` asks for; raises :class:`InvalidInput`.

    Exactly one source has to be given. A file is taken byte for byte but for one line end; it has to be text in UTF-8.
    """
    given = [name for name in ONE_VALUE if item.get(name) is not None]
    if len(given) != 1:
        raise InvalidInput(
            f"{' and '.join(given) or 'nothing'} given", field="value", remedy=f"Give one of {', '.join(ONE_VALUE)}."
        )
    if item["vault"] is not None:
        reference = item["vault"]
        return fetch(reference["mount"], reference["path"], reference["key"])
    if item["value_file"] is None:
        return Secret(item["value"])
    content = read_file(item["value_file"])
    if content is None:
        raise InvalidInput(f"{item['value_file']} does not exist on this host", field="value_file")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{item['value_file']} is not text in UTF-8", field="value_file") from None
    return Secret(text[:-1] if text.endswith("\n") else text)
