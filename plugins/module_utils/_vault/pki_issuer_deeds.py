# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The deeds that make an issuer, in which one hands something to the next: a request, a certificate, an id."""

from __future__ import annotations

import typing as t

from .._core.clock import system_clock
from .._core.errors import Overtaken, TrustmeshError
from .._core.files import Attributes, FileTransaction
from .._core.plan import Step
from .._core.redact import Secret
from .._pki.certificate import CertificateFacts, certificate_pem, fingerprint_sha256, parse_certificates
from .._pki.chain import order_chain
from .._pki.keys import spki_sha256
from .._pki.request import load_request
from .._pki.signature import is_signed_by
from .errors import Rejected
from .pki_mount import PkiMount
from .pki_parent import Parent, refuse_outliving, refuse_unfit

_PUBLIC_FILE: t.Final = Attributes(mode=0o644)


def _declared(body: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    """Return what the server warns of although it was declared: a CA that issues no further CAs."""
    no_more = "certificate is zero. This certificate cannot be used to issue"
    return (no_more,) if body.get("max_path_length") == 0 else ()


class Deeds:
    """Carries out the steps of one plan. A step without a target concerns the issuer that an earlier one made."""

    # What one step leaves to those after it.
    _issuer_id: str
    _request: str
    _bundle: str

    def __init__(self, mount: PkiMount, authority: PkiMount, files: FileTransaction, identity: str) -> None:
        self._mount = mount
        self._authority = authority
        self._vault = mount.vault
        self._files = files
        self._identity = identity

    def carry_out(self, steps: t.Iterable[Step]) -> None:
        """Carry out steps in order; raises :class:`Overtaken` when others took the names before anything was made."""
        wrote = False
        for step in steps:
            try:
                getattr(self, f"_{step.verb}")(step)
            except Rejected as error:
                if wrote or error.repeated or "already in use" not in str(error):
                    raise
                raise Overtaken(error.problem, remedy="Others make the same issuer; run again.") from None
            wrote = wrote or step.verb not in ("guard", "fence")

    def _guard(self, step: Step) -> None:
        """Check a lifetime (field, seconds) against the engine that signs, as it is tuned now."""
        self._authority.refuse_cut(step.target, step.body)

    def _fence(self, step: Step) -> None:
        """Judge whether the issuer that signs, which may have been made just now, may have such a CA below it."""
        parent = Parent.read(self._vault, step.target)
        granted = "granted" in step.body
        refuse_unfit(parent.looked_at(self._vault, step.target, granted=granted), step.body, system_clock())

    def _generate(self, step: Step) -> None:
        """Make key and certificate of a root."""
        reply = self._vault.write(step.target, step.body, once=step.once, declared=_declared(step.body))
        self._issuer_id = reply.data.text("issuer_id")

    def _make_request(self, step: Step) -> None:
        """Make a certificate request, and the key where there is none."""
        self._request = self._vault.write(step.target, step.body, once=step.once).data.text("csr")

    def _save_request(self, step: Step) -> None:
        """Stage the request for the file that travels to the external CA."""
        with self._files.group(self._identity) as group:
            group.put(step.target, f"{self._request.strip()}\n".encode(), _PUBLIC_FILE)

    def _sign(self, step: Step) -> None:
        """Have the request signed, and check what comes back before it is installed."""
        body = {**step.body, "csr": self._request}
        data = self._vault.write(step.target, body, once=step.once, declared=_declared(step.body)).data
        made = parse_certificates(data.text("certificate").encode())[0]
        issuer = parse_certificates(data.text("issuing_ca").encode())[0]
        if spki_sha256(made) != spki_sha256(load_request(self._request)) or not is_signed_by(made, issuer):
            raise TrustmeshError(
                f"{step.target} returned a certificate that does not belong to the request",
                remedy="Check what stands between here and the server.",
            )
        above = parse_certificates("\n".join([data.text("issuing_ca"), *data.texts("ca_chain")]).encode())
        refuse_outliving(order_chain(issuer, above), CertificateFacts.of(made).not_after)
        self._bundle = certificate_pem(*order_chain(made, above))

    def _install(self, step: Step) -> None:
        """Import a certificate with those above it, and with its key where the declaration brings one."""
        certificates, key = step.body or (self._bundle, None)
        bundle = certificates + key.reveal() if isinstance(key, Secret) else certificates
        data = self._vault.write(step.target, {"pem_bundle": bundle}).data
        wanted = fingerprint_sha256(parse_certificates(certificates.encode())[0])
        listed = [*data.texts("imported_issuers"), *data.texts("existing_issuers")]
        for issuer_id in dict.fromkeys(listed or self._vault.list(self._mount.at("issuers"))):
            held = self._vault.read_or_nothing(self._mount.at("issuer", issuer_id))
            if fingerprint_sha256(parse_certificates(held.text("certificate").encode())[0]) == wanted:
                self._issuer_id = issuer_id
                return
        raise TrustmeshError(
            f"{step.target} accepted a certificate that is not among the issuers afterwards",
            remedy="Something else manages this engine; see its log.",
        )

    def _name_key(self, step: Step) -> None:
        """Name the key of the issuer just installed, unless it has a name."""
        issuer = self._vault.read_or_nothing(self._mount.at("issuer", self._issuer_id))
        path = self._mount.at("key", issuer.text("key_id"))
        if not self._vault.read_or_nothing(path).text_or("key_name"):
            self._vault.write(path, {"key_name": step.body})

    def _adjust(self, step: Step) -> None:
        self._vault.patch(self._mount.at("issuer", step.target or self._issuer_id), step.body)

    def _make_default(self, step: Step) -> None:
        body = {"default": step.target or self._issuer_id, "default_follows_latest_issuer": False}
        self._vault.write(self._mount.at("config", "issuers"), body)

    def _rename_issuer(self, step: Step) -> None:
        self._vault.patch(self._mount.at("issuer", step.target), {"issuer_name": step.body})

    def _rename_key(self, step: Step) -> None:
        self._vault.write(self._mount.at("key", step.target), {"key_name": step.body})

    def _delete(self, step: Step) -> None:
        self._vault.delete(step.target)
