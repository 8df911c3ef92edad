# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files are touched in one room of the core; everywhere else a path is text.

What is listed is what may be used elsewhere, so that a function of ``os`` that nobody thought of is refused as well.
"""

from __future__ import annotations

import ast
import pathlib
import typing as t

from tests.unit.architecture.guards import tree

_CORE: t.Final = "plugins/module_utils/_core"
ROOM: t.Final = frozenset(
    f"{_CORE}/{name}.py"
    for name in (
        "attributes",
        "examining",
        "files",
        "kernel",
        "leftovers",
        "lending",
        "locks",
        "own_files",
        "places",
        "reading",
        "removal",
        "scratch",
        "staging",
        "store",
    )
)
#: The one place that looks for programs, and what it uses for that.
_PROGRAMS: t.Final = (f"{_CORE}/programs.py", frozenset({"shutil"}))
_MODULES: t.Final = frozenset(
    {"fcntl", "fileinput", "glob", "linecache", "mmap", "nt", "ntpath", "pathlib", "posix", "posixpath", "shutil"}
    | {"tempfile"}
)
#: They open a name as well as a handle; the keyword says which.
_TAKE_HANDLES: t.Final = {"tarfile.open": "fileobj", "gzip.GzipFile": "fileobj", "zipfile.ZipFile": "file"}
_OPEN_NAMES: t.Final = frozenset(
    {"bz2.open", "codecs.open", "gzip.open", "io.FileIO", "io.open", "io.open_code", "lzma.open", "tarfile.TarFile"}
    | {"tarfile.is_tarfile", "zipfile.is_zipfile"}
)
_OS: t.Final = frozenset(
    {"path", "environ", "strerror", "stat_result", "getpid", "getcwd", "geteuid", "getegid", "getuid", "getgid"}
    | {"kill", "killpg", "urandom", "cpu_count", "sep", "pathsep", "fsencode", "fsdecode", "SEEK_SET", "SEEK_END"}
)
_OS_PATH: t.Final = frozenset(
    {"abspath", "basename", "commonpath", "dirname", "expanduser", "isabs", "join", "normpath", "relpath", "sep"}
    | {"split", "splitext"}
)


def violations(root: pathlib.Path) -> list[str]:
    """Return every use outside the room of something that looks at, opens or changes files."""
    found: list[str] = []
    for path in tree.python_files(root):
        name = path.relative_to(root).as_posix()
        if name in ROOM:
            continue
        allowed = _PROGRAMS[1] if name == _PROGRAMS[0] else frozenset()
        found += [
            f"{name}:{line}: {what} touches files, which is done by {_CORE}/files.py"
            for line, what in _uses(tree.syntax(path))
            if what not in allowed
        ]
    return found


def _uses(syntax: ast.Module) -> t.Iterator[tuple[int, str]]:
    for node in ast.walk(syntax):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((node.lineno, what) for what in _imported(node))
        elif isinstance(node, ast.Name) and node.id == "open" and isinstance(node.ctx, ast.Load):
            yield node.lineno, "open"
        elif isinstance(node, ast.Attribute):
            what = _attribute(node)
            if what:
                yield node.lineno, what
        elif isinstance(node, ast.Call):
            what = _call(node)
            if what:
                yield node.lineno, what


def _imported(node: ast.Import | ast.ImportFrom) -> t.Iterator[str]:
    """Yield what an import brings in that touches files, and every name that would hide such a thing."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.split(".")[0] in _MODULES or (alias.name.split(".")[0] == "os" and alias.asname):
                yield alias.name
    elif not node.level:
        package = (node.module or "").split(".")[0]
        for alias in node.names:
            what = f"{node.module}.{alias.name}"
            if package in _MODULES or what in _OPEN_NAMES or what in _TAKE_HANDLES or (package == "os" and _os(what)):
                yield what


def _attribute(node: ast.Attribute) -> str:
    text = ast.unparse(node)
    return text if ast.unparse(node.value) in ("os", "os.path") and _os(text) else ""


def _os(text: str) -> bool:
    """Tell whether a dotted name that begins with ``os`` is none of those that leave files alone."""
    parts = text.split(".")
    if parts[:2] == ["os", "path"] and len(parts) > 2:
        return parts[2] not in _OS_PATH
    return len(parts) > 1 and parts[1] not in _OS


def _call(node: ast.Call) -> str:
    what = ast.unparse(node.func)
    if what == "getattr" and node.args and ast.unparse(node.args[0]) in ("os", "os.path"):
        return f"getattr({ast.unparse(node.args[0])})"
    keyword = _TAKE_HANDLES.get(what)
    if what in _OPEN_NAMES or (keyword and keyword not in {given.arg for given in node.keywords}):
        return what
    return ""
