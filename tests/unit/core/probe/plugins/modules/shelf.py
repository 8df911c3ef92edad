# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module made of the core alone, whose world is a JSON file: what the tests of `_core.module` run.

``fault`` breaks it in one phase, ``echo`` makes it leak what it was given, ``library`` asks for a distribution.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import threading
import typing as t
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.trustmesh.security.plugins.module_utils._core.deps import Library
from ansible_collections.trustmesh.security.plugins.module_utils._core.errors import InvalidInput, TrustmeshError
from ansible_collections.trustmesh.security.plugins.module_utils._core.kinds import SECRET, TEXT
from ansible_collections.trustmesh.security.plugins.module_utils._core.module import reconcile_module
from ansible_collections.trustmesh.security.plugins.module_utils._core.plan import Action, Plan, Step
from ansible_collections.trustmesh.security.plugins.module_utils._core.reconcile import Batch
from ansible_collections.trustmesh.security.plugins.module_utils._core.redact import Secret
from ansible_collections.trustmesh.security.plugins.module_utils._core.resource import StateResource
from ansible_collections.trustmesh.security.plugins.module_utils._core.spec import (
    STATE,
    Params,
    Spec,
    batch,
    build_each,
)
from ansible_collections.trustmesh.security.plugins.module_utils._core.state import Field, State, managed

GENERATED = "made-by-the-module-itself"


@dataclass(frozen=True)
class Book(State):
    """A title, and a secret that nobody may see."""

    title: Field[str] = managed(TEXT)
    password: Field[t.Any] = managed(SECRET)


class Shelf:
    """A JSON file of books."""

    def __init__(self, params: Params) -> None:
        self.path = pathlib.Path(params["shelf"])
        self.fault = params["fault"]
        self.lock = threading.Lock()
        self.books: dict[str, t.Any] = json.loads(self.path.read_text(encoding="utf-8"))

    def save(self, name: str, body: dict[str, t.Any] | None) -> None:
        """Change one book."""
        with self.lock:
            if body is None:
                self.books.pop(name, None)
            else:
                self.books[name] = body
            self.path.write_text(json.dumps(self.books), encoding="utf-8")

    def may_break(self, phase: str, *quoted: str) -> None:
        """Fail as asked: with a defect whose text quotes a secret, or with an error for the user."""
        if self.fault == phase:
            raise KeyError(*quoted)
        if self.fault == f"{phase} refused":
            raise TrustmeshError(f"the shelf refuses {' '.join(quoted)}", remedy="Ask the owner.")


class BookResource(StateResource[Book]):
    """One book; a title ``fails: x`` fails with the message x."""

    kind = "book"
    noun = "book"

    def __init__(self, name: str, desired: Book | None, shelf: Shelf, echo: str | None) -> None:
        super().__init__(name, desired)
        self.shelf = shelf
        self.echo = echo

    def read(self) -> Book | None:
        self.shelf.may_break("read", self._secret())
        held = self.shelf.books.get(self.name)
        return None if held is None else Book.observed(held)

    def steps(self, plan: Plan, current: Book | None) -> Iterable[Step]:
        return [Step("delete" if plan.action is Action.DELETE else "write", self.name)]

    def apply(self, plan: Plan) -> None:
        self.shelf.may_break("apply", self._secret())
        if self.desired is None:
            self.shelf.save(self.name, None)
            return
        title = str(self.desired.title)
        if title.startswith("fails: "):
            raise TrustmeshError(title[7:])
        self.shelf.save(self.name, self.desired.wire())

    def describe(self, current: Book | None) -> dict[str, t.Any]:
        facts = super().describe(current)
        if self.echo == "given":
            facts["leak"] = f"was given {self._secret()} once"
        if self.echo == "generated":
            facts["leak"] = f"made {Secret(GENERATED).reveal()} itself"
        return facts

    def _secret(self) -> str:
        password = self.desired.password if self.desired is not None else None
        return password.reveal() if isinstance(password, Secret) else "nothing"


SPEC = Spec(
    {
        "shelf": {"type": "path", "required": True},
        "pin": {"type": "str", "no_log": True},
        "fault": {"type": "str"},
        "echo": {"type": "str"},
        "library": {"type": "str"},
        "version": {"type": "str", "default": "0"},
        "ordered": {"type": "bool", "default": False},
    }
) + batch(
    "books",
    {"name": {"type": "str", "required": True}, **Book.options(), **STATE},
    required_if=[("state", "present", ("title",))],
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared books."""
    stack.callback(pathlib.Path(f"{params['shelf']}.closed").touch)
    if params["library"]:
        Library(params["library"], params["version"], "to bind books").check()
    shelf = Shelf(params)
    shelf.may_break("build", str(params["pin"]))

    def book(item: dict[str, t.Any]) -> BookResource:
        if item["title"] == "forbidden":
            raise InvalidInput("may not be shelved", field="title", remedy="Choose another.")
        desired = None if item["state"] == "absent" else Book.declared(item)
        return BookResource(item["name"], desired, shelf, params["echo"])

    warnings = (
        ["the shelf is full", "the shelf is full", "the shelf is crooked"] if params["echo"] == "warnings" else []
    )
    return Batch(build_each(SPEC, params, book), workers=2, ordered=params["ordered"], warnings=warnings)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
