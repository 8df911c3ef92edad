# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service behind the edge: it tells the caller who the edge says the caller is.

Usage: upstream.py PORT. Listens on loopback without TLS, because only the edge on the same host talks to it.
"""

from __future__ import annotations

import http.server
import json
import re
import sys

# The edge removes what a client sends under this name, and sets it from the certificate that it has verified.
IDENTITY = "X-Forwarded-Client-Cert"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with JSON."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the path and the identity of the client."""
        identity = self.headers.get(IDENTITY, "")
        answer = {
            "service": "trust-service",
            "path": self.path,
            "client": _element(identity, "Subject"),
            "fingerprint_sha256": _element(identity, "Hash"),
        }
        body = (json.dumps(answer, indent=2) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _element(identity: str, name: str) -> str | None:
    """Return one element of the header, which looks like ``Hash=ab12;Subject="CN=switch"``."""
    found = re.search(rf'(?:^|;){name}=(?:"([^"]*)"|([^;,]*))', identity)
    return None if found is None else found.group(1) or found.group(2)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
