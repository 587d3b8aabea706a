#!/usr/bin/env python3
"""Each route with each credential, role, workspace and odd path: access_test.py, with NEXAKEY in the
environment. Needs no list of routes: they and the roles that they need are those of openapi.json.

A request that its credential does not permit reads nothing and changes nothing. What a credential
of one workspace may do reads and changes nothing of another.
"""

import hashlib
import itertools
import json
import re
import secrets
import socket
import string
import sys
import time
from pathlib import Path

import figure
from secret_home import TIME_LIMIT, Home
from traffic import Server

DOCUMENT = json.loads(Path(__file__).parents[2].joinpath("server/openapi.json").read_text())
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ROLES = ("verifier", "creator", "rotator", "auditor", "admin")
REFUSALS = (400, 401, 403, 404, 405, 411, 413, 414, 431, 501, 505)
MARK = "hidden-"  # in names and labels of what a test must not see


def operations():
    """(method, path, the roles that may; none if no token is needed) of each route."""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method.upper() not in METHODS:
                continue
            needs = re.search(r"Needs a token with the role ([\w, ]+)", operation.get("description", ""))
            is_open = operation.get("security") in ([], [{}, {"token": []}])  # for a local client
            words = re.findall(r"\w+", needs[1]) if needs and not is_open else ()
            roles = tuple(role for role in ROLES if role in words)
            yield method.upper(), path, roles, is_open


class Store:
    """A store with two workspaces, and credentials of all kinds."""

    def __init__(self, home):
        self.home = home
        self.ids, self.keys, self.hashes = {}, {}, {}
        for workspace in ("red", "blue"):
            for number in range(2):
                self.keys[workspace] = home.done(
                    "create", f"{MARK}{workspace}-{number}", "--scope", "read", "-w", workspace, "-q",
                    "--label", f"{MARK}label={workspace}", "--description", f"{MARK}{workspace}").strip()
            self.hashes[workspace] = hashlib.sha256(self.keys[workspace].encode()).hexdigest()
            self.ids[workspace] = home.keys("-w", workspace)[0]["id"]
            home.done("verify", "-q", "--path", f"/{MARK}{workspace}", stdin=self.keys[workspace])
        self.token_ids = {}
        self.tokens = {(role, workspace): self.token(role, workspace)
                       for role in ROLES for workspace in (None, "red", "blue")}
        self.unmarked = self.token("verifier", "red", "plain")  # whoami tells the name
        revoked = self.token("admin", None, "revoked")
        home.done("token", "revoke", "revoked", "-y", "-q")
        expired = self.token("admin", None, "expired", "--expires", "1s")
        time.sleep(1.1)
        admin = self.tokens["admin", None]
        # Credentials that permit nothing: the header lines that send them.
        bearer = "Authorization: Bearer "
        self.strangers = {
            "none": "", "empty": bearer, "no scheme": f"Authorization: {admin}",
            "Basic": f"Authorization: Basic {admin}", "garbage": f"{bearer}nxk_{'x' * 40}",
            "revoked": bearer + revoked, "expired": bearer + expired, "cut": bearer + admin[:-1],
            "longer": bearer + admin + "x", "other case": bearer + admin.swapcase(),
            "two": f"{bearer}{admin}\r\n{bearer}{revoked}", "key": bearer + self.keys["red"],
            "X-Api-Key": f"X-Api-Key: {self.keys['red']}",
            "cookie": f"Cookie: token={admin}", "null": f"{bearer}{admin}\0"}
        self.home.done("verify", "-q", "--dry-run", stdin=self.keys["red"])

    def token(self, role, workspace, name=None, *options):
        name = name or f"{MARK}{role}-{workspace}"
        bound = ("-w", workspace) if workspace else ()
        text = self.home.done("token", "create", name, "--role", role, *bound, *options, "-q").strip()
        return text

    def export(self, *options):
        return self.home.done("export", "-q", *options)


class Client:
    def __init__(self, path):
        self.path, self.count = path, 0

    def ask(self, method, target, lines="", body=None):
        """The status and the text of the response; 0 if the connection was closed without one."""
        self.count += 1
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        head += f"{lines}\r\n" if lines else ""
        head += f"Content-Length: {len(data)}\r\n" if data else ""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIME_LIMIT)
            connection.connect(self.path)
            connection.sendall(head.encode("latin-1") + b"\r\n" + data)
            answer = b""
            try:
                while piece := connection.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
        return int(answer[9:12] or 0), answer.decode("latin-1")


def fill(path, key_id):
    """The path of a route, for a key."""
    id = (key_id if "/keys" in path else "tok_000000000000" if "/tokens" in path
          else "imp_000000000000")
    values = {"{id}": id, "{part}": "0", "{name}": "default", "{path}": "/x"}
    for name, value in values.items():
        path = path.replace(name, value)
    return path


def bodies(method, path, store, workspace):
    """Bodies that would read or change something of a workspace."""
    key, digest = store.ids[workspace], store.hashes[workspace]
    record = {"id": "key_" + "".join(secrets.choice("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(12)),
              "name": "planted", "scopes": ["read", "write"], "workspace": workspace,
              "hash": secrets.token_hex(32), "hint": "fc_live_…abcd", "created_at": "2026-01-02T03:04:05.678Z"}
    token = {"id": "tok_000000000000", "name": "planted", "role": "admin", "workspace": workspace,
             "hash": secrets.token_hex(32), "hint": "nxk_…abcd", "created_at": "2026-01-02T03:04:05.678Z"}
    if method in ("GET", "HEAD"):
        return (None,)
    return (None, {}, {"ids": [key]}, {"hashes": [digest]}, {"keys": [key]}, {"rate_limit": 7},
            {"scopes": ["read", "write"]}, {"suspended": True}, record, record | {"id": key}, token,
            {"successor": record, "grace": 0}, {"parts": 1, "dry_run": False},
            {"key": store.keys[workspace], "dry_run": True}, {"key_id": key}, {"key_hash": digest, "workspace": workspace},
            [{"key_hash": digest}])


def odd_paths(path):
    """Other ways to write a path, some of which other servers take for it."""
    head, _, tail = path.rpartition("/")
    letter = f"%{ord(tail[0]):02x}" if tail else "%2f"
    yield from (f"/{path}", path.replace("/v1/", "/v1//"), f"{path}/", f"{path}//", f"{path}/.",
                f"{head}/x/../{tail}", f"/healthz/..{path}", f"/auth/envoy/../..{path}", f"/auth/envoy{path}",
                f"/auth/envoy/..%2f..{path}", f"{head}/{letter}{tail[1:]}", f"{head}%2f{tail}", f"{path}%00",
                f"{path}%20", f"{path};x", f"{path}.json", f"{path}?", f"{path}#x", path.upper(),
                path.replace("/", "\\"), f"http://x{path}", f"//x{path}", f"{path}\t", f"/.{path}",
                f"/metrics/..;{path}", f"{path}?workspace=blue", f"{path}?workspace=red&workspace=blue",
                f"{path}?Workspace=blue", f"{path}?workspace=%62lue", f"{path}?token=x", f"%2f{path[1:]}")


def overrides(path):
    """Header lines with which other servers take a request for another one."""
    return (f"X-Original-URL: {path}", f"X-Rewrite-URL: {path}", f"X-Forwarded-Uri: {path}",
            "X-HTTP-Method-Override: GET", "X-Forwarded-User: admin", "X-Nexakey-Role: admin",
            "X-Nexakey-Workspace: blue", "Forwarded: for=127.0.0.1;by=admin")


class Check:
    def __init__(self, store, client):
        self.store, self.client, self.read, self.changed = store, client, 0, 0

    def unread(self, mark, method, target, who, lines, body, statuses=None):
        """Sends a request whose response must not contain a mark."""
        status, text = self.client.ask(method, target, lines, body)
        if mark in text or (statuses and status not in statuses):
            self.read += 1
            print(f"read: {method} {target} as {who}: {status}: {text[-300:]}", file=sys.stderr)

    def unchanged(self, before, what, *options):
        if self.store.export(*options) != before:
            self.changed += 1
            print(f"changed: {what}", file=sys.stderr)

    def strangers(self):
        """Credentials that permit nothing, and roles that do not permit a route."""
        before = self.store.export()
        for method, path, roles, is_open in operations():
            if is_open:
                continue
            target = fill(path, self.store.ids["blue"])
            who = dict(self.store.strangers)
            if "self" in path:
                del who["key"], who["X-Api-Key"]  # a holder may revoke a key
            who |= {f"{role} {workspace}": f"Authorization: Bearer {token}"
                    for (role, workspace), token in self.store.tokens.items() if role not in roles}
            for name, lines in who.items():
                for body in bodies(method, path, self.store, "blue"):
                    self.unread(MARK, method, target, name, lines, body, REFUSALS)
            self.unchanged(before, f"{method} {path} by a stranger")

    def odd(self):
        """Other methods, odd paths and overriding headers, as a stranger and with a little role."""
        before = self.store.export()
        for path in sorted({path for _, path, _, is_open in operations() if not is_open}):
            target = fill(path, self.store.ids["blue"])
            some = {"none": "", "verifier": f"Authorization: Bearer {self.store.unmarked}"}
            for name, lines in some.items():
                for method, odd in itertools.product(METHODS, odd_paths(target)):
                    self.unread(MARK, method, odd, name, lines, None)
                for override in overrides(target):
                    for way in ("/healthz", target):
                        self.unread(MARK, "GET", way, name, f"{lines}\r\n{override}".strip(), None)
            self.unchanged(before, f"an odd form of {path}")

    def other_workspace(self):
        """What a token of one workspace may do, tried on another one."""
        before = self.store.export("-w", "blue")
        for method, path, roles, is_open in operations():
            if is_open:
                continue
            target = fill(path, self.store.ids["blue"])
            for role in roles:
                lines = f"Authorization: Bearer {self.store.tokens[role, 'red']}"
                for way in (target, *odd_paths(target), f"{target}?key={self.store.ids['blue']}",
                            f"{target}?id={self.store.ids['blue']}", f"{target}?subject={self.store.ids['blue']}",
                            f"{target}?hash={self.store.hashes['blue']}", f"{target}?name={MARK}blue-0",
                            f"{target}?dry_run=true&explain=true"):
                    for body in bodies(method, path, self.store, "blue"):
                        self.unread(f"{MARK}blue", method, way, f"{role} red", lines, body)
            self.unchanged(before, f"{method} {path} for red", "-w", "blue")


def main():
    with Home() as home:
        store = Store(home)
        server = Server(home, f"{home.path}/serve.sock")
        client = Client(server.path)
        check = Check(store, client)
        try:
            # The credentials are good ones, and the marks are there to be found.
            admin = f"Authorization: Bearer {store.tokens['admin', None]}"
            assert MARK in client.ask("GET", "/v1/keys", admin)[1]
            check.strangers()
            check.odd()
            check.other_workspace()
        finally:
            server.close()
        figure.report(17, f"requests to {len(list(operations()))} routes that their credential, workspace or "
                      "path does not permit", client.count,
                      {"read": check.read, "routes through which something was changed": check.changed})


if __name__ == "__main__":
    main()
