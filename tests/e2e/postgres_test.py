#!/usr/bin/env python3
"""Four `serve` on one PostgreSQL share limits and keys, and deny when it cannot be asked."""

import json
import re
import socket
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from on_postgres import OnPostgres
from place import wait_for

SERVERS = range(4)


def gateway_request(key):
    return (f"GET /auth/envoy/v1/leads HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.7\r\n"
            f"Authorization: Bearer {key}\r\n\r\n")


def plain_request(method, path, key=""):
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\nContent-Length: 0\r\n\r\n"


class Statements(OnPostgres):
    settings = ("log_statement=all", "log_min_duration_statement=-1")

    def statements_of(self, *words):
        """The statements that a command sends to the server."""
        log = Path(self.folder.name, "server", "log")
        before = len(log.read_text())
        self.place.nexakey(*words)
        return re.findall(r"LOG:  (?:statement|execute [^:]*): (.*)", log.read_text()[before:])

    def test_a_look_up_is_one_statement(self):
        statements = self.statements_of("rotate", "crm", "--grace", "1h")
        self.assertIn("COMMIT", statements)
        self.assertLessEqual(len(statements), 15, statements)

    def test_ids_are_looked_up_and_revoked_together(self):
        for number in range(20):
            self.place.create(f"key-{number}", "--scope", "read")
        one, *others = (key["id"] for key in json.loads(
            self.place.nexakey("list", "--name", "key-*", "-o", "json"))["keys"])
        statements = self.statements_of("revoke", one, "--yes")
        self.assertIn("COMMIT", statements)
        self.assertEqual(len(self.statements_of("revoke", *others, "--yes")), len(statements))


class FourServers(OnPostgres):
    def setUp(self):
        super().setUp()
        for server in SERVERS:
            self.place.serve(socket_name=f"{server}.sock")

    def pipeline(self, server, *requests):
        """Sends requests at once, on one connection, and returns the statuses in their order."""
        return [status for status, _ in self.exchange(server, *requests)]

    def exchange(self, server, *requests):
        """The same, with the bodies."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(f"{self.place.path}/{server}.sock")
            connection.sendall("".join(requests).encode())
            answers = connection.makefile("rb")
            return [self.read_answer(answers) for _ in requests]

    @staticmethod
    def read_answer(answers):
        status, length = int(answers.readline().split()[1]), 0
        for line in iter(answers.readline, b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, answers.read(length).decode()

    def ask_all(self, key):
        return [self.pipeline(server, gateway_request(key))[0] for server in SERVERS]

    def test_a_burst_over_all_of_them_admits_exactly_the_limit(self):
        with ThreadPoolExecutor(40) as clients:
            bursts = clients.map(
                lambda client: self.pipeline(client % 4, *[gateway_request(self.key)] * 10),
                range(40))
            statuses = sorted(status for burst in bursts for status in burst)
        self.assertEqual(statuses, [200] * 100 + [429] * 300)
        self.assertIn('"requests":400,"errors":300',
                      self.place.nexakey("usage", "crm", "-o", "json").replace(" ", ""))

    def test_what_one_revokes_the_others_refuse(self):
        self.assertEqual(self.ask_all(self.key), [200] * 4)
        self.assertEqual(self.pipeline(0, plain_request("POST", "/v1/self/revoke", self.key)), [200])
        self.assertEqual(self.ask_all(self.key), [401] * 4)
        for number in range(10):
            key = self.place.create(f"other-{number}", "--scope", "read")
            self.assertEqual(self.ask_all(key), [200] * 4)
            self.place.nexakey("revoke", f"other-{number}", "--yes")
            self.assertEqual(self.ask_all(key), [401] * 4)

    def test_answers_keep_the_order_of_the_requests(self):
        writer = self.place.create("writer", "--scope", "write")
        some = [(gateway_request(self.key), 200), (gateway_request(writer), 403),
                (plain_request("GET", "/healthz"), 200), (gateway_request("fc_live_none"), 401),
                (plain_request("POST", "/healthz"), 405)] * 10
        requests, statuses = zip(*some)
        self.assertEqual(self.pipeline(1, *requests), list(statuses))

    def check_strangers_without_postgresql(self):
        """An unknown path or method is refused without the store, and no response contains the
        location of the store."""
        token, key = "nxk_" + "0" * 40, "fc_live_" + "0" * 28
        for method, path, bearer, status in (("GET", "/readyz", "", 503), ("GET", "/nothing", token, 404),
                                             ("DELETE", "/v1/keys", token, 405),
                                             ("GET", "/v1/keys", "", 401), ("GET", "/v1/keys", token, 503),
                                             ("POST", "/v1/verify", token, 503),
                                             ("POST", "/v1/self/revoke", key, 503)):
            with self.subTest(method=method, path=path):
                (answer, body), = self.exchange(0, plain_request(method, path, bearer))
                self.assertEqual(answer, status)
                self.assertNotIn(self.folder.name, body)
                self.assertNotIn("postgres", body)
        self.assertIn(self.folder.name, self.place.log())

    def test_without_postgresql_all_is_refused_until_it_is_back(self):
        self.assertEqual(self.ask_all(self.key), [200] * 4)
        self.postgres("crash")
        self.assertEqual(self.ask_all(self.key), [503] * 4)
        self.assertEqual(self.pipeline(0, plain_request("GET", "/healthz")), [200])
        self.check_strangers_without_postgresql()
        self.postgres("start")
        wait_for(lambda: self.ask_all(self.key) == [200] * 4, self.place)


if __name__ == "__main__":
    unittest.main()
