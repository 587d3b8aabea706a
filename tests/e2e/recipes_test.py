#!/usr/bin/env python3
"""What the files of docs/gateways promise besides the decision: an API can trust the X-Nexakey-*
headers, clients get a status, a body and the headers that they can act on, browsers get CORS.

recipes_test.py nginx|caddy|haproxy
"""

import itertools
import json
import socket
import unittest
from pathlib import Path

import recipes
from gateway import GATEWAY, Api, GatewayCase
from place import wait_for

ORIGIN = "https://app.example.com"


def spellings(name):
    """The name as clients may write it, and as CGI, WSGI and PHP make the same of it."""
    separated = {name, "_".join(name.split("-")), ".".join(name.split("-")),
                 "_".join(name.rsplit("-", 1)), "_".join(name.split("-", 1))}
    return sorted({form(text) for text in separated
                   for form in (str, str.lower, str.upper, str.swapcase)})


def is_hyphenated(name):
    return "_" not in name and "." not in name


class Recipe(GatewayCase):
    def ask_nexakey(self, key, path="/auth/forward", **changes):
        """The head, as pairs, and the body of what nexakey itself answers a gateway."""
        headers = {"Host": "x", "Connection": "close", "Authorization": f"Bearer {key}",
                   "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/v1/leads/7",
                   "X-Forwarded-For": "127.0.0.1"} | changes
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(f"{self.place.path}/nexakey.sock")
            connection.sendall((f"GET {path} HTTP/1.1\r\n" + "".join(
                f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        head, _, body = answer.decode().partition("\r\n\r\n")
        return [line.partition(": ")[::2] for line in head.split("\r\n")[1:]], body

    def identity_headers(self):
        """All X-Nexakey-* headers that nexakey answers, whatever it decides."""
        key = self.place.create("--scope", "read", "--rate-limit", "1")
        cases = [self.ask_nexakey(key, **{"X-Forwarded-Method": method})
                 for method in ("POST", "GET", "GET")] + [self.ask_nexakey("")]
        names = {name for head, _ in cases for name, _ in head if name.startswith("X-Nexakey-")}
        self.assertGreaterEqual(len(names), 5)
        return sorted(names)

    def check_seen(self, reply, names, scopes):
        """The API saw each header once, with what nexakey says."""
        seen = json.loads(reply.body)["identity"]
        self.assertEqual(sorted(name for name, _ in seen), [name.lower() for name in names])
        values = dict(seen)
        self.assertEqual((values["x-nexakey-status"], values["x-nexakey-scopes"],
                          values["x-nexakey-workspace"], values["x-nexakey-client-ip"]),
                         ("200", scopes, "default", "127.0.0.1"))
        self.assertRegex(values["x-nexakey-key-id"], "^key_")

    def test_no_identity_header_can_be_forged(self):
        key = self.place.create("--scope", "read", "--rate-limit", "100000")
        names = self.identity_headers()
        ports = [self.port]
        if GATEWAY == "nginx":
            ports.append(self.start_gateway(("underscores_in_headers off", "underscores_in_headers on"),
                                            ("  upstream nexakey", "  ignore_invalid_headers off;\n"
                                             "  upstream nexakey"))[0])
        for port in ports:
            self.check_seen(self.curl(key=key, port=port), names, "read")
            for spelling in itertools.chain.from_iterable(spellings(name) for name in names):
                forged = ("--header", f"{spelling}: forged", "--header", f"{spelling}: write")
                with self.subTest(header=spelling, port=port):
                    reply = self.curl(*forged, key=key, port=port)
                    self.assertIn(reply.status, {200} if is_hyphenated(spelling) else {200, 403})
                    if reply.status == 200:
                        self.check_seen(reply, names, "read")
                    before = Api.asked
                    self.assertIn(self.curl(*forged, port=port).status, (401, 403))
                    self.assertEqual(Api.asked, before)
        everything = [word for name in names
                      for word in ("--header", f"{name.lower()}: forged")]
        reply = self.curl(*everything, "--http2-prior-knowledge", key=key, port=self.http2_port)
        self.check_seen(reply, names, "read")

    @unittest.skipUnless(GATEWAY == "caddy", "README quotes this one")
    def test_readme_quotes_the_file(self):
        readme = recipes.DOCS.parents[1].joinpath("README.md").read_text()
        self.assertIn("```\n" + recipes.DOCS.joinpath("Caddyfile").read_text() + "```\n", readme)

    def test_clients_get_what_they_can_act_on(self):
        key = self.place.create("--scope", "read", "--rate-limit", "2")
        forbidden = self.curl(key=key, method="POST")
        allowed = [self.curl(key=key) for _ in range(2)]
        limited, missing = self.curl(key=key), self.curl()
        self.assertEqual([reply.status for reply in (forbidden, *allowed, limited, missing)],
                         [403, 200, 200, 429, 401])
        for reply in (forbidden, *allowed, limited, missing):
            names = [name for name, _ in reply.fields]
            self.assertEqual([name for name in names if name.startswith("x-nexakey")], [])
            expected = 1 if reply.status in (401, 403) else 0
            self.assertEqual(names.count("www-authenticate"), expected)
            self.assertEqual(names.count("retry-after"), 1 if reply.status == 429 else 0)
            for name in ("limit", "remaining", "reset"):
                self.assertEqual(names.count(f"x-ratelimit-{name}"), 0 if reply is missing else 1)

    def test_a_denial_has_the_body_of_nexakey(self):
        key = self.place.create("--scope", "read", "--rate-limit", "1")
        replies = [self.curl(), self.curl(key=key, method="POST"), self.curl(key=key),
                   self.curl(key=key)]
        bodies = [self.ask_nexakey("")[1],
                  self.ask_nexakey(key, **{"X-Forwarded-Method": "POST"})[1], None,
                  self.ask_nexakey(key)[1]]
        for reply, body, status in zip(replies, bodies, (401, 403, 200, 429)):
            self.assertEqual(reply.status, status)
            if body:
                self.assertEqual(reply.headers["content-type"], "application/problem+json")
                self.assertEqual(reply.body, body)
                document = json.loads(reply.body)
                self.assertEqual(document["status"], status)
                self.assertEqual(sorted(document["error"]), ["code", "hint", "message"])

    def test_a_store_that_fails_denies(self):
        key = self.place.create("--scope", "read")
        self.assertEqual(self.curl(key=key).status, 200)
        kept = {file: file.read_bytes() for file in Path(self.place.path).glob("keys.db*")}
        for file, content in kept.items():
            file.write_bytes(b"x" * len(content))
        before = Api.asked
        reply, body = self.curl(key=key), self.ask_nexakey(key)[1]
        # For the tests that follow.
        self.main_server.kill()
        self.main_server.wait()
        for file, content in kept.items():
            file.write_bytes(content)
        Path(self.place.path, "nexakey.sock").unlink()
        type(self).main_server = self.serve()
        wait_for(lambda: self.curl(key=key).status == 200, self.place)
        self.assertEqual(reply.status, 503)
        self.assertEqual(reply.body, body)
        self.assertEqual(json.loads(body)["error"]["code"], "store_unavailable")
        self.assertEqual(Api.asked, before + 1)

    @unittest.skipUnless(GATEWAY == "haproxy", "the others have no script")
    def test_a_script_that_fails_denies(self):
        key = self.place.create("--scope", "read")
        port = self.start_gateway(("local function ask(txn)\n",
                                   "local function ask(txn)\n  error('broken')\n"))[0]
        before = Api.asked
        self.assertEqual(self.curl(key=key, port=port).status, 503)
        self.assertEqual(Api.asked, before)

    def test_credentials_of_other_schemes_are_not_keys(self):
        key = self.place.create("--scope", "read")
        for scheme in ("Basic YTpi", "basic YTpi", "Digest username=a", "Negotiate abc", "Bearer"):
            with self.subTest(scheme=scheme):
                credential = ("--header", f"Authorization: {scheme}")
                self.assertEqual(self.curl(*credential, "--header", f"X-Api-Key: {key}").status, 200)
                self.assertEqual(self.curl(*credential).status, 401)
        self.assertIn(self.curl("--header", "Authorization: Basic YTpi", key=key).status, (400, 401))

    def test_the_largest_heads_that_a_gateway_takes(self):
        key = self.place.create("--scope", "read")
        sizes = {"nginx": [8000] * 3 + [7000], "caddy": [9000] * 6, "haproxy": [7000] * 2}[GATEWAY]
        headers = [word for i, size in enumerate(sizes)
                   for word in ("--header", f"X-Large-{i}: {'a' * size}")]
        self.assertEqual(self.curl(*headers, key=key).status, 200)
        path = "/" + "a" * 7000
        self.assertEqual(self.curl(*headers[:2], path=path, key=key).status, 200)

    def test_a_preflight_is_answered_without_a_key(self):
        before = Api.asked
        asking = ("--header", f"Origin: {ORIGIN}", "--header", "Access-Control-Request-Method: POST")
        for path in ("/v1/leads", "/", "//v1//leads?a=b"):
            reply = self.curl(*asking, "--header", "Access-Control-Request-Headers: authorization",
                              method="OPTIONS", path=path)
            self.assertEqual(reply.status, 204)
            self.assertEqual(reply.headers["access-control-allow-origin"], ORIGIN)
            self.assertIn("POST", reply.headers["access-control-allow-methods"])
            self.assertIn("Authorization", reply.headers["access-control-allow-headers"])
            self.assertIn("Origin", reply.headers["vary"])
        self.assertEqual(Api.asked, before)

    def test_what_is_no_preflight_needs_a_key(self):
        origin, method = f"Origin: {ORIGIN}", "Access-Control-Request-Method: POST"
        before = Api.asked
        for headers, sent in (([origin], "OPTIONS"), ([method], "OPTIONS"), ([], "OPTIONS"),
                              ([origin, "Access-Control-Request-Method;"], "OPTIONS"),
                              (["Origin: https://app.example.com.evil.test", method], "OPTIONS"),
                              (["Origin: null", method], "OPTIONS"),
                              ([origin, method], "GET"), ([origin, method], "POST"),
                              ([origin, method, "X-HTTP-Method-Override: OPTIONS"], "GET")):
            with self.subTest(headers=headers, method=sent):
                words = [word for header in headers for word in ("--header", header)]
                self.assertEqual(self.curl(*words, method=sent).status, 401)
        self.assertEqual(Api.asked, before)
        key = self.place.create("--scope", "read")
        self.assertEqual(json.loads(self.curl("--header", origin, method="OPTIONS", key=key).body)
                         ["method"], "OPTIONS")

    def test_pages_of_the_origin_can_read_every_response(self):
        key = self.place.create("--scope", "read", "--rate-limit", "1")
        for options, status in (({}, 401), ({"key": key, "method": "POST"}, 403), ({"key": key}, 200),
                                ({"key": key}, 429)):
            reply = self.curl("--header", f"Origin: {ORIGIN}", **options)
            self.assertEqual(reply.status, status)
            self.assertEqual(reply.headers["access-control-allow-origin"], ORIGIN)
            self.assertIn("Retry-After", reply.headers["access-control-expose-headers"])
            self.assertIn("Origin", reply.headers["vary"])
            other = self.curl("--header", "Origin: https://evil.test", **options)
            self.assertNotIn("access-control-allow-origin", other.headers)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
