# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trials of the modules that keep keys of messages, wrap data keys, or read secrets that others keep."""

from __future__ import annotations

import base64
import datetime
import secrets
import typing as t
from collections.abc import Callable, Iterator

from plugins.module_utils._core.redact import Secret
from plugins.module_utils._envelope.local import LocalKey
from plugins.module_utils._envelope.record import Form
from plugins.module_utils._jose.keys import load_private, private_pem, public_pem
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.integration.conftest import or_skip
from tests.integration.docs_policies.trials import Args, Trial, World, unlisted
from tests.rigs.fspiop_service import Service
from tests.rigs.process import wait_until

KEY: t.Final = "envelopes"
#: As an application has it; nothing but the wrapped data keys is looked at.
TABLE: t.Final = """
CREATE TABLE "encryptedSecrets" (
  id serial PRIMARY KEY, "key" text UNIQUE, "encryptedValue" text, "encryptedDek" text, iv text, "authTag" text,
  algorithm text)
"""


def key_value(world: World) -> None:
    """Enable a key-value engine of version 2."""
    world.mount("hub", "kv", options={"version": "2"})


def transit(world: World) -> None:
    """Enable a transit engine with a key."""
    world.mount("transit", "transit")
    world.api.write(f"{world['transit']}/keys/{KEY}")


def next_second() -> str:
    """Wait for the next second and return it: whatever was made until now was made before it, in whole seconds."""

    def now() -> datetime.datetime:
        return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)

    then = now()
    wait_until(lambda: now() > then)
    return now().isoformat()


def owners(plural: str, public: str, **fields: t.Any) -> Callable[[World], Iterator[Args]]:
    """Make, replace and remove what a module keeps for one owner; ``public`` is the secret that it publishes to."""

    def runs(world: World) -> Iterator[Args]:
        places = [{"kind": "kv", "mount": world["hub"], "path": public}] if public else []
        kept: Args = {"mount": world["hub"], **fields, **({"publish": places} if places else {})}
        owner = {"name": "perffsp-1"}
        yield {**kept, plural: [owner]}
        yield {**kept, plural: [owner], "not_before": next_second()}
        yield {**kept, plural: [{**owner, "state": "absent"}]}

    return runs


def transit_keys(world: World) -> Iterator[Args]:
    """Make a key, configure it, let it have a second version, and remove it."""
    made = {"name": KEY, "mount": world["transit"], "type": "aes256-gcm96"}
    lasting = {**made, "deletion_allowed": True}
    for item in (made, lasting):
        yield {"keys": [item]}
    yield {"keys": [{**lasting, "not_before": next_second()}]}
    yield {"keys": [{**lasting, "state": "absent"}]}


def database(world: World, *wrapped: str) -> Args:
    """Make a database with a row per wrapped data key and return the option that reaches it."""
    name = world.postgres.new_database()
    with world.postgres.connect(name) as connection:
        connection.execute(TABLE)
        for text in wrapped:
            connection.execute('INSERT INTO "encryptedSecrets" ("encryptedDek") VALUES (%s)', (text,))
    return world.postgres.options(name)


def wrapping(world: World) -> Args:
    """Return the option that names the key of the engine."""
    return {"type": "transit", "mount": world["transit"], "name": KEY}


def sealed_values(world: World) -> Iterator[Args]:
    """Seal a value, seal another in its place, and remove it."""
    kept = {"database": database(world), "key": wrapping(world)}
    for item in ({"value": secrets.token_hex()}, {"value": secrets.token_hex()}, {"state": "absent"}):
        yield {**kept, "secrets": [{"name": "stripe_api_key", **item}]}


def newer_version(world: World) -> Iterator[Args]:
    """Rewrap what an older version of the key wrapped."""
    at, plain = world["transit"], base64.b64encode(secrets.token_bytes(32)).decode()
    wrapped = world.api.write(f"{at}/encrypt/{KEY}", plaintext=plain).data["ciphertext"]
    world.api.write(f"{at}/keys/{KEY}/rotate")
    yield {"database": database(world, wrapped), "tables": [{}], "new_key": wrapping(world)}


def into_the_engine(world: World) -> Iterator[Args]:
    """Rewrap what a key of the application's own wrapped."""
    master = secrets.token_hex(32)
    (wrapped,) = LocalKey(Secret(master), "a key of the test", Form()).wrap([secrets.token_bytes(32)])
    old = {"type": "value", "value": master}
    yield {"database": database(world, wrapped), "tables": [{}], "new_key": wrapping(world), "old_key": old}


def between_keys(world: World) -> Iterator[Args]:
    """Rewrap what another key of the engine wrapped."""
    at, plain = world["transit"], base64.b64encode(secrets.token_bytes(32)).decode()
    world.api.write(f"{at}/keys/payments")
    wrapped = world.api.write(f"{at}/encrypt/payments", plaintext=plain).data["ciphertext"]
    old = {**wrapping(world), "name": "payments"}
    yield {"database": database(world, wrapped), "tables": [{}], "new_key": wrapping(world), "old_key": old}


def with_secrets(world: World) -> None:
    """Keep a secret below a folder, and signing keys as `jws_key` does."""
    key_value(world)
    key = private_pem(generate(KeySpec("ec", 256))).reveal()
    secret = {"password": secrets.token_hex(), "private_key": key}
    # An engine of version 2 is upgraded after it was enabled, and refuses meanwhile.
    first = f"{world['hub']}/data/partners/perffsp-1"
    wait_until(lambda: world.api.request("PUT", first, {"data": secret}).status < 400, what="the new engine")
    world.api.write(f"{world['hub']}/data/jws_key/perffsp-1", data=secret)


def manifest(world: World) -> Iterator[Args]:
    """Look for declared secrets and at their values."""
    store = {"name": "hub", "type": "vault_kv", "mount": world["hub"]}
    entry = {"name": "password", "store": "hub", "key": "partners/perffsp-1", "owner": "hub", "fields": ["password"]}
    yield {"stores": [store], "secrets": [entry], "check_values": True}


def environment(world: World) -> Iterator[Args]:
    """Write a secret into an environment file."""
    place = {"mount": world["hub"], "path": "partners/perffsp-1", "key": "password"}
    yield {"files": [{"path": str(world.directory / "hub.env"), "secrets": [{"name": "PASSWORD", "vault": place}]}]}


def survey(world: World) -> Iterator[Args]:
    """Look at the signing keys of participants."""
    yield {"mount": world["hub"], "participants": [{"name": "perffsp-1"}]}


def probe(world: World) -> Iterator[Args]:
    """Try a service that verifies."""
    held = (world.api.read(f"{world['hub']}/data/jws_key/perffsp-1") or {})["data"]
    keys = {"perffsp-1": public_pem(load_private(held["private_key"]))}
    started: Service = or_skip(lambda: Service(keys, world.directory / "requests.jsonl"))
    place = {"mount": world["hub"], "path": "jws_key/{name}"}
    with started as service:
        endpoint = {"name": "transfers", "url": f"{service.url}/transfers", "source": "perffsp-1", "body": {"a": 1}}
        yield {"endpoints": [{**endpoint, "signing_key": place}]}


#: By the caption of the policy in the guide.
MESSAGE_TRIALS: t.Final[dict[str, Trial]] = {
    "ilp_secret": Trial("ilp_secret", owners("participants", ""), key_value, poorer=unlisted("participants")),
    "jwt_key": Trial(
        "jwt_key",
        owners("issuers", "key-sets", algorithm="ES256"),
        key_value,
        poorer=unlisted("issuers", algorithm="ES256"),
    ),
    "api_key": Trial("api_key", owners("clients", "trust-service/api-keys"), key_value, poorer=unlisted("clients")),
    "noise_key": Trial("noise_key", owners("peers", "noise"), key_value, poorer=unlisted("peers")),
    "fspiop_jws_probe": Trial("fspiop_jws_probe", probe, with_secrets),
    "jws_key_info": Trial("jws_key_info", survey, with_secrets),
    "vault_transit_key": Trial("vault_transit_key", transit_keys, lambda world: world.mount("transit", "transit")),
    "envelope_secret": Trial("envelope_secret", sealed_values, transit),
    "envelope_rewrap.version": Trial("envelope_rewrap", newer_version, transit),
    "envelope_rewrap.move": Trial("envelope_rewrap", into_the_engine, transit),
    "envelope_rewrap.between": Trial("envelope_rewrap", between_keys, transit),
    "secret_manifest": Trial("secret_manifest", manifest, with_secrets),
    "environment_file": Trial("environment_file", environment, with_secrets),
}
