# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies at the places of a certificate is told as it is: where, what, and what it should be."""

from __future__ import annotations

import os
import pathlib
import stat
import typing as t

import pytest

from plugins.module_utils._certificate.holding import read_holding
from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal
from plugins.module_utils._core.plan import Action
from tests.unit.certificate.test_life import DAY, WHOLE, Authority, Host
from tests.unit.pki import forge


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Host:
    """An empty directory and an authority."""
    tmp_path.chmod(0o755)
    return Host(tmp_path, Authority())


def _told(outcome: t.Any) -> list[tuple[t.Any, ...]]:
    return [(change.path, change.before, change.after, change.reason) for change in outcome.plan.changes]


def _link(host: Host, role: str) -> str:
    return f"link to ../.trustmesh/web/current/{role}.pem"


def test_a_missing_link_and_a_file_in_its_place_are_told(host: Host) -> None:
    host.run()
    chain, anchor = host.base / "web/chain.pem", host.base / "web/ca.pem"
    text = anchor.read_text()
    chain.unlink()
    anchor.unlink()
    anchor.write_text(text)
    assert _told(host.run(check=True)) == [
        ("chain_file", None, _link(host, "chain"), f"{chain} is missing"),
        ("ca_file", "a file of its own", _link(host, "ca"), f"{anchor} is not kept as a generation"),
    ]
    assert host.run().error is None
    assert (chain.is_symlink(), anchor.is_symlink(), anchor.read_text()) == (True, True, text)
    assert host.authority.signed == 1
    assert not host.run().changed


def test_a_link_that_leads_nowhere_is_replaced(host: Host) -> None:
    (host.base / "web").mkdir()
    (host.base / "web/ca.pem").symlink_to("gone")
    assert host.run().error is None
    assert host.generations == [WHOLE]
    assert not host.run().changed


def test_modes_are_told_of_files_and_of_the_store(host: Host) -> None:
    host.run()
    (host.base / "web/cert.pem").resolve().chmod(0o600)
    store = host.base / ".trustmesh/web"
    store.chmod(0o777)
    assert _told(host.run(check=True)) == [
        ("certificate.mode", "0600", "0644", "mode of the certificate is 0600, declared 0644"),
        ("store.mode", "0777", "0755", f"mode of {store} is 0777, needed 0755"),
    ]
    assert host.run().error is None
    assert stat.S_IMODE(store.stat().st_mode) == 0o755
    assert not host.run().changed


@pytest.mark.parametrize(("role", "noun"), [("key", "key"), ("cert", "certificate")])
def test_a_missing_half_of_the_pair_is_a_reason_for_a_new_one(host: Host, role: str, noun: str) -> None:
    host.run()
    (host.base / f"web/{role}.pem").resolve().unlink()
    assert _told(host.run(check=True)) == [("certificate", "unusable", "usable", f"the {noun} is missing")]
    assert (host.run().plan.action, host.authority.signed) == (Action.REPLACE, 2)
    assert not host.run().changed


def test_a_key_that_others_left_alone_is_kept_beside_a_new_pair(host: Host) -> None:
    """It can be read, so that it is in nobody's way; what is wrong is that there is no certificate."""
    made = forge.make("web", host.authority.issuer)
    (host.base / "web").mkdir()
    (host.base / "web/key.pem").write_bytes(made.key_pem)
    issued = host.run()
    assert (issued.error, issued.plan.reasons[0]) == (None, "the certificate is missing")
    assert sorted(host.generations) == [WHOLE, ["key.pem"]]
    assert host.text("key").encode() != made.key_pem
    assert (host.run().changed, host.run().facts["previous"]) == (False, [])


@pytest.mark.parametrize("role", ["key", "certificate"])
def test_which_file_of_others_is_in_the_way_is_named(host: Host, role: str) -> None:
    host.run()
    path = host.base / ("web/key.pem" if role == "key" else "web/cert.pem")
    path.unlink()
    path.write_text("damaged")
    refused = host.run()
    assert isinstance(refused.error, PolicyRefusal)
    assert refused.error.field == str(path)
    assert refused.error.problem.startswith(f"the {role} cannot be used: ")
    assert host.authority.signed == 1


def test_no_private_key_is_among_the_texts_that_are_compared(host: Host) -> None:
    host.run()
    held = read_holding(host.declared().layout, None, 2)
    assert held is not None
    assert "PRIVATE KEY" not in repr(held)
    assert set(held.texts) == {"chain", "fullchain", "ca"}


def test_an_empty_directory_in_the_store_is_removed_and_is_no_certificate(host: Host) -> None:
    host.run(check=True)
    (host.base / ".trustmesh/web").mkdir(parents=True)
    assert host.run(check=True).plan.action is Action.CREATE
    foretold = host.run(check=True, state="absent")
    assert [(change.path, change.before, change.after) for change in foretold.plan.changes] == [
        ("certificate", "an empty directory", None)
    ]
    assert [(step.verb, step.target) for step in foretold.plan.steps] == [("remove", "web")]
    (host.base / ".trustmesh/web/g-20260101T120000Z-0123abcd").mkdir()
    foretold = host.run(check=True, state="absent")
    assert [change.before for change in foretold.plan.changes] == ["g-20260101T120000Z-0123abcd"]
    assert host.run(state="absent").error is None
    assert not host.run(state="absent").changed


@pytest.mark.parametrize("others", [frozenset(), {"chain"}, {"cert"}, {"key", "cert"}], ids=sorted)
def test_since_when_there_is_a_pair_is_known_of_our_own(host: Host, others: set[str]) -> None:
    """The authority dates back by an hour, so that the dates tell of a pair of others alone."""
    host.authority.backdate_seconds = 3600
    host.authority.instead = {"start": host.authority.now - DAY / 24}
    host.run()
    for role in others:
        path = host.base / f"web/{role}.pem"
        text = path.read_text()
        path.unlink()
        path.write_text(text)
    dated_back = bool(others & {"key", "cert"})
    facts = host.run(check=True).facts
    assert facts["made_at"] == ("2026-06-01T11:00:00Z" if dated_back else "2026-06-01T12:00:00Z")


def test_a_chain_put_right_later_leaves_the_age_of_the_pair(host: Host) -> None:
    host.run()
    host.later(3)
    (host.base / "web/chain.pem").resolve().write_text("another\n")
    assert host.run().plan.action is Action.UPDATE
    assert host.run().facts["made_at"] == "2026-06-01T12:00:00Z"
    assert not host.run(not_before="2026-06-01T12:00:00Z").changed
    replaced = host.run(not_before="2026-06-02T00:00:00Z")
    assert _told(replaced) == [
        (
            "made_at",
            "2026-06-01T12:00:00Z",
            "renewed",
            "the certificate was made at 2026-06-01T12:00:00Z, not_before is 2026-06-02T00:00:00Z",
        )
    ]


def test_the_declared_life_is_told_from_dates_that_lie_before_the_signature(host: Host) -> None:
    """By the habit of the authority for what others made, and by our own note where the habit has changed since."""
    host.authority.backdate_seconds = 86400
    host.authority.instead = {"start": host.authority.now - DAY}
    assert host.run(ttl="30d").error is None
    assert not host.run(ttl="30d").changed
    host.authority.backdate_seconds = 0
    assert not host.run(ttl="30d").changed
    for role in ("key", "cert"):
        path = host.base / f"web/{role}.pem"
        text = path.read_text()
        path.unlink()
        path.write_text(text)
    assert host.run(check=True, ttl="30d").plan.reasons[0].startswith("lifetime is 31d")
    host.authority.backdate_seconds = 86400
    assert host.run(check=True, ttl="30d").plan.action is Action.UPDATE


def test_what_an_authority_has_against_a_renewal_is_foretold(host: Host) -> None:
    host.run()
    host.later(25)
    host.authority.against = [InvalidInput("is refused", field="ttl")]
    assert str(host.run(check=True).error).startswith("ttl: is refused")


@pytest.mark.parametrize(("owner", "kept_out"), [(None, False), ("0", False), ("1", True), ("65534", True)])
def test_a_directory_that_keeps_the_declared_owner_out_is_told_once(
    host: Host, owner: str | None, kept_out: bool
) -> None:
    closed = host.base / "closed"
    (closed / "a").mkdir(parents=True)
    (closed / "b").mkdir()
    closed.chmod(0o700)
    files = {"key_file": "closed/a/key.pem", "certificate_file": "closed/b/cert.pem"}
    host.run(**files)
    warned = host.run(check=True, owner=owner, **files)
    told = [text for text in warned.plan.warnings if "cannot reach its files" in text and str(host.base) in text]
    assert [str(closed) in text for text in told] == [True] * kept_out
    if kept_out:
        assert f"cannot reach its files: {closed} has mode 0700 and belongs to " in told[0]


def test_a_published_path_through_a_circle_of_links_is_named(host: Host) -> None:
    (host.base / "loop").symlink_to("loop")
    failed = host.run(check=True, key_file="loop/{name}.pem")
    assert str(failed.error).startswith(f"{host.base}/loop: ")
    assert os.listdir(host.base) == ["loop"]
