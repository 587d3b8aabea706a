#!/usr/bin/env python3
"""`nexakey serve --loops 2`: two event loops keep the promises of one."""

import collections
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest
from pathlib import Path

from place import NEXAKEY, Place, wait_for
from serving import Serving, read_all, read_answer

LOOPS = 2
CONNECTIONS = 16  # as many for each loop
LIMIT = 300


class Loops(Serving):
    def serve(self, *options):
        super().serve("--loops", str(LOOPS), *options)

    def connect_many(self, count=CONNECTIONS):
        connections = [self.connect() for _ in range(count)]
        for connection in connections:
            self.addCleanup(connection.close)
        return connections

    def ask_all(self, connections, count, key):
        """Asks on all connections at the same time, `count` times on each. Counts the responses by
        their status."""
        statuses = collections.Counter()
        lock = threading.Lock()

        def ask(connection):
            for _ in range(count):
                connection.sendall(self.asking(Authorization=f"Bearer {key}"))
                status = re.search(rb"\r\nX-Nexakey-Status: (\d+)\r\n", read_answer(connection))
                with lock:
                    statuses[int(status[1])] += 1

        threads = [threading.Thread(target=ask, args=[connection]) for connection in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return statuses

    def busy_threads(self):
        """How long each thread of the server has run, in clock ticks, without idle ones."""
        times = []
        for task in Path(f"/proc/{self.place.server.pid}/task").iterdir():
            words = task.joinpath("stat").read_text().rpartition(")")[2].split()
            times.append(int(words[11]) + int(words[12]))
        return sorted((time for time in times if time > 0), reverse=True)

    def test_windows_and_counts_are_exact_over_all_loops(self):
        limited = self.place.create("limited", "--scope", "read", "--rate-limit", str(LIMIT))
        self.serve()
        connections = self.connect_many()
        statuses = self.ask_all(connections, 2 * LIMIT // CONNECTIONS, limited)
        asked = 2 * LIMIT // CONNECTIONS * CONNECTIONS
        self.assertEqual(statuses, {200: LIMIT, 429: asked - LIMIT})

        samples = self.metrics()
        for identity, value in ((("nexakey_decisions_total", "allowed"), LIMIT),
                                (("nexakey_decisions_total", "rate_limited"), asked - LIMIT),
                                (("nexakey_decision_seconds_count",), asked),
                                (("nexakey_batch_decisions_sum",), asked),
                                (("nexakey_requests_total", "200", "gateway"), LIMIT),
                                (("nexakey_requests_total", "403", "gateway"), asked - LIMIT)):
            with self.subTest(identity=identity):
                self.assertEqual(samples[identity], value)
        self.assertGreaterEqual(samples["nexakey_connections",], CONNECTIONS)
        self.end()
        usage = json.loads(self.place.nexakey("usage", "limited", "-o", "json"))["total"]
        self.assertEqual((usage["requests"], usage["denied"]), (asked, asked - LIMIT))
        lines = [json.loads(line) for line in self.place.log().splitlines() if line[0] == "{"]
        self.assertEqual(sum(line["path"] == "/v1/leads/7" for line in lines), asked)

    def test_each_loop_serves(self):
        self.serve()
        connections = self.connect_many()
        give_up = time.monotonic() + 60
        while len([busy for busy in self.busy_threads() if busy >= 10]) < LOOPS:
            self.assertLess(time.monotonic(), give_up, self.busy_threads())
            self.assertEqual(set(self.ask_all(connections, 100, self.key)), {200})

    def test_a_revoked_key_is_refused_on_every_connection(self):
        self.serve()
        connections = self.connect_many()
        self.assertEqual(self.ask_all(connections, 1, self.key), {200: CONNECTIONS})
        self.place.nexakey("revoke", "crm", "--yes")
        self.assertEqual(self.ask_all(connections, 1, self.key), {401: CONNECTIONS})

    def test_a_token_and_long_requests_on_every_connection(self):
        token = self.place.nexakey("token", "create", "ann", "--role", "auditor", "--quiet")
        self.serve()
        request = (f"GET /v1/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                   f"Authorization: Bearer {token}\r\n\r\n").encode()
        connections = self.connect_many()
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            self.assertIn(b" 200 OK\r\n", read_all(connection))
        self.place.nexakey("token", "revoke", "ann", "--yes")
        for connection in self.connect_many():
            connection.sendall(request)
            self.assertIn(b" 401 ", read_all(connection))

    def test_connections_are_limited_over_all_loops(self):
        self.serve("--max-connections", str(CONNECTIONS))
        with socket.socket(socket.AF_UNIX) as watching:  # in a share of its own
            watching.connect(f"{self.place.path}/nexakey.sock")
            connections = self.connect_many(2 * CONNECTIONS)
            time.sleep(0.2)
            samples = self.metrics(watching)
        self.assertLessEqual(samples["nexakey_connections",], CONNECTIONS)
        self.assertGreaterEqual(samples["nexakey_connections_replaced_total",], CONNECTIONS)
        self.assertEqual(samples["nexakey_connections_refused_total",], 0)
        open_ones = sum(self.is_open(connection) for connection in connections)
        self.assertGreaterEqual(open_ones, CONNECTIONS - LOOPS)

    @staticmethod
    def is_open(connection):
        connection.setblocking(False)
        try:
            return connection.recv(1) != b""
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False

    def test_more_loops_than_connections(self):
        self.serve("--max-connections", "1")

        def is_answered():  # not if a probe of the start comes later and takes the place
            with self.connect() as connection:
                connection.sendall(self.asking(Connection="close"))
                return b" 200 OK\r\n" in read_all(connection)

        wait_for(is_answered, self.place)
        self.end()

    def test_what_has_arrived_is_answered_at_the_end(self):
        self.serve()
        kept = self.connect_many()
        self.ask_all(kept, 1, self.key)
        self.place.server.send_signal(signal.SIGSTOP)
        waiting = self.connect_many()
        for connection in kept + waiting:
            connection.sendall(self.asking())
        self.place.server.send_signal(signal.SIGTERM)
        self.place.server.send_signal(signal.SIGCONT)
        for connection in kept + waiting:
            self.assertIn(b" 200 OK\r\n", read_all(connection))
        self.assertEqual(self.place.server.wait(60), 0)

    def test_a_second_signal_ends_it_at_once(self):
        self.serve()
        connections = self.connect_many()
        for connection in connections:
            connection.sendall(self.asking()[:-2])
        time.sleep(0.2)
        self.place.server.send_signal(signal.SIGTERM)
        wait_for(lambda: not self.accepts(), self.place)
        began = time.monotonic()
        self.end()
        self.assertLess(time.monotonic() - began, 4)

    def test_the_watchdog_notices_a_loop_that_hangs(self):
        notify = self.listen_notify(f"{self.place.path}/notify")
        self.place.env |= {"NOTIFY_SOCKET": f"{self.place.path}/notify", "WATCHDOG_USEC": "400000"}
        self.serve()
        connections = self.connect_many()
        for _ in range(20):
            self.assertIn(notify.recv(1000), (b"READY=1", b"WATCHDOG=1"))
        with self.hold_lock():  # one loop waits for the store in vain, up to ten seconds
            connections[-1].sendall(self.asking())
            wait_for(lambda: self.is_silent(notify, 2), self.place)
        self.assertEqual(notify.recv(1000), b"WATCHDOG=1")
        self.end()

    @contextlib.contextmanager
    def hold_lock(self):
        """Holds Lock::live of the store, see store/sqlite/lock_file.h."""
        with open(f"{self.place.path}/keys.db-lock", "r+") as file:
            region = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 1, 1, 0)
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, region)
            yield

    @staticmethod
    def is_silent(notify, seconds):
        """Whether no message comes for some time."""
        notify.settimeout(seconds)
        try:
            notify.recv(1000)
            return False
        except TimeoutError:
            return True
        finally:
            notify.settimeout(60)

    def accepts(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Numbers(unittest.TestCase):
    def test_what_is_not_a_number_of_loops(self):
        place = Place()
        self.addCleanup(place.close)
        place.create("crm", "--scope", "read")
        for number in ("0", "65", "two", "-1"):
            with self.subTest(number=number):
                done = subprocess.run([NEXAKEY, "serve", "--loops", number], env=place.env,
                                      capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 2)
                self.assertIn("--loops", done.stderr)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
