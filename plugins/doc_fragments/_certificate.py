# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

from __future__ import annotations


class ModuleDocFragment:
    """Options that hold for every certificate of a call; the spec is `_certificate.declaration`."""

    DOCUMENTATION = r"""
options:
  provider:
    description:
      - Who signs. V(vault) is a role of a PKI engine of Vault or OpenBao, V(local) a CA made by
        M(trustmesh.security.local_ca).
    type: str
    choices: [vault, local]
    default: vault
  mount:
    description:
      - Path of the PKI engine. Needed for O(provider=vault).
    type: str
  role:
    description:
      - Role of the PKI engine that signs. Needed for O(provider=vault).
      - The role decides usages, allowed names and the longest life. Differences to the declaration are errors, see
        the description of this module.
    type: str
  issuer:
    description:
      - Name or id of the issuer inside the mount.
      - When omitted, the issuer that the role names, which is the mount's default unless said otherwise. If that
        changes, certificates of the previous issuer are issued again.
    type: str
  ca_directory:
    description:
      - Directory of the local CA. Needed for O(provider=local).
    type: path
  ca_passphrase_file:
    description:
      - File with the passphrase of the local CA's key.
      - When omitted, the key is not encrypted.
    type: path
  allow_development_ca:
    description:
      - Whether a CA that carries the mark of a development CA may sign.
    type: bool
    default: false
  common_name_in_sans:
    description:
      - Whether the common name is also a subject alternative name, which is what clients look at. A common name that is
        no DNS name, address or mail address is never one.
    type: bool
    default: true
  key_type:
    description:
      - Type of the key.
      - When omitted, new keys are V(ec) and the type of an existing key is left alone.
    type: str
    choices: [ec, rsa, ed25519]
  key_size:
    description:
      - Size of the key in bits, V(256), V(384) or V(521) for V(ec), V(2048), V(3072), V(4096) or V(8192) for V(rsa).
      - When omitted, new keys have V(256) or V(3072) and the size of an existing key is left alone.
    type: int
  key_usage:
    description:
      - Key usages the certificate has to have, for example V(DigitalSignature). Vault takes them from the role.
      - When omitted, they are not compared.
    type: list
    elements: str
  extended_key_usage:
    description:
      - Extended key usages the certificate has to have, for example V(ServerAuth). Vault takes them from the role.
      - When omitted, they are not compared.
    type: list
    elements: str
  ttl:
    description:
      - Life of the certificate, in seconds or as a text such as V(30d) or V(720h).
      - When omitted, the authority decides, and the life of an existing certificate is not compared.
    type: str
  renew_before:
    description:
      - How long before its end a certificate is renewed, as a duration such as V(7d) or as a share of its own lifetime
        such as V(33%). At least five minutes.
    type: str
    default: 33%
  renew_jitter_percent:
    description:
      - By up to this share of the margin the renewal is brought forward, so that certificates issued together are not
        all renewed in the same hour. The share depends on host and name alone and stays the same from run to run.
    type: int
    default: 10
  not_before:
    description:
      - Instant with its offset from UTC, such as V(2026-11-21T14:00:00Z). A certificate made before it is replaced,
        always with a new key, once it has come. One made since is left alone, so that the same declaration can run
        again and again.
      - It is the moment of making that counts, not the beginning of the validity, which authorities date back. Of a
        certificate that others made only the latter is known.
      - When omitted, no instant is a reason.
    type: str
  renew_key:
    description:
      - Whether a renewal makes a new key. With V(false) the key stays as long as it has the declared type and size.
    type: bool
    default: true
  keep_generations:
    description:
      - How many generations (key, certificate, chains) stay on disk, the one in force included.
      - Of an older one whose certificate has not expired the certificate stays, without its key, until it expires, so
        that it can be revoked in an emergency.
    type: int
    default: 2
  on_mismatch:
    description:
      - What to do when an existing certificate differs from the declaration. V(replace) issues a new one and says why,
        V(fail) changes nothing and says why. What has expired, is due or is revoked is always replaced.
      - A file at one of the published paths that is neither a usable key nor certificate and was not made by this
        module is never overwritten. A usable foreign pair is kept as a generation.
    type: str
    choices: [fail, replace]
    default: replace
  directory:
    description:
      - Directory that the file options are relative to. The generations are kept below it.
      - Needed here or with every certificate.
    type: path
  key_file:
    description:
      - Where the private key (PKCS#8 PEM) is published. C({name}) stands for the name of the certificate.
    type: str
    default: "{name}/key.pem"
  certificate_file:
    description:
      - Where the certificate is published.
    type: str
    default: "{name}/cert.pem"
  chain_file:
    description:
      - Where the intermediate certificates are published. Empty publishes none.
    type: str
    default: "{name}/chain.pem"
  fullchain_file:
    description:
      - Where certificate and intermediates are published in one file, as servers present them, without the root. Empty
        publishes none.
    type: str
    default: "{name}/fullchain.pem"
  ca_file:
    description:
      - Where the root certificate is published, for peers that have to trust it. Empty publishes none.
    type: str
    default: "{name}/ca.pem"
  owner:
    description:
      - Owner of all files. When omitted, who runs the module, and not compared.
    type: str
  group:
    description:
      - Group of all files. When omitted, the group of who runs the module, and not compared.
    type: str
  mode:
    description:
      - Permissions of every file but the key, in octal.
    type: str
    default: "0644"
  key_mode:
    description:
      - Permissions of the key, in octal. A key open to everybody is refused.
    type: str
    default: "0600"
"""
