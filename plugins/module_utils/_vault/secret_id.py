# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Delivery of an AppRole's secret-id into a file, response-wrapped or plain.

A secret-id cannot be read back, so what was delivered is recorded beside the file: the accessor, which is no secret,
and the terms. Whether it still lives is answered by listing accessors, which is a read.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import secrets
import typing as t
from dataclasses import asdict, dataclass, field

from .._core.address import at
from .._core.errors import InvalidInput, NotConverged, certain
from .._core.files import Attributes, put_file, read_file, read_found, remove, reserve_file
from .._core.foreign import parse_object
from .._core.kinds import MAPPING, NETWORKS, SECONDS, Kind
from .._core.normal import instant, spell_duration
from .._core.plan import NO_PLAN, UNWANTED, Action, Change, Plan, Step
from .._core.redact import Secret
from .._core.resource import Resource
from .._core.spec import Options
from .answer import Fields
from .errors import NoMount, Rejected, VaultError
from .port import Vault

# Longer than any secret-id or wrapping token.
_FILE_SIZE = 1024
_TAG = "delivery"


DELIVERY: t.Final[Options] = {
    "path": {"type": "path", "required": True},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str", "default": "0600"},
    "wrapped": {"type": "bool", "default": True},
    "wrap_ttl": {"type": "str", "default": "10m"},
    "renew_before": {"type": "str"},
    "ttl": {"type": "str"},
    "num_uses": {"type": "int"},
    "cidr_list": {"type": "list", "elements": "str"},
    "token_bound_cidrs": {"type": "list", "elements": "str", "no_log": False},
    "metadata": {"type": "dict"},
}


@dataclass(frozen=True)
class DeliveryTerms:
    """What a secret-id is to be like; durations in seconds, 0 meaning the role's own."""

    attributes: Attributes
    wrapped: bool
    wrap_ttl: int
    renew_before: int | None
    ttl: int
    num_uses: int
    cidr_list: frozenset[str]
    token_bound_cidrs: frozenset[str]
    metadata: dict[str, str]

    @classmethod
    def declared(cls, options: t.Mapping[str, t.Any]) -> DeliveryTerms:
        """Build from the option ``delivery``."""

        def value(name: str, kind: Kind, default: t.Any) -> t.Any:
            try:
                return default if options[name] is None else kind.canonical(options[name])
            except ValueError as error:
                raise InvalidInput(str(error), field=f"delivery.{name}") from None

        wrap_ttl = value("wrap_ttl", SECONDS, None)
        if options["wrapped"] and not wrap_ttl:
            raise InvalidInput(
                "leaves no time to unwrap", field="delivery.wrap_ttl", remedy="Raise it, or set wrapped to false."
            )
        metadata = value("metadata", MAPPING, {})
        if _TAG in metadata:
            raise InvalidInput(f"the key {_TAG} is taken", field="delivery.metadata", remedy="Name it otherwise.")
        return cls(
            Attributes.declared(options["owner"], options["group"], options["mode"], "delivery.mode"),
            options["wrapped"],
            wrap_ttl,
            value("renew_before", SECONDS, None),
            value("ttl", SECONDS, 0),
            options["num_uses"] or 0,
            value("cidr_list", NETWORKS, frozenset()),
            value("token_bound_cidrs", NETWORKS, frozenset()),
            metadata,
        )

    @property
    def body(self) -> dict[str, t.Any]:
        """The request of a secret-id."""
        body: dict[str, t.Any] = {"metadata": json.dumps(self.metadata)}
        for name in ("ttl", "num_uses"):
            if getattr(self, name):
                body[name] = getattr(self, name)
        for name in ("cidr_list", "token_bound_cidrs"):
            if getattr(self, name):
                body[name] = sorted(getattr(self, name))
        return body

    @property
    def recorded(self) -> dict[str, t.Any]:
        """What is written down, to notice when a term changes."""
        return {"wrapped": self.wrapped, **self.body, "metadata": self.metadata}


@dataclass(frozen=True)
class Record:
    """What is known about the last delivery; times are in ISO 8601, ``None`` meaning never."""

    role: str
    accessor: str
    sha256: str
    terms: dict[str, t.Any]
    expires: str | None
    unwrap_before: str | None
    #: Accessor of the one before, when it has no end of its own: it goes when the next is made.
    earlier: str | None = None

    @classmethod
    def load(cls, path: str) -> Record | None:
        """Read a record; one that makes no sense is none."""
        content = read_file(path)
        try:
            record = None if content is None else cls(**parse_object(content))
            return record if record is not None and record._is_sound() else None
        except (ValueError, TypeError):
            return None

    def _is_sound(self) -> bool:
        """Tell whether every field is what a delivery writes; raises ``ValueError`` for a wrong time."""
        times = [time for time in (self.expires, self.unwrap_before) if time is not None]
        texts = [self.role, self.accessor, self.sha256, *times, *([] if self.earlier is None else [self.earlier])]
        typed: list[tuple[object, type]] = [(self.terms, dict), *((text, str) for text in texts)]
        return all(isinstance(value, kind) for value, kind in typed) and all(map(instant, times))


@dataclass(frozen=True)
class DeliveryState:
    """A delivery as it is found."""

    record: Record | None
    #: Whether the server still knows the accessor.
    alive: bool
    content: Secret | None
    #: What is wrong with owner, group or mode: (what, held, wanted).
    misplaced: tuple[tuple[str, str, str], ...] = field(default=())


class Delivery(Resource[DeliveryState]):
    """The secret-id of one role in one file; its name is the path of the file."""

    kind = "vault_approle"
    noun = "delivery"

    def __init__(self, vault: Vault, role: str, path: str, terms: DeliveryTerms | None) -> None:
        super().__init__(path, None)
        self.vault = vault
        self.role = role
        self.terms = terms

    @property
    def record_path(self) -> str:
        return f"{self.name}.accessor"

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        return (("delivery.path", self.name), ("delivery.path", self.record_path))

    def read(self) -> DeliveryState | None:
        record, found = Record.load(self.record_path), read_found(self.name)
        if record is None and found is None:
            return None
        return DeliveryState(
            record,
            record is not None and record.accessor in self._accessors(),
            None if found is None else Secret(found.content.decode("utf-8", "replace").strip()),
            tuple(self.terms.attributes.differences(found.status)) if found is not None and self.terms else (),
        )

    def _accessors(self) -> set[str]:
        """Return the accessors of all living secret-ids; a role that does not exist has none."""
        try:
            return set(self.vault.list(at(self.role, "secret-id")))
        except NoMount:
            return set()
        except Rejected as error:
            if "does not exist" in str(error):
                return set()
            raise

    def plan(self, current: DeliveryState | None, now: datetime.datetime) -> Plan:
        if self.terms is None:
            if current is None:
                return NO_PLAN
            change = Change("delivery", self.name, None, UNWANTED)
            return Plan(Action.DELETE, (change,), (Step("remove", self.name), Step("remove", self.record_path)))
        reason = self._why_deliver(self.terms, current, now)
        if reason is not None:
            held = None if current is None else current.content
            action = Action.CREATE if current is None else Action.REPLACE
            steps = tuple(self._steps(current, now))
            return Plan(action, (Change("delivery", held, "a new secret-id", reason),), steps)
        if current is None or not current.misplaced:
            return NO_PLAN
        changes = [
            Change(f"delivery.{what}", held, wanted, f"{what} of {self.name} is {held}, declared {wanted}")
            for what, held, wanted in current.misplaced
        ]
        return Plan(Action.UPDATE, tuple(changes), (Step("put", self.name, current.content),))

    def _steps(self, current: DeliveryState | None, now: datetime.datetime) -> t.Iterator[Step]:
        """Destroy what nobody can or should use before the next is made, so that nothing piles up at the server.

        The one in use is left to its user until it ends by itself, or, where it never ends, until the delivery after
        this one.
        """
        record = None if current is None else current.record
        if record is None or current is None or record.role != self.role:
            yield Step("deliver", self.name)
            return
        if record.earlier is not None:
            yield Step("destroy", record.earlier)
        lost = current.alive and _lost(record, current.content, now)
        if lost:
            yield Step("destroy", record.accessor)
        endless = current.alive and not lost and record.expires is None
        yield Step("deliver", self.name, record.accessor if endless else None)

    def _why_deliver(self, terms: DeliveryTerms, current: DeliveryState | None, now: datetime.datetime) -> str | None:
        if current is None:
            return f"nothing was delivered to {self.name}"
        record = current.record
        if record is None:
            return f"nothing is known about the content of {self.name}"
        if record.role != self.role:
            return f"{self.name} was delivered for {record.role}, declared {self.role}"
        if not current.alive:
            return "the server no longer knows the secret-id that was delivered"
        changed = sorted(
            name for name in {*record.terms, *terms.recorded} if record.terms.get(name) != terms.recorded.get(name)
        )
        if changed:
            return f"{', '.join(changed)} of the secret-id differs from what was delivered"
        return self._why_stale(terms.renew_before, record, current.content, now)

    def _why_stale(
        self, renew_before: int | None, record: Record, content: Secret | None, now: datetime.datetime
    ) -> str | None:
        """Judge a living secret-id by its file and by the time."""
        if record.expires is not None and renew_before is not None:
            left = int((instant(record.expires) - now).total_seconds())
            if left < renew_before:
                margin = spell_duration(renew_before)
                return f"the secret-id expires in {spell_duration(max(left, 0))}, renew_before is {margin}"
        if content is None:
            # Whoever unwraps a secret-id removes the file; a plain one stays where it is.
            return None if record.unwrap_before is not None else f"{self.name} is gone"
        if digest(content) != record.sha256:
            return f"{self.name} holds something else than what was delivered"
        if record.unwrap_before is not None and instant(record.unwrap_before) <= now:
            return "the wrapping token expired and nobody had taken it away"
        return None

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            if step.verb == "remove":
                remove(step.target)
            elif step.verb == "destroy":
                self._destroy(step.target)
            elif step.verb == "put":
                put_file(self.name, f"{step.body.reveal()}\n".encode(), certain(self.terms).attributes)
            else:
                self._deliver(certain(self.terms), step.body)

    def _deliver(self, terms: DeliveryTerms, earlier: str | None) -> None:
        """Make a secret-id for a file that is known to be writable, then write down what was delivered."""
        accessor: str | None = None
        try:
            with reserve_file(self.name, _FILE_SIZE, terms.attributes) as keep:
                content, accessor, unwrap_before = self._generate(terms)
                keep(f"{content.reveal()}\n".encode())
            expires = _expiry(self._about(accessor))
            record = Record(self.role, accessor, digest(content), terms.recorded, expires, unwrap_before, earlier)
            put_file(self.record_path, (json.dumps(asdict(record), indent=2) + "\n").encode(), terms.attributes)
        except BaseException:
            # Without its file or its record no later run would know it.
            if accessor is not None:
                self._destroy_undelivered(accessor)
            raise

    def _generate(self, terms: DeliveryTerms) -> tuple[Secret, str, str | None]:
        """Return what goes into the file, the accessor, and until when it has to be unwrapped."""
        path = at(self.role, "secret-id")
        if not terms.wrapped:
            made = Fields.of(self.vault.write(path, terms.body, once=True).data, path)
            return Secret(made.text("secret_id")), made.text("secret_id_accessor"), None
        tag = secrets.token_hex(8)
        body = {**terms.body, "metadata": json.dumps({**terms.metadata, _TAG: tag})}
        before = self._accessors()
        wrap = Fields.of(self.vault.write(path, body, once=True, wrap_ttl=f"{terms.wrap_ttl}s").wrap_info, path)
        token = Secret(wrap.text("token"))
        until = wrap.instant("creation_time") + datetime.timedelta(seconds=wrap.number("ttl"))
        try:
            return token, self._find(tag, self._accessors() - before), until.isoformat()
        except BaseException:
            self._destroy_unfound(token)
            raise

    def _find(self, tag: str, candidates: set[str]) -> str:
        """Return the accessor of a secret-id that we must not look at: the new one that carries our tag."""
        for accessor in sorted(candidates):
            # Another run may have destroyed its own in between.
            with contextlib.suppress(Rejected):
                if self._about(accessor).mapping_or("metadata").get(_TAG) == tag:
                    return accessor
        raise NotConverged(
            f"the secret-id made at {self.role} is not among its accessors",
            remedy="The token needs list on the role's secret-id path and update on its secret-id-accessor/lookup.",
        )

    def _about(self, accessor: str) -> Fields:
        path = at(self.role, "secret-id-accessor/lookup")
        return Fields.of(self.vault.write(path, {"secret_id_accessor": accessor}).data, path)

    def _destroy(self, accessor: str) -> None:
        """Destroy a secret-id that may have ended in the meantime."""
        try:
            self.vault.write(at(self.role, "secret-id-accessor/destroy"), {"secret_id_accessor": accessor})
        except Rejected:
            if accessor in self._accessors():
                raise

    def _destroy_unfound(self, token: Secret) -> None:
        """Destroy a wrapped secret-id whose accessor is not known; that takes a look into the wrapping."""
        try:
            made = self.vault.write("sys/wrapping/unwrap", {"token": token.reveal()}, once=True).data
            self._destroy(made["secret_id_accessor"])
        except VaultError as error:
            self.vault.warn(f"a secret-id of {self.role} that was not delivered could not be destroyed: {error}")

    def _destroy_undelivered(self, accessor: str) -> None:
        try:
            self._destroy(accessor)
        except VaultError as error:
            self.vault.warn(f"the secret-id {accessor} could not be destroyed: {error}")

    def describe(self, current: DeliveryState | None) -> dict[str, t.Any]:
        if current is None or current.record is None:
            return {}
        record = current.record
        return {
            "delivery": {
                "path": self.name,
                "accessor": record.accessor,
                "wrapped": record.unwrap_before is not None,
                "unwrap_before": record.unwrap_before,
                "expires": record.expires,
            }
        }


def _lost(record: Record, content: Secret | None, now: datetime.datetime) -> bool:
    """Tell whether what was delivered was replaced in its file, or never taken in time."""
    if content is None:
        return False
    expired = record.unwrap_before is not None and instant(record.unwrap_before) <= now
    return expired or digest(content) != record.sha256


def digest(content: Secret) -> str:
    """A secret-id has 122 random bits, a wrapping token more: no guessing from the digest."""
    return hashlib.sha256(content.reveal().encode()).hexdigest()


def _expiry(about: Fields) -> str | None:
    """Return when a secret-id ends; the server says the year 1 for one that does not."""
    ends = about.instant("expiration_time")
    return None if ends.year == 1 else ends.isoformat()
