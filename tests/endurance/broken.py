# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to break what is run, so that the checks of endurance can be shown to fail."""

from __future__ import annotations

import contextlib
import importlib
import os
import time
import typing as t
from collections.abc import Iterator

from tests.endurance.mortal import COLLECTION


def _module(name: str) -> t.Any:
    return importlib.import_module(f"{COLLECTION}.module_utils.{name}")


def writes_in_place() -> None:
    """Write over what is there, octet by octet, instead of moving a finished file into its place."""
    staging = _module("_core.staging")
    move = staging.Move.take_effect

    def take_effect(self: t.Any, folder: t.Any) -> None:
        at = {"dir_fd": folder.descriptor}
        try:
            source = os.open(self.temporary, os.O_RDONLY | os.O_NOFOLLOW, **at)
            content = os.read(source, 1 << 20)
        except OSError:  # a link or a directory
            move(self, folder)
            return
        target = os.open(self.final.name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, **at)
        for part in (content[: len(content) // 2], content[len(content) // 2 :]):
            os.write(target, part)
        os.close(target)
        os.close(source)
        os.unlink(self.temporary, **at)

    staging.Move.take_effect = take_effect


def moves_the_link_last_but_one() -> None:
    """Remove what was in force before the new one is."""
    files = _module("_core.files")
    take_effect = files.FileGroup.take_effect

    def early(self: t.Any) -> None:
        for removal in self.obsolete:
            _module("_core.removal").remove_entry(removal.place.open(), removal.place.name)
        take_effect(self)

    files.FileGroup.take_effect = early


def locks_nothing() -> None:
    """Let two runs work in one store."""

    @contextlib.contextmanager
    def hold(_stores: t.Any, *, make: bool = True) -> Iterator[dict[str, int]]:
        yield {}

    _module("_core.reconcile").hold = hold
    _module("_core.files").hold = hold


def checks_nothing_and_sets() -> None:
    """Write to a key-value engine whatever is there by then."""
    custody = _module("_vault.kv_custody")
    write = custody.KvStore.write

    def heedless(self: t.Any, path: str, document: t.Any, version: t.Any) -> t.Any:
        time.sleep(0.3)  # let the other one read what is about to be written over
        found = self.read(path)
        return write(self, path, document, found[1] if found else version)

    custody.KvStore.write = heedless


def sweeps_nothing() -> None:
    """Leave what killed runs have left."""
    for name in ("_core.leftovers", "_core.staging"):
        _module(name).remove_leftovers = lambda _folder: None
    for name in ("_keyring.file_custody", "_certificate.look"):
        _module(name).leftovers = lambda _folder, _names: []


def forgets_the_former() -> None:
    """Drop the key that was in use when another takes its place."""
    record = _module("_keyring.record")
    switched = record.Record.switched
    record.Record.switched = lambda self, at: record.Record(switched(self, at).current)


def makes_another() -> None:
    """Make another key where a run that was killed had made one."""
    rotation = _module("_keyring.rotation")
    decide = rotation.decide

    def again(record: t.Any, *arguments: t.Any) -> t.Any:
        return decide(record and _module("_keyring.record").Record(record.current, None, record.previous), *arguments)

    rotation.decide = again
    _module("_keyring.resource").decide = again


def never_rests() -> None:
    """Say that something was changed, in every run."""
    unannounced = _module("_core.unannounced")
    unannounced.Unannounced.holds = lambda _self, _store, _identity: True
