# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the targets have in common: texts out of octets, several readers of one input, and pieces of usual forms."""

from __future__ import annotations

import typing as t

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._core.foreign import Unreadable

JSON_TOKENS: t.Final = (b"{", b"[", b'"a":', b"null", b"1e999", b"\\ud800", b'{"a":1,"a":2}', b"NaN", b",", b'"')
TIME_TOKENS: t.Final = (b"d", b"h", b"-", b"ms", b"T", b"Z", b"+00:00", b"9999", b":", b".")


def text(run: t.Callable[[str], object]) -> t.Callable[[bytes], object]:
    """Let a reader of texts have octets."""
    return lambda octets: run(octets.decode("utf-8", "surrogateescape"))


def octets_of(*texts: str) -> t.Callable[[], list[bytes]]:
    """Return a function that gives texts as octets."""
    return lambda: [entry.encode() for entry in texts]


def quiet(run: t.Callable[[t.Any], object], given: t.Any) -> str:
    """Give an input to one of several readers and say what came of it: its error is no news to the others.

    A plain ``ValueError`` is what those raise that leave the field to their callers; a subclass, such as
    UnicodeDecodeError, is a finding.
    """
    try:
        return type(run(given)).__name__
    except TrustmeshError as error:
        return f"{type(error).__name__} {error.field}"
    except Unreadable:
        return "Unreadable"
    except ValueError as error:
        if type(error) is not ValueError:  # pylint: disable=unidiomatic-typecheck
            raise
        return "ValueError"


def each(readers: t.Iterable[t.Callable[[t.Any], object]], given: t.Any) -> tuple[str, ...]:
    """Give an input to every reader, and return what came of it with each."""
    return tuple(quiet(run, given) for run in readers)
