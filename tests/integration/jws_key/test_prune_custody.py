# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J3: keys of owners whom nobody declares are named, and leave every place and custody where that is asked for."""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Callable

import pytest

from tests.rigs.runner import ModuleResult

from .conftest import NAMES, Mesh

Module = Callable[..., t.Any]
GONE = ("perffsp-7", "perffsp-8")
EVERYBODY = (*NAMES, *GONE)


class Keep:
    """The keys of a mesh in one kind of custody, and what others keep beside them."""

    def __init__(self, mesh: Mesh, run_module: Module, kind: str, transit: str | None = None) -> None:
        self.mesh, self._run, self.kind, self.transit = mesh, run_module, kind, transit
        self.options = mesh.args(algorithm="ES256")
        self.options["publish"][0].pop("audiences")
        if kind == "files":
            self.options.update(custody="files", directory=str(self.directory))
        if transit:
            self.options["holder"] = {"kind": "transit", "mount": transit}

    @property
    def directory(self) -> pathlib.Path:
        return self.mesh.base / "secret"

    @property
    def store(self) -> pathlib.Path:
        return self.directory / ".trustmesh-jws_key"

    def run(self, *names: str, **more: t.Any) -> ModuleResult:
        """Run the module for these participants, by default those who stay."""
        given = {**self.mesh.connection, **self.options, "participants": [{"name": name} for name in names or NAMES]}
        return t.cast("ModuleResult", self._run("jws_key", {**given, **more.pop("options", {})}, **more))

    def leave_things_of_others(self) -> list[str]:
        """Put beside the keys what the module did not make; return the names that a listing has of it."""
        if self.kind == "files":
            (self.store / "notes").mkdir()
            (self.store / "notes" / "text").write_text("theirs")
            (self.directory / "perffsp-9.key").write_text("theirs")
            return []
        api, mount = self.mesh.vault.api, self.mesh.mount
        api.write(f"{mount}/data/jws/notes", data={"text": "theirs"})
        api.write(f"{mount}/data/jws/another", data={"format": 1, "created": "2026-01-01T00:00:00Z"})
        return ["another", "notes"]

    def owners(self) -> list[str]:
        """Return who has a key in custody, and in the engine that holds private keys."""
        if self.kind == "files":
            links = {path.stem for path in self.directory.glob("*.key") if path.is_symlink()}
            assert links == {path.name for path in self.store.glob("perffsp-*")} | {"hub"}
            return sorted(links)
        listed = self.listed(f"{self.mesh.mount}/metadata/jws")
        if self.transit:
            handles = [handle.rpartition("-")[0] for handle in self.listed(f"{self.transit}/keys")]
            assert sorted(handles) == sorted(name for name in listed if name in EVERYBODY)
        return sorted(name for name in listed if name in EVERYBODY)

    def listed(self, path: str) -> list[str]:
        answer = self.mesh.vault.api.request("LIST", path)
        return t.cast("list[str]", answer.data["keys"])

    def things_of_others_are_there(self) -> bool:
        if self.kind == "files":
            places = (self.store / "notes" / "text", self.directory / "perffsp-9.key")
            return [path.read_text() for path in places] == ["theirs", "theirs"]
        return {"notes", "another"} <= set(self.listed(f"{self.mesh.mount}/metadata/jws"))


@pytest.fixture(params=["kv", "files", "transit"])
def keep(request: pytest.FixtureRequest, mesh: Mesh, run_module: Module, unique_name: Callable[[str], str]) -> Keep:
    """Everybody's keys, those of two included whom nobody declares any more, in each kind of custody."""
    transit = unique_name("transit") if request.param == "transit" else None
    if transit:
        mesh.vault.api.write(f"sys/mounts/{transit}", type="transit")
    made = Keep(mesh, run_module, request.param, transit)
    made.run(*EVERYBODY).ok()
    assert made.owners() == sorted(EVERYBODY)
    return made


def test_j3_who_is_not_declared_is_named_and_leaves_every_place(keep: Keep) -> None:
    others = keep.leave_things_of_others()
    told = keep.run().ok().result
    assert (told["changed"], told["undeclared"]) == (False, sorted([*others, *GONE]))

    prune = {"prune_custody": True}
    limited = keep.run(options={**prune, "prune_custody_limit": 1})
    assert limited.failed
    assert "prune_custody_limit: more than 1 owners in" in limited.msg
    foretold = keep.run(options=prune, check=True, diff=True).ok().result
    assert keep.owners() == sorted(EVERYBODY), "neither a refused run nor check mode removes anything"
    done = keep.run(options=prune, diff=True).ok().result
    actions = [(entry["item"], entry["action"]) for entry in done["results"]]
    assert actions == [*((name, "none") for name in NAMES), *((name, "delete") for name in GONE)]
    assert set(done["results"][-1]["reasons"]) == {"perffsp-8 is in custody and not declared"}
    assert [entry["action"] for entry in foretold["results"]] == [entry["action"] for entry in done["results"]]
    assert (foretold["diff"], foretold["undeclared"]) == (done["diff"], done["undeclared"])
    assert keep.owners() == sorted(NAMES)
    for name in NAMES:
        assert set(keep.mesh.trust(name)) == set(NAMES) - {name}
    assert keep.things_of_others_are_there()
    assert len([text for text in done.get("warnings", ()) if "is left alone" in str(text)]) == len(others)

    again = keep.run(options=prune).ok().result
    assert (again["changed"], again["undeclared"]) == (False, others)


def test_j3_a_declaration_of_nobody_is_refused(keep: Keep) -> None:
    for participants in ([], [{"name": "hub", "state": "absent"}]):
        refused = keep.run(options={"prune_custody": True, "participants": participants})
        assert refused.failed
        assert "prune_custody: no owner is declared present" in refused.msg
    assert keep.owners() == sorted(EVERYBODY)


def test_j3_a_key_that_a_holder_has_goes_with_the_holder_alone(
    mesh: Mesh, run_module: Module, unique_name: Callable[[str], str]
) -> None:
    transit = unique_name("transit")
    mesh.vault.api.write(f"sys/mounts/{transit}", type="transit")
    keep = Keep(mesh, run_module, "kv", transit)
    keep.run("hub", "perffsp-8").ok()
    refused = keep.run("perffsp-1", options={"prune_custody": True, "holder": None})
    assert refused.failed
    assert "holder: not given, but the private key of hub, who is not declared, is with a holder" in refused.msg
    assert keep.owners() == ["hub", "perffsp-8"]


def test_j3_who_is_named_anywhere_stays(mesh: Mesh, run_module: Module) -> None:
    """Owners that a place of publication keeps are declared, and so are its audiences."""
    keep = Keep(mesh, run_module, "files")
    keep.run(*EVERYBODY).ok()
    publish = [
        {"kind": "kv", "mount": mesh.mount, "path": "trust", "keep": ["perffsp-7"]},
        {"kind": "directory", "path": f"{mesh.base}/{{audience}}/trust", "audiences": ["perffsp-8", "hub"]},
    ]
    done = keep.run("hub", options={"prune_custody": True, "publish": publish}).ok().result
    assert done["undeclared"] == ["perffsp-1", "perffsp-2"]
    assert keep.owners() == ["hub", "perffsp-7", "perffsp-8"]


def test_j3_what_cannot_be_listed_is_not_told_and_not_pruned(mesh: Mesh, run_module: Module) -> None:
    keep = Keep(mesh, run_module, "kv")
    keep.options["path"] = "{name}/jws"
    assert keep.run("hub").ok().result["undeclared"] is None
    refused = keep.run("hub", options={"prune_custody": True})
    assert refused.failed
    assert "path: the owners below '{name}/jws' cannot be listed" in refused.msg


@pytest.mark.parametrize(
    ("module", "plural", "common"),
    [
        ("ilp_secret", "participants", {}),
        ("jwt_key", "issuers", {"algorithm": "ES256"}),
        ("jwt_key", "issuers", {"algorithm": "HS256"}),
        ("api_key", "clients", {}),
        ("noise_key", "peers", {}),
    ],
)
@pytest.mark.parametrize("custody", ["kv", "files"])
def test_j3_keys_and_secrets_of_every_kind(
    mesh: Mesh, run_module: Module, custody: str, module: str, plural: str, common: dict[str, t.Any]
) -> None:
    """One secret of the engine is of another module, and stays."""
    base = mesh.base / "secret"
    kept = {"custody": "files", "directory": str(base)} if custody == "files" else {"mount": mesh.mount}
    args = {**(mesh.connection if custody == "kv" else {}), **kept, **common, "path": "kept/{name}"}
    if custody == "kv":
        run_module("jws_key", {**args, "algorithm": "RS256", "participants": [{"name": "zone"}]}).ok()
    run_module(module, {**args, plural: [{"name": "a"}, {"name": "b"}]}).ok()
    left = ["zone"] if custody == "kv" else []
    assert run_module(module, {**args, plural: [{"name": "a"}]}).ok().result["undeclared"] == ["b", *left]
    pruned = {**args, plural: [{"name": "a"}], "prune_custody": True}
    done = run_module(module, pruned).ok().result
    assert [(entry["item"], entry["action"]) for entry in done["results"]] == [("a", "none"), ("b", "delete")]
    again = run_module(module, pruned).ok().result
    assert (again["changed"], again["undeclared"]) == (False, left)
