# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets in the text of files, by two means: the detectors of detect-secrets, and our own table of shapes.

detect-secrets (https://github.com/Yelp/detect-secrets) is the well-kept scanner: keywords, entropy, and the tokens of
many services. Our shapes and names of files add what it does not know. It reads files by name, so that a version from
the history is laid out in a directory that only this process can enter, and removed at once (:mod:`.scratch`).
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._core.at_once import at_once
from .._core.pem import find_blocks
from .._core.scratch import Scratch
from .content import der_key, is_text, packed_as, texts_of
from .harmless import without_harmless
from .interruption import SECONDS, TookTooLong, interrupted_after
from .shape_table import SHAPES
from .shapes import find, readable
from .structured import kubernetes_values, private_jwks, values_below_names

try:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import transient_settings
except ImportError:  # reported by Spec.requires before any of it is used
    pass

#: Detectors that tell addresses, which are no secrets.
_LEFT_OUT: t.Final = frozenset({"IPPublicDetector"})
#: Filters of detect-secrets that we go without: marks in the code name no owner, reason or end (see the allowances).
_FILTERS: t.Final = tuple(
    f"detect_secrets.filters.heuristic.{name}"
    for name in (
        "is_sequential_string",
        "is_potential_uuid",
        "is_likely_id_string",
        "is_templated_secret",
        "is_prefixed_with_dollar_sign",
        "is_indirect_reference",
        "is_lock_file",
        "is_not_alphanumeric_string",
    )
)
_SEVERITIES: t.Final = {
    "secret-keyword": "high",
    "base64-high-entropy-string": "medium",
    "hex-high-entropy-string": "medium",
}
#: Names of files that are secret as a whole: rule, what it is, patterns, and names that stand for an example.
_FILES: t.Final = (
    ("keystore-file", "a store of keys", ("*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.bcfks"), ()),
    (
        "credential-file",
        "a file of credentials",
        (".netrc", "_netrc", ".pgpass", ".git-credentials", ".vault-token", ".htpasswd"),
        (),
    ),
    (
        "environment-file",
        "an environment file",
        (".env", ".env.*", "*.env"),
        ("*.example", "*.sample", "*.template", "*.dist", "example.env", "sample.env"),
    ),
)
#: What the detectors are shown of a line at a time, and by how much that overlaps.
_PIECE: t.Final = 1024
_OVERLAP: t.Final = 200
_MOST_IN_LINE: t.Final = 300
# Stretched, so that a fingerprint in a report does not let its readers try passwords by the million.
_ROUNDS: t.Final = 20_000
_SALT: t.Final = b"trustmesh.security repo_secret_scan 1"


@dataclass(frozen=True)
class Detected:
    """One secret in a text. ``secret`` never leaves this process."""

    rule: str
    title: str
    severity: str
    line: int
    secret: str

    @property
    def rank(self) -> tuple[int, int]:
        """Lower is more telling: what knows the kind of secret comes before what guesses from a name or from noise."""
        order = {
            "secret-keyword": 1,
            "secret-field": 2,
            "secret-setting": 2,
            "hex-high-entropy-string": 3,
            "base64-high-entropy-string": 4,
        }
        return order.get(self.rule, 0), -len(self.secret)


def fingerprint(secret: str) -> str:
    """Return 16 hexadecimal digits that stand for a secret in allowances, equal in every run and on every host."""
    return hashlib.pbkdf2_hmac("sha256", secret.encode("utf-8", "surrogatepass"), _SALT, _ROUNDS, 8).hex()


def fingerprints(secrets: t.Iterable[str]) -> dict[str, str]:
    """Return those of many secrets, by the secret; each takes milliseconds, so that all processors share the work."""
    wanted = list(dict.fromkeys(secrets))
    return dict(zip(wanted, at_once(fingerprint, wanted, os.cpu_count() or 1)))


@dataclass(frozen=True)
class Scanned:
    """What a file gives away, and why it, or a part of it, was not looked into."""

    found: tuple[Detected, ...]
    unread: t.Optional[str] = None


class Scanner:
    """Finds secrets in one text after the other; a context manager, which sets detect-secrets up and takes it down."""

    def __init__(self, skip_rules: Sequence[str]) -> None:
        self._skipped = frozenset(skip_rules)
        self._shapes = tuple(shape for shape in SHAPES if shape.in_code)
        self._scratch = Scratch()
        kinds: t.Iterable[type] = get_mapping_from_secret_type_to_class().values()
        detectors = [kind.__name__ for kind in kinds]
        self._settings = transient_settings(
            {
                "plugins_used": [{"name": name} for name in sorted(set(detectors) - _LEFT_OUT)],
                "filters_used": [{"path": path} for path in _FILTERS],
            }
        )

    def __enter__(self) -> Scanner:
        self._settings.__enter__()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._settings.__exit__(None, None, None)
        self._scratch.close()

    def scan(self, path: str, content: bytes, known: t.Container[int] = ()) -> Scanned:
        """Return what a file gives away, by its name and by its text; of several findings of one secret the best.

        The detectors, which take most of the time, are not shown the lines whose hashes are in ``known``: those of
        versions of the same file that they have seen.
        """
        found = list(_by_name(path, content))
        packed = packed_as(content[:16])
        unread = None if packed is None else f"packed with {packed}"
        try:
            with interrupted_after(SECONDS):
                if packed is None:
                    best, cut = _best(list(self._in_content(path, content, known)))
                    found += best
                    unread = f"more than {_MOST_IN_LINE} secrets in one line" if cut else None
        except TookTooLong:
            unread = f"took longer than {SECONDS} s"
        return Scanned(tuple(entry for entry in found if entry.rule not in self._skipped), unread)

    def _in_content(self, path: str, content: bytes, known: t.Container[int]) -> Iterator[Detected]:
        if der_key(content) is not None:
            secret = f"private-key:{hashlib.sha256(content).hexdigest()}"
            yield Detected("private-key", "a private key in DER form", "critical", 1, secret)
        for text in texts_of(content):
            shown = without_harmless(text)
            yield from self._by_shape(shown)
            if is_text(content):
                yield from self._by_detector(path, shown, known)

    def _by_shape(self, text: str) -> Iterator[Detected]:
        lines = text.split("\n")
        blocks = _key_blocks(text)
        for number, line in enumerate(lines, start=1):
            for hit in find(readable(line), self._shapes):
                shape = hit.shape
                # The first line of a key is the same for all keys of its kind.
                secret = blocks.get(number, hit.secret) if shape.rule == "private-key" else hit.secret
                yield Detected(shape.rule, shape.title, shape.severity, number, secret)
        for rule, title, severity, values in (
            ("secret-field", "a field that is named as a secret", "high", values_below_names(lines)),
            ("kubernetes-secret", "a value of a Kubernetes Secret", "high", kubernetes_values(lines)),
            ("private-jwk", "a private JSON Web Key", "critical", private_jwks(text)),
        ):
            yield from (Detected(rule, title, severity, number, value) for number, value in values)

    def _by_detector(self, path: str, text: str, known: t.Container[int]) -> Iterator[Detected]:
        shown = list(_fresh(text.split("\n"), known))
        if not shown:
            return
        # The name tells the scanner how to read it.
        with self._scratch.file(path, "\n".join(piece for _number, piece in shown)) as copy:
            for entry in scan_file(copy):
                rule = re.sub(r"[^a-z0-9]+", "-", entry.type.lower()).strip("-")
                secret = entry.secret_value or ""
                if rule != "private-key":
                    severity = _SEVERITIES.get(rule, "high")
                    # It counts anew in files that it rewrites.
                    place = shown[min(max(entry.line_number, 1), len(shown)) - 1][0]
                    yield Detected(rule, f"a secret ({entry.type})", severity, place, secret)


def _fresh(lines: Sequence[str], known: t.Container[int]) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not known and those that give them their meaning, in pieces, with their numbers.

    A line means what the lines above it with less indentation, and the one before it, make of it.
    """
    wanted: set[int] = set()
    above: list[tuple[int, int]] = []
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        while above and above[-1][0] >= indent:
            above.pop()
        if hash(line) not in known:
            wanted |= {at, max(at - 1, 0)}
            for _indent, parent in reversed(above):
                if parent in wanted:
                    break
                wanted.add(parent)
        above.append((indent, at))
    if not any(hash(lines[at]) not in known for at in wanted):
        return
    for at in sorted(wanted):
        line = lines[at]
        yield at + 1, line[:_PIECE]
        # The detectors take quadratic time on long lines.
        for start in range(_PIECE - _OVERLAP, len(line) - _OVERLAP, _PIECE - _OVERLAP):
            yield at + 1, line[start : start + _PIECE]


def _key_blocks(text: str) -> dict[int, str]:
    """Return the private keys in PEM by the number of their first line."""
    blocks: dict[int, str] = {}
    line, past = 1, 0
    for block in find_blocks(text, lambda label: label.endswith(("PRIVATE KEY", "PRIVATE KEY BLOCK"))):
        line, past = line + text.count("\n", past, block.start), block.start
        blocks.setdefault(line, f"{text[block.start : block.inner_end]}-----END")
    return blocks


def _best(found: Sequence[Detected]) -> tuple[list[Detected], bool]:
    """Return one finding per secret and line, the most telling of those that overlap, and whether one were left out."""
    kept: list[Detected] = []
    cut, line, count = False, 0, 0
    for entry in sorted(found, key=lambda it: (it.line, *it.rank)):
        if entry.line != line:
            line, count = entry.line, 0
        if count >= _MOST_IN_LINE:
            cut = True
        elif not any(_overlap(other.secret, entry.secret) for other in kept[len(kept) - count :]):
            kept.append(entry)
            count += 1
    return kept, cut


def _overlap(one: str, other: str) -> bool:
    return one in other or other in one


def _by_name(path: str, content: bytes) -> Iterator[Detected]:
    name = os.path.basename(path).lower()
    for rule, title, patterns, examples in _FILES:
        wanted = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        if wanted and content.strip() and not any(fnmatch.fnmatchcase(name, pattern) for pattern in examples):
            digest = hashlib.sha256(content).hexdigest()
            yield Detected(rule, title, "medium" if rule == "environment-file" else "high", 1, f"{rule}:{digest}")
