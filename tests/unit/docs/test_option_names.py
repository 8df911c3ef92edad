# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F8: options of one name mean the same everywhere, with one type and one default, or the difference has a reason."""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterator, Mapping

import pytest

from tests.unit.architecture.guards import tree
from tests.unit.docs import catalogue
from tests.unit.docs.blocks import ROOT

#: A name and every type and default that it may have (an option that is left out has no default), and why.
REASONS: t.Final[dict[str, tuple[set[str], str]]] = {
    "adopt": ({"str", "dict"}, "an ILP secret is adopted from a path in KV alone, a signing key from a file as well"),
    "algorithm": ({"str", "str RS256", "str algorithm"}, "of a signature; in envelope_secret.columns a column"),
    "bits": ({"int", "int 256", "int 2048"}, "of an API key, which is random, and of an RSA key"),
    "ca_file": ({"str", "str {name}/ca.pem", "path"}, "a pattern below the directory of certificate, else a path"),
    "certificate_file": ({"str", "str {name}/cert.pem", "path"}, "as ca_file"),
    "chain_file": ({"str", "str {name}/chain.pem", "path"}, "as ca_file"),
    "encoding": ({"str", "str base64", "str text"}, "of records; in Ed25519 of the message that is signed"),
    "file": ({"path", "str"}, "a pattern with the name of a participant in jws_key, else a path"),
    "host": ({"str", "str 127.0.0.1", "str localhost"}, "a probe compares the name with a certificate, readiness not"),
    "key": ({"str", "dict", "str private_key", "dict {'type': 'environment'}"}, "of a mapping, or the key itself"),
    "key_file": ({"str", "path", "str {name}/key.pem", "str {name}/api.key"}, "as ca_file"),
    "keys": ({"list/dict", "raw"}, "declared keys, or those that verify: a text, a list or a mapping"),
    "lead": ({"str", "str 0", "str 10m"}, "verifiers of tokens keep key sets for minutes; others read at once"),
    "mode": ({"str", "str 0600", "str 0644"}, "of what is secret, and of what is public"),
    "mount": ({"str", "str transit", "str approle", "str pki"}, "where an engine of the kind usually is"),
    "on_mismatch": ({"str", "str fail", "str replace"}, "a certificate is issued again at no loss, a key is not"),
    "path": ({"str", "path"}, "in KV, or on the host"),
    "prefix": ({"str", "str tm_live_", "str "}, "of the text of an API key; in a store of names"),
    "private_key_file": ({"str {name}.key", "str {name}/jwt.key", "str {name}/noise.key"}, "a directory per kind"),
    "public_key_file": ({"str", "str {name}/jwt.pub", "str {name}/noise.pub"}, "jws_key publishes by publish"),
    "renew_before": ({"str", "str 33%", "str 10%"}, "a leaf lives for days, an authority for years"),
    "rules": ({"str", "list/str"}, "the text of a policy; names of the rules of a scanner"),
    "secret_file": ({"str {name}/ilp.secret", "str {name}/jwt.secret"}, "one directory may hold both"),
    "secrets": ({"list/dict", "list/dict []", "dict"}, "declared secrets; environment_file also takes variables alone"),
    "state": ({"str present", "str started", "str unsealed"}, "what a process or a server is, not whether it exists"),
    "timeout": ({"int", "int 30", "int 10"}, "a handshake that is probed answers sooner than a server that works"),
}


class Use(t.NamedTuple):
    """An option: its name, where it is, and its type with its default."""

    name: str
    place: str
    shape: str


def _shape(option: Mapping[str, t.Any], usual: str) -> str:
    kind = option.get("type", usual) + (f"/{option['elements']}" if "elements" in option else "")
    default = option.get("default")
    return kind if default is None else f"{kind} {default}"


def _walk(place: str, options: Mapping[str, t.Any], inner: str, usual: str) -> Iterator[Use]:
    for name, option in options.items():
        yield Use(name, f"{place}.{name}", _shape(option, usual))
        yield from _walk(f"{place}.{name}", option.get(inner) or {}, inner, usual)


@functools.cache
def uses() -> tuple[Use, ...]:
    """Return every option of every module, filter and test."""
    found = [use for name, spec in catalogue.specs().items() for use in _walk(name, spec.options, "options", "str")]
    for face in ("filter", "test"):
        for path in sorted((ROOT / "plugins" / face).glob("*.yml")):
            options = tree.load(path)["DOCUMENTATION"].get("options") or {}
            given = {name: option for name, option in options.items() if name != "_input"}
            found += _walk(path.stem, given, "suboptions", "raw")
    return tuple(found)


def differences(found: t.Iterable[Use]) -> dict[str, set[str]]:
    """Return the names that have several types, or several defaults, with all of them."""
    shapes: dict[str, set[str]] = {}
    for use in found:
        shapes.setdefault(use.name, set()).add(use.shape)
    return {name: shape for name, shape in shapes.items() if _differ(shape)}


def _differ(shapes: set[str]) -> bool:
    types = {shape.split(" ")[0] for shape in shapes}
    return len(types) > 1 or sum(" " in shape for shape in shapes) > 1


def test_f8_one_name_has_one_type_and_one_default_or_a_reason() -> None:
    assert differences(uses()) == {name: shapes for name, (shapes, _reason) in REASONS.items()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"type": "str", "default": "key"}, {"type": "str", "default": "id"}),
        ({"type": "str"}, {"type": "path"}),
        ({"type": "list", "elements": "str"}, {"type": "list", "elements": "dict"}),
        ({"type": "bool", "default": True}, {"type": "bool", "default": False}),
    ],
)
def test_f8_differences_are_noticed(one: dict[str, t.Any], other: dict[str, t.Any]) -> None:
    planted = [
        *_walk("a", {"x": one}, "options", "str"),
        *_walk("b", {"y": {"options": {"x": other}}}, "options", "str"),
    ]
    assert set(differences(planted)) == {"x"}


def test_f8_default_for_all_and_none_for_one_is_no_difference() -> None:
    shared = {"x": {"type": "int", "default": 5}, "list": {"type": "list", "options": {"x": {"type": "int"}}}}
    assert differences(_walk("a", shared, "options", "str")) == {}
