# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Options that the modules of keys and secrets share: where secret parts are kept and public ones go."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._core.files import Attributes
from .._core.spec import Options
from .custody import Custody
from .directory import SUFFIX, DirectoryPublisher
from .publisher import Publisher, Target

AUDIENCE: t.Final = "{audience}"
_NEEDED: t.Final[Mapping[str, tuple[str, ...]]] = {"directory": ("path",), "kv": ("mount", "path"), "mcm": ("url",)}

FILE_OPTIONS: t.Final[Options] = {
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str", "default": "0644"},
    "key_mode": {"type": "str", "default": "0600", "no_log": False},
}

#: Where secret parts are kept. A module gives ``path`` the default that fits its kind.
CUSTODY_OPTIONS: t.Final[Options] = {
    "custody": {"type": "str", "choices": ["kv", "files"], "default": "kv"},
    "mount": {"type": "str"},
    "path": {"type": "str"},
    "directory": {"type": "path"},
    **FILE_OPTIONS,
}

#: One place where public parts go.
TARGET_OPTIONS: t.Final[Options] = {
    "kind": {"type": "str", "choices": list(_NEEDED), "required": True},
    "path": {"type": "str"},
    "mount": {"type": "str"},
    "url": {"type": "str"},
    "hub": {"type": "str"},
    "token": {"type": "str", "no_log": True},
    "ca_cert": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str", "default": "0644"},
    "audiences": {"type": "list", "elements": "str"},
    "prune": {"type": "bool", "default": False},
    "keep": {"type": "list", "elements": "str", "no_log": False},
}

PUBLISH_OPTIONS: t.Final[Options] = {"publish": {"type": "list", "elements": "dict", "options": TARGET_OPTIONS}}


class Stores(t.Protocol):
    """Makes what lives in a Vault; logs in when first asked."""

    def custody(self, mount: str, path: str) -> Custody:
        """Return a custody with one secret per owner."""

    def publisher(self, mount: str, path: str, suffix: str) -> Publisher:
        """Return a publisher with all public texts in one secret."""


@dataclass(frozen=True)
class FileField:
    """A field of the record that becomes a file of its own: the option that names it, and whether it is secret."""

    name: str
    option: str
    secret: bool


def custody(params: Mapping[str, t.Any], kind: str, fields: t.Sequence[FileField], stores: Stores) -> Custody:
    """Build the declared custody; raises :class:`InvalidInput` naming the option."""
    if params["custody"] == "kv":
        _need(params, "mount", "custody kv")
        return stores.custody(params["mount"], params["path"] or f"{kind}/{{name}}")
    _need(params, "directory", "custody files")
    # Each custody and each publisher is a world of its own, of which a run mostly wants one.
    from .file_custody import FileCustody, projection

    private = Attributes.declared(params["owner"], params["group"], params["key_mode"], "key_mode")
    public = Attributes.declared(params["owner"], params["group"], params["mode"])
    projections = [
        projection(
            entry.name,
            params[entry.option],
            private if entry.secret else public,
            option=entry.option,
            secret=entry.secret,
        )
        for entry in fields
        if params[entry.option]
    ]
    return FileCustody(params["directory"], kind, projections, Attributes(private.uid, private.gid, 0o600))


def targets(
    params: Mapping[str, t.Any], names: t.Sequence[str], stores: Stores, *, suffix: str = SUFFIX
) -> list[Target]:
    """Build the declared targets; one with ``{audience}`` in its path is one per audience, each without its own key."""
    built: list[Target] = []
    for at, entry in enumerate(params["publish"] or ()):
        try:
            built += _expanded(entry, names, stores, suffix)
        except InvalidInput as error:
            raise error.within(f"publish[{at}]") from None
    repeated = {target.identity for target in built if [one.identity for one in built].count(target.identity) > 1}
    if repeated:
        raise InvalidInput(
            f"declared more than once: {', '.join(sorted(repeated))}", field="publish", remedy="Keep one of them."
        )
    return built


def _expanded(entry: Mapping[str, t.Any], names: t.Sequence[str], stores: Stores, suffix: str) -> t.Iterator[Target]:
    for option in _NEEDED[entry["kind"]]:
        _need(entry, option, f"kind {entry['kind']}")
    keep = frozenset(entry["keep"] or ())
    if AUDIENCE in (entry["path"] or ""):
        # A participant that is declared twice is told by its name, not by its places.
        for name in entry.get("audiences") or dict.fromkeys(names):
            one = {**entry, "path": entry["path"].replace(AUDIENCE, name)}
            yield Target(_publisher(one, stores, suffix), frozenset({name}), entry["prune"], keep)
    else:
        yield Target(_publisher(entry, stores, suffix), frozenset(), entry["prune"], keep)


def _publisher(entry: Mapping[str, t.Any], stores: Stores, suffix: str) -> Publisher:
    if entry["kind"] == "kv":
        return stores.publisher(entry["mount"], entry["path"], suffix)
    if entry["kind"] == "mcm":
        from .mcm import McmPublisher

        return McmPublisher(entry["url"], entry["token"], entry["hub"], entry["ca_cert"], entry["timeout"])
    attributes = Attributes.declared(entry["owner"], entry["group"], entry["mode"])
    unknown = re.search(r"\{\w*\}", entry["path"])
    if unknown:
        problem = f"{unknown.group()} in the path of a directory stands for nothing"
        raise InvalidInput(problem, field="path", remedy=f"Use {AUDIENCE}, or nothing of the kind.")
    return DirectoryPublisher(entry["path"], attributes, suffix)


def _need(options: Mapping[str, t.Any], name: str, who: str) -> None:
    if not options[name]:
        raise InvalidInput(f"not given, but {who} needs it", field=name, remedy="Give it.")
