# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What each reader of environment files makes of one.

Readers disagree on quotes, backslashes, comments and white space. A reader here says which value a program would find
in each variable, and ``None`` where that cannot be foreseen: a substitution, a command, a line that means nothing. What
is no variable is listed under the number of its line. Sources: ``env-file.c`` and ``env-util.c`` of systemd, POSIX.1
section 2 for shells, ``ParseFile`` of podman and ``ParseEnvFile`` of docker.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterator

NAME: t.Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

#: Values by variable.
View = dict[str, t.Optional[str]]

# The ends of texts are there to be found at once where a quotation mark is missing, which no line that matched has.
_QUOTED: t.Final = r""""(?P<double>(?:[^"\\]|\\.)*)(?:"|\\?\Z)|'(?P<single>[^']*)(?:'|\Z)"""

_SYSTEMD_LINE: t.Final = re.compile(
    r"""[#;](?P<comment>[^\n\r]*)
      | (?P<key>[^=\n\r]*)=(?P<quoted>(?:[ \t]*(?:"(?:[^"\\]|\\.)*"|'[^']*'))*)[ \t]*
        (?P<bare>(?![ \t\n\r"'])(?:[^\n\r\\]|\\.|\\\Z)+)?(?=[\n\r]|\Z)
      | (?P<stray>[^\n\r]+)""",
    re.VERBOSE | re.DOTALL,
)
_SYSTEMD_PART: t.Final = re.compile(_QUOTED, re.DOTALL)
_BARE_PART: t.Final = re.compile(r"\\(?P<escaped>.?)|(?P<space>[ \t]+\Z)|(?P<plain>[^\\ \t]+|[ \t]+)", re.DOTALL)
#: systemd drops a variable whose value has one of these.
_CONTROL: t.Final = re.compile("[\x01-\x08\x0b-\x1f\x7f]")
#: systemd takes no file that has one of these.
_ENDS_OF_PLANES: t.Final = "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_NO_CHARACTER: t.Final = re.compile(f"[\x00\ud800-\udfff\ufdd0-\ufdef{_ENDS_OF_PLANES}]")

_SHELL_LINE: t.Final = re.compile(
    r"""[ \t]*(?:(?:\#[^\n]*)?(?=\n|\Z)
      | (?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=
        (?P<value>(?:"(?:[^"\\$`]|\\.)*"|'[^']*'|\\.|[^\s"'\\$`;&|<>()~])*)
        [ \t]*(?:(?<=[ \t])\#[^\n]*)?(?=\n|\Z)
      | (?P<stray>[^\n]+))""",
    re.VERBOSE | re.DOTALL,
)
_SHELL_PART: t.Final = re.compile(_QUOTED + r"""|\\(?P<escaped>.)|(?P<bare>[^"'\\]+)""", re.DOTALL)
#: Variables that some shell keeps to itself, or gives a meaning to when they are set.
_OF_THE_SHELL: t.Final = re.compile(
    "_|BASHOPTS|BASHPID|BASH_(ALIASES|ARGC|ARGV|ARGV0|CMDS|LINENO|SOURCE|VERSINFO)|COMP_WORDBREAKS|DIRSTACK"
    "|EPOCHREALTIME|EPOCHSECONDS|EUID|FUNCNAME|GROUPS|HISTCMD|LINENO|OPTIND|PPID|RANDOM|SECONDS|SHELLOPTS|SHLVL"
    "|SRANDOM|UID"
)

#: Longest line that the engines read, in octets: the buffer of Go's ``bufio.Scanner`` less the line end.
_CONTAINER_LINE: t.Final = 64 * 1024 - 1


def read_systemd(text: str) -> View:
    """``EnvironmentFile=`` of a unit."""
    if _NO_CHARACTER.search(text):
        return {"line 1": None}
    found: View = {}
    for match, number in _lines(_SYSTEMD_LINE, text):
        comment, key = match.group("comment"), (match.group("key") or "").strip(" \t")
        if comment is not None:
            if comment.endswith("\\"):  # joins the next line to the comment up to systemd 253
                found[number] = None
        elif match.group("stray") is not None or not NAME.fullmatch(key):
            found[number] = None
        else:
            parts = "".join(_unquoted(part) for part in _SYSTEMD_PART.finditer(match.group("quoted")))
            value = parts + "".join(_bare(part) for part in _BARE_PART.finditer(match.group("bare") or ""))
            found[key] = None if _CONTROL.search(value) else value
    return found


def read_shell(text: str) -> View:
    """``. FILE`` in a POSIX shell, whose variables are exported (``set -a``)."""
    found: View = {}
    for match, number in _lines(_SHELL_LINE, text):
        name = match.group("name")
        if match.group("stray") is not None or "\0" in match.group():
            found[number] = None
        elif name is not None:
            value = "".join(_unquoted(part) for part in _SHELL_PART.finditer(match.group("value")))
            found[name] = None if _OF_THE_SHELL.fullmatch(name) else value
    return found


def read_container(text: str) -> View:
    """``--env-file`` of podman and docker, which take a line as it is."""
    found: View = {}
    for number, line in enumerate(text.split("\n"), 1):
        name, sign, value = line.lstrip(" \t").partition("=")
        if len(line.encode("utf-8", "replace")) > _CONTAINER_LINE or "\0" in line:
            found[f"line {number}"] = None
        elif not name.startswith("#") and (name or sign):
            known = NAME.fullmatch(name) is not None and sign
            found[name if known else f"line {number}"] = value if known and not value.endswith("\r") else None
    return found


#: What reads environment files: its name in options, what it is called in a sentence, how it reads.
READERS: t.Final[dict[str, tuple[str, Callable[[str], View]]]] = {
    "systemd": ("systemd", read_systemd),
    "shell": ("a shell", read_shell),
    "container": ("a container engine", read_container),
}


def _lines(pattern: t.Pattern[str], text: str) -> Iterator[tuple[t.Match[str], str]]:
    """Return matches, each from the beginning of a line, with the name of the line."""
    at, number, counted = 0, 1, 0
    while at < len(text):
        if text[at] in "\n\r" or (pattern is _SYSTEMD_LINE and text[at] in " \t"):
            at += 1
            continue
        match = pattern.match(text, at)
        number, counted = number + text.count("\n", counted, at), at
        if match is None:
            at += 1
            continue
        yield match, f"line {number}"
        at = match.end()


def _unquoted(part: t.Match[str]) -> str:
    if part.group("double") is not None:
        return re.sub(r"\\(.)", _escape, part.group("double"), flags=re.DOTALL)
    found = part.groupdict()
    if found.get("escaped") is not None:
        return "" if found["escaped"] == "\n" else t.cast(str, found["escaped"])
    return next(value for value in (found["single"], found.get("bare")) if value is not None)


def _escape(match: t.Match[str]) -> str:
    """In double quotes a backslash means something before these alone, and joins lines before a line end."""
    character = match.group(1)
    return character if character in '"\\`$' else "" if character == "\n" else match.group()


def _bare(part: t.Match[str]) -> str:
    """Outside of quotes systemd takes a backslash away, and white space at the end."""
    if part.group("space") is not None:
        return ""
    if part.group("plain") is not None:
        return part.group("plain")
    return "" if part.group("escaped") in "\n\r" else part.group("escaped")
