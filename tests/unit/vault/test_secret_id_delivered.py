# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a delivery of a secret-id leaves on disk, tells about itself, and does about what others did (R16)."""

from __future__ import annotations

import datetime
import grp
import json
import pathlib
import pwd
import stat
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.reconcile import reconcile
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._vault.approle import APPROLES
from plugins.module_utils._vault.errors import NoMount, Rejected
from plugins.module_utils._vault.secret_id import Delivery, DeliveryState, DeliveryTerms
from tests.unit.vault.memory import Memory
from tests.unit.vault.subjects import approle, completed
from tests.unit.vault.test_secret_id import ROLE, Server, delivery, run


@pytest.mark.parametrize("wrapped", [False, True])
def test_r16_file_and_record_tell_of_one_secret_id(tmp_path: pathlib.Path, wrapped: bool) -> None:
    server, path = Server(), tmp_path / "secret-id"
    resource = delivery(server, path, wrapped=wrapped)
    assert resource.read() is None
    assert resource.describe(None) == resource.describe(DeliveryState(None, False, Secret("x"))) == {}
    run(resource)
    prefix = "wrapping-" if wrapped else "secret-"
    assert path.read_text() == f"{prefix}accessor-1\n"
    text = pathlib.Path(resource.record_path).read_text()
    assert text.splitlines()[1].startswith('  "role"'), "people read it"
    record = json.loads(text)
    until = "2026-01-01T12:00:01+00:00" if wrapped else None
    assert (record["role"], record["accessor"], record["unwrap_before"]) == (ROLE, "accessor-1", until)
    assert prefix not in text
    facts = {"path": str(path), "accessor": "accessor-1", "wrapped": wrapped, "unwrap_before": until, "expires": None}
    assert resource.describe(resource.read()) == {"delivery": facts}
    assert ("delivery" in server.alive["accessor-1"]["metadata"]) is wrapped


def test_r16_when_a_secret_id_ends_is_written_down(tmp_path: pathlib.Path) -> None:
    server = Server()
    make = server._make

    def ending(body: dict[str, t.Any], wrap_ttl: str | None) -> t.Any:
        made = make(body, wrap_ttl)
        server.alive["accessor-1"]["expiration_time"] = "2026-02-01T12:00:00Z"
        return made

    server._make = ending  # type: ignore[method-assign]
    resource = delivery(server, tmp_path / "secret-id", wrapped=False)
    run(resource)
    assert resource.describe(resource.read())["delivery"]["expires"] == "2026-02-01T12:00:00+00:00"


def test_r16_mode_of_a_delivered_file_is_set_and_its_content_kept(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "secret-id"
    run(delivery(server, path, wrapped=False))
    path.chmod(0o644)
    resource = delivery(server, path, wrapped=False)
    plan = resource.plan(resource.read(), datetime.datetime.now(datetime.timezone.utc))
    assert [(change.path, change.before, change.after) for change in plan.changes] == [
        ("delivery.mode", "0644", "0600")
    ]
    resource.apply(plan)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("secret-accessor-1\n", 0o600)
    assert list(server.alive) == ["accessor-1"]


def test_r16_what_is_not_wanted_any_more_goes_with_its_record(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "secret-id"
    run(delivery(server, path, wrapped=False))
    gone = Delivery(t.cast(t.Any, server), ROLE, str(path), None)
    plan = gone.plan(gone.read(), datetime.datetime.now(datetime.timezone.utc))
    assert [(change.path, change.before, change.after) for change in plan.changes] == [("delivery", str(path), None)]
    gone.apply(plan)
    assert list(tmp_path.iterdir()) == []
    assert gone.read() is None


@pytest.mark.parametrize("left", ["secret-id", "secret-id.accessor"])
def test_r16_half_of_a_delivery_is_not_nothing(tmp_path: pathlib.Path, left: str) -> None:
    server, path = Server(), tmp_path / "secret-id"
    run(delivery(server, path, wrapped=False))
    for name in {"secret-id", "secret-id.accessor"} - {left}:
        (tmp_path / name).unlink()
    state = delivery(server, path, wrapped=False).read()
    assert state is not None
    assert (state.content is not None, state.record is not None) == (left == "secret-id", left != "secret-id")
    assert state.alive is (left != "secret-id")


@pytest.mark.parametrize(
    ("error", "alive"),
    [
        (NoMount("no handler"), False),
        (Rejected("role app does not exist"), False),
        (Rejected("permission to list is not given"), None),
    ],
    ids=str,
)
def test_a_role_that_is_not_there_has_no_secret_ids_and_any_other_refusal_is_one(
    tmp_path: pathlib.Path, error: Exception, alive: bool | None
) -> None:
    server, path = Server(), tmp_path / "secret-id"
    run(delivery(server, path, wrapped=False))
    asked: list[str] = []

    def refuse(place: str) -> t.NoReturn:
        asked.append(place)
        raise error

    server.list = refuse  # type: ignore[method-assign, assignment]
    if alive is None:
        with pytest.raises(Rejected, match="permission"):
            delivery(server, path, wrapped=False).read()
    else:
        state = delivery(server, path, wrapped=False).read()
        assert state is not None and state.alive is alive
    assert asked == [f"{ROLE}/secret-id"]


def test_r16_what_ended_before_it_could_be_destroyed_is_no_failure(tmp_path: pathlib.Path) -> None:
    server = Server()
    resource = delivery(server, tmp_path / "secret-id", wrapped=False)
    resource._destroy("gone")
    run(resource)
    server._fails = "/destroy"
    with pytest.raises(Rejected, match="refused by the test"):
        resource._destroy("accessor-1")


def test_r16_wrapped_secret_id_that_nobody_can_find_or_destroy_is_told_of(tmp_path: pathlib.Path) -> None:
    server = Server(fails="/lookup")
    write = server.write

    def refusing(path: str, body: dict[str, t.Any], **how: t.Any) -> t.Any:
        if path == "sys/wrapping/unwrap":
            raise Rejected("wrapping token is not valid")
        return write(path, body, **how)

    server.write = refusing  # type: ignore[method-assign]
    with pytest.raises(Exception, match="is not among its accessors"):
        run(delivery(server, tmp_path / "secret-id", wrapped=True))
    assert server.warnings == [
        f"a secret-id of {ROLE} that was not delivered could not be destroyed: wrapping token is not valid"
    ]


# -- what is declared --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["ttl", "wrap_ttl", "renew_before", "cidr_list", "token_bound_cidrs", "metadata"])
def test_a_term_that_makes_no_sense_is_named(field: str) -> None:
    value: t.Any = {"cidr_list": ["x"], "token_bound_cidrs": ["x"], "metadata": {"a": 1.5e400}}.get(field, "soon")
    with pytest.raises(InvalidInput) as refusal:
        approle({"current": None, "item": {"name": "svc", "delivery": {"path": "/s", field: value}}})
    assert refusal.value.field == f"roles[0] (svc).delivery.{field}"


def test_file_is_given_to_whom_it_is_declared_for() -> None:
    owner, group = pwd.getpwuid(1), grp.getgrgid(2)
    item = {"name": "svc", "delivery": {"path": "/s", "owner": owner.pw_name, "group": group.gr_name, "mode": "0640"}}
    (role,) = completed(APPROLES.spec, roles=[item])["roles"]
    attributes = DeliveryTerms.declared(role["delivery"]).attributes
    assert (attributes.uid, attributes.gid, attributes.mode) == (1, 2, 0o640)


def test_paths_of_changes_are_those_of_options() -> None:
    resource, current = approle({"current": None, "item": {"name": "svc", "delivery": {"path": "/s"}}})
    plan = resource.plan(current, datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc))
    assert [change.path for change in plan.changes if change.after == "a new secret-id"] == ["delivery"]


@pytest.mark.parametrize("other", ["/s", "/s.accessor"])
def test_one_file_holds_one_secret_id(other: str) -> None:
    items = [{"name": name, "delivery": {"path": path}} for name, path in (("a", "/s"), ("b", other))]
    memory = Memory(approle="approle")
    batch = APPROLES.batch(memory.vault, completed(APPROLES.spec, mount="approle", roles=items))
    with pytest.raises(InvalidInput, match=r"delivery\.path"):
        reconcile(batch, check_mode=True, clock=lambda: datetime.datetime.now(datetime.timezone.utc))


@pytest.mark.parametrize(("mount", "name"), [("approle", "svc"), ("other", "other/svc")])
def test_a_role_is_called_by_its_mount_unless_that_is_the_usual_one(mount: str, name: str) -> None:
    resource, _current = approle({"current": None, "item": {"name": "svc", "mount": mount}})
    assert resource.name == name


def test_where_there_is_no_role_nothing_is_told_of_its_delivery() -> None:
    resource, current = approle(
        {
            "current": None,
            "item": {"name": "svc", "delivery": {"path": "/s"}},
            "held": {"content": "delivered", "record": {"terms": {}}},
        }
    )
    assert resource.describe(current) == resource.describe(None) == {}
    assert resource.describe(({}, current[1])) != {}
