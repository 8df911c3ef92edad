# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure how many signatures a second one process gets out of a server: our port beside a bare keep-alive client.

Reads JSON from standard input ({url, ca_cert, path, body, count, threads, client}) and the token from VAULT_TOKEN;
prints JSON with the seconds that the requests took, connections and imports not counted.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
import sys
import threading
import time
import typing as t
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

Task = dict[str, t.Any]
Sign = Callable[[], None]


@contextlib.contextmanager
def ours(task: Task) -> Iterator[Sign]:
    """Sign through the port that every module of the collection uses."""
    from ansible_collections.trustmesh.security.plugins.module_utils._core.spec import Spec  # type: ignore[import-not-found]
    from ansible_collections.trustmesh.security.plugins.module_utils._vault.connection import (  # type: ignore[import-not-found]
        VAULT,
        connect,
    )

    def defaults(spec: Spec) -> Task:
        return {name: option.get("default") for name, option in spec.options.items()}

    params = {**defaults(VAULT), "url": task["url"], "ca_cert": task["ca_cert"]}
    with contextlib.ExitStack() as stack:
        vault = connect(params, stack)
        yield lambda: _expect(vault.write(task["path"], task["body"], once=True).data)


@contextlib.contextmanager
def bare(task: Task) -> Iterator[Sign]:
    """Sign with http.client, one connection per thread that stays open."""
    where = urllib.parse.urlsplit(task["url"])
    context = ssl.create_default_context(cafile=task["ca_cert"])
    headers = {"X-Vault-Token": os.environ["VAULT_TOKEN"], "X-Vault-Request": "true"}
    held = threading.local()

    def sign() -> None:
        if not hasattr(held, "connection"):
            held.connection = http.client.HTTPSConnection(str(where.hostname), where.port, context=context)
        held.connection.request("POST", f"/v1/{task['path']}", json.dumps(task["body"]), headers)
        _expect(json.loads(held.connection.getresponse().read())["data"])

    yield sign


def _expect(data: Task) -> None:
    if "BEGIN CERTIFICATE" not in data["certificate"]:
        raise RuntimeError("the server signed nothing")


CLIENTS = {"ours": ours, "bare": bare}


def main() -> None:
    """Do what standard input says."""
    task = json.load(sys.stdin)
    with CLIENTS[task["client"]](task) as sign, ThreadPoolExecutor(task["threads"]) as pool:
        ready = threading.Barrier(task["threads"])

        def warm(_number: int) -> None:
            sign()
            ready.wait()

        list(pool.map(warm, range(task["threads"])))
        start = time.perf_counter()
        list(pool.map(lambda _number: sign(), range(task["count"])))
        print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
