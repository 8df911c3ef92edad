# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client's side of a TLS probe offers the versions that were declared, and no others."""

from __future__ import annotations

import dataclasses
import ssl
import typing as t

import pytest

from plugins.module_utils._probe.tls import Target, open_context

#: The old versions, whose names the library warns about.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
BASE: t.Final = Target("127.0.0.1", 1, "localhost", None, None, None, None, None, None, 1)


@pytest.mark.parametrize(
    ("least", "most", "lowest", "highest"),
    [
        ("TLSv1.3", None, ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.MAXIMUM_SUPPORTED),
        ("TLSv1.2", None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED),
        (None, "TLSv1.2", ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_2),
        (None, "TLSv1.1", ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_1),
        ("TLSv1.2", "TLSv1.2", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
    ],
)
def test_kind_10_a_probe_offers_the_declared_versions(
    least: str | None, most: str | None, lowest: ssl.TLSVersion, highest: ssl.TLSVersion
) -> None:
    context = open_context(dataclasses.replace(BASE, min_version=least, max_version=most))
    assert (context.minimum_version, context.maximum_version) == (lowest, highest)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize(("most", "level"), [("TLSv1.0", 0), ("TLSv1.1", 0), ("TLSv1.2", None), (None, None)])
def test_kind_10_old_versions_are_offered_only_where_they_were_declared(most: str | None, level: int | None) -> None:
    usual = ssl.create_default_context().security_level
    context = open_context(dataclasses.replace(BASE, max_version=most))
    assert context.security_level == (usual if level is None else level)
