#!/usr/bin/env python3
"""Faults at each storage call of a revocation that concerns the revocation log, with NEXAKEY in the
environment: the command is killed, or the call fails.

A revocation that succeeds is in the log. One that fails is made, and the command says that it is not
logged; or the command was killed. In any case the next command that writes the log adds it, and a
backup of before, restored without the store, has the key revoked."""

import shutil
import tempfile
import unittest

from secret_home import IN_MEMORY, Home, traced, why_not_traced
from storage_calls_test import CHANGES, LINE, READS

LOG = "revocations.log"
REVOKE = ("revoke", "k0", "-y", "-q")


def log_of(home):
    file = home.path / LOG
    return file.read_text(errors="replace") if file.exists() else ""


class RevocationLog(unittest.TestCase):
    def setUp(self):
        if why := why_not_traced():
            self.skipTest(f"not run: {why}")
        tempfile.tempdir = IN_MEMORY
        self.template = Home()
        self.addCleanup(self.template.folder.cleanup)
        for number in range(3):
            self.template.done("create", f"k{number}", "--scope", "read", "-q", "--key-file", f"k{number}")
        self.id = self.template.keys("--name", "k0")[0]["id"]
        self.template.done("backup", "before.db", "-q")
        self.template.env["NEXAKEY_REVOCATION_LOG"] = LOG

    def home(self, has_log):
        """A copy of the store, with or without a log."""
        home = Home(NEXAKEY_REVOCATION_LOG=LOG)
        shutil.copytree(self.template.path, home.path, dirs_exist_ok=True)
        if has_log:
            home.done("revoke", "k2", "-y", "-q")
        return home

    def points(self, has_log):
        """(call, n): the n-th such call of the command concerns the log."""
        with self.home(has_log) as home:
            calls = home.path / "calls"
            result = home.run(*REVOKE, under=["strace", "-f", "-y", "-qqq", "-s", "0", "-o", str(calls), "-e",
                                              f"trace={','.join(CHANGES + READS)}"])
            self.assertEqual(result.returncode, 0, result)
            numbers, points = {}, []
            for line in calls.read_text().splitlines():
                if call := LINE.match(line):
                    numbers[call[1]] = numbers.get(call[1], 0) + 1
                    if LOG in line:
                        points.append((call[1], numbers[call[1]]))
        self.assertGreater(len(points), 5)
        return points

    def check_after(self, home):
        """The next writer adds what is missing, and a restored backup is brought up to date."""
        home.done("restore", "--check", "-q")
        self.assertEqual(home.done("restore", "--check", "-o", "json").count(":0"), 3)
        self.assertIn(f"revoked {self.id}", log_of(home))
        for file in home.path.glob("keys.db*"):
            file.unlink()
        home.done("restore", "before.db", "-y", "-q")
        self.assertEqual(home.run("verify", "--key-file", "k0", "-q").returncode, 41)
        home.done("verify", "--key-file", "k1", "-q")

    def test_kills(self):
        for has_log in (False, True):
            for call, number in self.points(has_log):
                with self.subTest(call=call, number=number, has_log=has_log), self.home(has_log) as home:
                    result = home.run(*REVOKE, under=traced(call, f"signal=KILL:when={number}"))
                    self.assertIn(result.returncode, (137, -9), result)
                    if home.run("verify", "--key-file", "k0", "-q").returncode == 0:
                        home.done(*REVOKE)  # it was killed before the change
                    self.check_after(home)

    def test_errors(self):
        for has_log in (False, True):
            for call, number in self.points(has_log):
                errors = ("EIO",) if call in READS else ("EIO", "ENOSPC", "EROFS")
                for error in errors:
                    with self.subTest(call=call, number=number, error=error, has_log=has_log), \
                            self.home(has_log) as home:
                        result = home.run(*REVOKE, under=traced(call, f"error={error}:when={number}"))
                        if result.returncode == 0:
                            self.assertIn(f"revoked {self.id}", log_of(home))
                        else:
                            self.assertEqual(result.returncode, 6, result)
                            self.assertIn("the change was made, but is not logged", result.stderr)
                            self.assertNotIn(f"revoked {self.id}", log_of(home))
                        self.assertEqual(home.run("verify", "--key-file", "k0", "-q").returncode, 41)
                        self.check_after(home)


if __name__ == "__main__":
    unittest.main()
