# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets that everybody knows, because they are printed in documentation, charts and defaults, and get deployed.

Kept as SHA-256 digests: a list of the values themselves would put them into one more repository, and would be found by
every scanner for secrets.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import typing as t

#: Where a secret is published, by the SHA-256 of its UTF-8 text in hex.
PUBLISHED: t.Final[t.Mapping[str, str]] = {
    "51cb999c51f1cc56469578a6f50dae722630ab30c01e18505a4f54c768ceb8f5": "default of the scheme adapter",
    "cadd01e8eb7ee0f2132138e42c0f233e89e78a557079cca8df852dbc576ccbf9": "sample of a quoting service's configuration",
    "b6b8bad13f41e2faa9615e7cf6aaaee2771683b35e7af732545799c3ecbd0fe3": "sample of the scheme adapter and simulators",
    "791f17c0b0e47cfd956f0e953e146eaa5a2b4fcdbaa8cad55f70250948299f3e": "sample of an Interledger kit",
    "3fda8a468351852f9855dee943806a5259516fe2ab1045f9d1a1360b9f79ed63": "sample of a scheme adapter's chart",
    "9903e7a2778e2d6e74f6e1a4d2d3f45078aa5e9771fabd2ff3185c5b47e88116": "sample of a hub's settings",
    "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4": "sample of a payment connector",
    "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf": "sample of a testing toolkit",
    "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b": "default of a quoting service for development",
    "b6e932b501d198db761ed4025466582227a97c05de2197d95ae5729f1aa5461e": "sample of a scheme adapter's tests",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08": "word that charts are filled with",
    "048af2438891a89a3536ac09cc96ccbd34a1714e88cf8fdb63e6186dcc3ff89d": "placeholder of a token service",
    "9392e55e47dc874301499c33123276334d5869dcb4c3edcf5b2284494bbbd387": "placeholder of a Vault role",
    "9c4084a19760043908e79ded7cedb8d5bfec0ffb23ff1b78c47094db6936f5b2": "placeholder of a Vault role's secret",
    "ff2f12ec5c6a2e9ef6b61c958ed701c327469190a18075fd909ec2a9b42b94f2": "placeholder of a database password",
    "6f0db69c3d54875a7748abd1995ce6d775dc32b913326adf4b5034deab8c63cb": "placeholder of an encryption key",
    "057ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86": "placeholder used everywhere",
    "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8": "placeholder used everywhere",
}


def published(secret: str) -> t.Optional[str]:
    """Return where a secret is published, ``None`` for one that is not known to be.

    What copying adds to it does not matter: white space, quotation marks, a layer of base64.
    """
    for spelling in _spellings(secret):
        origin = PUBLISHED.get(hashlib.sha256(spelling).hexdigest())
        if origin is not None:
            return origin
    return None


def _spellings(secret: str) -> t.Iterator[bytes]:
    octets = secret.encode("utf-8", "surrogatepass")
    yield octets
    bare = octets.strip().strip(b"\"'").strip()
    yield bare
    try:
        yield base64.b64decode(bare, validate=True).strip()
    except binascii.Error:
        return
