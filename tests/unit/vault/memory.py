# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server in memory, below the port: it keeps what is written as OpenBao does, as far as the resources rely on it.

An integration test holds the same conversation with it and with the real server. Whatever a test needs beyond that it
puts into ``objects``, or answers itself with ``on``.
"""

from __future__ import annotations

import copy
import json
import pathlib
import re
import types
import typing as t

import yaml

from plugins.module_utils._vault.port import Vault

Data = dict[str, t.Any]
Reply = tuple[int, Data]
Handler = t.Callable[[str, Data], t.Optional[Reply]]

_RECORDED: t.Final = yaml.safe_load((pathlib.Path(__file__).parent / "answers.yml").read_text("utf-8"))
#: What is kept of an object that was made without any field, by the place of such objects.
_NEW: t.Final = {
    re.compile(place): next(entry["answer"] for entry in _RECORDED if entry["state"].endswith(state))
    for place, state in {
        r"[^/]+/config/cluster": ".ClusterState",
        r"[^/]+/config/urls": ".UrlsState",
        r"[^/]+/config/crl": ".CrlState",
        r"[^/]+/config/auto-tidy": ".AutoTidyState",
        r"[^/]+/roles/[^/]+": ".RoleState",
        r"[^/]+/keys/[^/]+": ".TransitKeyState",
        r"auth/[^/]+/role/[^/]+": ".AppRoleState",
    }.items()
}
_ALWAYS: t.Final = re.compile(r"[^/]+/config/(cluster|urls|crl|auto-tidy)")
_NOTHING: t.Final[Reply] = (404, {"errors": []})
_DONE: t.Final[Reply] = (204, {})


def found(data: t.Any) -> Reply:
    """Return an answer that holds something."""
    return 200, {"data": data}


def refused(status: int, *errors: str) -> Reply:
    """Return an answer that refuses."""
    return status, {"errors": list(errors)}


def _content(place: str, version: int) -> str:
    return f"{place.replace('/metadata/', '/data/', 1)}#{version}"


class Memory:
    """The transport of a port: mounts, objects below them, and what was asked."""

    token: str | None = None
    base_uri = "https://vault.example:8200"

    def __init__(self, **mounts: str) -> None:
        self.tables: dict[str, Data] = {"sys/mounts": {}, "sys/auth": {}}
        self.objects: dict[str, Data] = {}
        self.asked: list[tuple[str, str, Data]] = []
        self._handlers: list[tuple[str, re.Pattern[str], Handler]] = []
        for path, kind in mounts.items():
            table = "sys/auth" if kind == "approle" else "sys/mounts"
            version = {"kv2": "2", "kv1": "1"}.get(kind)
            options = {"version": version} if version else {}
            self._mount(table, path, {"type": kind.rstrip("12"), "options": options})

    @property
    def vault(self) -> Vault:
        """A port to it."""
        return Vault(t.cast(t.Any, self), retries=0, sleep=lambda _seconds: None)

    def on(self, method: str, pattern: str, handler: Handler) -> None:
        """Let a function answer what is asked at places of a pattern; ``None`` leaves it to the server."""
        self._handlers.insert(0, (method, re.compile(pattern), handler))

    def lose(self, method: str, pattern: str) -> list[str]:
        """Lose every answer from places of a pattern on its way; return the list of the paths asked so far."""
        tried: list[str] = []

        def lost(path: str, _body: Data) -> Reply:
            tried.append(path)
            return 502, {"errors": ["broken"]}

        self.on(method, pattern, lost)
        return tried

    @property
    def writes(self) -> list[tuple[str, str]]:
        """What changed something, or was to."""
        return [(method, path) for method, path, _body in self.asked if method not in ("get", "list")]

    def request(self, method: str, url: str, **options: t.Any) -> t.Any:
        """Answer one request, as hvac's adapter does."""
        path, body = url.removeprefix("v1/"), copy.deepcopy(options.get("json") or {})
        self.asked.append((method, path, body))
        status, answer = self._answer(method, path, body, options.get("query"))
        content = b"" if status == 204 else json.dumps(answer).encode()
        return types.SimpleNamespace(status_code=status, headers={"Content-Type": "application/json"}, content=content)

    def _answer(self, method: str, path: str, body: Data, query: str | None) -> Reply:
        if query is not None:
            return self._help(path)
        for wanted, pattern, handler in self._handlers:
            said = handler(path, body) if wanted == method and pattern.fullmatch(path) else None
            if said is not None:
                return said
        if path.startswith("sys/") and not path.startswith("sys/policies/"):
            return self._system(method, path, body)
        kind = self._kind(path)
        if kind is None:
            return refused(404, f'no handler for route "{path}". route entry not found.')
        return self._kv(method, path, body) if kind == ("kv", "2") else self._object(method, path, body, kind[0])

    def _help(self, path: str) -> Reply:
        kind, version = self._kind(path) or ("", "")
        if not kind:
            return refused(404, f'no handler for route "{path}". route entry not found.')
        if kind == "kv":
            return 200, {"openapi": {"paths": {"/data/{path}" if version == "2" else "/{path}": {}}}}
        shown = next((fields for place, fields in _NEW.items() if place.fullmatch(path)), None)
        if shown is None:
            return _NOTHING
        properties: Data = {name: {} for name in shown}
        return 200, {"openapi": {"components": {"schemas": {"Any": {"properties": properties}}}}}

    # -- mounts --------------------------------------------------------------------------------------------------------

    def _mount(self, table: str, path: str, body: Data) -> None:
        config = {"default_lease_ttl": 0, "max_lease_ttl": 0, **(body.get("config") or {})}
        flags = {name: bool(body.get(name)) for name in ("local", "seal_wrap", "external_entropy_access")}
        about = {"type": body["type"], "description": body.get("description") or "", "accessor": f"{path}_1"}
        self.tables[table][f"{path}/"] = {**about, **flags, "options": body.get("options") or None, "config": config}

    def _kind(self, path: str) -> tuple[str, str] | None:
        if path.startswith("sys/policies/"):
            return "policy", ""
        table, rest = ("sys/auth", path[5:]) if path.startswith("auth/") else ("sys/mounts", path)
        entry = self.tables[table].get(f"{rest.partition('/')[0]}/")
        return None if entry is None else (entry["type"], (entry["options"] or {}).get("version") or "")

    def _system(self, method: str, path: str, body: Data) -> Reply:
        if path in self.tables:
            return found(self.tables[path])
        if path.startswith("sys/internal/ui/mounts/"):
            place = f"{path.rpartition('/')[2]}/"
            entry = self.tables["sys/mounts"].get(place)
            if entry is None:
                return refused(403, "preflight capability check returned 403")
            return found({**entry, "path": place})
        table, name = path.removesuffix("/tune").rpartition("/")[::2]
        entry = self.tables.get(table, {}).get(f"{name}/")
        if path.endswith("/tune") and entry is not None:
            if method == "get":
                return found({"max_lease_ttl": 2764800, **{n: v for n, v in entry["config"].items() if v}})
            top = {field: body.pop(field) for field in ("description", "options") if field in body}
            entry.update({**top, "options": {**(entry["options"] or {}), **(top.get("options") or {})} or None})
            entry["config"].update(body)
            return _DONE
        if method == "get":
            return refused(400, f'cannot fetch sysview for path "{name}"')
        if method == "post" and entry is not None:
            return refused(400, f"path is already in use at {name}/")
        if method == "post":
            self._mount(table, name, body)
        if method == "delete":
            self.tables[table].pop(f"{name}/", None)
        return _DONE

    # -- objects -------------------------------------------------------------------------------------------------------

    def _object(self, method: str, path: str, body: Data, kind: str) -> Reply:
        if method == "list":
            path = path.rstrip("/")
            below = {name[len(path) + 1 :] for name in self.objects if name.startswith(f"{path}/")}
            keys = sorted({key.partition("/")[0] + ("/" if "/" in key else "") for key in below})
            return found({"keys": keys}) if keys else _NOTHING
        held = self.objects.get(path)
        if method == "get":
            if held is None and _ALWAYS.fullmatch(path):
                held = self._new(path)
            return _NOTHING if held is None else found(held)
        if method == "delete":
            return self._delete(path, kind)
        if method == "patch":
            if held is None:
                return refused(400, "Unable to fetch role entry to patch")
            held.update(body)
            return found(held)
        if kind == "transit":
            return self._transit(path, body)
        resets = kind == "kv" or "/roles/" in path  # what such a write leaves out is reset; elsewhere it stays
        kept = dict(body) if kind == "kv" else {**(self._new(path) if held is None or resets else held), **body}
        self.objects[path] = kept
        if kind == "approle" and held is None and not path.endswith("/role-id"):
            self.objects.setdefault(f"{path}/role-id", {"role_id": "made"})
        return _DONE

    def _new(self, path: str) -> Data:
        return copy.deepcopy(next((fields for place, fields in _NEW.items() if place.fullmatch(path)), {}))

    def _delete(self, path: str, kind: str) -> Reply:
        if kind == "transit" and not self.objects.get(path, {}).get("deletion_allowed"):
            return refused(400, "error deleting policy: deletion is not allowed for this policy")
        for name in [name for name in self.objects if name == path or name.startswith(f"{path}/")]:
            del self.objects[name]
        return _DONE

    def _transit(self, path: str, body: Data) -> Reply:
        name = path.removesuffix("/config").removesuffix("/rotate")
        held = self.objects.get(name)
        if held is None:
            self.objects[name] = {**self._new(name), "latest_version": 1, "keys": {"1": 1700000000}, **body}
        elif path.endswith("/rotate"):
            held["latest_version"] += 1
            held["keys"][str(held["latest_version"])] = 1767200000
        elif path.endswith("/config"):
            held.update(body)
        return _DONE

    # -- key-value, version 2 ------------------------------------------------------------------------------------------

    def _kv(self, method: str, path: str, body: Data) -> Reply:
        mount, part, name = path.split("/", 2) if path.count("/") > 1 else (*path.split("/"), "")
        if method == "list":
            return self._object(method, path, body, "kv")
        place = f"{mount}/metadata/{name}"
        about = self.objects.get(place)
        if part == "metadata":
            if method == "get":
                return _NOTHING if about is None else found(about)
            if method == "delete":
                self.objects.pop(place, None)
                return _DONE
            self.objects[place] = {**(about or self._secret()), **body}
            return _DONE
        return self._version(method, place, about, body)

    def _secret(self) -> Data:
        settings = {"max_versions": 0, "cas_required": False, "delete_version_after": "0s", "custom_metadata": None}
        return {**settings, "current_version": 0, "versions": {}}

    def _version(self, method: str, place: str, about: Data | None, body: Data) -> Reply:
        held = about or self._secret()
        now, newest = held["current_version"], held["versions"].get(str(held["current_version"]))
        if method == "get":
            if newest is None:
                return _NOTHING
            shown = {"version": now, "custom_metadata": held["custom_metadata"], **newest}
            data = None if newest["deletion_time"] else self.objects[_content(place, now)]
            return 200 if data is not None else 404, {"data": {"data": data, "metadata": shown}}
        if method == "delete":
            if newest is not None:
                newest["deletion_time"] = "2026-01-01T00:00:00.5Z"
            return _DONE
        if (body.get("options") or {}).get("cas", now) != now:
            return refused(400, "check-and-set parameter did not match the current version")
        made = {"created_time": "2026-01-01T00:00:00.123456789Z", "deletion_time": "", "destroyed": False}
        self.objects[place] = {
            **held,
            "current_version": now + 1,
            "versions": {**held["versions"], str(now + 1): made},
        }
        self.objects[_content(place, now + 1)] = body["data"]
        return found({"version": now + 1, **made})
