# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

from __future__ import annotations


class ModuleDocFragment:
    """How modules reach a database of PostgreSQL; the spec is `_db.postgres.connection`."""

    DOCUMENTATION = r"""
options:
  database:
    description:
      - How to reach the database. What is omitted, C(libpq) takes from its own variables, such as E(PGHOST),
        E(PGPASSFILE) and E(PGSERVICE).
    type: dict
    required: true
    suboptions:
      host:
        description:
          - Name or address of the server, or the directory of its socket.
        type: str
      port:
        description:
          - Port of the server.
        type: int
      name:
        description:
          - Name of the database.
        type: str
      user:
        description:
          - User to log in as.
        type: str
      password:
        description:
          - Password of the user.
        type: str
      sslmode:
        description:
          - How far the server is to prove who it is. A socket needs no proof.
        type: str
        choices: [disable, require, verify-ca, verify-full]
        default: verify-full
      ca_cert:
        description:
          - PEM file of the CA that signed the server's certificate.
        type: path
      client_cert:
        description:
          - PEM file of a client certificate.
        type: path
      client_key:
        description:
          - PEM file of its key.
        type: path
      timeout:
        description:
          - Seconds to wait for a connection.
        type: int
        default: 30
"""
