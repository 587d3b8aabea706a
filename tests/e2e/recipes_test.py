#!/usr/bin/env python3
"""The promises of docs/gateways besides the decision: clients get a status, a body and headers that
they can act on, and browsers get CORS.

recipes_test.py nginx|caddy|haproxy
"""

import json
import unittest
from pathlib import Path

import recipes
from gateway import GATEWAY, Api, GatewayCase
from place import wait_for

ORIGIN = "https://app.example.com"


class Recipe(GatewayCase):
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
            for name in ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
                         "ratelimit-policy", "ratelimit"):
                self.assertEqual(names.count(name), 0 if reply is missing else 1)
        self.assertEqual(limited.headers["ratelimit-policy"], '"minute";q=2;w=60')
        self.assertRegex(limited.headers["ratelimit"], '^"minute";r=0;t=[0-9]+$')

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
        store = Path(self.place.path, "keys.db")
        moved = store.rename(store.with_name("moved.db"))
        before = Api.asked
        reply, body = self.curl(key=key), self.ask_nexakey(key)[1]
        moved.rename(store)
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
            for name in ("Retry-After", "RateLimit", "RateLimit-Policy"):
                self.assertIn(name, reply.headers["access-control-expose-headers"])
            self.assertIn("Origin", reply.headers["vary"])
            other = self.curl("--header", "Origin: https://evil.test", **options)
            self.assertNotIn("access-control-allow-origin", other.headers)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
