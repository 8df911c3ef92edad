# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""B1 issuing, B2 nothing to do, B3 one due, B7 check mode on an empty host, and the floor that Ansible itself sets."""

from __future__ import annotations

import typing as t

from tests.benchmarks.contenders import PEERS, SCRIPTS, Contender, Leaf, Ours, leaves
from tests.benchmarks.measure import Done
from tests.benchmarks.provisioning import OURS_TASKS
from tests.benchmarks.session import Session
from tests.benchmarks.verify import Void, serials, verify

PING = {"name": "Do nothing", "ansible.builtin.ping": {}}


def floor(session: Session) -> None:
    """Take what a play costs that does nothing, with one task and with as many as provisioning takes."""
    for tasks in sorted({1, OURS_TASKS}):
        for pipelining in (True, False):
            argv = session.bench.playbook("floor", [PING] * tasks)
            run = (argv, session.bench.environment(pipelining=pipelining), "")
            for _repetition in range(session.schedule.repeats):
                session.take("floor", "ansible", tasks, run, pipelining=pipelining)


def issuing(session: Session, *, peers: bool) -> None:
    """B1 and B2: first run and second run, for ours and the scripts at every size, for the others at theirs."""
    ours = Ours(session.bench, session.estate)
    for n in session.schedule.sizes:
        for _repetition in range(session.schedule.repeats):
            _first_and_again(session, ours, n)
            for script in SCRIPTS:
                contender = script(session.bench, session.estate)
                session.issue("B1", contender, leaves(n), session.target(contender.name))
    for n in session.schedule.plain_sizes:
        for _repetition in range(session.schedule.repeats):
            _first_and_again(session, ours, n, pipelining=False)
    for n in session.schedule.peer_sizes if peers else ():
        for _repetition in range(session.schedule.peer_repeats):
            for peer in PEERS:
                _first_and_again(session, peer(session.bench, session.estate), n)
                if n in session.schedule.plain_sizes:
                    _first_and_again(session, peer(session.bench, session.estate), n, pipelining=False)


def _first_and_again(session: Session, contender: Contender, n: int, *, pipelining: bool = True) -> None:
    wanted, target = leaves(n), session.target(contender.name)
    session.issue("B1", contender, wanted, target, pipelining=pipelining)
    before = _serials(contender, wanted, target)
    session.issue("B2", contender, wanted, target, pipelining=pipelining)
    replaced = sum(serial != before.get(name) for name, serial in _serials(contender, wanted, target).items())
    if replaced:
        print(f"      {contender.name}: the second run replaced {replaced} of {n} certificates")
    if replaced and isinstance(contender, Ours):
        raise Void("a second run of ours replaced certificates: nothing else is worth measuring")


def _serials(contender: Contender, wanted: list[Leaf], target: t.Any) -> dict[str, int]:
    try:
        return serials(contender, wanted, target)
    except (OSError, ValueError):  # the run was void and said so
        return {}


def due(session: Session) -> None:
    """B3: everything is as declared but for one certificate that ends within the margin."""
    n = session.schedule.due
    ours, short = Ours(session.bench, session.estate), Ours(session.bench, session.estate, ttl="1h", renew_before="5m")
    wanted, target = leaves(n), session.target("ours")
    session.measure(ours.command(wanted, target))
    chosen = wanted[n // 2]
    for _repetition in range(session.schedule.repeats):
        session.measure(short.command([chosen], target))
        before = serials(ours, wanted, target)

        def check(done: Done, before: dict[str, int] = before) -> None:
            verify(ours, wanted, target, session.estate)
            after = serials(ours, wanted, target)
            replaced = [name for name in before if before[name] != after[name]]
            if replaced != [chosen.name]:
                raise Void(f"replaced {replaced[:5]}, not {chosen.name} alone")

        session.take("B3", ours.name, n, ours.command(wanted, target), check=check)


def checking(session: Session, *, peers: bool) -> None:
    """B7: what would be issued on an empty host; nothing may be written anywhere."""
    contenders: list[tuple[Contender, int]] = [
        (Ours(session.bench, session.estate), n) for n in session.schedule.sizes if n <= session.schedule.due
    ]
    if peers:
        contenders += [(peer(session.bench, session.estate), session.schedule.peer_sizes[0]) for peer in PEERS]
    for contender, n in contenders:
        for _repetition in range(session.schedule.repeats):
            target = session.target(contender.name)

            def check(done: Done, target: t.Any = target) -> None:
                if any(target.iterdir()):
                    raise Void(f"check mode wrote {next(target.iterdir()).name}")
                if done.cost.writes:
                    raise Void(f"check mode sent {done.cost.writes} writes")
                if not done.changed:
                    raise Void("check mode predicted nothing")

            run = contender.command(leaves(n), target, pipelining=True, check=True)
            session.take("B7", contender.name, n, run, check=check)
