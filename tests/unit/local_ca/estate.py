# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authorities in a directory of the test's own, with a clock that the test moves."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import typing as t

from cryptography import x509

from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._local_ca.resource import LocalAuthority, resolve_parents
from plugins.module_utils._local_ca.state import ITEM_OPTIONS
from plugins.module_utils._pki.certificate import CertificateFacts, parse_certificates
from plugins.module_utils._pki.keys import load_private_key, spki_sha256
from plugins.module_utils._pki.revocation import CrlFacts, parse_crl

START: t.Final = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
DAY: t.Final = datetime.timedelta(days=1)


@dataclasses.dataclass
class Estate:
    """A directory of authorities; ``now`` is what the clock says."""

    directory: pathlib.Path
    now: datetime.datetime = START

    def authority(self, name: str, **options: t.Any) -> LocalAuthority:
        """Declare an authority below the directory; ``parent`` and ``crl_file`` may be names."""
        item = {option: spec.get("default") for option, spec in ITEM_OPTIONS.items()}
        if "parent" in options:
            options["parent"] = str(self.directory / options["parent"])
        item.update({"name": name, "directory": str(self.directory / name), **options})
        return LocalAuthority.declared(item)

    def apply(self, *authorities: LocalAuthority, check: bool = False) -> list[Outcome]:
        """Make them true."""
        resolve_parents(authorities)
        return reconcile(Batch(authorities, ordered=True), check_mode=check, clock=lambda: self.now)

    def make(self, name: str, *, check: bool = False, **options: t.Any) -> Outcome:
        """Make one true."""
        (outcome,) = self.apply(self.authority(name, **options), check=check)
        return outcome

    def path(self, name: str, file: str = "ca-cert.pem") -> pathlib.Path:
        """Return the path of a file of an authority."""
        return self.directory / name / file

    def facts(self, name: str) -> CertificateFacts:
        """Return the facts of an authority's certificate."""
        return CertificateFacts.of(self.certificate(name))

    def certificate(self, name: str) -> x509.Certificate:
        """Return an authority's certificate."""
        return parse_certificates(self.path(name).read_bytes())[0]

    def chain(self, name: str) -> tuple[x509.Certificate, ...]:
        """Return the certificates above an authority."""
        return parse_certificates(self.path(name, "ca-chain.pem").read_bytes())

    def key_spki(self, name: str) -> str:
        """Return the digest of an authority's unencrypted key."""
        return spki_sha256(load_private_key(self.path(name, "ca-key.pem").read_bytes()))

    def crl(self, name: str, file: str = "crl.pem") -> CrlFacts:
        """Return the facts of a revocation list."""
        return parse_crl(self.path(name, file).read_bytes())

    def snapshot(self) -> dict[str, tuple[bytes, int]]:
        """Return content and mode of every file."""
        files = [path for path in sorted(self.directory.rglob("*")) if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mode) for path in files}


def done(outcome: Outcome) -> tuple[str, list[str]]:
    """Return action and reasons of an outcome that has to have succeeded."""
    assert outcome.error is None, str(outcome.error)
    return outcome.plan.action.value, outcome.plan.reasons
