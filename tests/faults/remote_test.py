#!/usr/bin/env python3
"""A remote store that fails in every way: each failure has its own message and status, no request is
repeated that must not be, only a real "not found" is taken for one, and the token is never shown."""

import email.utils
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

NEXAKEY = os.path.abspath(os.environ["NEXAKEY"])
TOKEN = "nxk_" + "Tok7" * 10
API_KEY = "fc_live_" + "k" * 28
TIME_LIMIT = 60

RECORD = {"id": "key_0123456789ab", "name": "crm", "workspace": "default",
          "hint": "fc_live_…wxyz", "scopes": ["read"], "whitelist": [], "rate_limit": 100,
          "status": "active", "labels": {}, "description": None,
          "created_at": "2026-01-02T03:04:05.678Z", "expires_at": None, "suspended_at": None,
          "revoked_at": None, "revoke_reason": None, "last_used_at": None, "rotated_from": None,
          "superseded_by": None, "hash": "00" * 32}
REVOKED = RECORD | {"revoked_at": "2026-02-03T04:05:06.000Z", "status": "revoked"}


class Request:
    def __init__(self, head, body):
        lines = head.decode().split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = dict(line.split(": ", 1) for line in lines[1:])
        self.body = body

    def json(self):
        return json.loads(self.body)


def read_request(connection):
    """The next request; None at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
        if data.startswith(b"\x16"):  # the beginning of TLS
            connection.sendall(html(400))
            return None
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return Request(head, body)


def reply(status, body, kind="application/json", *headers):
    body = (body if isinstance(body, str) else json.dumps(body)).encode()
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}",
            f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def problem(status, code, message="words of the server", *headers):
    error = {"code": code, "message": message, "hint": None}
    return reply(status, {"status": status, "title": message, "error": error},
                 "application/problem+json", *headers)


def html(status):
    return reply(status, "<html>hello</html>", "text/html")


def page(*keys, after=None):
    return reply(200, {"keys": list(keys), "next_cursor": after})


def decision(request, **changes):
    """The response of a server that allows everything."""
    return {"allowed": True, "status": 200, "reason": "allowed", "key_id": RECORD["id"],
            "workspace": "default", "scopes": ["read"], "client_ip": request["ip"],
            "headers": {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "99",
                        "X-RateLimit-Reset": "1795497124"}, "ref": request["ref"]} | changes


def decisions(request, **changes):
    return reply(200, [decision(each, **changes) for each in request.json()])


class Server:
    """Responds with what `answer(request, number)` returns: bytes; None, to close the connection; or
    a function that handles the connection. Keeps the requests."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls = answer, tls
        self.requests = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.is_open = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.is_open:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                while request := read_request(connection):
                    with self.lock:
                        self.requests.append(request)
                        number = len(self.requests)
                    answer = self.answer(request, number)
                    if answer is None:
                        return
                    if callable(answer):
                        return answer(connection)
                    connection.sendall(answer)
        except OSError:
            pass  # the client has disconnected

    def close(self):
        self.is_open = False
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class RemoteTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="nexakey-remote-")
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)
        self.token_file = self.path / "t.token"
        self.write_token(TOKEN + "\n")
        kept = {name: value for name, value in os.environ.items()
                if name in ("PATH", "LANG", "ASAN_OPTIONS", "TSAN_OPTIONS")}
        self.env = kept | {"HOME": folder.name, "NEXAKEY_SYSTEM_CONFIG": "/nowhere",
                           "NEXAKEY_KEY": API_KEY,
                           "NEXAKEY_TOKEN_FILE": str(self.token_file)}

    def write_token(self, text, mode=0o600):
        self.token_file.write_text(text)
        self.token_file.chmod(mode)

    def serve(self, answer, tls=None):
        server = Server(answer, tls)
        self.addCleanup(server.close)
        self.store = f"{'https' if tls else 'http'}://127.0.0.1:{server.port}"
        return server

    def run_command(self, command, stdin=""):
        done = subprocess.run([NEXAKEY, "--store", self.store, *command.split()], env=self.env,
                              input=stdin, capture_output=True, text=True, timeout=TIME_LIMIT)
        for secret in (TOKEN, TOKEN[4:], API_KEY):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def expect(self, command, status, message="", stdin=""):
        """Runs a command and checks its status and output: an error is a single line."""
        done = self.run_command(command, stdin)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("nexakey: "), done.stderr)
        self.assertRegex(done.stderr, message)

    def expect_of(self, answer, command, status, message):
        """The same with a server that always gives the same response. Returns the requests."""
        server = self.serve(answer if callable(answer) else lambda *_: answer)
        self.expect(command, status, message)
        return server.requests


class Replies(RemoteTest):
    def test_what_is_no_answer_of_nexakey(self):
        deep = "[" * 40 + "]" * 40
        rows = [
            ("a page of the web", html(200), 6, "is not a nexakey server"),
            ("a missing page", html(404), 6, "is not a nexakey server: .*404.*text/html"),
            ("a missing page as JSON", reply(404, {}), 6, "is not a nexakey server"),
            ("another kind of error", reply(404, {"error": "not_found"}), 6, "not a nexakey server"),
            ("a path that it does not know", problem(404, "not_found"), 6, "does not know"),
            ("not found with another status", problem(400, "not_found"), 6, "is not a nexakey"),
            ("not found with status 200", problem(200, "not_found"), 6, "invalid response"),
            ("usage with status 404", problem(404, "usage"), 6, "does not know"),
            ("401 of nexakey", problem(401, "forbidden"), 7, "refused the token of .*t.token"),
            ("403 of nexakey", problem(403, "forbidden"), 7, "words of the server"),
            ("401 of a proxy", html(401), 7, "refused .*401, but not in the form of nexakey"),
            ("403 of a proxy", html(403), 7, "refused .*403, but not in the form of nexakey"),
            ("500 of nexakey", problem(500, "failed"), 1, "words of the server"),
            ("500 of a proxy", html(500), 6, "status 500"),
            ("503 of nexakey", problem(503, "store_unavailable"), 6, "words of the server"),
            ("502 of a proxy", html(502), 6, "status 502"),
            ("a control character", problem(500, "failed", "a\x1b[31mb"), 1, "a.\\[31mb"),
            ("truncated JSON", reply(200, '{"keys":['), 6, "invalid response"),
            ("malformed JSON", reply(200, "{'keys':[]}"), 6, "invalid response"),
            ("two documents", reply(200, "{}{}"), 6, "invalid response"),
            ("a doubled member", reply(200, '{"keys":[],"keys":[]}'), 6, "given twice"),
            ("deep JSON", reply(200, deep), 6, "nested too deeply"),
            ("nothing", reply(200, ""), 6, "invalid response"),
            ("null", reply(200, "null"), 6, "invalid response"),
            ("no content", b"HTTP/1.1 204 No Content\r\n\r\n", 6, "invalid response"),
            ("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 6, "does not speak HTTP|cannot be asked"),
        ]
        for name, answer, status, message in rows:
            for command in ("show crm", "verify"):
                with self.subTest(name, command=command):
                    self.expect_of(answer, command, status, message)
        for command in ("list", "usage", "token list", "revoke crm --yes", "edit crm --suspend"):
            for answer in (html(404), problem(404, "not_found"), html(200), reply(200, "null")):
                with self.subTest(command):
                    self.expect_of(answer, command, 6, "nexakey server|know|invalid")

    def test_a_redirect_is_not_followed(self):
        other = Server(lambda *_: page())
        self.addCleanup(other.close)
        location = f"Location: http://127.0.0.1:{other.port}/v1/keys"
        for status in (301, 302, 307, 308):
            for command in ("list", "verify"):
                self.expect_of(reply(status, "", "text/html", location), command, 6, "redirects")
        self.assertEqual(other.requests, [])

    def test_an_answer_without_end_ends(self):
        def endless(head, piece):
            def send(connection):
                connection.sendall(head)
                while True:
                    connection.sendall(piece)
            return send

        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        for answer in (endless(head + b"Transfer-Encoding: chunked\r\n\r\n", chunk),
                       endless(head, b"X-Header: " + b"x" * 500 + b"\r\n"),
                       endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
                       endless(head + b"Content-Length: 99999999999\r\n\r\n", b" " * 65536)):
            self.expect_of(lambda *_: answer, "list", 6, "too long")

    def test_a_slow_drip_ends(self):
        def drip(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                               b"Content-Length: 1000\r\n\r\n")
            while True:
                connection.sendall(b" ")
                time.sleep(0.05)

        def silence(connection):
            connection.recv(1)

        for answer in (drip, silence):
            for command in ("list", "verify", "usage"):
                with self.subTest(command):
                    requests = self.expect_of(lambda *_: answer, command + " --timeout 1s", 6,
                                              "not respond in time")
                    self.assertEqual(len(requests), 1)

    def test_an_answer_that_breaks_off(self):
        whole = page(RECORD)
        for answer in (None, whole[:20], whole[:-10]):
            def cut(connection):
                connection.sendall(answer or b"")
            self.expect_of(lambda *_: cut, "list", 6, "closed the connection")


class Meaning(RemoteTest):
    def test_a_decision_about_another_request_is_none(self):
        rows = [
            {"ref": "x"}, {"ref": None}, {"client_ip": "192.0.2.1"}, {"key_id": None},
            {"workspace": "sales"}, {"allowed": False}, {"status": 403}, {"reason": "missing_key"},
            {"reason": "malformed_key"}, {"reason": "granted"}, {"reason": "expired_key"},
            {"headers": []}, {"scopes": ["root"]},
        ]
        for changes in rows:
            with self.subTest(changes):
                self.expect_of(lambda request, _: decisions(request, **changes),
                               "verify -w default --ip 203.0.113.7", 6, "invalid response")

    def test_another_count_of_decisions_is_none(self):
        def answer(count):
            return lambda request, _: reply(200, [decision(request.json()[0])] * count)

        for count in (0, 2, 3):
            self.expect_of(answer(count), "verify", 6, "number of decisions differs")
        self.expect_of(lambda request, _: reply(200, decision(request.json()[0])), "verify", 6,
                       "number of decisions differs")

    def test_a_decision_is_what_was_said(self):
        server = self.serve(lambda request, _: decisions(request))
        done = self.run_command("verify --quiet")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        [request] = server.requests
        self.assertEqual(request.headers["Authorization"], "Bearer " + TOKEN)
        self.assertNotIn(API_KEY.encode(), request.body)

    def test_a_key_is_asked_about_by_its_id(self):
        def answer(about):
            return lambda request, _: page(RECORD) if "/v1/keys" in request.target else about(request)
        command = "verify crm --dry-run --quiet"
        server = self.serve(answer(decisions))
        done = self.run_command(command)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(server.requests[-1].target, "/v1/verify?dry_run=true")
        [asked] = server.requests[-1].json()
        self.assertEqual(asked["key_id"], RECORD["id"])
        self.assertFalse({"key", "key_hash"} & set(asked))
        self.expect_of(answer(lambda request: decisions(request, key_id="key_ab0123456789")), command,
                       6, "another request")
        self.expect_of(answer(lambda request: problem(404, "not_found", "no key x")), command, 3,
                       "no key x")
        self.expect_of(answer(lambda request: problem(
            400, "usage", 'a request has no member "key_id"')), command, 2,
            'no member "key_id": check that its nexakey is not older')

    def test_who_one_is_at_a_server(self):
        whoami = {"id": "tok_0123456789ab", "name": "a\x1bb", "role": "auditor", "workspace": "default",
                  "expires_at": None, "version": "9.9\n"}
        def answer(who):
            return lambda request, _: who if request.target == "/v1/whoami" else page(RECORD)
        self.serve(answer(reply(200, whoami | {"new": 1})))
        done = self.run_command("status")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("token a\ufffdb (tok_0123456789ab), role auditor, workspace default\n", done.stdout)
        self.assertIn("server       nexakey 9.9\ufffd\n", done.stdout)
        self.assertIn("nexakey list -w default\n", done.stdout)
        for wrong in (whoami | {"role": "root"}, whoami | {"id": "x"}, [], {}, whoami | {"name": 1}):
            self.serve(answer(reply(200, wrong)))
            done = self.run_command("status")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("cannot be opened: ", done.stdout)

    def revoke(self, answer):
        return lambda request, _: page(RECORD) if request.method == "GET" else answer

    def test_a_revocation_that_did_not_revoke_is_none(self):
        for keys in ([], [RECORD], [REVOKED, REVOKED], [REVOKED | {"id": "key_ab0123456789"}]):
            self.expect_of(self.revoke(reply(200, {"keys": keys})), "revoke crm --yes", 6,
                           "not every requested revocation.*: run the same command again")

    def test_a_key_that_was_not_asked_for_is_none(self):
        for changes in ({"name": "other"}, {"workspace": "sales"}):
            self.expect_of(page(RECORD | changes), "show crm", 6, "was not requested")
            self.expect_of(page(RECORD | changes), "revoke crm --yes", 6, "was not requested")
        changed = reply(200, {"key": RECORD | {"id": "key_ab0123456789"}})
        self.expect_of(self.revoke(changed), "edit crm --rate-limit 5", 6, "another key")
        self.expect_of(reply(200, {"key": RECORD}), "create --scope read", 6, "another key")
        usage = {"key_id": "key_ab0123456789"}
        self.expect_of(lambda request, _: page(RECORD) if "/keys" in request.target
                       else reply(200, usage), "usage crm", 6, "another key")

    def test_pages_that_are_none(self):
        newer = RECORD | {"id": "key_ab0123456789", "created_at": "2026-03-01T00:00:00.000Z"}
        older = RECORD | {"id": "key_ab0123456789", "created_at": "2026-01-01T00:00:00.000Z"}
        self.expect_of(page(RECORD, newer), "list", 6, "out of order")
        self.expect_of(page(RECORD, older), "list --limit 1", 6, "more keys")
        self.expect_of(page(RECORD, after=older["id"]), "list", 6, "next_cursor")
        self.expect_of(page(after=older["id"]), "list", 6, "next_cursor")
        self.expect_of(reply(200, {"keys": [], "next_cursor": 1}), "list", 6, "next_cursor")

    def test_the_last_entries_of_a_server_that_does_not_select_them_are_none(self):
        self.expect_of(problem(400, "usage", 'unknown parameter "last"'), "audit --last 2", 2,
                       'unknown parameter "last": check that its nexakey is not older')
        def log(numbers, after=None):
            entry = {"at": "2026-01-01T00:00:00.000Z", "action": "edit", "actor": "ann",
                     "source": None, "workspace": "default", "subject": RECORD["id"],
                     "details": {}, "hash": "0" * 64}
            return reply(200, {"entries": [entry | {"number": number} for number in numbers],
                               "next_cursor": after})
        # One that ignores the parameter has more entries behind the first ones.
        for answer in (log([1, 2], 2), log([1, 2, 3])):
            self.expect_of(answer, "audit --last 2 -q", 6, "the last ones|too many entries")
        server = self.serve(lambda *_: log([8, 9]))
        done = self.run_command("audit --last 2 -q")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "8\n9\n", ""))
        self.assertEqual([each.target for each in server.requests], ["/v1/audit?last=2&limit=2"])

    def test_a_list_that_goes_round_in_a_circle_ends(self):
        twin = RECORD | {"id": "key_ab0123456789"}
        def answer(_, number):
            key = RECORD if number % 2 else twin
            return page(key, after=key["id"])
        requests = self.expect_of(answer, "list", 6, "pages repeat")
        self.assertEqual(len(requests), 3)

    def test_a_key_is_missing_when_the_server_says_so(self):
        self.expect_of(page(), "show crm", 3, 'no key "crm"')
        self.expect_of(page(), "revoke crm --yes", 3, 'no key "crm"')
        missing = problem(404, "not_found", "no key")
        self.expect_of(self.revoke(missing), "revoke crm --yes", 3, "no key")
        # The key exists, but not the entry that was to be removed from it.
        self.expect_of(self.revoke(missing), "whitelist remove crm 192.0.2.1", 3, "no key")


def key_id(number):
    """The id of the number-th key: 12 digits of base 32."""
    digits = "0123456789abcdefghjkmnpqrstvwxyz"
    return "key_" + "".join(digits[number >> 5 * i & 31] for i in reversed(range(12)))


def key_ids(count):
    return [key_id(number) for number in range(1, count + 1)]


class Many(RemoteTest):
    """Look-ups and revocations of many keys, by a server that has every key it is asked about."""

    MAX_AT_ONCE = 500
    MAX_RECORDS = 64  # that a reply to a revocation has, whatever their size

    def setUp(self):
        super().setUp()
        self.revoked = set()
        self.labelled = []  # the ids of the keys that a list has

    def record(self, id):
        return (REVOKED if id in self.revoked else RECORD) | {"id": id, "labels": {"a": "b"}}

    def answer(self, request, _):
        if request.target == "/v1/keys/find":
            return reply(200, {"keys": [self.record(id) for id in request.json()["ids"]]})
        if request.target.startswith("/v1/keys/revoke"):
            ids = request.json()["ids"]
            self.revoked.update(ids)
            return reply(200, {"ids": ids} if request.target.endswith("?return=ids")
                         else {"keys": [self.record(id) for id in ids]})
        found = re.search("[?&]id=(key_[0-9a-z]+)", request.target)
        return page(*map(self.record, [found[1]] if found else self.labelled))

    def answer_as_older_version(self, request, number):
        """It knows neither the look-up of many keys nor the parameter `return`."""
        if request.target == "/v1/keys/find":
            return problem(405, "usage", "this path takes GET, HEAD, PUT, PATCH")
        if "return=" in request.target:
            return problem(400, "usage", "unknown parameter return")
        return self.answer(request, number)

    def ask(self, answer, command):
        """What the server is asked, as "METHOD TARGET"; the ids that the command printed."""
        server = self.serve(answer)
        done = self.run_command(command)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return server, [key["id"] for key in json.loads(done.stdout)["keys"]]

    @staticmethod
    def sizes(server, target):
        """How many ids each request to the target has."""
        return [len(request.json()["ids"]) for request in server.requests
                if request.target == target]

    def test_a_batch_is_looked_up_in_one_request(self):
        for count, sizes in ((3, [3]), (500, [500]), (1007, [500, 500, 7])):
            with self.subTest(count=count):
                ids = key_ids(count)
                server, printed = self.ask(self.answer, f"revoke {' '.join(ids)} --dry-run -o json")
                self.assertEqual(printed, ids)
                self.assertEqual(self.sizes(server, "/v1/keys/find"), sizes)
                self.assertEqual(len(server.requests), len(sizes))

    def test_leaked_keys_are_looked_up_in_one_request(self):
        leaks = self.path / "leaks"
        leaks.write_text("".join(f"fc_live_{n:028}\n" for n in range(5)))
        server = self.serve(lambda request, _: reply(200, {
            "keys": [None for _ in request.json()["hashes"]]}))
        done = self.run_command(f"scan {leaks} -o json")
        self.assertEqual(len(json.loads(done.stdout)["findings"]), 5, done.stderr)
        [request] = server.requests
        self.assertEqual((request.method, request.target), ("POST", "/v1/keys/find"))
        self.assertEqual(len(request.json()["hashes"]), 5)

    def test_a_reply_that_ends_early_is_continued(self):
        def answer(request, number):
            return reply(200, {"keys": [self.record(id) for id in request.json()["ids"][:2]]})
        server, printed = self.ask(answer, f"revoke {' '.join(key_ids(5))} --dry-run -o json")
        self.assertEqual(printed, key_ids(5))
        self.assertEqual(self.sizes(server, "/v1/keys/find"), [5, 3, 1])

    def test_an_older_server_is_asked_for_each_key(self):
        ids = key_ids(self.MAX_AT_ONCE + 1)
        server, printed = self.ask(self.answer_as_older_version,
                                   f"revoke {' '.join(ids)} --yes -o json")
        self.assertEqual(printed, ids)
        self.assertEqual(self.revoked, set(ids))
        asked = [f"{request.method} {request.target}" for request in server.requests]
        # Once: the answer is remembered.
        self.assertEqual(asked.count("POST /v1/keys/find"), 1)
        self.assertEqual(asked.count(f"GET /v1/keys?id={ids[0]}&limit=1"), 2)
        self.assertEqual(self.sizes(server, "/v1/keys/revoke"), [500, 1])
        self.assertFalse([each for each in asked if "return=" in each])

    def test_a_reply_to_a_revocation_of_many_is_short(self):
        ids = key_ids(1007)
        server, printed = self.ask(self.answer, f"revoke {' '.join(ids)} --yes -o json")
        self.assertEqual(printed, ids)
        self.assertEqual(self.revoked, set(ids))
        self.assertEqual(self.sizes(server, "/v1/keys/revoke?return=ids"), [500, 500])
        self.assertEqual(self.sizes(server, "/v1/keys/revoke"), [7])

    def test_few_keys_are_revoked_in_one_request(self):
        self.labelled = key_ids(self.MAX_RECORDS)
        server, printed = self.ask(self.answer, "revoke --label a=b --yes -o json")
        self.assertEqual(printed, self.labelled)
        self.assertEqual([request.method for request in server.requests], ["GET", "POST"])

    def test_an_older_server_revokes_many(self):
        self.labelled = key_ids(self.MAX_RECORDS + 1)
        server, printed = self.ask(self.answer_as_older_version,
                                   "revoke --label a=b --yes -o json")
        self.assertEqual(printed, self.labelled)
        self.assertEqual([request.target for request in server.requests][1:],
                         ["/v1/keys/revoke?return=ids", "/v1/keys/revoke"])

    def test_keys_that_are_revoked_but_cannot_be_read(self):
        self.labelled = key_ids(self.MAX_RECORDS + 1)
        for failure in (html(500), reply(200, {"keys": [RECORD]})):
            def answer(request, number):
                return failure if request.target == "/v1/keys/find" else self.answer(request, number)
            self.expect_of(answer, "revoke --label a=b --yes", 6,
                           "the keys are revoked, but .*: run the same command again")

    def test_a_look_up_of_other_keys_is_none(self):
        rows = [
            ({}, "no list"),
            ({"keys": []}, "another number of keys"),
            ({"keys": [self.record(key_id(1)), None, None]}, "another number of keys"),
            ({"keys": [self.record(key_id(2))]}, "a key that was not requested"),
            ({"keys": [None, self.record(key_id(1))]}, "a key that was not requested"),
            ({"keys": [{}]}, "invalid response"),
        ]
        for answer, message in rows:
            with self.subTest(answer):
                self.expect_of(reply(200, answer), f"revoke {key_id(1)} {key_id(2)} --dry-run", 6,
                               message)
        for answer in (html(404), html(405), reply(405, {})):
            self.expect_of(answer, f"show {key_id(1)}", 6, "is not a nexakey server")


def export(*lines, **numbers):
    """The response for an export: the lines between the first and the last."""
    counts = {"tokens": 0, "keys": 0, "usage": 0, "audit": 0} | numbers
    whole = [{"nexakey_export": 1, "workspace": None}, *lines,
             {"type": "end"} | counts | {"audit_hash": None}]
    text = "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n"
                   for line in whole)
    return reply(200, text, "application/jsonl")


KEY = {"type": "key"} | {name: value for name, value in RECORD.items() if name != "status"}


class Moving(RemoteTest):
    def test_an_export_is_what_was_sent(self):
        for answer in (export(), export(KEY, keys=1)):
            self.serve(lambda *_: answer)
            done = self.run_command("export")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout.encode(), answer.partition(b"\r\n\r\n")[2])

    def test_what_is_no_export_is_none(self):
        text = export(KEY, keys=1).partition(b"\r\n\r\n")[2]

        def of_type(text):
            return reply(200, text.decode(), "application/jsonl")

        rows = [
            ("nothing", of_type(b""), "it is empty"),
            ("JSON", reply(200, {}), "another media type"),
            ("a page of the web", html(200), "is not a nexakey server"),
            ("cut off between lines", of_type(text[:text.rindex(b'{"type":"end"')]), "cut off"),
            ("cut off within one", of_type(text[:-1]), "incomplete"),
            ("another count", export(KEY, keys=2), "number of records differs"),
            ("nonsense", export({}), "line 2"),
            ("two of them", of_type(text + text), "after the end"),
            ("a line without end", of_type(b"x" * 2_000_000), "not a nexakey export"),
            ("a long line", of_type(text[:text.index(b"\n") + 1] + b"x" * 2_000_000), "longer than"),
            ("another workspace", export(KEY, keys=1), "not for the workspace"),
        ]
        for name, answer, message in rows:
            with self.subTest(name):
                path = self.path / "x.export"
                words = f"export {path}" + (" -w sales" if "workspace" in name else "")
                self.expect_of(answer, words, 6, message)
                self.assertFalse(path.exists())

    def test_only_one_workspace_is_to_be_seen(self):
        text = ('{"nexakey_export":1,"workspace":"sales"}\n{"type":"end","tokens":0,"keys":0,'
                '"usage":0,"audit":0,"audit_hash":null}\n')
        self.serve(lambda *_: reply(200, text, "application/jsonl"))
        path = self.path / "x.export"
        self.expect(f"export {path}", 7, "workspace sales can be read .*: name it")
        done = self.run_command("export -q -w sales")
        self.assertEqual((done.returncode, done.stdout), (0, text), done.stderr)

    def test_an_export_that_breaks_off_is_not_begun_anew(self):
        def cut(connection):
            connection.sendall(export(KEY, keys=1)[:-10])
        path = self.path / "x.export"
        requests = self.expect_of(lambda *_: cut, f"export {path}", 6, "closed the connection")
        self.assertEqual(len(requests), 1)
        self.assertFalse(path.exists())
        server = self.serve(lambda _, number: None if number < 3 else export())
        self.assertEqual(self.run_command("export -q").returncode, 0)
        self.assertEqual(len(server.requests), 3)

    def test_an_export_that_stops_ends(self):
        def stop(connection):
            connection.sendall(export(KEY, keys=1)[:-10])
            connection.recv(1)
        self.expect_of(lambda *_: stop, f"export {self.path}/x --timeout 1s", 6, "in time")

    def test_an_import_whose_end_is_lost(self):
        text = export().partition(b"\r\n\r\n")[2].decode()
        for failure in (None, html(502), html(504), reply(200, {}), reply(200, {"import": {}})):
            server = self.serve(lambda request, number: (
                failure if request.method == "POST" else
                None if number == 1 else b"HTTP/1.1 204 No Content\r\n\r\n"))
            self.expect("import", 6,
                        "it is not known whether the change was made: run the same import again",
                        text)
            self.assertEqual([each.method for each in server.requests], ["PUT", "PUT", "POST"])
            self.assertEqual(server.requests[1].body.decode(), text)
        self.serve(lambda *_: problem(404, "not_found", "no such part"))
        self.expect("import", 6, "does not know PUT", text)


class Repeating(RemoteTest):
    def test_a_server_that_fails_for_a_moment_is_asked_again(self):
        for failure in (html(502), problem(503, "store_unavailable", "busy", "Retry-After: 1"),
                        html(504), None):
            server = self.serve(lambda _, number: failure if number < 3 else page(RECORD))
            done = self.run_command("list -q")
            self.assertEqual((done.returncode, done.stdout), (0, RECORD["id"] + "\n"), done.stderr)
            self.assertEqual(len(server.requests), 3)

    def test_a_server_that_goes_on_failing_is_left(self):
        requests = self.expect_of(html(503), "list", 6, "status 503")
        self.assertEqual(len(requests), 4)
        later = problem(503, "store_unavailable", "busy", "Retry-After: 3000")
        requests = self.expect_of(later, "list", 6, "busy")
        self.assertEqual(len(requests), 1)

    def test_what_is_not_the_same_twice_is_sent_once(self):
        for failure in (None, html(502), html(503), html(504)):
            for command in ("verify", "verify --dry-run"):
                self.assertEqual(len(self.expect_of(failure, command, 6, "127.0.0.1")), 1)
            requests = self.expect_of(
                lambda request, _: page(RECORD) if request.method == "GET" else failure,
                "edit crm --rate-limit 5", 6,
                "not known whether the change was made: run the same command again")
            self.assertEqual([each.method for each in requests], ["GET", "PATCH"])

    def test_what_is_the_same_twice_is_sent_again(self):
        def create(request, number):
            return None if number < 3 else reply(200, {"key": request.json()})
        server = self.serve(create)
        done = self.run_command("create crm --scope read -q --key-file " + str(self.path / "k"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len({request.target for request in server.requests}), 1)
        self.assertEqual(len({request.body for request in server.requests}), 1)

        def revoke(request, number):
            if request.method == "GET":
                return page(RECORD)
            return None if number < 4 else reply(200, {"keys": [REVOKED]})
        server = self.serve(revoke)
        done = self.run_command("revoke crm --yes -q")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([each.method for each in server.requests], ["GET"] + 3 * ["POST"])

    def test_what_is_not_known_is_said(self):
        self.expect_of(None, "create crm --scope read", 6,
                       "it is not known whether the change was made: if it was made, nobody has its "
                       "secret: run nexakey revoke key_.*, and then this command again")
        self.expect_of(None, "token create x --role admin", 6,
                       "it is not known whether the change was made: if it was made, nobody has its "
                       "secret: run nexakey token revoke tok_.*, and then this command again")
        self.expect_of(self.lose_revocation, "revoke crm --yes", 6,
                       "it is not known whether the change was made: run the same command again")

    def test_what_a_lost_attempt_did_stays_unknown(self):
        for last in (problem(503, "store_unavailable", "busy", "Retry-After: 3000"), html(502),
                     problem(403, "forbidden")):
            self.expect_of(lambda _, number, last=last: None if number == 1 else last,
                           "create crm --scope read -q", 6, "it is not known whether")
        busy = problem(503, "store_unavailable", "busy", "Retry-After: 3000")
        requests = self.expect_of(busy, "create crm --scope read -q", 6, "busy\n$")
        self.assertEqual(len(requests), 1)
        refused = problem(409, "conflict", "words of the server")
        self.expect_of(lambda _, number: None if number == 1 else refused,
                       "create crm --scope read -q", 4, "words of the server")

    def test_a_secret_in_a_file_waits_for_the_outcome(self):
        file = self.path / "k"
        words = f"create crm --scope read -q --key-file {file}"
        server = self.serve(lambda *_: None)
        self.expect(words, 6, "run the same command again, which finishes it")
        self.assertFalse(file.exists())
        lost = server.requests[-1].json()
        server.answer = lambda request, _: (
            reply(200, {"keys": [None]}) if "find" in request.target else
            reply(200, {"key": request.json()}))
        done = self.run_command(words)
        self.assertEqual(done.returncode, 0, done.stderr)
        sent = server.requests[-1].json()
        self.assertEqual((sent["id"], sent["hash"]), (lost["id"], lost["hash"]))
        self.assertTrue(file.read_text().startswith("fc_live_"))

    @staticmethod
    def lose_revocation(request, _):
        return page(RECORD) if request.method == "GET" else None

    def test_a_kept_connection_that_dies_asks_for_nothing_twice(self):
        # Each line is a batch: the second uses the connection of the first.
        server = self.serve(lambda request, number: decisions(request) if number == 1 else None)
        batch = subprocess.Popen([NEXAKEY, "--store", self.store, "verify", "--batch"],
                                 env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        self.addCleanup(batch.kill)
        line = json.dumps({"key": API_KEY}) + "\n"
        batch.stdin.write(line)
        batch.stdin.flush()
        self.assertTrue(json.loads(batch.stdout.readline())["allowed"])
        out, err = batch.communicate(line, timeout=TIME_LIMIT)
        self.assertEqual((batch.returncode, out), (6, ""))
        self.assertIn("closed the connection", err)
        self.assertEqual(len(server.requests), 2)

    def test_pages_go_on_when_a_kept_connection_dies(self):
        older = RECORD | {"id": "key_ab0123456789"}
        answers = [page(RECORD, after=RECORD["id"]), None, page(older)]
        server = self.serve(lambda _, number: answers[number - 1])
        done = self.run_command("list -q")
        self.assertEqual(done.stdout.split(), [RECORD["id"], older["id"]], done.stderr)
        self.assertEqual(len(server.requests), 3)


class Reaching(RemoteTest):
    def test_nobody_is_there(self):
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))  # but does not listen
            self.store = f"http://127.0.0.1:{held.getsockname()[1]}"
            self.expect("verify", 6, "cannot be reached: Connection refused: check that nexakey serve")
        self.store = f"unix:{self.path}/none.sock"
        self.expect("list", 6, "cannot be reached: No such file or directory")
        self.store = "https://nexakey.invalid"
        self.expect("list", 6, "cannot be reached: its name cannot be resolved")

    def test_where_store_and_token_come_from_is_said(self):
        server = self.serve(lambda *_: problem(401, "forbidden"))
        store, self.store = self.store, ""
        config = self.path / ".config" / "nexakey"
        config.mkdir(parents=True)
        del self.env["NEXAKEY_TOKEN_FILE"]

        def run(**variables):
            done = subprocess.run([NEXAKEY, "list"], env=self.env | variables, capture_output=True,
                                  text=True, timeout=TIME_LIMIT)
            self.assertEqual(done.returncode, 7, done.stderr)
            return done.stderr

        (config / "config.toml").write_text(
            f'store = "{store}"\ntoken_file = "{self.token_file}"\n')
        where = f"(from {config}/config.toml)"
        self.assertIn(f'{store} {where} refused the token of "{self.token_file}" {where}', run())
        self.assertIn("the token in NEXAKEY_TOKEN", run(NEXAKEY_TOKEN=TOKEN))
        self.assertIn(f'{store} (from NEXAKEY_STORE) refused the token of "{self.token_file}" '
                      "(from NEXAKEY_TOKEN_FILE)",
                      run(NEXAKEY_STORE=store, NEXAKEY_TOKEN_FILE=str(self.token_file),
                          NEXAKEY_TOKEN="nxk_wrong"))
        self.assertEqual(len(server.requests), 3)

    def test_the_token_of_a_config_file_goes_to_the_store_of_that_file_only(self):
        server = self.serve(lambda *_: page())
        store, self.store = self.store, ""
        del self.env["NEXAKEY_TOKEN_FILE"]
        user = self.path / ".config" / "nexakey" / "config.toml"
        system = self.path / "system.toml"
        user.parent.mkdir(parents=True)
        token = f'token_file = "{self.token_file}"\n'
        elsewhere = f'store = "{store}"\n'
        for user_text, system_text, variables, options, sent in (
                (elsewhere + token, "", {}, (), True),
                ("", elsewhere + token, {}, (), True),
                ("", elsewhere + token, {"NEXAKEY_STORE": store}, (), False),
                (elsewhere + token, "", {}, ("--store", store), False),
                (token, "", {"NEXAKEY_STORE": store}, (), False),
                (elsewhere, token, {}, (), False),
                (token, elsewhere, {}, (), False),
                (elsewhere, elsewhere + token, {}, (), False),
                (token, "", {"NEXAKEY_STORE": store, "NEXAKEY_TOKEN": TOKEN}, (), True),
                (token, elsewhere, {"NEXAKEY_TOKEN_FILE": str(self.token_file)}, (), True)):
            with self.subTest(user=user_text, system=system_text, variables=variables):
                user.write_text(user_text)
                system.write_text(system_text)
                before = len(server.requests)
                done = subprocess.run(
                    [NEXAKEY, "list", *options], capture_output=True, text=True,
                    env=self.env | {"NEXAKEY_SYSTEM_CONFIG": str(system)} | variables,
                    timeout=TIME_LIMIT)
                self.assertEqual((done.returncode, len(server.requests) > before),
                                 (0, True) if sent else (2, False), done.stderr)
                if not sent:
                    self.assertIn("is only for the store of that file: name the token",
                                  done.stderr)

    def test_a_token_that_is_none_is_not_sent(self):
        server = self.serve(lambda *_: page())
        for text, mode, message in (
                (TOKEN, 0o640, "others can read the token"), (TOKEN, 0o604, "others can read"),
                (TOKEN + "x", 0o600, "no token in"), ("", 0o600, "does not contain a token"),
                (TOKEN + "\n" + TOKEN, 0o600, "no token in"), (API_KEY, 0o600, "no token in"),
                ("x" * 20000, 0o600, "does not contain a token")):
            self.write_token(text, mode)
            self.expect("list", 2, message)
        self.expect("list --token-file " + str(self.path / "none"), 2, "cannot be read: No such")
        self.expect("list --token-file " + str(self.path), 2, "cannot be read: Is a directory")
        del self.env["NEXAKEY_TOKEN_FILE"]
        self.expect("list", 2, "needs a token: name its file with --token-file")
        self.env["NEXAKEY_TOKEN"] = "secret"
        self.expect("list", 2, "no token in NEXAKEY_TOKEN")
        self.assertEqual(server.requests, [])

    def test_a_token_comes_from_a_pipe_too(self):
        server = self.serve(lambda *_: page())
        done = subprocess.run(
            ["bash", "-c", f'"{NEXAKEY}" list --store {self.store} --token-file <(cat t.token)'],
            env=self.env, cwd=self.path, capture_output=True, text=True, timeout=TIME_LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(server.requests), 1)

    def test_urls_that_are_none(self):
        for url, message in (
                ("https://", "must be a host"), ("https:host", "has no host"), ("http://", "must be a host"),
                ("https://host:0", "must be a host"), ("https://host:65536", "must be a host"),
                ("https://host:", "must be a host"), ("https://host:80x", "must be a host"),
                ("https://host/path", "must be a host"), ("https://host?x", "must be a host"),
                ("https://-host", "must be a host"), ("https://ho\tst", "must be a host"),
                ("https://[::1", "must be a host"), ("https://::1", "must be a host"),
                ("https://[127.0.0.1]", "must be a host"), ("unix:", "no path"),
                ("unix:" + "x" * 108, "1 to 107 bytes"),
                ("http://keys.example.com", "unencrypted: use https"),
                ("http://192.0.2.1:80", "unencrypted"), ("http://0.0.0.0", "unencrypted"),
                ("http://127.1", "unencrypted"), ("http://localhost.example.com", "unencrypted")):
            with self.subTest(url):
                self.store = url
                done = self.run_command("list")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertRegex(done.stderr, message)
        for url in ("https://user:hunter2@host", "https://hunter2@host", "http://hunter2@localhost"):
            self.store = url
            done = self.run_command("list")
            self.assertEqual(done.returncode, 2)
            self.assertIn("cannot have a user", done.stderr)
            self.assertNotIn("hunter2", done.stderr)

    def test_no_proxy_gets_what_is_for_this_machine(self):
        proxy = Server(lambda *_: html(200))
        self.addCleanup(proxy.close)
        for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            self.env[name] = f"http://127.0.0.1:{proxy.port}"
        self.serve(lambda *_: page(RECORD))
        done = self.run_command("list -q")
        self.assertEqual((done.returncode, done.stdout), (0, RECORD["id"] + "\n"), done.stderr)
        self.assertEqual(proxy.requests, [])

    def test_completion_has_nothing_to_offer(self):
        never = threading.Event()
        server = self.serve(lambda *_: lambda connection: never.wait(TIME_LIMIT))
        self.addCleanup(never.set)
        self.env["NEXAKEY_STORE"] = self.store
        done = self.run_command("__complete show k")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, ":done\n", ""))
        self.serve(lambda *_: html(500))
        done = self.run_command("__complete show k")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, ":done\n", ""))


class Doctor(RemoteTest):
    def check(self, name, seconds):
        """The output of doctor for a server whose clock is ahead."""
        def answer(request, _):
            date = email.utils.formatdate(time.time() + seconds, usegmt=True)
            body = {"workspaces": []} if "workspaces" in request.target else {}
            return reply(200, body, "application/json", f"Date: {date}")
        self.serve(answer)
        done = self.run_command("doctor -o json")
        checks = json.loads(done.stdout)["checks"]
        return [check for check in checks if check["check"] == name], done.returncode

    def test_a_clock_that_differs(self):
        for seconds, text in ((600, r"the clock of the server is \d{3} seconds ahead"),
                              (-600, r"the clock of the server is \d{3} seconds behind")):
            with self.subTest(seconds=seconds):
                (clock,), status = self.check("clock", seconds)
                self.assertEqual((clock["status"], status), ("warning", 0))
                self.assertRegex(clock["found"], text)
                self.assertIn("NTP", clock["advice"])

    def test_a_token_that_others_can_read(self):
        self.write_token(TOKEN + "\n", 0o644)
        (secret,), status = self.check("secret", 0)
        self.assertNotEqual(status, 0)
        self.assertEqual(secret["status"], "problem")
        self.assertIn("mode 0644, so that others can read it", secret["found"])
        self.assertIn("chmod 600", secret["advice"])


class Tls(RemoteTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="nexakey-tls-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.openssl("req", "-x509", "-subj", "/CN=Authority", "-keyout", "ca.key", "-out", "ca.pem")
        cls.contexts = {}
        for name, address, days in (("right", "IP:127.0.0.1", "2"), ("old", "IP:127.0.0.1", "-1"),
                                    ("other", "DNS:keys.example.com", "2")):
            cls.openssl("req", "-subj", "/CN=x", "-addext", f"subjectAltName={address}",
                        "-keyout", f"{name}.key", "-out", f"{name}.csr")
            cls.run_openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey",
                            "ca.key", "-days", days, "-copy_extensions", "copy", "-out",
                            f"{name}.pem")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cls.folder / f"{name}.pem", cls.folder / f"{name}.key")
            cls.contexts[name] = context

    @classmethod
    def openssl(cls, *words):
        cls.run_openssl(*words, "-nodes", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1")

    @classmethod
    def run_openssl(cls, *words):
        done = subprocess.run(["openssl", *words], cwd=cls.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    def trust(self):
        return f" --ca-file {self.folder / 'ca.pem'}"

    def test_a_certificate_that_is_right_is_trusted(self):
        server = self.serve(lambda *_: page(RECORD), self.contexts["right"])
        done = self.run_command("list -q" + self.trust())
        self.assertEqual((done.returncode, done.stdout), (0, RECORD["id"] + "\n"), done.stderr)
        self.env["NEXAKEY_CA_FILE"] = str(self.folder / "ca.pem")
        self.assertEqual(self.run_command("list -q").returncode, 0)
        self.assertEqual(len(server.requests), 2)

    def test_one_that_is_wrong_is_not_and_no_token_is_sent(self):
        for name, trust, message in (
                ("right", "", "an untrusted authority: .*--ca-file"),
                ("other", self.trust(), "a certificate for another name"),
                ("old", self.trust(), "a certificate that has expired")):
            with self.subTest(name):
                server = self.serve(lambda *_: page(RECORD), self.contexts[name])
                self.expect("list" + trust, 6, message)
                self.expect("verify" + trust, 6, message)
                self.assertEqual(server.requests, [])

    def test_doctor_names_a_certificate_that_has_expired(self):
        self.serve(lambda *_: page(RECORD), self.contexts["old"])
        done = self.run_command("doctor -o json" + self.trust())
        self.assertEqual((done.returncode, done.stderr), (6, ""), done.stdout)
        document = json.loads(done.stdout)
        self.assertEqual(document["status"], "problem")
        store = next(check for check in document["checks"] if check["check"] == "store")
        self.assertIn("a certificate that has expired", store["found"])
        self.assertEqual(store["advice"], "renew it on the server")

    def test_a_file_of_certificates_that_is_none(self):
        self.serve(lambda *_: page(RECORD), self.contexts["right"])
        for name in ("none.pem", "right.key", "."):
            self.expect(f"list --ca-file {self.folder / name}", 6, "not a readable certificate file|trusted")

    def test_a_server_without_tls(self):
        self.serve(lambda *_: page(RECORD))
        self.store = self.store.replace("http", "https")
        self.expect("list", 6, "does not speak TLS")


if __name__ == "__main__":
    unittest.main(warnings="ignore")
