#!/usr/bin/env python3
"""The rules of RFC 9112 (HTTP/1.1) for servers, sections 2, 3, 6, 7 and 9, with bytes on a real
connection.

`SMUGGLED` is in a refused body, which must not be read as a second request: that would add a second
status line."""

import re
import socket
import unittest

from place import Place, wait_for

GET = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
SMUGGLED = GET
CLOSED, OPEN = "closed", "open"


def post(headers, body="", version="1.1", target="/healthz", host="Host: a\r\n"):
    return f"POST {target} HTTP/{version}\r\n{host}{headers}\r\n{body}"


def get(headers="", version="1.1", target="/healthz", method="GET", host="Host: a\r\n"):
    return f"{method} {target} HTTP/{version}\r\n{host}{headers}\r\n"


def chunked(chunks):
    """A request with these chunks, and another one."""
    return get("Transfer-Encoding: chunked\r\n") + chunks + GET


# The bytes that are sent, the expected statuses, and the state of the connection after them.
# /healthz has no POST: the response is 405, the body is read to its end, and the next request is
# answered.
RULES = {
    "2.2 message format": [
        ("an empty line before a request is ignored", "\r\n" + GET, [200], OPEN),
        ("so are several, and between requests", "\r\n\r\n" + GET + "\r\n" + GET, [200, 200], OPEN),
        ("a bare CR does not end a line", "GET /healthz HTTP/1.1\rHost: a\r\n\r\n", [400], CLOSED),
        ("a bare CR in a value", get("X-A: b\rc\r\n"), [400], CLOSED),
        ("a bare CR before the empty line", get("X-A: b\r\r\n"), [400], CLOSED),
        ("a bare LF in a value", get("X-A: b\nX-B: c\r\n"), [400], CLOSED),
        ("a bare LF after the request line", "GET /healthz HTTP/1.1\nHost: a\r\n\r\n", [400], CLOSED),
        ("NUL in a value", get("X-A: b\0c\r\n"), [400], CLOSED),
        ("whitespace before the first header", "GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n" + SMUGGLED,
         [400], CLOSED),
        ("bytes that begin no method", "\x16\x03\x01\x02", [400], CLOSED),
    ],
    "2.3 version": [
        ("a later minor version is 1.1", get(version="1.7"), [200], OPEN),
        ("another major version", get(version="2.0"), [505], CLOSED),
        ("version 0", get(version="0.9"), [505], CLOSED),
        ("no version", "GET /healthz\r\nHost: a\r\n\r\n", [400], CLOSED),
        ("the name has capital letters", "GET /healthz http/1.1\r\nHost: a\r\n\r\n", [400], CLOSED),
        ("two digits", get(version="1.10"), [400], CLOSED),
        ("something behind it", "GET /healthz HTTP/1.1 x\r\nHost: a\r\n\r\n", [400], CLOSED),
        ("a header that looks like a request line", get("X-A: b HTTP/2.0\r\n"), [200], OPEN),
    ],
    "3 request line": [
        ("two spaces", "GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n", [400], CLOSED),
        ("a tab", "GET\t/healthz HTTP/1.1\r\nHost: a\r\n\r\n", [400], CLOSED),
        ("a space in the target", "GET /health z HTTP/1.1\r\nHost: a\r\n\r\n", [400], CLOSED),
        ("a method is case-sensitive", get(method="get"), [405], OPEN),
        ("an unknown method", get(method="BREW"), [405], OPEN),
        ("a method that is not a token", get(method="G(T"), [400], CLOSED),
    ],
    "3.2 request target": [
        ("absolute form", get(target="http://localhost/healthz"), [200], OPEN),
        ("absolute form with a port", get(target="HTTPS://a.example:8443/healthz?"), [200], OPEN),
        ("absolute form without a path", get(target="http://localhost"), [404], OPEN),
        ("absolute form with a query alone", get(target="http://localhost?a=b"), [404], OPEN),
        ("absolute form without an authority", get(target="http:///healthz"), [400], CLOSED),
        ("absolute form with user information", get(target="http://u@a/healthz"), [400], CLOSED),
        ("absolute form of another scheme", get(target="ftp://a/healthz"), [400], CLOSED),
        ("neither form", get(target="healthz"), [400], CLOSED),
        ("authority form without CONNECT", get(target="a:80"), [400], CLOSED),
        ("asterisk form with OPTIONS", get(target="*", method="OPTIONS"), [404], OPEN),
        ("asterisk form with GET", get(target="*"), [400], CLOSED),
        ("a fragment", get(target="/healthz#a"), [400], CLOSED),
    ],
    "3.2 Host": [
        ("missing", get(host=""), [400], CLOSED),
        ("missing in absolute form", get(host="", target="http://a/healthz"), [400], CLOSED),
        ("missing in HTTP/1.0", get(host="", version="1.0"), [200], CLOSED),
        ("twice", get(host="Host: a\r\nHost: b\r\n"), [400], CLOSED),
        ("the same twice", get(host="Host: a\r\nhost: a\r\n"), [400], CLOSED),
        ("twice in HTTP/1.0", get(host="Host: a\r\nHost: b\r\n", version="1.0"), [400], CLOSED),
        ("empty", get(host="Host:\r\n"), [200], OPEN),
        ("an IPv6 address with a port", get(host="Host: [2001:db8::1]:80\r\n"), [200], OPEN),
        ("a list", get(host="Host: a, b\r\n"), [400], CLOSED),
        ("a space", get(host="Host: a b\r\n"), [400], CLOSED),
        ("a path", get(host="Host: a/b\r\n"), [400], CLOSED),
        ("user information", get(host="Host: u@a\r\n"), [400], CLOSED),
        ("a port that is not a number", get(host="Host: a:b\r\n"), [400], CLOSED),
        ("an open bracket", get(host="Host: [::1\r\n"), [400], CLOSED),
    ],
    "5 headers": [
        ("whitespace before the colon", get("X-A : b\r\n"), [400], CLOSED),
        ("Content-Length with such whitespace", post("Content-Length : 5\r\n", SMUGGLED), [400], CLOSED),
        ("no colon", get("X-A\r\n"), [400], CLOSED),
        ("no name", get(": b\r\n"), [400], CLOSED),
        ("a name that is not a token", get("X(A: b\r\n"), [400], CLOSED),
        ("a folded line", get("X-A: b\r\n c\r\n"), [400], CLOSED),
        ("a folded Transfer-Encoding", post("Transfer-Encoding:\r\n\tchunked\r\n", SMUGGLED), [400],
         CLOSED),
        ("whitespace around a value", get("X-A: \t b \t \r\n"), [200], OPEN),
    ],
    "6.1 Transfer-Encoding": [
        *((f"not ending in chunked: {coding}", post(f"Transfer-Encoding: {coding}\r\n", SMUGGLED),
           [400], CLOSED)
          for coding in ("gzip", "identity", "chunked, gzip", "blegh", "chunked, identity", "x-chunked",
                         "chunked;q=1", '"chunked"', "chunkedchunked", "chunked, chunked", "",
                         "chunked,identity,chunked")),
        ("chunked on two lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                                      "0\r\n\r\n" + SMUGGLED), [400], CLOSED),
        ("not ending in chunked on two lines",
         post("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", "0\r\n\r\n" + SMUGGLED),
         [400], CLOSED),
        ("a coding that the server does not have",
         post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + SMUGGLED), [501], CLOSED),
        ("in HTTP/1.0", post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + SMUGGLED, version="1.0"),
         [400], CLOSED),
        ("in HTTP/1.0 with keep-alive",
         post("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + SMUGGLED,
              version="1.0"), [400], CLOSED),
        ("names have no case", post("transfer-encoding: CHUNKED\r\n", "0\r\n\r\n" + GET), [405], CLOSED),
    ],
    "6.3 length": [
        ("both, Content-Length first",
         post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + SMUGGLED), [400],
         CLOSED),
        ("both, Transfer-Encoding first",
         post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + SMUGGLED), [400],
         CLOSED),
        ("both, neither chunked", post("Transfer-Encoding: gzip\r\nContent-Length: 0\r\n", SMUGGLED),
         [400], CLOSED),
        ("both in HTTP/1.0", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", SMUGGLED,
                                  version="1.0"), [400], CLOSED),
        ("two lengths", post("Content-Length: 0\r\nContent-Length: 5\r\n", SMUGGLED), [400], CLOSED),
        ("a list of lengths", post("Content-Length: 0, 5\r\n", SMUGGLED), [400], CLOSED),
        *((f"not a number: {value}", post(f"Content-Length: {value}\r\n", SMUGGLED), [400], CLOSED)
          for value in ("-1", "+5", "0x5", "5a", "5 5", "5;", "", "1e1", "18446744073709551616",
                        "99999999999999999999999")),
        ("none: no body", post("") + GET, [405, 200], OPEN),
        ("the body is not a request", post(f"Content-Length: {len(SMUGGLED)}\r\n", SMUGGLED) + GET,
         [405, 200], OPEN),
        ("neither is that of GET", get(f"Content-Length: {len(SMUGGLED)}\r\n") + SMUGGLED + GET,
         [200, 200], OPEN),
        ("a body that does not come", post("Content-Length: 5\r\n", "ab"), [], OPEN),
    ],
    "7.1 chunks": [
        ("extensions are ignored", chunked('3;a=b;c="d e"\r\nabc\r\n0;e\r\n\r\n'), [200, 200], OPEN),
        ("trailers are ignored", chunked("0\r\nX-A: b\r\nHost: c\r\nConnection: close\r\n\r\n"),
         [200, 200], OPEN),
        ("sizes have leading zeros and letters of any case", chunked("00A\r\n0123456789\r\n0a\r\n"
                                                                     "0123456789\r\n000\r\n\r\n"),
         [200, 200], OPEN),
        *((f"not a chunk: {chunk!r}", chunked(chunk), [400], CLOSED)
          for chunk in ("x\r\n", "0x3\r\nabc\r\n", "-1\r\n", "3\nabc\r\n", "3\r\nabcd\r\n",
                        "FFFFFFFFFFFFFFFFF\r\n", " 3\r\nabc\r\n", "\r\n", "3\rabc\r\n",
                        "0\r\nX-A : b\r\n\r\n", "0\r\nTransfer-Encoding: gzip\r\n\r\n")),
        ("extensions without end", chunked("3;" + "a" * 40000), [400], CLOSED),
    ],
    "9 connections": [
        ("HTTP/1.1 stays open", GET + GET, [200, 200], OPEN),
        ("close is the end", get("Connection: close\r\n") + SMUGGLED, [200], CLOSED),
        ("close in a list of any case", get("Connection: x, CLOSE\r\n"), [200], CLOSED),
        ("close on a second line", get("Connection: x\r\nConnection: close\r\n"), [200], CLOSED),
        ("close and keep-alive", get("Connection: keep-alive, close\r\n"), [200], CLOSED),
        ("HTTP/1.0 is closed", get(version="1.0"), [200], CLOSED),
        ("unless it asks", get("Connection: Keep-Alive\r\n", version="1.0") + GET, [200, 200], OPEN),
        ("HTTP/1.0 that asks for both", get("Connection: keep-alive, close\r\n", version="1.0"), [200],
         CLOSED),
        ("Proxy-Connection means nothing", get("Proxy-Connection: keep-alive\r\n", version="1.0"),
         [200], CLOSED),
        ("requests are answered in their order", get(target="/none") + GET + get(method="PUT"),
         [404, 200, 405], OPEN),
    ],
}


class Rfc9112(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.close)
        cls.place.create("crm", "--scope", "read")
        cls.place.serve()

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(f"{self.place.path}/nexakey.sock")
        connection.settimeout(60)
        return connection

    def exchange(self, sent, count=1, end=OPEN, pieces=None):
        """The response to these bytes: the statuses, whether the connection is closed then, and the
        bytes. Waits for `count` responses and, if the end is to be that, for the close."""
        got = b""
        with self.connect() as connection:
            for piece in pieces or [sent]:
                connection.sendall(piece.encode("latin-1"))
            found = OPEN
            try:
                while found == OPEN:
                    if got.count(b"HTTP/1.1 ") >= count and end == OPEN:
                        connection.settimeout(0.2)
                    piece = connection.recv(65536)
                    got += piece
                    found = OPEN if piece else CLOSED
            except TimeoutError:
                pass
            except ConnectionResetError:
                found = CLOSED
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d\d\d) ", got)], found, got

    def test_rules(self):
        for section, cases in RULES.items():
            for what, sent, statuses, end in cases:
                with self.subTest(section=section, what=what):
                    found, found_end, got = self.exchange(sent, len(statuses), end or OPEN)
                    self.assertEqual(found, statuses, got)
                    if end is not None:
                        self.assertEqual(found_end, end)

    def test_pieces(self):
        """A request may come a byte at a time: the rules are the same."""
        for sent, statuses in ((RULES["2.2 message format"][1][1], [200, 200]),
                               (get(version="2.0"), [505]),
                               (get("X-A: b HTTP/2.0\r\n"), [200]),
                               (get("X-A: b\r\n c\r\n"), [400])):
            with self.subTest(sent=sent):
                self.assertEqual(self.exchange(sent, len(statuses), pieces=list(sent))[0], statuses)

    def test_keep_alive_of_http_1_0_is_confirmed(self):
        got = self.exchange(get("Connection: keep-alive\r\n", version="1.0"))[2]
        self.assertIn(b"\r\nConnection: keep-alive\r\n", got)
        self.assertNotIn(b"\r\nConnection:", self.exchange(get("Connection: keep-alive\r\n"))[2])

    def test_close_is_announced(self):
        for sent in (get("Connection: close\r\n"), get(version="1.0"), get(host="")):
            with self.subTest(sent=sent):
                self.assertIn(b"\r\nConnection: close\r\n", self.exchange(sent)[2])

    def test_head_is_answered_without_its_body(self):
        got = self.exchange(get(method="HEAD") + GET, 2)[2]
        self.assertEqual(got.count(b"HTTP/1.1 200 OK\r\n"), 2)
        self.assertEqual(got.count(b'{"status": "ok"}') + got.count(b'{"status":"ok"}'), 1)

    def test_a_body_is_sent_after_100(self):
        head = post("Content-Length: 5\r\nExpect: 100-continue\r\n", target="/v1/self/revoke")
        with self.connect() as connection:
            connection.sendall(head.encode())
            first = connection.recv(65536)
            self.assertRegex(first, rb"^HTTP/1\.1 (100 Continue|401 )")

    def test_a_refused_body_is_not_asked_for(self):
        found, end, got = self.exchange(post("Content-Length: 5\r\nExpect: 100-continue\r\n"), 1, CLOSED)
        self.assertEqual((found, end), ([405], CLOSED), got)

    def test_expect_of_http_1_0_means_nothing(self):
        sent = post("Content-Length: 1\r\nExpect: 100-continue\r\nConnection: keep-alive\r\n", "a",
                    version="1.0")
        self.assertEqual(self.exchange(sent)[:2], ([405], OPEN))


if __name__ == "__main__":
    unittest.main(warnings="ignore")
