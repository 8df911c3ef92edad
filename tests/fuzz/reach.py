# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which functions of the collection take apart what they are given, and which of those the targets run."""

from __future__ import annotations

import ast
import pathlib
import sys
import types
import typing as t

from .feeding import Target

ROOT: t.Final = pathlib.Path(__file__).resolve().parents[2]
_SOURCES: t.Final = ("plugins/module_utils", "plugins/plugin_utils")
#: Calls that read a form which others may have got wrong, by the last two words of what is called.
_READERS: t.Final = frozenset(
    {
        "json.loads", "json.load", "raw_decode", "_DECODER.decode", "yaml.safe_load", "b64decode",
        "urlsafe_b64decode", "standard_b64decode", "unhexlify", "bytes.fromhex", "zlib.decompress",
        "zlib.decompressobj", "tarfile.open", "ZipFile", "struct.unpack", "int.from_bytes", "fromisoformat",
        "strptime", "parsedate_to_datetime", "urlsplit", "urlparse", "parse_object", "parse_value",
        "load_pem_x509_certificate", "load_pem_x509_certificates", "load_der_x509_certificate",
        "load_pem_x509_crl", "load_der_x509_crl", "load_pem_x509_csr", "load_der_x509_csr",
        "load_pem_private_key", "load_der_private_key", "load_pem_public_key", "load_der_public_key",
        "ip_address", "ip_network", "ip_interface", "idna.decode"
    }
)  # fmt: skip


def readers() -> set[tuple[str, str]]:
    """Return every function that calls a reader, as file and name."""
    found = set()
    for folder in _SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and any(_reads(inner) for inner in ast.walk(node)):
                    found.add((path.relative_to(ROOT).as_posix(), node.name))
    return found


def _reads(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    words = ast.unparse(node.func).split(".")
    return words[-1] in _READERS or ".".join(words[-2:]) in _READERS


def reached(targets: t.Iterable[Target], inputs: t.Callable[[Target], t.Iterable[t.Any]]) -> set[tuple[str, str]]:
    """Return the functions that run while targets get some inputs."""
    found: set[types.CodeType] = set()

    def note(frame: types.FrameType, event: str, _argument: object) -> None:
        if event == "call":
            found.add(frame.f_code)

    for target in targets:
        given = list(inputs(target))
        sys.setprofile(note)
        try:
            for one in given:
                try:
                    target.run(one)
                except Exception:  # pylint: disable=broad-except  # what it says is looked at elsewhere
                    continue
        finally:
            sys.setprofile(None)
    names = {(code.co_filename, code.co_name) for code in found}
    inside = ((pathlib.Path(path), name) for path, name in names if path.startswith(str(ROOT)))
    return {(path.relative_to(ROOT).as_posix(), name) for path, name in inside}
