#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: envelope_secret
short_description: Manage encrypted values in a PostgreSQL table
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Writes and removes records of sealed values in a table, each under its name, as
    P(trustmesh.security.envelope_seal#filter) makes them and an application reads them.
  - A record is opened and its value compared, so that one that holds the declared value stays as it is. Another value
    is sealed again, under a data key of its own.
  - A record that does not open is not overwritten unless O(secrets[].on_mismatch=replace).
  - Without a value, it proves in check mode or not that a record is there and opens.
  - The table has a column for the name, unique and never null, and one of type C(text) for each field of a record. With
    the names that are the defaults, the columns of C("encryptedSecrets") are C("key" text NOT NULL UNIQUE),
    C("encryptedValue" text NOT NULL), C("encryptedDek" text NOT NULL), C(iv text NOT NULL), C("authTag" text NOT NULL)
    and C(algorithm text NOT NULL). For M(trustmesh.security.envelope_rewrap), add C(id serial PRIMARY KEY).
  - The database may have any encoding that holds the names, SQL_ASCII included.
  - The database user needs C(SELECT), C(INSERT), C(UPDATE) and C(DELETE) on the table.
  - For O(key.type=transit), the token needs C(read) on C(transit/keys/NAME), and C(update) on C(transit/encrypt/NAME)
    and C(transit/decrypt/NAME). No other type needs Vault, and then nothing connects to it.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._postgres
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  table:
    description:
      - Name of the table, exactly as it is, upper and lower case letters included. So it is for columns.
    type: str
    default: encryptedSecrets
  schema:
    description:
      - Schema of the table.
      - When omitted, the table is looked for along the search path of the user.
    type: str
  name_column:
    description:
      - Column of the names, unique and never null.
      - In M(trustmesh.security.envelope_rewrap), C(key_column) is the primary key, which may be another column.
    type: str
    default: key
    aliases: [key_column]
  columns:
    description:
      - Columns of the fields of a record.
    type: dict
    suboptions:
      encryptedValue:
        description:
          - Column of the encrypted value.
        type: str
        default: encryptedValue
      encryptedDEK:
        description:
          - Column of the wrapped data key.
        type: str
        default: encryptedDek
      iv:
        description:
          - Column of the initialisation vector.
        type: str
        default: iv
      authTag:
        description:
          - Column of the tag.
        type: str
        default: authTag
      algorithm:
        description:
          - Column of the algorithm.
        type: str
        default: algorithm
  other_values:
    description:
      - Values of further columns of a row that is made, by the name of the column.
    type: dict
  encoding:
    description:
      - How bytes are written in records.
    type: str
    choices: [base64, hex]
    default: base64
  iv_bytes:
    description:
      - Length of new initialisation vectors in bytes. Both lengths are read.
    type: int
    choices: [12, 16]
    default: 12
  key:
    description:
      - The master key.
    type: dict
    required: true
    suboptions:
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
  secrets:
    description:
      - The values to keep. All of them are read and planned before the first one is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the value.
        type: str
        required: true
      value:
        description:
          - The value.
          - When omitted, the record has to be there and to open.
        type: str
      bind_name:
        description:
          - Whether the record is bound to its name, as additional authenticated data, so that it does not open under
            another one. Applications have to do the same.
        type: bool
        default: true
      on_mismatch:
        description:
          - What to do about a record that does not open.
          - V(fail) changes nothing and names the field. V(replace) seals the declared value again.
        type: str
        choices: [fail, replace]
        default: fail
      state:
        description:
          - Whether the record should exist.
        type: str
        choices: [present, absent]
        default: present
requirements:
  - Python libraries C(cryptography) 36.0.0 or newer and C(psycopg) 3.1.0 or newer on the host that runs the module
  - C(hvac) 1.1.0 or newer for keys of a transit engine, C(boto3) 1.26.0 or newer for those of AWS KMS
seealso:
  - module: trustmesh.security.envelope_rewrap
  - plugin: trustmesh.security.envelope_open
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Seal the key of a payment service for the panel
  trustmesh.security.envelope_secret:
    database: {host: db.example.com, name: panel, user: secrets, ca_cert: /etc/ssl/db-ca.pem}
    key: {type: file, path: /etc/panel/master.key}
    secrets:
      - name: stripe_api_key
        value: "{{ stripe_api_key }}"

- name: Keep two values for an application with columns and a layout of its own
  trustmesh.security.envelope_secret:
    database: {host: db.example.com, name: billing, user: secrets, ca_cert: /etc/ssl/db-ca.pem}
    schema: billing
    table: vault_items
    name_column: name
    columns: {encryptedDEK: wrapped_key, authTag: tag}
    iv_bytes: 16
    encoding: hex
    key: {type: transit, name: billing}
    secrets:
      - name: smtp_password
        value: "{{ smtp_password }}"
        bind_name: false
      - name: webhook_secret
        value: "{{ webhook_secret }}"
        bind_name: false

- name: Remove a value
  trustmesh.security.envelope_secret:
    database: {host: db.example.com, name: panel, user: secrets, ca_cert: /etc/ssl/db-ca.pem}
    key: {type: file, path: /etc/panel/master.key}
    secrets:
      - name: legacy_api_key
        state: absent
"""

RETURN = r"""
results:
  description: One entry per value, in the order of O(secrets).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the value.
      returned: always
      type: str
      sample: stripe_api_key
    changed:
      description:
        - Whether this record was changed, or would be in check mode.
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
      sample: [value differs]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    secret:
      description: The record as read back; in check mode as it is now. Never the value.
      returned: when it exists
      type: dict
      contains:
        opens:
          description: Whether it opens.
          returned: always
          type: bool
        algorithm:
          description: What it says that it was encrypted with.
          returned: always
          type: str
          sample: aes-256-gcm
        wrapped_by:
          description: Name of the master key.
          returned: always
          type: str
          sample: transit/keys/billing
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
  sample: {create: 1, delete: 0, failed: 0, none: 2, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._aws.kms import KMS, KMS_OPENER
from ..module_utils._core.deps import CRYPTOGRAPHY, PSYCOPG
from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._db.postgres.connection import DATABASE_OPTION, connect_postgres
from ..module_utils._db.postgres.record_table import TABLE, PostgresRecords
from ..module_utils._envelope.local import LOCAL_KINDS, LOCAL_OPENERS
from ..module_utils._envelope.provider import key_option, open_provider
from ..module_utils._envelope.record import ENCODINGS, Form
from ..module_utils._envelope.secret import SECRET, SealedSecret
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.transit import TRANSIT, transit_opener

SPEC = (
    VAULT
    + Spec(
        {
            **DATABASE_OPTION,
            **TABLE,
            "encoding": {"type": "str", "choices": list(ENCODINGS), "default": "base64"},
            "iv_bytes": {"type": "int", "choices": [12, 16], "default": 12},
            "key": key_option((*LOCAL_KINDS, TRANSIT, KMS), required=True),
        },
        requires=(CRYPTOGRAPHY, PSYCOPG),
    )
    + batch("secrets", SECRET, no_log=False)
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared values as resources; the key comes first, so that its errors do."""
    form = Form(params["encoding"], params["iv_bytes"])
    transit = transit_opener(lambda: connect(params, stack))
    openers = {**LOCAL_OPENERS, "transit": transit, "aws_kms": KMS_OPENER}
    provider = open_provider(openers, params["key"], form, "key")
    store = PostgresRecords(connect_postgres(params["database"], stack), params)
    return Batch(build_each(SPEC, params, lambda item: SealedSecret(store, provider, form, item)))


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
