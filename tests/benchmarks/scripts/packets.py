# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time making Interledger packets and holding fulfilments against conditions, each with a transaction of its own.

Reads JSON from standard input ({secret, version, transactions, warmup}), prints JSON with the nanoseconds of each call
after the first ``warmup``, by what it did.
"""

from __future__ import annotations

import json
import sys
import time
import typing as t


def main() -> None:
    """Do what standard input says."""
    from ansible_collections.trustmesh.security.plugins.module_utils._ilp import (  # type: ignore[import-not-found]
        agreement,
        examination,
    )

    task = json.load(sys.stdin)
    spent: dict[str, list[int]] = {"create and validate": [], "examine": []}
    made: list[t.Any] = []
    for transaction in task["transactions"]:
        start = time.perf_counter_ns()
        agreed = agreement.agree(transaction, task["secret"], task["version"])
        if agreement.condition_of(agreed.fulfilment) != agreed.condition:
            raise SystemExit("its own fulfilment is refused")
        spent["create and validate"].append(time.perf_counter_ns() - start)
        made.append(agreed)
    for agreed in made:
        start = time.perf_counter_ns()
        if not examination.examine(agreed.shown(), secret=task["secret"]):
            raise SystemExit("its own packet is refused")
        spent["examine"].append(time.perf_counter_ns() - start)
    print(json.dumps({what: times[task["warmup"] :] for what, times in spent.items()}))


if __name__ == "__main__":
    main()
