# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every parser answers a slice of what `make fuzz` gives with errors of the collection alone."""

from __future__ import annotations

import functools
import json
import random
import time
import typing as t

import pytest

from tests.fuzz import mutate
from tests.fuzz.feeding import CORPUS, Target, _Feed, _repeated, corpus, fuzz
from tests.fuzz.reach import reached, readers
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_errors_of_the_collection(target: Target) -> None:
    report = fuzz(target, int(150 * target.share), 8, sizes=(), seconds=0.5)
    found = {what: given for what, given in report.findings.items() if not what.startswith("slow")}
    assert found == {}
    assert report.inputs


#: What reads a form and yet nothing of others: hashes, what was checked before, what a library or a user's item gives.
OWN: t.Final = {
    "plugins/module_utils/_core/obstacles.py _attributes": "a number that the kernel gives",
    "plugins/module_utils/_envelope/key_file.py check_value": "a key that was read before, see master_keys",
    "plugins/module_utils/_envelope/local.py __init__": "a key that was read before, see master_keys",
    "plugins/module_utils/_hygiene/finding.py declared": "a day in an item",
    "plugins/module_utils/_jose/ed25519.py octets_of": "what a template signs",
    "plugins/module_utils/_keyring/jwt_key.py generate": "a key that a holder has just made",
    "plugins/module_utils/_keyring/noise.py settle": "hexadecimal digits by a pattern",
    "plugins/module_utils/_keyring/pkcs11.py _found": "a handle out of a record, see custody_records",
    "plugins/module_utils/_keyring/pkcs11.py _pem": "what the library of a token gives",
    "plugins/module_utils/_pki/extensions.py _of_a_copy": "a certificate that was read before",
    "plugins/module_utils/_pki/names.py general_names": "names that were checked",
    "plugins/module_utils/_pki/names.py including": "names that were checked",
    "plugins/module_utils/_pki/renewal.py _share": "a hash",
    "plugins/module_utils/_vault/approle.py _within": "networks that were checked",
    "plugins/module_utils/_vault/pki_role.py _is_instant": "digits by a pattern",
}


def test_every_reader_of_a_foreign_form_is_run_by_a_target() -> None:
    found = reached(TARGETS, lambda target: _inputs(target, 40))
    missing = {f"{path} {name}" for path, name in readers() - found}
    assert missing - set(OWN) == set(), "add a target, or say whose form it reads"
    assert set(OWN) <= {f"{path} {name}" for path, name in readers()}


def _inputs(target: Target, count: int) -> t.Iterator[t.Any]:
    pool, source = list(target.seeds()), random.Random(8)
    yield from pool
    for _number in range(count):
        octets = isinstance(pool[0], bytes)
        yield mutate.octets(source, pool, target.tokens) if octets else mutate.document(source, pool)


def _square(given: bytes) -> object:
    deadline = time.process_time() + (len(given) / 80_000) ** 2 / 10
    while time.process_time() < deadline:
        pass
    return None


def _line(given: bytes) -> object:
    deadline = time.process_time() + (len(given) / 80_000) / 10
    while time.process_time() < deadline:
        pass
    return None


@pytest.mark.parametrize(("run", "found"), [(_square, True), (_line, False)], ids=["square", "line"])
def test_what_grows_faster_than_its_input_is_a_finding(run: t.Callable[[bytes], object], found: bool) -> None:
    feed = _Feed(Target("any", run, lambda: [b"x"], ()))
    ways = [functools.partial(_repeated, b"", b"a", b"")]
    feed._growing = lambda: iter(ways)  # type: ignore[method-assign]
    feed.grow((10_000, 80_000), float("inf"))
    assert any(what.startswith("not linear") for what in feed.report.findings) is found


def test_another_error_is_a_finding() -> None:
    def run(given: t.Any) -> object:
        return json.loads(given)

    report = fuzz(Target("any", run, lambda: [b'{"a": 1}']), 50, 8, sizes=())
    assert any(what.startswith("JSONDecodeError (") for what in report.findings)


def test_documents_stay_mappings() -> None:
    report = fuzz(Target("any", lambda given: given.items(), lambda: [{"a": {"b": "c"}, "d": [1]}]), 500, 8)
    assert report.findings == {}


def test_every_corpus_is_of_a_parser() -> None:
    names = {target.name: target for target in TARGETS}
    assert {path.stem for path in CORPUS.iterdir()} <= set(names)
    assert corpus(names["key_set_texts"])
