# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users see of success and failure: modules of a small collection, run with the real AnsibleModule."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import pathlib
import subprocess
import sys
import typing as t
from collections.abc import Callable

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible_collections.trustmesh.security.plugins.module_utils._core import masking, redact

PROBE = pathlib.Path(__file__).parent / "probe"
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
MASK = "********"
SECRET = "correct-horse-battery-staple"

Result = dict[str, t.Any]
Run = Callable[..., Result]


@pytest.fixture
def shelf(tmp_path: pathlib.Path) -> pathlib.Path:
    """An empty shelf, which is a file."""
    path = tmp_path / "shelf.json"
    path.write_text("{}")
    return path


class Runner:
    """``run([book, ...], check=..., diff=..., **options)``: run the module at -vvvv; its one line of output, decoded.

    Every run has to say nothing on standard error and to show no traceback and no secret.
    """

    def __init__(self, directory: pathlib.Path, shelf: pathlib.Path) -> None:
        self._directory = directory
        self._shelf = shelf
        collections = directory / "ansible_collections" / "trustmesh"
        collections.mkdir(parents=True)
        (collections / "probe").symlink_to(PROBE)

    def __call__(
        self,
        books: list[Result] | None = None,
        *,
        module: str = "shelf",
        check: bool = False,
        diff: bool = False,
        tracebacks: bool = False,
        verbosity: int = 4,
        env: dict[str, str] | None = None,
        **options: t.Any,
    ) -> Result:
        given = {
            "_ansible_check_mode": check,
            "_ansible_diff": diff,
            "_ansible_verbosity": verbosity,
            "_ansible_remote_tmp": str(self._directory),
            "_ansible_tracebacks_for": ["error"] if tracebacks else [],
            **({} if books is None else {"shelf": str(self._shelf), "books": books}),
            **options,
        }
        status, shown, complaints = self._execute(module, {"ANSIBLE_MODULE_ARGS": given}, env or {})
        assert complaints == ""
        assert SECRET not in shown
        result: Result = json.loads(shown)
        assert status == (1 if result.get("failed") else 0)
        if not tracebacks:
            assert "Traceback" not in shown
            assert "exception" not in result
        return result

    def _execute(self, module: str, given: Result, env: dict[str, str]) -> tuple[object, str, str]:
        """Run a module in this process, as if it had just begun."""
        shown, complaints = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(self._directory)
            patch.chdir(self._directory)
            for name, value in env.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", [module])
            patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(given).encode())
            patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
            patch.setattr(warnings, "_global_warnings", type(warnings._global_warnings)())
            # Tests of actions make this process a controller, which shows what it warns of (ansible-core 2.19).
            internal = sys.modules.get("ansible.module_utils._internal")
            patch.setattr(internal, "is_controller", False, raising=False)
            patch.setattr(redact, "_known", set())
            patch.setattr(masking, "_indexed", set())
            patch.setattr(masking, "_beginnings", {})
            with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(complaints):
                name = f"ansible_collections.trustmesh.probe.plugins.modules.{module}"
                sys.modules.pop(name, None)  # it reads its environment when it is loaded
                with pytest.raises(SystemExit) as ended:
                    importlib.import_module(name).main()
        gc.enable()
        return ended.value.code, shown.getvalue(), complaints.getvalue()


@pytest.fixture
def run(tmp_path: pathlib.Path, shelf: pathlib.Path) -> Run:
    """A runner whose collections are this one and the probe."""
    return Runner(tmp_path, shelf)


def book(name: str = "a", title: str = "A", **more: t.Any) -> Result:
    return {"name": name, "title": title, **more}


# -- success -----------------------------------------------------------------------------------------------------------


def test_the_result_of_a_run(run: Run, shelf: pathlib.Path) -> None:
    shelf.write_text(json.dumps({"kept": {"title": "K"}, "gone": {"title": "G"}}))

    result = run([book("new", "N"), book("kept", "K"), {"name": "gone", "state": "absent"}])

    assert result["changed"] is True
    assert result["summary"] == {"none": 1, "create": 1, "update": 0, "replace": 0, "delete": 1, "failed": 0}
    assert [(item["item"], item["action"], item["changed"]) for item in result["results"]] == [
        ("new", "create", True),
        ("kept", "none", False),
        ("gone", "delete", True),
    ]
    assert result["results"][0]["book"]["title"] == "N"
    assert "failed" not in result
    assert json.loads(shelf.read_text()) == {"kept": {"title": "K"}, "new": {"title": "N"}}


def test_check_mode_predicts_and_leaves_the_world_alone(run: Run, shelf: pathlib.Path) -> None:
    predicted = run([book()], check=True)
    untouched = shelf.read_text()
    applied = run([book()])
    again = run([book()])

    assert untouched == "{}"
    for key in ("changed", "summary"):
        assert predicted[key] == applied[key]
    assert predicted["results"][0]["reasons"] == applied["results"][0]["reasons"] == ["does not exist"]
    assert (again["changed"], again["results"][0]["action"]) == (False, "none")


def test_a_diff_is_given_only_when_asked_for_and_shows_what_changes(run: Run, shelf: pathlib.Path) -> None:
    shelf.write_text(json.dumps({"a": {"title": "old", "password": "old-password"}, "same": {"title": "S"}}))
    books = [book("a", "new", password=SECRET), book("same", "S")]

    assert "diff" not in run(books, check=True)
    (diff,) = run(books, check=True, diff=True)["diff"]

    assert (diff["before_header"], diff["after_header"]) == ("book a", "book a")
    assert (diff["before"]["title"], diff["after"]["title"]) == ("old", "new")
    assert diff["before"]["password"].startswith("secret:")
    assert diff["before"]["password"] != diff["after"]["password"], "old and new secret stay distinguishable"


def test_the_diff_of_a_run_is_that_of_its_prediction(run: Run) -> None:
    books = [book("a", "A"), book("b", "B")]

    assert run(books, check=True, diff=True)["diff"] == run(books, diff=True)["diff"]


def test_f8_what_changed_nothing_is_not_in_the_diff(run: Run) -> None:
    result = run([book("a"), book("b", "fails: no"), book("c")], diff=True, ordered=True)

    assert "not attempted, because book b failed" in result["results"][2]["msg"]
    assert [diff["after_header"] for diff in result["diff"]] == ["book a"]
    assert [item["action"] for item in result["results"]] == ["create", "none", "none"]
    assert result["summary"] == {"none": 0, "create": 1, "update": 0, "replace": 0, "delete": 0, "failed": 2}


def test_warnings_are_given_once_each(run: Run) -> None:
    warnings = run([book()], echo="warnings")["warnings"]

    # ansible-core 2.18 returns texts, later ones records that hold them.
    texts = [warning if isinstance(warning, str) else warning["event"]["msg"] for warning in warnings]
    assert texts == ["the shelf is full", "the shelf is crooked"]


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_a_short_secret_masks_nothing_but_its_own_name(run: Run) -> None:
    """Ansible masks by value: with ``true`` and ``A`` as secrets, half of the result would be asterisks."""
    result = run([book("true", "A true story", password="true")], pin="A")

    assert MASK not in json.dumps(result)
    assert result["results"][0]["item"] == "true"
    assert result["results"][0]["book"]["title"] == "A true story"
    shown = result["invocation"]["module_args"]
    assert (shown["pin"], shown["books"][0]["password"]) == (HIDDEN, HIDDEN)
    assert (shown["books"][0]["name"], shown["books"][0]["title"]) == ("true", "A true story")


def test_the_invocation_hides_secrets_by_name_and_shows_the_rest(run: Run, shelf: pathlib.Path) -> None:
    shown = run([book(password=SECRET), book("b")], pin="pin-of-some-length")["invocation"]["module_args"]

    assert shown["pin"] == HIDDEN
    assert [entry.get("password") for entry in shown["books"]] == [HIDDEN, None]
    assert shown["shelf"] == str(shelf)


@pytest.mark.parametrize(
    ("verbosity", "fault", "told"), [(2, "none", False), (3, "none", True), (0, "apply refused", True)]
)
def test_the_invocation_repeats_the_batch_where_it_is_looked_for(
    run: Run, verbosity: int, fault: str, told: bool
) -> None:
    shown = run([book()], verbosity=verbosity, fault=fault, pin="pin-of-some-length")["invocation"]["module_args"]

    assert shown["pin"] == HIDDEN
    assert ("books" in shown) is told


def test_a_secret_that_was_given_is_masked_wherever_it_turns_up(run: Run) -> None:
    result = run([book(password=SECRET)], echo="given")

    assert result["results"][0]["book"]["leak"] == f"was given {MASK} once"


def test_a_secret_that_was_generated_is_masked_too(run: Run) -> None:
    result = run([book()], echo="generated")

    assert result["results"][0]["book"]["leak"] == f"made {MASK} itself"


def test_a_secret_in_a_failure_message_is_masked(run: Run) -> None:
    result = run([book(password=SECRET)], fault="apply refused")

    assert result["msg"] == f"book a: the shelf refuses {MASK}. Ask the owner."
    assert result["invocation"]["module_args"]["books"][0]["password"] == HIDDEN


# -- failures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tracebacks", [False, True])
@pytest.mark.parametrize("phase", ["build", "read", "apply"])
def test_a_defect_names_its_place_and_shows_neither_traceback_nor_value(run: Run, phase: str, tracebacks: bool) -> None:
    """With tracebacks enabled, Ansible adds the call stack; the exception's own text is still not in it."""
    result = run([book(password="short")], pin="quoted", fault=phase, tracebacks=tracebacks)

    assert result["failed"] is True
    assert "defect in trustmesh.security (KeyError at modules/shelf.py:" in result["msg"]
    assert result["msg"].endswith("Please report it with the version of the collection and this line.")
    assert "quoted" not in json.dumps(result)
    assert "short" not in json.dumps(result)


def test_the_failure_of_one_item_names_it_and_the_remedy(run: Run) -> None:
    result = run([book()], fault="read refused")

    assert result["msg"] == "book a: the shelf refuses nothing. Ask the owner."
    assert result["changed"] is False
    assert (result["results"][0]["failed"], result["results"][0]["msg"]) == (
        True,
        "the shelf refuses nothing. Ask the owner.",
    )


def test_a_failure_leaves_the_results_of_the_others(run: Run, shelf: pathlib.Path) -> None:
    result = run([book("a"), book("b", "fails: no room"), book("c")])

    assert result["failed"] is True
    assert result["changed"] is True, "handlers have to run for what did change"
    assert [item.get("failed", False) for item in result["results"]] == [False, True, False]
    assert result["summary"]["failed"] == 1
    assert result["msg"] == "1 of 3 items failed. book b: no room"
    assert set(json.loads(shelf.read_text())) == {"a", "c"}


def test_the_same_cause_is_told_once(run: Run) -> None:
    books = [book("a", "fails: no room"), book("b"), book("c", "fails: no room"), book("d", "fails: too heavy")]

    assert run(books)["msg"] == "3 of 4 items failed. book a and 1 more: no room | book d: too heavy"


def test_many_causes_are_cut_short(run: Run) -> None:
    message = run([book(f"b{number}", f"fails: cause {number}") for number in range(7)])["msg"]

    assert message.startswith("7 of 7 items failed. book b0: cause 0 | book b1: cause 1")
    assert message.endswith("book b4: cause 4 | and 2 more causes, see results")


def test_bad_input_is_told_with_its_path_before_anything_is_read(run: Run, shelf: pathlib.Path) -> None:
    result = run([book("fine"), book("b", "forbidden")], fault="read")

    assert result["msg"] == "books[1] (b).title: may not be shelved. Choose another."
    assert "results" not in result
    assert shelf.read_text() == "{}"


def test_r21_a_text_that_nothing_can_take_is_told_by_its_option(run: Run) -> None:
    result = run([book(password=SECRET)], shelf="/a\0b")

    assert result["msg"] == "shelf: has a NUL character in it, which no path can have. Correct the path."
    assert result["invocation"]["module_args"]["books"][0]["password"] == HIDDEN


def test_a_duplicate_is_told_before_anything_is_read(run: Run) -> None:
    result = run([book("twin"), book("other"), book("twin", "B")], fault="read")

    assert result["msg"] == "declared more than once: book twin. Keep one declaration of each."


def test_a_constraint_of_an_item_is_enforced(run: Run) -> None:
    result = run([{"name": "untitled"}])

    assert "state is present but all of the following are missing: title" in result["msg"]
    assert "books" in result["msg"]


@pytest.mark.parametrize("fault", [None, "build", "read", "apply refused"])
def test_what_was_opened_is_closed_whatever_happens(run: Run, shelf: pathlib.Path, fault: str | None) -> None:
    run([book()], fault=fault)

    assert pathlib.Path(f"{shelf}.closed").exists()


# -- libraries ---------------------------------------------------------------------------------------------------------


def test_a_missing_library_is_told_with_reason_and_command(run: Run) -> None:
    result = run(module="shelf_info", env={"PROBE_LIBRARY": "no-such-distribution", "PROBE_VERSION": "1.2"})

    assert result["failed"] is True
    assert result["msg"] == (
        f"the Python library no-such-distribution is not installed for {sys.executable}; it is needed to count books. "
        f"Install it with: {sys.executable} -m pip install 'no-such-distribution>=1.2'"
    )


def test_a_library_that_is_too_old_is_told_with_its_version(run: Run) -> None:
    result = run(module="shelf_info", env={"PROBE_VERSION": "999.1"})

    assert "the Python library ansible-core is 2." in result["msg"]
    assert "older than 999.1 for " in result["msg"]


# -- read-only modules -------------------------------------------------------------------------------------------------


def test_a_read_only_module_returns_facts_and_changes_nothing(run: Run) -> None:
    result = run(module="shelf_info", pin=SECRET)

    assert (result["changed"], result["books"]) == (False, 3)
    assert result["about"] == f"opened with {MASK}"
    assert result["invocation"]["module_args"]["pin"] == HIDDEN


def test_a_read_only_module_fails_like_any_other(run: Run) -> None:
    result = run(module="shelf_info", fault=True)

    assert result["msg"] == "pin: the shelf is locked. Give the right one."


# -- the way out -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("run")  # which puts the collection of the probe there
@pytest.mark.parametrize("fault", [False, True])
def test_a_run_looks_for_cycles_neither_at_work_nor_on_the_way_out(tmp_path: pathlib.Path, fault: bool) -> None:
    left = tmp_path / "left.json"
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, gc, json, pathlib\n"
        "def tell(): return json.dumps([gc.isenabled(), len(gc.get_objects())])\n"
        f"atexit.register(lambda: pathlib.Path({str(left)!r}).write_text(tell()))\n"
    )

    subprocess.run(
        [sys.executable, "-m", "ansible_collections.trustmesh.probe.plugins.modules.shelf_info"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"fault": fault}}),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        timeout=60,
        check=not fault,
    )

    looks, objects = json.loads(left.read_text())
    assert not looks
    assert objects < 1000
