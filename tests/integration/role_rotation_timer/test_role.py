# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role rotation_timer: units that systemd takes, kept as declared, and a real systemd that runs them."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shutil
import subprocess
import sys
import typing as t
from collections.abc import Iterator

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.process import MissingPartError, Process, clean_environment, wait_until

ROLE = "trustmesh.security.rotation_timer"
NAME = "trustmesh-rotation"
COMMAND = ["/bin/sh", "-c", 'printf "%s|" "$@" > "$0"']
#: Schedule, what the timer has to say, and how systemd spells it.
CALENDARS = [
    ("monthly", "monthly UTC", "*-*-01 00:00:00 UTC"),
    ("weekly", "weekly UTC", "Mon *-*-* 00:00:00 UTC"),
    ("yearly", "yearly UTC", "*-01-01 00:00:00 UTC"),
    (86400, "*-*-* 00:00:00 UTC", "*-*-* 00:00:00 UTC"),
    (604800, "*-*-* 00:00:00 UTC", "*-*-* 00:00:00 UTC"),
    (21600, "*-*-* 00/6:00:00 UTC", "*-*-* 00/6:00:00 UTC"),
    (900, "*-*-* *:00/15:00 UTC", "*-*-* *:00/15:00 UTC"),
]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingPartError(f"{name} is not installed (Debian packages systemd and util-linux)")
    return found


@pytest.fixture
def units(tmp_path: pathlib.Path) -> pathlib.Path:
    """The directory of the units, which is not there yet."""
    or_skip(lambda: _program("systemctl"))
    return tmp_path / "units"


@pytest.fixture
def role(play: t.Any, units: pathlib.Path) -> t.Any:
    """A function that runs an entry point of the role, which writes files alone unless told otherwise."""

    def run(entry: str = "main", *, inputs: t.Any = None, **options: t.Any) -> t.Any:
        variables = {
            "rotation_timer_unit_directory": str(units),
            "rotation_timer_activate": False,
            "rotation_timer_command": [*COMMAND, str(units.parent / "ran"), "{schedule}"],
            **(inputs or {}),
        }
        task = {"name": "Role", "ansible.builtin.include_role": {"name": ROLE, "tasks_from": entry}}
        return play([task], variables=variables, **options)

    return run


def _analyzed(*arguments: str) -> str:
    command = [_program("systemd-analyze"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def _verified(play: t.Any) -> str:
    """Return the one verdict of a run that failed by it alone and changed nothing."""
    assert (play.rc != 0, play.changed) == (True, 0), play.tail()
    (failed,) = [task for task in play.tasks if task.status == "failed"]
    assert failed.task == f"{ROLE} : Verify | Fail on what is left to do"
    return str(failed.result["msg"])


def test_j10_apply_repeat_verify_tamper(role: t.Any, units: pathlib.Path) -> None:
    """J10: what verify finds is said once, and counts as no change."""
    role(check=True).ok()
    assert not units.exists()
    said = _verified(role("verify"))
    assert f"3 of 3 units are not as declared: {units}, {NAME}.service, {NAME}.timer. Apply the role" in said
    assert not units.exists(), "verify changes nothing"
    made = role().ok()
    assert made.changed == 3
    kept = made.task(f"{ROLE} : Configure | Keep what there is now").result["ansible_facts"]["rotation_timer_result"]
    paths = [str(units / f"{NAME}.{kind}") for kind in ("service", "timer")]
    assert kept == {"changed": True, "units": paths}
    again = role().ok()
    assert again.changed == 0
    kept = again.task(f"{ROLE} : Configure | Keep what there is now").result["ansible_facts"]["rotation_timer_result"]
    assert kept == {"changed": False, "units": paths}
    assert "RUNNING HANDLER" not in again.stdout
    verified = role("verify").ok()
    assert verified.changed == 0
    assert "pass unit trustmesh-rotation.timer" in verified.stdout
    service, timer = units / f"{NAME}.service", units / f"{NAME}.timer"
    timer.write_text(timer.read_text().replace("monthly UTC", "yearly UTC"))
    timer.chmod(0o600)
    service.rename(units / "elsewhere")
    service.symlink_to("elsewhere")
    found = role("verify")
    assert f"2 of 3 units are not as declared: {NAME}.service, {NAME}.timer." in _verified(found)
    assert f"FAIL unit {NAME}.timer: contents differ; mode is 0600, declared 0644" in found.stdout
    assert f"FAIL unit {NAME}.service: is not a regular file" in found.stdout
    assert "yearly UTC" in timer.read_text(), "verify changes nothing"


def test_j11_what_cannot_be_read_is_an_error_and_no_drift(role: t.Any, units: pathlib.Path) -> None:
    """J11: neither a file that cannot be reached nor a systemd that does not answer is called drift."""
    units.symlink_to(units)
    runtime = {"XDG_RUNTIME_DIR": str(units.parent), "DBUS_SESSION_BUS_ADDRESS": ""}
    inputs = {"rotation_timer_activate": True, "rotation_timer_scope": "user"}
    said = _verified(role("verify", inputs=inputs, play={"environment": runtime}))
    unread = f"4 of 4 units could not be read: {units}, {NAME}.service, {NAME}.timer, {NAME}.timer in systemd."
    assert said.startswith(unread)
    assert "symbolic links" in said
    assert "bus" in said
    assert "Apply the role" not in said


def test_systemd_takes_the_units_as_they_are(role: t.Any, units: pathlib.Path) -> None:
    more = {
        "rotation_timer_user": "daemon",
        "rotation_timer_group": "daemon",
        "rotation_timer_working_directory": "/tmp",
        "rotation_timer_environment": {"LANG": "C.UTF-8", "QUOTED": 'a "b" 100%'},
        "rotation_timer_random_delay": 60,
    }
    role(inputs=more).ok()
    said = _analyzed("--man=no", "verify", str(units / f"{NAME}.service"), str(units / f"{NAME}.timer"))
    assert NAME not in said, said


def test_what_systemd_does_not_take_is_not_installed(role: t.Any, units: pathlib.Path) -> None:
    refused = role(inputs={"rotation_timer_command": ["/no/such/program"]})
    assert refused.rc != 0
    assert "/no/such/program is not executable" in refused.stdout
    assert list(units.iterdir()) == []


@pytest.mark.parametrize(("schedule", "calendar", "normal"), CALENDARS)
def test_schedules_are_calendars_of_systemd(
    role: t.Any, units: pathlib.Path, schedule: t.Any, calendar: str, normal: str
) -> None:
    role(inputs={"rotation_timer_schedule": schedule}).ok()
    found = re.search(r"^OnCalendar=(.*)$", (units / f"{NAME}.timer").read_text(), re.MULTILINE)
    assert found is not None and found.group(1) == calendar
    assert f"Normalized form: {normal}" in _analyzed("calendar", calendar)
    assert f'"{schedule}"' in (units / f"{NAME}.service").read_text()


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"rotation_timer_schedule": "fortnightly"}, "fortnightly is not understood"),
        ({"rotation_timer_schedule": "5400"}, "5400 is not understood"),
        ({"rotation_timer_schedule": "30"}, "30 is not understood"),
        ({"rotation_timer_command": ["ansible-playbook"]}, "absolute path"),
        ({"rotation_timer_command": ["/bin/sh", "-c", "a\nb"]}, "more than one line"),
        ({"rotation_timer_name": "a b"}, "letters, digits"),
        ({"rotation_timer_scope": "user", "rotation_timer_user": "nobody"}, "for the scope system"),
    ],
)
def test_what_cannot_be_kept_is_refused(role: t.Any, units: pathlib.Path, inputs: t.Any, said: str) -> None:
    refused = role(inputs=inputs)
    assert refused.rc != 0
    assert said in re.sub(r"\s+", " ", refused.stdout)
    assert not units.exists()


@dataclasses.dataclass(frozen=True)
class Machine:
    """A systemd of a user, in namespaces of its own, and a Python that runs beside it."""

    python: pathlib.Path
    runtime: str
    home: pathlib.Path

    def systemctl(self, *arguments: str) -> str:
        """Ask the systemd, and return what it says."""
        command = "import os,sys; os.execvp('systemctl', ['systemctl', '--user', *sys.argv[1:]])"
        environment = clean_environment(XDG_RUNTIME_DIR=self.runtime, HOME=str(self.home))
        argv = [self.python, "-c", command, *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=30, check=False)
        return done.stdout.strip()


def _own_namespaces() -> None:
    command = [_program("unshare"), "--mount", "--pid", "--fork", "--mount-proc", "true"]
    done = subprocess.run(command, timeout=30, check=False)
    if done.returncode != 0:
        raise MissingPartError("namespaces cannot be made here (root, or a kernel that lets users make them)")


@pytest.fixture
def machine(tmp_path: pathlib.Path, units: pathlib.Path) -> Iterator[Machine]:
    """A real systemd that runs the units of a user; the host's own is neither asked nor needed."""
    or_skip(_own_namespaces)
    home, script, init = tmp_path / "home", tmp_path / "boot.sh", tmp_path / "init.pid"
    (home / ".config").mkdir(parents=True)
    script.write_text(
        "set -eu\nmount -t tmpfs tmpfs /run\nmkdir -p /run/systemd/system /run/user/own\n"
        f"{_program('systemd')} --user --log-target=console\n"
    )
    environment = clean_environment(XDG_RUNTIME_DIR="/run/user/own", HOME=str(home))
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", str(script)]
    process = Process("systemd", unshare, tmp_path, environment)
    process.start()
    try:
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        init.write_text(wait_until(lambda: children.read_text().split(), what="the first process")[0])
        python = tmp_path / "python"
        enter = f"{_program('nsenter')} --target {init.read_text()} --mount --pid --"
        python.write_text(f'#!/bin/sh\nexec {enter} {sys.executable} "$@"\n')
        python.chmod(0o755)
        made = Machine(python, "/run/user/own", home)
        wait_until(lambda: made.systemctl("is-system-running") in ("running", "degraded"), 30, "systemd")
        yield made
    finally:
        process.stop()


def test_a_real_systemd_runs_the_command_at_the_beginning_of_a_period(
    role: t.Any, machine: Machine, tmp_path: pathlib.Path
) -> None:
    """J2, J10: and verify tells what it does not do; the shortest period is a minute, which this test waits for."""
    ran = tmp_path / "ran"
    inputs = {
        "ansible_python_interpreter": str(machine.python),
        "rotation_timer_scope": "user",
        "rotation_timer_unit_directory": str(machine.home / ".config" / "systemd" / "user"),
        "rotation_timer_activate": True,
        "rotation_timer_schedule": "yearly",
        "rotation_timer_environment": {"MODE": 'say "100%"'},
        "rotation_timer_command": [
            "/bin/sh",
            "-c",
            'printf "%s|" "$MODE" "$@" > "$0"',
            str(ran),
            "a b",
            'c"d\\e',
            "{schedule}",
        ],
    }
    play = {"environment": {"XDG_RUNTIME_DIR": machine.runtime, "HOME": str(machine.home)}}
    first = role(inputs=inputs, play=play).ok()
    assert "RUNNING HANDLER" in first.stdout
    assert machine.systemctl("is-enabled", f"{NAME}.timer") == "enabled"
    assert machine.systemctl("is-active", f"{NAME}.timer") == "active"
    again = role(inputs=inputs, play=play).ok()
    assert again.changed == 0
    assert "RUNNING HANDLER" not in again.stdout
    role("verify", inputs=inputs, play=play).ok()
    machine.systemctl("disable", "--now", f"{NAME}.timer")
    found = role("verify", inputs=inputs, play=play)
    assert f"1 of 4 units are not as declared: {NAME}.timer in systemd." in _verified(found)
    assert f"FAIL unit {NAME}.timer in systemd: is not enabled; does not run" in found.stdout
    assert machine.systemctl("is-active", f"{NAME}.timer") == "inactive", "verify changes nothing"
    role(inputs=inputs, play=play).ok()

    # J2: as a run leaves them that ends between the units and the handler.
    (machine.home / ".config" / "systemd" / "user" / f"{NAME}.timer").touch()
    found = role("verify", inputs=inputs, play=play)
    assert "systemd has not read the units since they changed" in found.stdout, found.tail()
    assert "1 of 4" in _verified(found)
    role(inputs=inputs, play=play).ok()
    role("verify", inputs=inputs, play=play).ok()

    changed = role(inputs={**inputs, "rotation_timer_schedule": "60"}, play=play).ok()
    assert "RUNNING HANDLER" in changed.stdout
    wait_until(ran.exists, 75, "the beginning of a minute")
    wait_until(lambda: machine.systemctl("is-active", f"{NAME}.service") == "inactive", 30, "the end of the run")
    assert ran.read_text() == 'say "100%"|a b|c"d\\e|60|'
