#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: envelope_rewrap
short_description: Rotate the master key of encrypted values in a PostgreSQL table
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Wraps every data key of a column again with the declared master key. The values that the data keys encrypt are not
    written.
  - All wrapped keys are checked first, and none is replaced while there are any that no provider can unwrap. Check mode
    stops there and returns the numbers.
  - Rows are worked through in order of their keys, in transactions of O(tables[].batch_rows). A run that was
    interrupted is resumed by the next one, which finds by the wrapped keys themselves what is left to do.
  - No row is locked while a key service is asked. A wrapped key is replaced only while it is what was read, and what an
    application wrote meanwhile is looked at again.
  - How far a run is shows as C(application_name) in C(pg_stat_activity), for example C(envelope_rewrap 3000/10000).
  - Between two versions of a key of a transit engine, data keys stay inside the server. AWS KMS moves them between two
    of its keys on the server, but to count them they are opened. Otherwise they pass through the memory of this
    process.
  - The database user needs C(SELECT) on the table, and C(UPDATE) on the column of wrapped keys.
  - For O(tables[].new_key.type=transit), the token needs C(read) on C(transit/keys/NAME), and C(update) on
    C(transit/rewrap/NAME), or on C(transit/encrypt/NAME) and C(transit/decrypt/NAME) when another key is the old one.
    No other type needs Vault, and then nothing connects to it.
  - For O(tables[].new_key.type=aws_kms), the key policies have to allow C(kms:Encrypt), C(kms:Decrypt),
    C(kms:DescribeKey), C(kms:ReEncryptFrom) and C(kms:ReEncryptTo).
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._postgres
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  tables:
    description:
      - The columns of wrapped keys.
      - Names are taken exactly as given, upper and lower case letters included.
    type: list
    elements: dict
    required: true
    suboptions:
      table:
        description:
          - Name of the table.
        type: str
        default: encryptedSecrets
      schema:
        description:
          - Schema of the table.
          - When omitted, the table is looked for along the search path of the user.
        type: str
      key_column:
        description:
          - The primary key, or another column that is unique by itself and never null.
        type: str
        default: id
      dek_column:
        description:
          - Column of the wrapped keys, of a text type.
        type: str
        default: encryptedDek
      data_columns:
        description:
          - Columns that have to be what they were after a key was replaced. Otherwise the transaction is rolled back
            and the task fails, because something in the database changes them, such as a trigger.
        type: list
        elements: str
        default: [encryptedValue, iv, authTag, algorithm]
      after:
        description:
          - Leave rows alone whose key is not greater.
        type: str
      until:
        description:
          - Leave rows alone whose key is greater.
        type: str
      batch_rows:
        description:
          - Rows per transaction, and per request to a transit engine.
          - When omitted, the number given beside O(tables), which is V(500) by default.
        type: int
      encoding:
        description:
          - How wrapped keys are written. Those of a transit engine are text already.
          - When omitted, the one given beside O(tables), which is V(base64) by default.
        type: str
        choices: [base64, hex]
      iv_bytes:
        description:
          - Length of the initialisation vector of a key that this process wraps, in bytes.
          - When omitted, the length given beside O(tables), which is V(12) by default.
        type: int
        choices: [12, 16]
      on_unknown:
        description:
          - What to do about wrapped keys that neither master key opens.
          - V(fail) replaces nothing at all. V(skip) leaves them and warns.
          - When omitted, the word given beside O(tables), which is V(fail) by default.
        type: str
        choices: [fail, skip]
      new_key: &new
        description:
          - The master key to wrap the data keys with.
          - Has to be given here or beside O(tables).
        type: dict
        suboptions: &key
          type:
            description:
              - Who holds it.
              - V(environment) and V(file) - this process reads 64 hexadecimal characters, as C(openssl rand -hex 32)
                prints them. What has a pattern is refused.
              - Ansible puts what the keyword C(environment) sets into a command line, where others see it. Use
                V(file) or V(value) unless the variable is there already.
              - V(value) - the same 64 characters, given as a value, for example from a secret in Vault.
              - V(transit) - a transit engine of Vault or OpenBao wraps data keys, and keeps the master key.
              - V(aws_kms) - the AWS Key Management Service does.
            type: str
            choices: [environment, file, value, transit, aws_kms]
            required: true
          variable:
            description:
              - Name of the variable, for type V(environment).
            type: str
            default: MASTER_ENCRYPTION_KEY
          path:
            description:
              - Path of the file, for type V(file). It has to be readable by its owner alone.
            type: path
          value:
            description:
              - The key itself, for type V(value).
            type: str
          mount:
            description:
              - Path of the engine, for type V(transit).
            type: str
            default: transit
          name:
            description:
              - Name of the key, for type V(transit). Its newest version wraps the data keys.
            type: str
          key_id:
            description:
              - Id, ARN or alias of the key, for type V(aws_kms).
            type: str
          region:
            description:
              - Region of the key, for type V(aws_kms). When omitted, what boto3 finds.
            type: str
          profile:
            description:
              - Named profile of credentials, for type V(aws_kms). When omitted, what boto3 finds.
            type: str
          endpoint_url:
            description:
              - Address of the service, for type V(aws_kms), where it is not the one of the region.
            type: str
          context:
            description:
              - Encryption context, for type V(aws_kms).
            type: dict
      old_key: &old
        description:
          - The master key that wrapped the data keys so far.
          - When omitted here and beside O(tables), the same as the new one. That moves data keys to the newest version
            of a transit key, and otherwise proves that all of them are under the new key.
        type: dict
        suboptions: *key
  new_key: *new
  old_key: *old
  batch_rows:
    description:
      - Rows per transaction for the O(tables) that do not give their own.
    type: int
    default: 500
  encoding:
    description:
      - Encoding for the O(tables) that do not give their own.
    type: str
    choices: [base64, hex]
    default: base64
  iv_bytes:
    description:
      - Length of initialisation vectors for the O(tables) that do not give their own.
    type: int
    choices: [12, 16]
    default: 12
  on_unknown:
    description:
      - What to do about unknown keys of the O(tables) that do not say it themselves.
    type: str
    choices: [fail, skip]
    default: fail
requirements:
  - Python libraries C(cryptography) 36.0.0 or newer and C(psycopg) 3.1.0 or newer on the host that runs the module
  - C(hvac) 1.1.0 or newer for keys of a transit engine, C(boto3) 1.26.0 or newer for those of AWS KMS
seealso:
  - plugin: trustmesh.security.envelope_seal
    plugin_type: filter
  - plugin: trustmesh.security.envelope_open
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Rotate the master key of the secrets of an application
  trustmesh.security.envelope_rewrap:
    database: {host: db.example.com, name: panel, user: rotation, ca_cert: /etc/ssl/db-ca.pem}
    tables:
      - table: encryptedSecrets
    old_key: {type: file, path: /etc/panel/master.key}
    new_key: {type: file, path: /etc/panel/master.next.key}
  environment:
    PGPASSFILE: /etc/panel/pgpass

- name: Move two tables from a key of ours into a transit engine
  trustmesh.security.envelope_rewrap:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    database: {host: db.example.com, name: panel, user: rotation, ca_cert: /etc/ssl/db-ca.pem}
    old_key: {type: value, value: "{{ old_master_key }}"}
    new_key: {type: transit, name: panel}
    batch_rows: 1000
    tables:
      - table: encryptedSecrets
      - table: tenant_tokens
        schema: billing
        key_column: tenant
        dek_column: wrapped_key
        data_columns: [token, token_iv, token_tag]

- name: Prove that nothing is left under an older version of the key
  trustmesh.security.envelope_rewrap:
    database: {host: db.example.com, name: panel, user: audit, ca_cert: /etc/ssl/db-ca.pem}
    tables:
      - table: encryptedSecrets
        new_key: {type: transit, name: panel}
  check_mode: true
  register: rewrap
  failed_when: rewrap is failed or rewrap is changed
"""

RETURN = r"""
results:
  description: One entry per column, in the order of O(tables).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Schema, if given, table and column.
      returned: always
      type: str
      sample: encryptedSecrets.encryptedDek
    changed:
      description:
        - Whether keys were wrapped again, or would be in check mode.
        - Of an item that failed, whether something was changed before it failed, or may have been.
      returned: always
      type: bool
    action:
      description:
        - What was done, or would be in check mode.
        - V(none) for an item that failed before anything was changed.
      returned: always
      type: str
      choices: [none, create, update, replace, delete]
      sample: update
    reasons:
      description: Why, one sentence per difference.
      returned: always
      type: list
      elements: str
      sample: ["9500 of 10000 keys are wrapped by the key in /etc/panel/master.key, declared transit/keys/panel"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    data_keys:
      description: The wrapped keys as counted after everything was done; in check mode as they are now.
      returned: unless the column could not be read
      type: dict
      contains:
        rows:
          description: Number of rows.
          returned: always
          type: int
          sample: 10000
        current:
          description: How many are wrapped by the new key.
          returned: always
          type: int
          sample: 10000
        outdated:
          description: How many are wrapped by the old key, or by an older version of a transit key.
          returned: always
          type: int
          sample: 0
        unknown:
          description: How many neither key opens.
          returned: always
          type: int
          sample: 0
        empty:
          description: How many rows have none.
          returned: always
          type: int
          sample: 0
        rewrapped:
          description: How many this run has wrapped again.
          returned: always
          type: int
          sample: 9500
        old_key:
          description: Name of the old master key.
          returned: always
          type: str
          sample: the key in /etc/panel/master.key
        new_key:
          description: Name of the new master key.
          returned: always
          type: str
          sample: transit/keys/panel
    failed:
      description: Whether this item failed.
      returned: on failure of the item
      type: bool
    msg:
      description: What went wrong and what to do.
      returned: on failure of the item
      type: str
summary:
  description:
    - Number of items by RV(results[].action), and of failures.
    - An item that failed is not counted under V(none). It is counted under its action too if it changed something.
  returned: always
  type: dict
  sample: {create: 0, delete: 0, failed: 0, none: 0, replace: 0, update: 1}
"""

import contextlib
import functools

from ..module_utils._aws.kms import KMS, KMS_OPENER
from ..module_utils._core.deps import CRYPTOGRAPHY, PSYCOPG
from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Options, Params, Spec, batch, build_each
from ..module_utils._db.postgres.connection import DATABASE_OPTION, Connection, connect_postgres
from ..module_utils._db.postgres.key_column import PostgresKeyColumn
from ..module_utils._envelope.local import LOCAL_KINDS, LOCAL_OPENERS
from ..module_utils._envelope.provider import key_option, open_provider
from ..module_utils._envelope.record import ENCODINGS, Form
from ..module_utils._envelope.rewrap import Rewrap, Terms, mover
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.port import Vault
from ..module_utils._vault.transit import TRANSIT, transit_opener

_KINDS = (*LOCAL_KINDS, TRANSIT, KMS)
_ITEM: Options = {
    "table": {"type": "str", "default": "encryptedSecrets"},
    "schema": {"type": "str"},
    "key_column": {"type": "str", "default": "id", "no_log": False},
    "dek_column": {"type": "str", "default": "encryptedDek"},
    "data_columns": {
        "type": "list",
        "elements": "str",
        "default": ["encryptedValue", "iv", "authTag", "algorithm"],
    },
    "after": {"type": "str"},
    "until": {"type": "str"},
    "batch_rows": {"type": "int", "default": 500},
    "encoding": {"type": "str", "choices": list(ENCODINGS), "default": "base64"},
    "iv_bytes": {"type": "int", "choices": [12, 16], "default": 12},
    "on_unknown": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "new_key": key_option(_KINDS, required=True),
    "old_key": key_option(_KINDS),
}
_SHARED = ("batch_rows", "encoding", "iv_bytes", "on_unknown", "new_key", "old_key")
SPEC = (
    VAULT
    + Spec(DATABASE_OPTION, requires=(CRYPTOGRAPHY, PSYCOPG))
    + batch("tables", _ITEM, shared=_SHARED, no_log=False)
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared columns as resources; the database is asked when there are keys to ask with."""
    warnings: list[str] = []

    @functools.lru_cache(maxsize=1)
    def vault() -> Vault:
        connection = connect(params, stack)
        connection.warnings = warnings
        return connection

    openers = {**LOCAL_OPENERS, "transit": transit_opener(vault), "aws_kms": KMS_OPENER}

    @functools.lru_cache(maxsize=1)
    def database() -> Connection:
        return connect_postgres(params["database"], stack)

    def one(item: Params) -> Rewrap:
        form = Form(item["encoding"], item["iv_bytes"])
        new = open_provider(openers, item["new_key"], form, "new_key")
        old = open_provider(openers, item["old_key"], form, "old_key") if item["old_key"] else new
        terms = Terms(old.identity, new.identity, item["batch_rows"], item["on_unknown"])
        column = PostgresKeyColumn(database(), item)
        return Rewrap(column, mover(old, new), terms)

    return Batch(build_each(SPEC, params, one, key="table"), warnings=warnings)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
