#!/usr/bin/env python3
"""A store moves over HTTP as it does between files: exports have the same bytes, and an import is
complete or changes nothing. Long exports do not hold up other requests."""

import http.client
import json
import socket
import unittest
from pathlib import Path

from api_test import ApiTest, new_key
from place import NEXAKEY, accepts, certificate, free_port, is_open, wait_for


class Moving(ApiTest):
    def setUp(self):
        super().setUp()
        self.unix = f"unix:{self.place.path}/nexakey.sock"
        self.write_token("admin", self.tokens["admin"])

    def write_token(self, name, token):
        path = Path(self.place.path, name + ".token")
        path.write_text(token)
        path.chmod(0o600)
        return str(path)

    def remote(self, *words, store=None, token="admin", stdin=""):
        return self.place.nexakey(*words, "--store", store or self.unix, "--token-file",
                                  f"{self.place.path}/{token}.token", stdin=stdin)

    def fill(self, count=20, **members):
        """Adds `count` keys and uses one of them."""
        lines = []
        for number in range(count):
            text, record = new_key()
            lines.append(json.dumps({"key": text, "name": f"key-{number}", "scopes": ["read"],
                                     "workspace": "sales" if number % 2 else "default"} | members))
        self.place.nexakey("import", "--keys", "-", "--format", "json", stdin="\n".join(lines))
        for path in ("/v1/leads/7", "/v1/leads"):
            self.ask("POST", "/v1/verify", {"key": self.key, "path": path})

    def test_an_export_is_the_same_from_everywhere(self):
        self.fill()
        local = self.place.nexakey("export")
        self.assertEqual(self.remote("export"), local)
        self.assertEqual(self.ask("GET", "/v1/export", bearer="auditor").text, local + "\n")
        self.remote("export", f"{self.place.path}/x.export")
        self.assertEqual(Path(self.place.path, "x.export").read_text(), local + "\n")
        self.assertEqual(self.remote("export", "-w", "sales", "-q"),
                         self.place.nexakey("export", "-w", "sales", "-q"))
        self.write_token("sales", self.token("--role", "auditor", "-w", "sales"))
        self.assertEqual(self.remote("export", "-w", "sales", "-q", token="sales"),
                         self.place.nexakey("export", "-w", "sales", "-q"))

    def test_a_store_moves_over_http(self):
        self.fill()
        export = self.remote("export") + "\n"
        # Importing it where it came from changes nothing, like importing it twice.
        for _ in range(2):
            again = json.loads(self.remote("import", "-o", "json", stdin=export))["import"]
            self.assertEqual((again["keys"]["added"], again["keys"]["unchanged"]), (0, 21))
            self.assertEqual(self.remote("export") + "\n", export)
        # From the server to files, which are then the same store.
        files = f"sqlite:{self.place.path}/moved.db"
        self.place.nexakey("import", "--store", files, stdin=export)
        self.assertEqual(self.place.nexakey("export", "--store", files) + "\n", export)
        # To another server, which keeps its own keys.
        other = f"{self.place.path}/other.db"
        self.write_token("other", self.place.nexakey("token", "create", "--role", "admin", "-q",
                                                     "--store", other))
        self.place.start([NEXAKEY, "serve", "--store", other, "--listen", f"unix:{other}.sock"])
        wait_for(lambda: accepts(f"{other}.sock"), self.place)
        there = {"store": f"unix:{other}.sock", "token": "other"}
        told = self.remote("import", "--dry-run", "-o", "json", stdin=export, **there)
        self.assertEqual(self.remote("list", "-q", **there), "")
        done = json.loads(self.remote("import", "-o", "json", stdin=export, **there))["import"]
        self.assertEqual(done | {"dry_run": True}, json.loads(told)["import"])
        self.assertEqual((done["keys"]["added"], done["audit"]["added"]), (21, 0))
        for workspace in ("sales", "default"):
            self.assertEqual(self.remote("export", "-w", workspace, "-q", **there),
                             self.remote("export", "-w", workspace, "-q"))
        # Conflicts are listed, and nothing is changed.
        self.remote("edit", "key-0", "--rate-limit", "7", **there)
        before = self.remote("export", **there)
        with self.assertRaisesRegex(AssertionError, "1 of the records conflict"):
            self.remote("import", stdin=export, **there)
        self.assertEqual(self.remote("export", **there), before)

    def test_an_export_over_tls(self):
        self.fill(1500, description="x" * 900)
        chain, private = certificate(self.place.path, "server")
        port = free_port()
        self.place.start([NEXAKEY, "serve", "--listen", f"127.0.0.1:{port}", "--tls-cert", chain,
                          "--tls-key", private])
        wait_for(lambda: is_open(port), self.place)
        self.assertEqual(self.remote("export", "--ca-file", chain,
                                     store=f"https://localhost:{port}"),
                         self.place.nexakey("export"))

    def test_a_long_export_holds_nobody_up(self):
        self.fill(8000, description="x" * 900)  # more than any buffer of a socket
        local = self.place.nexakey("export").encode() + b"\n"
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            decide = self.http("POST", "/v1/verify?dry_run=true", {"key": self.key})
            connection.sendall(decide + self.http("GET", "/v1/export") + decide)
            self.assertTrue(json.loads(self.answer(connection))["allowed"])
            # The export has begun, but is not read.
            for _ in range(20):
                reply = self.ask("POST", "/v1/verify?dry_run=true", {"key": self.key})
                self.assertEqual(reply.json["status"], 200)
            self.assertEqual(self.answer(connection), local)
            self.assertTrue(json.loads(self.answer(connection))["allowed"])

    def answer(self, connection):
        """The body of the next response."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        [length] = [int(line.split(b":")[1]) for line in head.split(b"\r\n")
                    if line.startswith(b"Content-Length")]
        body = b""
        while len(body) < length:
            piece = connection.recv(min(65536, length - len(body)))
            self.assertTrue(piece, "closed within an answer")
            body += piece
        return body

    def test_the_head_of_an_export_says_how_long_it_is(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.addCleanup(connection.close)
        authorization = {"Authorization": f"Bearer {self.tokens['auditor']}"}
        lengths = []
        for method in ("HEAD", "GET"):
            connection.request(method, "/v1/export", headers=authorization)
            response = connection.getresponse()
            lengths.append(int(response.getheader("Content-Length")))
            self.assertEqual(len(response.read()), lengths[-1] if method == "GET" else 0)
        self.assertEqual(lengths[0], lengths[1])

    def test_without_room_an_export_is_an_error(self):
        self.place.env["TMPDIR"] = f"{self.place.path}/nowhere"
        self.serve_again()
        reply = self.ask("GET", "/v1/export")
        self.assertEqual((reply.status, reply.json["error"]["code"]), (500, "failed"))
        with self.assertRaisesRegex(AssertionError, "unix:.*temporary file.*TMPDIR"):
            self.remote("export")
        self.assertEqual(self.ask("POST", "/v1/verify", {"key": self.key}).json["status"], 200)

    def test_a_part_or_an_end_that_is_none_is_refused(self):
        path = "/v1/imports/imp_000000000000"
        for part, body in (("0", b""), ("0", b"{}"), ("0", b"\n" * (512 * 1024 + 1)),
                           ("65536", b"{}\n"), ("-1", b"{}\n"), ("x", b"{}\n"), ("0?x=1", b"{}\n"),
                           ("99999999999", b"{}\n")):
            with self.subTest(part=part, length=len(body)):
                self.assertEqual(self.ask("PUT", f"{path}/{part}", body).status, 400)
        self.assertEqual(self.ask("PUT", "/v1/imports/key_000000000000/0", b"{}\n").status, 400)
        for body in ({}, {"parts": 0}, {"parts": 65537}, {"parts": "1"}, {"parts": 1, "dry_run": 1},
                     [], b"x"):
            with self.subTest(body=body):
                self.assertEqual(self.ask("POST", path, body).status, 400)
        self.assertEqual(self.ask("POST", path, {"parts": 1}).status, 404)
        # An invalid export is refused completely, and its parts are deleted.
        self.assertEqual(self.ask("PUT", path + "/0", b"{}\n").status, 204)
        self.assertEqual(self.ask("POST", path, {"parts": 1}).status, 400)
        self.assertEqual(self.ask("POST", path, {"parts": 1}).status, 404)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
