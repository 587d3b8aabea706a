#!/usr/bin/env python3
"""Processes in another time namespace, as in containers, on one store: their time since boot
differs. NEXAKEY is the binary. Needs root and time namespaces."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

NEXAKEY = os.path.abspath(os.environ["NEXAKEY"])
TIME_LIMIT = 60  # seconds
HERE = []
ELSEWHERE = ["unshare", "--time", "--boottime", "1000"]
ALLOWED, UNAVAILABLE, RATE_LIMITED = 0, 6, 49


def can_unshare():
    try:
        return subprocess.run([*ELSEWHERE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class Clocks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="nexakey-clocks-")
        self.addCleanup(folder.cleanup)
        self.env = {"PATH": os.environ["PATH"], "HOME": folder.name,
                    "NEXAKEY_STORE": str(Path(folder.name, "keys.db")),
                    "NEXAKEY_SYSTEM_CONFIG": "/nowhere"}
        self.key = self.run_command(HERE, "create", "crm", "--scope", "read", "--rate-limit", "3", "-q")

    def run_command(self, where, *words, **options):
        done = subprocess.run([*where, NEXAKEY, *words], env=self.env, capture_output=True, text=True,
                              timeout=TIME_LIMIT, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def verify(self, where):
        return subprocess.run([*where, NEXAKEY, "verify", "-q"], env=self.env, input=self.key,
                              capture_output=True, text=True, timeout=TIME_LIMIT)

    def serve(self, where):
        """A server that has decided once."""
        path = Path(self.env["HOME"], "socket")
        server = subprocess.Popen([*where, NEXAKEY, "verify", "--batch"], env=self.env, text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(lambda: (server.kill(), server.wait(), server.stdin.close(), server.stdout.close()))
        return server

    def ask(self, server):
        server.stdin.write('{"key":"%s"}\n' % self.key)
        server.stdin.flush()
        return '"allowed":true' in server.stdout.readline()

    def test_another_clock_is_refused_while_the_store_is_in_use(self):
        for where, elsewhere in ((HERE, ELSEWHERE), (ELSEWHERE, HERE)):
            with self.subTest(where):
                server = self.serve(where)
                self.assertTrue(self.ask(server))
                refused = self.verify(elsewhere)
                self.assertEqual(refused.returncode, UNAVAILABLE, refused.stderr)
                self.assertRegex(refused.stderr, "another process uses the store by another clock")
                # What needs no clock works, and the first one decides on.
                self.run_command(elsewhere, "list")
                self.assertEqual(self.verify(where).returncode, ALLOWED)
                self.assertTrue(self.ask(server))
                self.assertFalse(self.ask(server))
                server.stdin.close()
                server.wait(TIME_LIMIT)
                self.run_command(HERE, "edit", "crm", "--rate-limit", "6", "-q")

    def test_one_after_another_share_one_window(self):
        codes = [self.verify(where).returncode for where in (HERE, ELSEWHERE) * 3]
        self.assertEqual(codes, [ALLOWED] * 3 + [RATE_LIMITED] * 3)


if __name__ == "__main__":
    if can_unshare():
        unittest.main()
    else:
        print("skipped: clocks: not run: this process may not make a time namespace")
