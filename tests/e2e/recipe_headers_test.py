#!/usr/bin/env python3
"""Headers of clients that the gateways of docs/gateways must not pass on: an API can trust the
X-Nexakey-* headers, and sees neither a credential nor a method that nexakey has not checked.

recipe_headers_test.py nginx|caddy|haproxy
"""

import itertools
import json
import unittest

from gateway import GATEWAY, Api, GatewayCase

DECIDING = ["X-Api-Key", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]


def spellings(name):
    """The spellings of a name that CGI, WSGI and PHP do not distinguish."""
    separated = {name, "_".join(name.split("-")), ".".join(name.split("-")),
                 "_".join(name.rsplit("-", 1)), "_".join(name.split("-", 1))}
    return sorted({form(text) for text in separated
                   for form in (str, str.lower, str.upper, str.swapcase)})


def is_hyphenated(name):
    return "_" not in name and "." not in name


class Headers(GatewayCase):
    def folded(self, reply):
        """The headers that the API saw, as CGI names them."""
        return json.loads(reply.body)["folded"]

    def identity_headers(self):
        """The X-Nexakey-* headers of all kinds of decisions."""
        key = self.place.create("--scope", "read", "--rate-limit", "1")
        cases = [self.ask_nexakey(key, **{"X-Forwarded-Method": method})
                 for method in ("POST", "GET", "GET")] + [self.ask_nexakey("")]
        names = {name for head, _ in cases for name, _ in head if name.startswith("X-Nexakey-")}
        self.assertGreaterEqual(len(names), 5)
        return sorted(names)

    def check_seen(self, reply, names, scopes):
        """Checks that the API saw each header once, with nexakey's value."""
        seen = [pair for pair in self.folded(reply) if "nexakey" in pair[0]]
        self.assertEqual(sorted(name for name, _ in seen), [name.lower() for name in names])
        values = dict(seen)
        self.assertEqual((values["x-nexakey-status"], values["x-nexakey-scopes"],
                          values["x-nexakey-workspace"], values["x-nexakey-client-ip"]),
                         ("200", scopes, "default", "127.0.0.1"))
        self.assertRegex(values["x-nexakey-key-id"], "^key_")

    def ports(self):
        """The ports of the gateway, and of one that passes every header name on to nexakey."""
        changes = {"nginx": [("underscores_in_headers off", "underscores_in_headers on"),
                             ("  upstream nexakey",
                              "  ignore_invalid_headers off;\n  upstream nexakey")]}
        more = changes.get(GATEWAY)
        return [self.port, self.start_gateway(*more)[0]] if more else [self.port]

    def test_no_identity_header_can_be_forged(self):
        key = self.place.create("--scope", "read", "--rate-limit", "100000")
        names = self.identity_headers()
        for port in self.ports():
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

    def test_no_client_can_have_an_identity_header_dropped(self):
        """A hop drops the headers that Connection lists (RFC 9110, 7.6.1)."""
        key = self.place.create("--scope", "read", "--rate-limit", "100000")
        names = self.identity_headers()
        for name in names:
            for lines in ([f"close, {name}"], [name.lower()], [f"{name.upper()},keep-alive"],
                          ["close", name], [f"Upgrade , {name}"], [f" ,{name}, upgrade"]):
                upgrade = "upgrade" in str(lines).lower()
                headers = [f"Connection: {line}" for line in lines] + ["Upgrade: x"] * upgrade
                with self.subTest(headers=headers):
                    reply = self.curl(*(word for line in headers for word in ("--header", line)),
                                      key=key)
                    self.assertEqual(reply.status, 200)
                    self.check_seen(reply, names, "read")
                    seen = self.folded(reply)
                    for header, value in seen:
                        if header == "connection":
                            self.assertNotIn("nexakey", value.lower())
                    if upgrade and GATEWAY != "nginx":  # its recipe has no WebSocket
                        self.assertIn(["upgrade", "x"], seen)
                        self.assertIn(["connection", "upgrade"],
                                      [[header, value.lower()] for header, value in seen])

    def test_no_client_can_have_a_header_of_the_gateway_dropped(self):
        key = self.place.create("--scope", "read", "--rate-limit", "100000")
        elsewhere = self.place.create("--scope", "read", "--allow-ip", "127.0.0.2")
        for name in ("X-Original-Method", "X-Original-URI", "X-Real-IP", "X-Forwarded-Method",
                     "X-Forwarded-Uri", "X-Forwarded-For", "X-Nexakey-Status"):
            with self.subTest(name=name):
                listed = ("--header", f"Connection: close, {name}", "--header", f"{name}: 127.0.0.2")
                self.assertEqual(self.curl(*listed, key=key).status, 200)
                self.assertEqual(self.curl(*listed, key=key, method="POST").status, 403)
                self.assertEqual(self.curl(*listed, key=elsewhere).status, 403)

    def test_the_api_sees_no_credential_and_no_method_that_was_not_judged(self):
        key = self.place.create("--scope", "read", "--rate-limit", "100000")
        for port, name in itertools.product(self.ports(), DECIDING):
            for spelling in spellings(name):
                for connection in ("close", f"close, {name}"):
                    sent = ("--header", f"{spelling}: DELETE", "--header", f"Connection: {connection}")
                    with self.subTest(header=spelling, connection=connection, port=port):
                        reply = self.curl(*sent, key=key, port=port)
                        self.assertIn(reply.status, (200, 401, 403))
                        if reply.status == 200:
                            seen = [header for header, _ in self.folded(reply)]
                            self.assertNotIn(name.lower(), seen)
        for spelling in spellings("X-Api-Key"):
            status = self.curl("--header", f"{spelling}: {key}").status
            self.assertIn(status, (200,) if is_hyphenated(spelling) else (401, 403))

    def test_only_the_origin_that_is_named_is_allowed(self):
        origin, evil = "https://app.example.com", "https://evil.example"
        key = self.place.create("--scope", "read", "--rate-limit", "100000")
        for sent in ([origin, evil], [evil, origin], [f"{origin}, {evil}"], [f"{evil}, {origin}"],
                     [f"{evil},{origin}"], [origin.upper()], ["HTTPS://APP.example.com"],
                     [f"{origin}/"], [f"{origin}.evil.example"], ["null"], [origin, origin]):
            headers = [word for value in sent for word in ("--header", f"Origin: {value}")]
            preflight = ("--header", "Access-Control-Request-Method: GET")
            for reply in (self.curl(*headers, key=key), self.curl(*headers),
                          self.curl(*headers, *preflight, method="OPTIONS")):
                with self.subTest(sent=sent, status=reply.status):
                    allowed = [value for name, value in reply.fields
                               if name == "access-control-allow-origin"]
                    self.assertIn(allowed, ([], [origin]))


if __name__ == "__main__":
    unittest.main(warnings="ignore")
