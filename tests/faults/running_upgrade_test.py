#!/usr/bin/env python3
"""A store is migrated while a server of an older version has it open and answers requests. The old
server then answers 503 and admits nothing, no count from before is lost, no window admits more than
its limit, and a quota that is set counts what the older version has admitted.

running_upgrade_test.py OLD_BINARY    prints a line for docs/reliability.md; with
                                      NEXAKEY_TEST_POSTGRES, one for PostgreSQL too"""

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
from pathlib import Path

from secret_home import wait_for_server

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from transcripts import database_on

NEW = os.path.abspath(os.environ["NEXAKEY"])
OLD = os.path.abspath(sys.argv.pop())
TIME_LIMIT = 120
CLIENTS = 8
LIMIT = 1000
QUOTA = 60


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
    def test_on_sqlite(self):
        with tempfile.TemporaryDirectory(prefix="nexakey-") as folder:
            self.upgrade("SQLite", folder, f"{folder}/keys.db")

    @unittest.skipUnless("NEXAKEY_TEST_POSTGRES" in os.environ, "no PostgreSQL server is given")
    def test_on_postgresql(self):
        with tempfile.TemporaryDirectory(prefix="nexakey-") as folder, \
             database_on(os.environ["NEXAKEY_TEST_POSTGRES"]) as url:
            self.upgrade("PostgreSQL", folder, url)

    def upgrade(self, kind, folder, store):
        self.env = {"PATH": os.environ["PATH"], "HOME": folder, "NEXAKEY_STORE": store}
        key = self.run_command(OLD, "create", "crm", "--scope", "read", "--rate-limit", str(LIMIT), "-q")
        old = self.start(OLD, f"{folder}/old.sock")
        line = self.make_line(old)
        answers, migrated = self.migrate_under(old, key)

        before = sum(status == 200 for sent, status in answers)
        late = [status for sent, status in answers if sent > migrated]
        self.assertGreater(before, 0)
        self.assertGreater(len(late), 0)
        self.assertEqual(set(late), {503}, "the old server decided after the migration")

        new = self.start(NEW, f"{folder}/new.sock")
        more = [new.ask(key) for _ in range(LIMIT + 50)]
        admitted = before + more.count(200)
        self.assertEqual(set(more), {200, 429})
        self.assertLessEqual(admitted, LIMIT, "the window admitted more than its limit")
        total = json.loads(self.run_command(NEW, "usage", "crm", "-o", "json"))["total"]
        # What the old server was deciding during the migration may not be counted.
        self.assertGreaterEqual(total["requests"], before + len(more) - CLIENTS)
        self.check_quota(new, line)
        print(f"running upgrade, {kind}: {len(answers)} requests to a server of an older version, "
              f"migrated under it: {len(late)} later ones answered 503, 0 admitted; "
              f"{admitted} of {LIMIT} admitted in all, "
              f"{before + len(more) - total['requests']} not counted; "
              f"0 admitted over a quota of what both versions admit")

    def run_command(self, binary, *words):
        return subprocess.run([binary, *words], env=self.env, capture_output=True, text=True,
                              timeout=TIME_LIMIT, check=True).stdout.strip()

    def start(self, binary, path):
        server = Server(binary, self.env, path)
        self.addCleanup(server.stop)
        return server

    def make_line(self, old):
        """The keys of a line of rotations, used by the older version."""
        first = self.run_command(OLD, "create", "line", "--scope", "read", "-q")
        used = [old.ask(first) for _ in range(QUOTA // 2)]
        successor = self.run_command(OLD, "rotate", "line", "--grace", "1h", "-q")
        used += [old.ask(successor) for _ in range(QUOTA // 6)]
        self.assertEqual(set(used), {200})
        return first, successor

    def check_quota(self, new, line):
        """A quota of all keys of the line counts what the older version has admitted."""
        ids = [json.loads(self.run_command(NEW, "verify", "--dry-run", "-o", "json", "--key-file", self.file(key)))
               ["key_id"] for key in line]
        for key_id in ids:
            self.run_command(NEW, "edit", key_id, "--quota", f"{QUOTA}/month", "-q")
        answers = [new.ask(key) for _ in range(QUOTA // 2) for key in line]
        self.assertEqual(answers.count(200), QUOTA - QUOTA // 2 - QUOTA // 6)
        self.assertEqual(set(answers), {200, 429})

    def file(self, key):
        """A file with a key."""
        path = Path(self.env["HOME"], "key")
        path.touch(mode=0o600)
        path.write_text(key)
        return str(path)

    def migrate_under(self, old, key):
        """Migrates the store while clients ask the old server. When each request was sent, with its
        status; and when the store was migrated."""
        answers = []
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
        self.run_command(NEW, "list")
        migrated = time.monotonic()
        time.sleep(1)
        ends.set()
        for client in clients:
            client.join()
        return answers, migrated


if __name__ == "__main__":
    unittest.main()
