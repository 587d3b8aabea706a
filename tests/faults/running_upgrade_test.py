#!/usr/bin/env python3
"""A store is migrated while a server of an older version has it open and answers requests. The old
server then answers 503 and admits nothing, no count from before is lost, and no window admits more
than its limit.

running_upgrade_test.py OLD_BINARY    prints one line for docs/reliability.md"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from secret_home import wait_for_server

NEW = os.path.abspath(os.environ["NEXAKEY"])
OLD = os.path.abspath(sys.argv.pop())
TIME_LIMIT = 120
CLIENTS = 8
LIMIT = 1000


class Server:
    """`nexakey serve` on a Unix socket."""

    def __init__(self, binary, env, socket_path):
        self.socket_path = socket_path
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", f"unix:{socket_path}", "--trusted-proxy", "unix"], env=env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_server(self.process, socket_path)

    def ask(self, key):
        """The status of a decision about a GET request."""
        connection = http.client.HTTPConnection("localhost", timeout=TIME_LIMIT)
        connection.sock = unix_socket(self.socket_path)
        try:
            connection.request("GET", "/auth/envoy/v1/leads", headers={
                "Authorization": f"Bearer {key}", "X-Forwarded-For": "198.51.100.7"})
            return connection.getresponse().status
        finally:
            connection.close()

    def stop(self):
        self.process.terminate()
        self.process.wait(TIME_LIMIT)


def unix_socket(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIME_LIMIT)
    connection.connect(path)
    return connection


class RunningUpgrade(unittest.TestCase):
    def test_a_running_server_of_an_older_version(self):
        with tempfile.TemporaryDirectory(prefix="nexakey-") as folder:
            env = {"PATH": os.environ["PATH"], "HOME": folder,
                   "NEXAKEY_STORE": f"{folder}/keys.db"}

            def run(binary, *words):
                return subprocess.run([binary, *words], env=env, capture_output=True, text=True,
                                      timeout=TIME_LIMIT, check=True).stdout

            key = run(OLD, "create", "crm", "--scope", "read", "--rate-limit", str(LIMIT),
                      "-q").strip()
            old = Server(OLD, env, f"{folder}/old.sock")
            self.addCleanup(old.stop)
            answers = []  # (when it was sent, status)
            ends = threading.Event()

            def ask_on():
                while not ends.is_set():
                    sent = time.monotonic()
                    answers.append((sent, old.ask(key)))
                    time.sleep(0.02)

            clients = [threading.Thread(target=ask_on) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(1)
            run(NEW, "list")
            migrated = time.monotonic()
            time.sleep(1)
            ends.set()
            for client in clients:
                client.join()

            before = sum(status == 200 for sent, status in answers)
            late = [status for sent, status in answers if sent > migrated]
            self.assertGreater(before, 0)
            self.assertGreater(len(late), 0)
            self.assertEqual(set(late), {503}, "the old server decided after the migration")

            new = Server(NEW, env, f"{folder}/new.sock")
            self.addCleanup(new.stop)
            more = [new.ask(key) for _ in range(LIMIT + 50)]
            admitted = before + more.count(200)
            self.assertEqual(set(more), {200, 429})
            self.assertLessEqual(admitted, LIMIT, "the window admitted more than its limit")
            total = json.loads(run(NEW, "usage", "crm", "-o", "json"))["total"]
            # What the old server was deciding during the migration may not be counted.
            self.assertGreaterEqual(total["requests"], before + len(more) - CLIENTS)
            print(f"running upgrade: {len(answers)} requests to a server of an older version, "
                  f"migrated under it: {len(late)} later ones answered 503, 0 admitted; "
                  f"{admitted} of {LIMIT} admitted in all, "
                  f"{before + len(more) - total['requests']} not counted")


if __name__ == "__main__":
    unittest.main()
