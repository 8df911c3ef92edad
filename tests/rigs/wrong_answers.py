# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of wrong answers, as proxies, portals, gateways, other services and broken networks give them."""

from __future__ import annotations

import contextlib
import gzip
import json
import typing as t
from collections.abc import Callable

from tests.rigs.fault_proxy import READS, Call, Wrong

PAGE: t.Final = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to go on.</body></html>"
_BOMB: t.Final = gzip.compress(b'{"data": "' + b" " * (80 << 20) + b'"}', 6)
_ENDLESS: t.Final = 1 << 34
Json = t.Any


def _says(status: int, content: bytes = b"", kind: str | None = "application/json", **headers: str) -> t.Any:
    return lambda call: call.answer(status, content, kind, **headers)


def _json(status: int, value: Json, **headers: str) -> t.Any:
    return _says(status, json.dumps(value).encode(), **headers)


def _frame(data: Json) -> Json:
    return {"request_id": "6f2b", "lease_id": "", "renewable": False, "lease_duration": 0, "data": data}


def _raw(content: bytes) -> Callable[[Call], None]:
    def play(call: Call) -> None:
        call.raw(content)
        call.close()

    return play


def _changed(change: Callable[[bytes], bytes]) -> Callable[[Call], None]:
    """Play the real answer, its octets changed."""

    def play(call: Call) -> None:
        reply = call.real()
        content = change(reply.content or b"{}")
        if call.fault is not None and b"NaN" not in content:
            with contextlib.suppress(ValueError):
                call.fault.same = json.loads(content) == json.loads(reply.content or b"{}")
        call.answer(reply.status, content)

    return play


def _retyped(change: Callable[[Json], Json]) -> Callable[[Call], None]:
    """Play the real answer, each value inside its data changed."""

    def walk(value: Json) -> Json:
        if isinstance(value, dict):
            return change({name: walk(entry) for name, entry in value.items()})
        return change([walk(entry) for entry in value]) if isinstance(value, list) else change(value)

    def body(content: bytes) -> bytes:
        whole = json.loads(content)
        data = whole.get("data")
        if isinstance(data, dict):
            whole["data"] = {name: walk(value) for name, value in data.items()}
        else:
            whole = {name: walk(value) for name, value in whole.items()}
        return json.dumps(whole).encode()

    return _changed(body)


def _number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cut(call: Call) -> None:
    content = call.real().content or b"{}"
    call.answer(200, content[: len(content) // 2], Content_Length=str(len(content)))
    call.close()


def _short_length(call: Call) -> None:
    content = call.real().content or b"{}"
    call.answer(200, content, Content_Length=str(len(content) // 2))
    call.close()


def _bad_chunk(call: Call) -> None:
    call.answer(200, b'1f\r\n{"data": {}}\r\nzz\r\n', Content_Length=None, Transfer_Encoding="chunked")
    call.close()


def _endless(call: Call) -> None:
    call.answer(200, b'{"data": "', Content_Length=str(_ENDLESS))
    while True:
        call.raw(b"x" * (1 << 20))


def _drip(call: Call) -> None:
    content = call.real().content or b'{"data": {}}'
    call.answer(200, b"", Content_Length=str(len(content) + 400))
    for octet in b" " * 400 + content:
        call.wait(0.2)
        call.raw(bytes([octet]))


def _drip_of_head(call: Call) -> None:
    call.raw(b"HTTP/1.1 200 OK\r\n")
    for at in range(400):
        call.wait(0.2)
        call.raw(b"X-%d: a\r\n" % at)


def _silence(call: Call) -> None:
    call.wait(60)


def _continue(call: Call) -> None:
    while True:
        call.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def _deep(call: Call) -> None:
    call.answer(200, b'{"data": ' + b"[" * 100000 + b"]" * 100000 + b"}")


def _twice(content: bytes) -> bytes:
    return content.rstrip()[:-1] + (b"," if len(content) > 3 else b"") + b'"data": {}, "data": {"a": 1}}'


def _with_nan(content: bytes) -> bytes:
    whole = json.loads(content)
    whole["data"] = {**(whole.get("data") or {}), "ttl": float("nan")}
    return json.dumps(whole).encode()


def _of_another(path: str) -> Callable[[Call], None]:
    def play(call: Call) -> None:
        reply = call.elsewhere(path)
        if reply.status != 200:  # a refusal of the server itself would be right about a token
            reply = call.elsewhere("sys/internal/ui/mounts")
        if call.fault is not None:
            call.fault.same = call.path == path
        call.answer(reply.status, reply.content)

    return play


def _portal(status: int, location: str) -> t.Any:
    return _says(status, PAGE, "text/html", Location=location)


_HTML: t.Final = "text/html; charset=utf-8"
_TABLE: t.Final = [
    Wrong("200 with a page of HTML", _says(200, PAGE, _HTML, Server="portal")),
    Wrong("200 with HTML that is called JSON", _says(200, PAGE)),
    Wrong("200 with XML", _says(200, b"<?xml version='1.0'?><Error/>", "application/xml")),
    Wrong("200 with plain text", _says(200, b"OK", "text/plain")),
    Wrong("200 without a body", _says(200)),
    Wrong("200 with a list", _json(200, [])),
    Wrong("200 with a text", _json(200, "ok")),
    Wrong("200 with a number", _json(200, 7)),
    Wrong("200 with null", _json(200, None)),
    Wrong("200 with an empty object", _json(200, {})),
    Wrong("200 with the object of another API", _json(200, {"status": "UP", "groups": ["liveness"]})),
    Wrong("200 with errors", _json(200, {"errors": ["permission denied"]})),
    Wrong("200 with data null", _json(200, _frame(None))),
    Wrong("200 with data empty", _json(200, _frame({}))),
    Wrong("200 with data a list", _json(200, _frame([{"a": 1}]))),
    Wrong("200 with data a text", _json(200, _frame("keys"))),
    Wrong("200 with data of other fields", _json(200, _frame({"colour": "blue", "size": [1, 2]}))),
    Wrong("200 with the answer to another request", _of_another("sys/policies/acl/default")),
    Wrong("200 with the answer to a look at the token", _of_another("auth/token/lookup-self")),
    Wrong("204 to a read", _says(204, b"", None), methods=READS),
    Wrong("206 with a part", _json(206, _frame({"keys": ["a"]}))),
    Wrong("302 of a captive portal", _portal(302, "https://login.example/?next=vault")),
    Wrong("301 without a place", _says(301, b"", None)),
    Wrong("307 to another host", _says(307, b"", None, Location="https://elsewhere.example:8200/v1/sys/health")),
    Wrong("308 with a loop", lambda call: call.answer(308, b"", None, Location=f"{call.url}/v1/{call.path}")),
    Wrong("400 with HTML", _says(400, PAGE, _HTML)),
    Wrong("401 with HTML", _says(401, PAGE, _HTML, WWW_Authenticate='Basic realm="proxy"')),
    Wrong("403 with HTML", _says(403, PAGE, _HTML)),
    Wrong("403 with JSON of a gateway", _json(403, {"message": "Forbidden"})),
    Wrong("404 with plain text", _says(404, b"default backend - 404", "text/plain")),
    Wrong("404 with HTML", _says(404, PAGE, _HTML)),
    Wrong("404 with JSON of a gateway", _json(404, {"message": "no Route matched with those values"})),
    Wrong("404 with errors that are a text", _json(404, {"errors": "not found"})),
    Wrong("404 without a body", _says(404, b"", None)),
    Wrong("405 with HTML", _says(405, PAGE, _HTML)),
    Wrong("407 of a proxy", _says(407, PAGE, _HTML, Proxy_Authenticate="Basic")),
    Wrong("429 with HTML", _says(429, PAGE, _HTML, Retry_After="\u00b2")),
    Wrong("500 with HTML", _says(500, PAGE, _HTML)),
    Wrong("500 with errors of numbers", _json(500, {"errors": [5, None]})),
    Wrong("502 of a gateway", _says(502, PAGE, _HTML)),
    Wrong("503 of a gateway", _says(503, b"upstream connect error", "text/plain")),
    Wrong("504 of a gateway", _says(504, b"stream timeout", "text/plain")),
    Wrong("599 of something", _says(599, b"?", None)),
    Wrong("a body that is cut", _cut),
    Wrong("a length that is too short", _short_length),
    Wrong("chunks that are damaged", _bad_chunk),
    Wrong("a body without an end", _endless),
    Wrong("an octet now and then", _drip),
    Wrong("a header now and then", _drip_of_head),
    Wrong("silence", _silence),
    Wrong("100 Continue without an end", _continue),
    Wrong("a bomb of gzip", _says(200, _BOMB, Content_Encoding="gzip")),
    Wrong("damaged gzip", _says(200, b"\x1f\x8b\x08\x00junk", Content_Encoding="gzip")),
    Wrong("an encoding that nobody asked for", _says(200, b"x", Content_Encoding="br")),
    Wrong("invalid UTF-8", _changed(lambda content: content[:-2] + b', "x": "\xff\xfe"}')),
    Wrong("UTF-16", _changed(lambda content: content.decode().encode("utf-16"))),
    Wrong("deep nesting", _deep),
    Wrong("a field twice", _changed(_twice)),
    Wrong("NaN", _changed(_with_nan)),
    Wrong("numbers as texts", _retyped(lambda value: str(value) if _number(value) else value), READS, True),
    Wrong("texts as numbers", _retyped(lambda value: 7 if isinstance(value, str) else value), READS),
    Wrong("truth values as texts", _retyped(lambda v: str(v) if isinstance(v, bool) else v), READS, True),
    Wrong("texts as lists", _retyped(lambda value: [value] if isinstance(value, str) else value), READS),
    Wrong("lists as texts", _retyped(lambda v: ",".join(map(str, v)) if isinstance(v, list) else v), READS, True),
    Wrong("objects as lists", _retyped(lambda value: [value] if isinstance(value, dict) else value), READS, True),
    Wrong("everything null", _retyped(lambda value: None), READS),
    Wrong("garbage instead of HTTP", _raw(bytes(range(256)) * 4)),
    Wrong("a header without an end", _raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200000)),
    Wrong("an end without an answer", Call.close),
    Wrong("a reset connection", Call.reset),
    Wrong("a status without a body", _raw(b"HTTP/1.1 200 OK\r\n")),
]
#: By name.
WRONG: t.Final[dict[str, Wrong]] = {wrong.name: wrong for wrong in _TABLE}
