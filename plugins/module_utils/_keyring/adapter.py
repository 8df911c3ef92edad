# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What the settings of an FSPIOP adapter mean for signatures: pure.

Source: the configuration loader of sdk-scheme-adapter 24, where each of these names is read, or is not.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from .jws_findings import Finding

_TRUE: t.Final = frozenset({"true", "1", "yes", "on"})
#: Names that are found in examples and that nothing reads.
_UNREAD: t.Final = ("JWS_SIGNING_KEY", "JWS_VERIFICATION_CACHE_SIZE", "JWS_VERIFICATION_CACHE_TTL")


def adapter_findings(name: str, settings: Mapping[str, t.Any]) -> Iterator[Finding]:
    """Yield what is wrong with the settings of one participant's adapter."""

    def found(option: str, problem: str, remedy: str) -> Finding:
        return Finding("setting", name, option, problem, remedy)

    def on(option: str, *, default: bool) -> bool:
        value = settings.get(option)
        return default if value is None else str(value).strip().lower() in _TRUE

    signs, verifies = on("JWS_SIGN", default=True), on("VALIDATE_INBOUND_JWS", default=True)
    if not signs:
        yield found("JWS_SIGN", "messages are not signed", "Set it to true.")
    elif not on("JWS_SIGN_PUT_PARTIES", default=False):
        yield found("JWS_SIGN_PUT_PARTIES", "PUT /parties is not signed", "Set it to true; it is off by default.")
    if not verifies:
        yield found("VALIDATE_INBOUND_JWS", "signatures are not verified", "Set it to true.")
    elif not on("VALIDATE_INBOUND_PUT_PARTIES_JWS", default=False):
        option = "VALIDATE_INBOUND_PUT_PARTIES_JWS"
        yield found(option, "signatures of PUT /parties are not verified", "Set it to true; it is off by default.")
    if not settings.get("JWS_SIGNING_KEY_PATH"):
        problem = "no signing key is named, and the adapter does not start without, signing or not"
        yield found("JWS_SIGNING_KEY_PATH", problem, "Set it to the path of the private key.")
    if on("PM4ML_ENABLED", default=False):
        problem = "keys come from the management API, and the directory is not read: what is published there is ignored"
        yield found("PM4ML_ENABLED", problem, "Publish to the connection manager, or set it to false.")
    elif verifies and not settings.get("JWS_VERIFICATION_KEYS_DIRECTORY"):
        option = "JWS_VERIFICATION_KEYS_DIRECTORY"
        yield found(option, "no keys to verify with", "Set it to the directory with one <fspId>.pem per participant.")
    own = settings.get("DFSP_ID")
    if own is not None and own != name:
        problem = f"the adapter signs as {own}, and others look for its key in {own}.pem"
        yield found("DFSP_ID", problem, f"Set it to {name}, case included.")
    for option in _UNREAD:
        if option in settings:
            remedy = "Set JWS_SIGNING_KEY_PATH." if option == "JWS_SIGNING_KEY" else "Remove it."
            yield found(option, "nothing reads it", remedy)
