#!/usr/bin/env python3
"""A PostgreSQL server whose processes are stopped: its system still accepts connections and data,
but nothing responds. Requests are refused in time, and work again once the server does."""

import json
import socket
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from on_postgres import OnPostgres
from place import NEXAKEY, wait_for
from postgres_proxy import PostgresProxy

# A refusal takes at most 2 seconds. The tests allow more, because they share their processors.
BOUND = 30  # seconds; a benchmark on a quiet machine shows less
KEYS = 3000


class Hanging(OnPostgres):
    def setUp(self):
        super().setUp()
        # A stopped server cannot be removed.
        self.addCleanup(self.postgres, "resume")

    def request(self, *_):
        """The status of a gateway request, and how long it took."""
        began = time.monotonic()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(f"{self.place.path}/nexakey.sock")
            connection.sendall(f"GET /auth/envoy/v1/leads HTTP/1.1\r\nHost: x\r\n"
                               f"X-Forwarded-For: 198.51.100.7\r\nConnection: close\r\n"
                               f"Authorization: Bearer {self.key}\r\n\r\n".encode())
            status = int(connection.makefile("rb").read().split()[1])
        return status, time.monotonic() - began

    def check_refused(self, *words, stdin=""):
        began = time.monotonic()
        done = self.place.attempt(*words, stdin=stdin)
        self.assertEqual((done.returncode, done.stdout), (6, ""), (words, done.stderr))
        self.assertLess(time.monotonic() - began, BOUND, words)
        return done.stderr

    def test_serve_refuses_all_requests_and_recovers(self):
        self.key = self.place.create("busy", "--scope", "read", "--rate-limit", "100000")
        self.place.serve()
        self.assertEqual(self.request()[0], 200)
        sent, admitted, slowest = 1, 1, 0
        for _ in range(2):
            self.postgres("pause")
            # More than one batch, so that some wait behind others.
            with ThreadPoolExecutor(300) as clients:
                refused = list(clients.map(self.request, range(600)))
            self.assertEqual({status for status, _ in refused}, {503})
            slowest = max(slowest, *(seconds for _, seconds in refused))
            self.postgres("resume")
            sent += 600
            tries = []
            wait_for(lambda: tries.append(self.request()[0]) or tries[-1] == 200, self.place)
            sent += len(tries)
            admitted += 1
        self.assertLess(slowest, BOUND)
        counted = json.loads(self.place.nexakey("usage", "busy", "-o", "json"))["total"]["requests"]
        self.assertTrue(admitted <= counted <= sent, (admitted, counted, sent))
        print(f"PostgreSQL stopped under load: 1200 requests, all refused, the slowest after "
              f"{slowest:.1f} s, 0 counted twice")

    def test_commands_fail_in_time(self):
        self.postgres("pause")
        self.check_refused("verify", stdin=self.key)
        for words in (["list"], ["create", "other", "--scope", "read"], ["export"], ["usage"],
                      ["revoke", "crm", "--yes"]):
            self.check_refused(*words)
        self.assertEqual(self.place.attempt("doctor").returncode, 6)
        self.postgres("resume")
        self.assertIn("200 allowed", self.place.nexakey("verify", stdin=self.key))

    def test_a_server_that_stops_in_the_middle_of_a_list_is_noticed(self):
        self.place.nexakey("import", "--keys", "-", "--scope", "read",
                           stdin="".join(f"fc_live_{number:028}\n" for number in range(KEYS)))
        with subprocess.Popen([NEXAKEY, "list", "-o", "jsonl"], env=self.place.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
            self.assertTrue(command.stdout.readline())
            self.postgres("pause")
            began = time.monotonic()
            _, errors = command.communicate(timeout=60)
        self.assertLess(time.monotonic() - began, BOUND)
        self.assertEqual(command.returncode, 6, errors)

    def test_a_server_that_stops_at_a_commit_leaves_an_unknown_outcome(self):
        proxy = PostgresProxy(self.folder.name, f"{self.folder.name}/server")
        self.addCleanup(proxy.close)
        self.place.env["NEXAKEY_STORE"] = self.url_of(self.folder.name)
        proxy.before("^COMMIT$", lambda: self.postgres("pause"))
        self.assertIn("not known", self.check_refused("create", "other", "--scope", "read"))
        self.postgres("resume")
        wait_for(lambda: len(json.loads(self.place.nexakey("list", "-o", "json"))["keys"]) == 2,
                 self.place)


if __name__ == "__main__":
    unittest.main()
