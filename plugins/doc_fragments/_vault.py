# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to Vault or OpenBao; the spec is `_vault.connection.VAULT`."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Address of the server.
      - When omitted, E(VAULT_ADDR) or E(BAO_ADDR) is used.
    type: str
  namespace:
    description:
      - Namespace to work in.
      - When omitted, E(VAULT_NAMESPACE) or E(BAO_NAMESPACE) is used, and without those no namespace is sent at all.
      - A server that takes no notice of namespaces is refused, because it would act outside.
    type: str
  ca_cert:
    description:
      - PEM file (or directory of hashed certificates) with the CA that signed the server's certificate.
      - When omitted, E(VAULT_CACERT) or E(BAO_CACERT) is used, and without those the trust store of the C(requests)
        library.
      - When given, E(REQUESTS_CA_BUNDLE) and E(CURL_CA_BUNDLE) have no influence. There is no option that switches
        verification off.
    type: path
  client_cert:
    description:
      - PEM file of a TLS client certificate, for servers that demand one and for O(auth_method=cert).
      - When omitted, E(VAULT_CLIENT_CERT) or E(BAO_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - PEM file with the key of O(client_cert).
      - When omitted, E(VAULT_CLIENT_KEY) or E(BAO_CLIENT_KEY) is used.
    type: path
  timeout:
    description:
      - Seconds to wait for an answer to one request.
    type: int
    default: 30
  retries:
    description:
      - How often a request is repeated after a passing failure (no connection, rate limit, gateway error).
      - Requests that make something new each time (issuing, signing, generating) are repeated only when the first
        attempt certainly did nothing.
    type: int
    default: 3
  auth_method:
    description:
      - How to log in. Except for V(token), the token obtained is revoked when the task ends.
      - V(token) uses O(token).
      - V(approle) uses O(role_id) and O(secret_id).
      - V(cert) uses O(client_cert) and O(client_key).
      - V(userpass) uses O(username) and O(password).
      - Check mode logs in too, because it has to read. It therefore spends one use of a use-limited secret-id. It also
        unwraps a wrapped one, and keeps it as O(secret_id_wrapped) says, since it could not be unwrapped again.
    type: str
    choices: [token, approle, cert, userpass]
    default: token
  auth_mount:
    description:
      - Path at which the auth method is enabled, without C(auth/).
      - When omitted, the name of O(auth_method).
    type: str
  auth_namespace:
    description:
      - Namespace in which to log in, or in which the token of O(auth_method=token) was made, where that is another one
        than the O(namespace) to work in. V(root) is the one above all others.
      - The policies of the login name paths in the other namespace with its name in front, as in
        C(team/secret/data/*).
      - When omitted, the login is made in O(namespace).
    type: str
  token:
    description:
      - Token for O(auth_method=token).
      - When omitted, O(token_file), E(VAULT_TOKEN), E(BAO_TOKEN), E(VAULT_TOKEN_FILE) and E(BAO_TOKEN_FILE) are tried
        in this order. A token helper file in the home directory is never read.
    type: str
  token_file:
    description:
      - File that holds the token, on the host that runs the module.
    type: path
  role_id:
    description:
      - Role id for O(auth_method=approle).
      - When omitted, E(VAULT_ROLE_ID) or E(BAO_ROLE_ID) is used.
    type: str
  secret_id:
    description:
      - Secret id for O(auth_method=approle), or a wrapping token around it, see O(secret_id_wrapped).
      - When omitted, O(secret_id_file), E(VAULT_SECRET_ID), E(BAO_SECRET_ID), E(VAULT_SECRET_ID_FILE) and
        E(BAO_SECRET_ID_FILE) are tried in this order. Without any of them the login is tried without a secret id.
    type: str
  secret_id_file:
    description:
      - File that holds the secret id, on the host that runs the module.
      - For O(secret_id_wrapped=true), see there.
    type: path
  secret_id_wrapped:
    description:
      - Whether O(secret_id), or what lies in O(secret_id_file), is a response-wrapping token. It is unwrapped once,
        after checking that the AppRole engine made it. The secret id is kept on the host for later runs, with mode
        C(0600), owned by the user who runs the module.
      - A token in O(secret_id) is unwrapped into O(secret_id_file) when the server does not know what that file keeps.
        Without O(secret_id_file) nothing is kept, and a second run with the same token fails.
      - A token that was delivered into O(secret_id_file) is unwrapped as soon as it is found, into a file with the
        suffix C(.unwrapped) beside it, and then removed. Until another one is delivered, the secret id in that file is
        used. This is the way to have it renewed, see C(delivery) of M(trustmesh.security.vault_approle).
      - The file is made before the token is unwrapped, so that a full disk or a missing right does not spend it. Of
        runs at the same time one unwraps, and the others wait for it.
    type: bool
    default: false
  username:
    description:
      - User name for O(auth_method=userpass).
      - When omitted, E(VAULT_USERNAME) or E(BAO_USERNAME) is used.
    type: str
  password:
    description:
      - Password for O(auth_method=userpass).
      - When omitted, O(password_file), E(VAULT_PASSWORD), E(BAO_PASSWORD), E(VAULT_PASSWORD_FILE) and
        E(BAO_PASSWORD_FILE) are tried in this order.
    type: str
  password_file:
    description:
      - File that holds the password, on the host that runs the module.
    type: path
  cert_role:
    description:
      - Certificate role for O(auth_method=cert).
      - When omitted, the server tries all of them.
    type: str
requirements:
  - Python library C(hvac) 1.1.0 or newer on the host that runs the module
"""
