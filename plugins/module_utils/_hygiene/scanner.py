# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets in the text of files, by two means: the detectors of detect-secrets, and our own table of shapes.

detect-secrets (https://github.com/Yelp/detect-secrets) is the well-kept scanner: keywords, entropy, and the tokens of
many services. Our shapes and names of files add what it does not know. It reads files by name, so that a version from
the history is laid out in a directory that only this process can enter, and removed at once.
"""

from __future__ import annotations

import codecs
import fnmatch
import hashlib
import os
import re
import tempfile
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._core.files import Attributes
from .shapes import SHAPES, find

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
_PEM_BLOCK: t.Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?-----END", re.DOTALL)
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
        order = {"secret-keyword": 1, "hex-high-entropy-string": 2, "base64-high-entropy-string": 3}
        return order.get(self.rule, 0), -len(self.secret)


def fingerprint(secret: str) -> str:
    """Return 16 hexadecimal digits that stand for a secret in allowances, equal in every run and on every host."""
    return hashlib.pbkdf2_hmac("sha256", secret.encode("utf-8", "surrogatepass"), _SALT, _ROUNDS, 8).hex()


class Scanner:
    """Finds secrets in one text after the other; a context manager, which sets detect-secrets up and takes it down."""

    def __init__(self, skip_rules: Sequence[str]) -> None:
        self._skipped = frozenset(skip_rules)
        self._shapes = tuple(shape for shape in SHAPES if shape.in_code)
        self._folder = tempfile.TemporaryDirectory(prefix="trustmesh-scan-")  # pylint: disable=consider-using-with
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
        self._folder.cleanup()

    def scan(self, path: str, content: bytes, known: t.Container[int] = ()) -> list[Detected]:
        """Return what a file gives away, by its name and by its text; of several findings of one secret the best.

        The detectors, which take most of the time, are not shown the lines whose hashes are in ``known``: those of
        versions of the same file that they have seen.
        """
        found = list(_by_name(path, content))
        text = text_of(content)
        if text is not None:
            found += _best([*self._by_shape(text), *self._by_detector(path, text, known)])
        return [entry for entry in found if entry.rule not in self._skipped]

    def _by_shape(self, text: str) -> Iterator[Detected]:
        blocks = {text.count("\n", 0, match.start()) + 1: match.group() for match in _PEM_BLOCK.finditer(text)}
        for number, line in enumerate(text.split("\n"), start=1):
            for hit in find(line, self._shapes):
                shape = hit.shape
                # The first line of a key is the same for all keys of its kind.
                secret = blocks.get(number, hit.secret) if shape.rule == "private-key" else hit.secret
                yield Detected(shape.rule, shape.title, shape.severity, number, secret)

    def _by_detector(self, path: str, text: str, known: t.Container[int]) -> Iterator[Detected]:
        lines = text.split("\n")
        fresh = [number for number, line in enumerate(lines, start=1) if hash(line) not in known]
        if not fresh:
            return
        # The name tells the scanner how to read it.
        copy = os.path.join(self._folder.name, os.path.basename(path) or "text")
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, Attributes().mode)
        try:
            with open(descriptor, "w", encoding="utf-8", newline="") as handle:
                handle.write("\n".join(lines[number - 1] for number in fresh))
            for entry in scan_file(copy):
                rule = re.sub(r"[^a-z0-9]+", "-", entry.type.lower()).strip("-")
                secret = entry.secret_value or ""
                if rule != "private-key":
                    severity = _SEVERITIES.get(rule, "high")
                    # It counts anew in files that it rewrites.
                    place = fresh[min(max(entry.line_number, 1), len(fresh)) - 1]
                    yield Detected(rule, f"a secret ({entry.type})", severity, place, secret)
        finally:
            os.unlink(copy)


def _best(found: Sequence[Detected]) -> list[Detected]:
    """Return one finding per secret and line: the most telling of those that overlap."""
    kept: list[Detected] = []
    for entry in sorted(found, key=lambda it: (it.line, *it.rank)):
        overlapping = (other for other in kept if other.line == entry.line and _overlap(other.secret, entry.secret))
        if next(overlapping, None) is None:
            kept.append(entry)
    return kept


def _overlap(one: str, other: str) -> bool:
    return one in other or other in one


def _by_name(path: str, content: bytes) -> Iterator[Detected]:
    name = os.path.basename(path).lower()
    for rule, title, patterns, examples in _FILES:
        wanted = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        if wanted and content.strip() and not any(fnmatch.fnmatchcase(name, pattern) for pattern in examples):
            digest = hashlib.sha256(content).hexdigest()
            yield Detected(rule, title, "medium" if rule == "environment-file" else "high", 1, f"{rule}:{digest}")


def text_of(content: bytes) -> t.Optional[str]:
    """Return the text of a file; ``None`` for what is none, told as git does by a zero byte near its beginning."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return None if b"\0" in content[:8000] else content.decode("utf-8", "replace")
