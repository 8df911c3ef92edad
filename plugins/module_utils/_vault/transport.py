# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""hvac's adapter with a short way to the wire.

Proxies, trust and client certificates are settled by requests once, when the connection pool is made, and not for every
request again: that repetition costs more than half of what it takes to have a certificate signed.
"""

from __future__ import annotations

import functools
import json
import typing as t
from dataclasses import dataclass
from urllib.parse import quote

try:
    import requests
    import urllib3
    from hvac.adapters import RawAdapter
except ImportError:  # reported by reach() before any of it is used
    RawAdapter = object

# What may stand in a path besides letters and digits: the reserved characters, and % of what is quoted already.
_KEPT: t.Final = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True)
class Answer:
    """A server's answer, read to its end."""

    status_code: int
    headers: t.Mapping[str, str]
    content: bytes

    def json(self) -> t.Any:
        """Return the content; raises ``ValueError`` when it is not JSON."""
        return json.loads(self.content)


class PooledAdapter(RawAdapter):  # type: ignore[misc]
    """Sends every request through one connection pool, whose settings are those of the session it was made with."""

    def __init__(self, **options: t.Any) -> None:
        super().__init__(**options)
        trust = self.session.merge_environment_settings(
            self.base_uri, {}, False, self._kwargs["verify"], self._kwargs["cert"]
        )
        adapter = self.session.get_adapter(self.base_uri)
        where = requests.Request("GET", self.base_uri).prepare()
        self._pool = _pool(adapter, where, trust)
        # Below a plain HTTP proxy this is the whole address, else only its path.
        self._base = adapter.request_url(where, trust["proxies"]).rstrip("/")
        self._timeout = urllib3.Timeout(connect=self._kwargs["timeout"], read=self._kwargs["timeout"])

    def request(
        self, method: str, url: str, headers: t.Any = None, raise_exception: bool = True, **options: t.Any
    ) -> Answer:
        """Send one request and return the answer whatever its status; raises ``OSError`` when there is none."""
        sent = {**self._headers(options.get("wrap_ttl")), **(headers or {})}
        body = None
        if "json" in options:
            body = json.dumps(options["json"]).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            got = self._pool.request(
                method.upper(),
                self._base + _path(url),
                body=body,
                headers=sent,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
            )
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from error
        return Answer(got.status, got.headers, got.data)

    def _headers(self, wrap_ttl: str | None) -> dict[str, str]:
        given = {
            "X-Vault-Token": self.token,
            "X-Vault-Namespace": self.namespace,
            "X-Vault-Wrap-TTL": wrap_ttl,
        }
        return {"X-Vault-Request": "true", **{name: value for name, value in given.items() if value}}


@functools.lru_cache(maxsize=1024)
def _path(url: str) -> str:
    """Return the path of a request; a doubled slash means one, as for Vault's own clients."""
    return quote(f"/{url}".replace("//", "/"), safe=_KEPT)


def _pool(adapter: t.Any, where: t.Any, trust: t.Mapping[str, t.Any]) -> t.Any:
    """Let requests make the pool as it would for a request of its own."""
    proxies, verify, cert = trust["proxies"], trust["verify"], trust["cert"]
    try:
        pool = adapter.get_connection_with_tls_context(where, verify, proxies=proxies, cert=cert)
    except AttributeError:  # requests before 2.32
        pool = adapter.get_connection(where.url, proxies)
    adapter.cert_verify(pool, where.url, verify, cert)
    return pool
