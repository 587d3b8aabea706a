#!/usr/bin/env python3
"""Key files on difficult file systems, and commands that run at once. NEXAKEY is the binary."""

import json
import os
import re
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from secret_home import (NEXAKEY, Home, killed_at, served, system_calls, traced,
                         why_not_traced)

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from transcripts import database_on

AT_ONCE = 5


def why_not_mounted():
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True)
    return done.stderr.strip() if done.returncode != 0 else ""


class KeyFileTest(unittest.TestCase):
    def setUp(self):
        self.home = self.enterContext(Home())

    def key_of(self, file):
        return (self.home.path / file).read_text()

    def check_rotated(self, file, name="live"):
        """The file has the only live key of the name, and nothing is left beside it."""
        live = self.home.live(name)
        self.assertEqual([self.home.holder(file)], [key["id"] for key in live])
        self.assertFalse([each for each in self.home.names() if each.endswith(".new")])


class FileSystems(KeyFileTest):
    def test_a_mount_point_is_written_in_place(self):
        if why := why_not_mounted():
            self.skipTest(f"not run: unshare: {why}")
        self.home.done("create", "live", "--scope", "read", "--key-file", "f", "-q")
        for options in ("--yes", "--grace 1h"):
            script = f"mount --bind f f && '{NEXAKEY}' rotate live --key-file f -q {options}"
            done = subprocess.run(["unshare", "-m", "sh", "-c", script], env=self.home.env,
                                  cwd=self.home.path, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.check_rotated("f")

    def test_a_read_only_mount_is_found_out_first(self):
        if why := why_not_mounted():
            self.skipTest(f"not run: unshare: {why}")
        self.home.done("create", "live", "--scope", "read", "--key-file", "f", "-q")
        script = ("mount --bind f f && mount -o remount,bind,ro f &&"
                  f" '{NEXAKEY}' rotate live --key-file f -q --yes")
        done = subprocess.run(["unshare", "-m", "sh", "-c", script], env=self.home.env,
                              cwd=self.home.path, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("Read-only file system", done.stderr)
        self.check_rotated("f")
        self.assertEqual(len(self.home.keys()), 1)

    def test_files_that_cannot_be_replaced_are_found_out_first(self):
        for flag, what in (("+i", "f"), ("+a", "f"), ("+a", "folder"), ("+i", "folder")):
            with self.subTest(flag=flag, what=what), Home() as home:
                (home.path / "folder").mkdir()
                home.done("create", "live", "--scope", "read", "--key-file", "folder/f", "-q")
                path = home.path / "folder" / "f" if what == "f" else home.path / "folder"
                if subprocess.run(["chattr", flag, path], capture_output=True).returncode != 0:
                    self.skipTest("not run: chattr: this file system or user cannot")
                try:
                    result = home.run("rotate", "live", "--key-file", "folder/f", "-q", "--yes")
                    self.assertEqual(result.returncode, 1, result)
                    self.assertIn("Operation not permitted", result.stderr)
                    self.assertEqual(home.run("create", "x", "--scope", "read", "--key-file",
                                              "folder/x", "-q").returncode,
                                     1 if what == "folder" else 0)
                finally:
                    subprocess.run(["chattr", f"-{flag[1]}", path], check=True)
                self.assertEqual(len(home.live("live")), 1)
                self.assertEqual(home.holder("folder/f"), home.live("live")[0]["id"])
                self.assertFalse([each for each in os.listdir(home.path / "folder")
                                  if each.endswith(".new")])

    def test_neither_hard_links_nor_exclusive_renames_are_needed(self):
        if why := why_not_traced():
            self.skipTest(f"not run: strace: {why}")
        for call, error in (("link,linkat", "EPERM"), ("renameat2", "EINVAL")):
            with self.subTest(call=call), Home() as home:
                under = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={call}",
                         "-e", f"inject={call}:error={error}"]
                for words in (("create", "a", "--scope", "read", "--key-file", "a.key", "-q"),
                              ("token", "create", "a", "--role", "admin", "--secret-file", "a.token",
                               "-q"),
                              ("rotate", "a", "--grace", "1h", "--key-file", "a.key", "-q"),
                              ("export", "a.export", "-q")):
                    result = home.run(*words, under=under)
                    self.assertEqual((result.returncode, result.stderr), (0, ""), words)
                result = home.run("create", "b", "--scope", "read", "--key-file", "a.key", "-q",
                                  under=under)
                self.assertEqual(result.returncode, 4, result)
                self.assertEqual(home.holder("a.key"), home.live("a")[0]["id"])
                self.assertEqual(home.names(), ["a.export", "a.key", "a.token"])

    def test_a_placeholder_of_an_interrupted_command_is_replaced(self):
        if why := why_not_traced():
            self.skipTest(f"not run: strace: {why}")
        words = ("create", "a", "--scope", "read", "--key-file", "a.key", "-q")
        under = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=renameat2,rename", "-e",
                 "inject=renameat2:error=EINVAL", "-e", "inject=rename:signal=KILL:when=1+"]
        self.home.done("create", "other", "--scope", "read", "-q")
        self.assertIn(self.home.run(*words, under=under).returncode, (137, -9))
        self.assertEqual(self.key_of("a.key"), "")
        self.home.done(*words)
        self.check_rotated("a.key", "a")

    def test_a_key_that_cannot_be_published_is_revoked(self):
        if why := why_not_traced():
            self.skipTest(f"not run: strace: {why}")
        self.home.done("create", "other", "--scope", "read", "-q")
        words = ("create", "a", "--scope", "read", "--key-file", "a.key", "-q")
        result = self.home.run(*words, under=traced("renameat2", "error=EIO"))
        self.assertEqual((result.returncode, result.stdout), (1, ""), result)
        self.assertEqual((self.home.live("a"), self.home.names()), ([], []))


class Tokens(KeyFileTest):
    def test_a_rotation_that_is_killed_is_completed_by_the_next(self):
        if why := why_not_traced():
            self.skipTest(f"not run: strace: {why}")
        rotate = ("token", "rotate", "ops", "--secret-file", "ops.token", "-q")

        def prepared():
            home = Home()
            home.done("token", "create", "ops", "--role", "admin", "--secret-file", "ops.token", "-q")
            home.done("token", "create", "other", "--role", "admin", "-q")
            return home

        with prepared() as home:
            points = system_calls(home, *rotate)
        wanted = re.compile(r"fsync|fdatasync|pwrite64|(rename|unlink)(at2?)?|open(at)?|close")
        points = [point for point in points if wanted.fullmatch(point[0])]
        self.assertGreater(len(points), 50)
        half_done = 0
        for call, number in points[::int(os.environ.get("NEXAKEY_STRIDE", 3))]:
            with self.subTest(call=call, number=number), prepared() as home:
                killed = home.run(*rotate, under=killed_at(call, number))
                self.assertIn(killed.returncode, (137, -9))
                half_done += (home.path / ".ops.token.new").exists()
                home.done(*rotate)
                self.check_one_token(home)
        self.assertGreater(half_done, 0)

    def check_one_token(self, home):
        live = [token for token in self.tokens(home, "ops") if token["status"] == "active"]
        secret = (home.path / "ops.token").read_text().strip()
        self.assertEqual([token["hint"][-4:] for token in live], [secret[-4:]])
        self.assertFalse([name for name in home.names() if name.startswith(".ops")])

    def tokens(self, home, name):
        tokens = json.loads(home.done("token", "list", "-o", "json"))["tokens"]
        return [token for token in tokens if token["name"] == name]

    def test_what_is_left_is_done_for_the_token_that_it_was_begun_for(self):
        if why := why_not_traced():
            self.skipTest(f"not run: strace: {why}")
        home = self.home
        for name in ("a", "c"):
            home.done("token", "create", name, "--role", "admin", "--secret-file", f"{name}.token", "-q")
        rotate = ("token", "rotate", "a", "--secret-file", "a.token", "-q")
        points = system_calls(home, *rotate)
        renamed = max(n for n, (call, _) in enumerate(points) if call == "rename")
        synced = next(point for point in points[renamed:] if point[0] == "fsync")
        old = (home.path / "a.token").read_text()
        home.run(*rotate, under=killed_at(*synced))  # the old token is not revoked
        self.assertNotEqual((home.path / "a.token").read_text(), old)
        self.assertTrue((home.path / ".a.token.new").exists())
        result = home.run("token", "rotate", "c", "--secret-file", "a.token", "-q")
        self.assertEqual(result.returncode, 4, result)
        self.assertEqual([token["status"] for token in self.tokens(home, "c")], ["active"])
        home.done(*rotate)
        self.assertEqual([token["status"] for token in self.tokens(home, "a")],
                         ["active", "revoked", "revoked"])


class Holders(KeyFileTest):
    """What may be replaced is the key that is rotated, a predecessor, or one that has ended."""

    def rotate(self, name, file, *options):
        return self.home.run("rotate", name, "--grace", "1h", "--key-file", file, "-q", *options)

    def test_only_what_is_known_to_be_of_no_use_is_replaced(self):
        for name in ("a", "b", "ended"):
            self.home.done("create", name, "--scope", "read", "--key-file", name, "-q")
        self.home.done("create", "a", "-w", "other", "--scope", "read", "--key-file", "o", "-q")
        self.home.done("create", "s", "--scope", "read", "--key-file", "s", "-q")
        self.home.done("edit", "s", "--suspend", "-q")
        self.home.done("revoke", "ended", "-y", "-q")
        (self.home.path / "text").write_text("text\n")
        (self.home.path / "empty").touch()
        self.home.done("create", "a", "--store", "foreign.db", "--scope", "read", "--key-file", "x",
                       "-q")
        for file, is_replaced in (("o", False), ("b", False), ("s", False), ("text", False),
                                  ("x", False), ("ended", True), ("empty", True)):
            with self.subTest(file=file):
                before = self.key_of(file)
                result = self.rotate("a", file)
                self.assertEqual(result.returncode, 0 if is_replaced else 4, result)
                self.assertEqual(self.key_of(file) != before, is_replaced)
        # The file "a" has a predecessor of the newest key, which still is in its grace.
        self.assertEqual(self.rotate("a", "a").returncode, 0)
        self.check_rotated("a", "a")

    def test_an_unfinished_rotation_of_another_store_stays(self):
        if why := why_not_traced():
            self.skipTest(f"not run: strace: {why}")
        (self.home.path / "keys").mkdir()
        for store in ("one.db", "two.db"):
            for name in ("a", "b"):
                self.home.done("create", name, "--store", store, "--scope", "read", "-q",
                               "--key-file", f"{store}.{name}")
        words = ("rotate", "--store", "one.db", "--name", "a", "--grace", "1h", "--key-file", "keys",
                 "-q")
        # Before the store has it; and after, when the file no longer says whose it is.
        for call, whose in (("fdatasync", f"of {self.home.path.resolve()}/one.db, which"),
                            ("rename", "has a key, which")):
            self.home.run(*words, under=traced(call, "signal=KILL:when=1"))
            staged = self.key_of("keys/.a.new")
            result = self.home.run("rotate", "--store", "two.db", "--name", "[ab]", "--grace", "1h",
                                   "--key-file", "keys", "-q")
            self.assertEqual(result.returncode, 4, result)
            self.assertIn(whose, result.stderr)
            self.assertEqual(self.key_of("keys/.a.new"), staged)
            self.assertTrue((self.home.path / "keys" / "b").exists())  # the other key went on
            self.home.done(*words)
            self.assertFalse((self.home.path / "keys" / ".a.new").exists())
            (self.home.path / "keys" / "a").unlink()
            (self.home.path / "keys" / "b").unlink()


class AtOnce(KeyFileTest):
    def start_all(self, *words):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda _: self.home.run(*words), range(AT_ONCE)))

    def test_runs_over_all_keys(self):
        (self.home.path / "keys").mkdir()
        names = [f"s{n}" for n in range(5)]
        for name in names:
            self.home.done("create", name, "--scope", "read", "--key-file", f"keys/{name}", "-q")
        time.sleep(1.2)
        for result in self.start_all("rotate", "--older-than", "1s", "--name", "s*", "--grace", "2d",
                                     "--key-file", "keys"):
            self.assertEqual(result.returncode, 0, result)
            self.assertNotIn("cannot", result.stderr)
        for name in names:
            self.check_rotated(f"keys/{name}", name)

    def test_one_key_into_a_file(self):
        self.home.done("create", "live", "--scope", "read", "--key-file", "f", "-q")
        for result in self.start_all("rotate", "live", "--grace", "1h", "--key-file", "f"):
            self.assertEqual(result.returncode, 0, result)
        self.check_rotated("f")

    def test_one_key_that_is_shown(self):
        self.home.done("create", "live", "--scope", "read", "-q")
        results = self.start_all("rotate", "live", "--grace", "1h", "-o", "json")
        live = self.home.live("live")
        self.assertEqual(len(live), 1)
        for result in results:
            shown = json.loads(result.stdout)["rotated"]
            if result.returncode == 0:
                self.assertEqual(len(shown), 1, result)
            else:
                self.assertEqual(result.returncode, 4, result)
                self.assertIn("rotated", result.stderr)
        self.assertIn(0, [result.returncode for result in results])

    def test_one_name(self):
        results = self.start_all("create", "only", "--scope", "read", "--unique", "-q")
        self.assertEqual(sorted(result.returncode for result in results), [0] + 4 * [4])
        self.assertEqual(len(self.home.live("only")), 1)

    def test_one_file(self):
        words = ("create", "ci", "--scope", "read", "--key-file", "ci.key", "-q", "--if-not-exists")
        for result in self.start_all(*words):
            self.assertEqual(result.returncode, 0, result)
        self.check_rotated("ci.key", "ci")
        self.assertEqual(len(self.home.keys()), 1)


class AtOnceOverHttp(AtOnce):
    def setUp(self):
        origin = self.enterContext(Home())
        path = self.enterContext(served(origin))
        self.home = self.enterContext(Home(f"unix:{path}",
                                           NEXAKEY_TOKEN_FILE=f"{origin.path}/admin.token"))


class AtOnceOnPostgres(AtOnce):
    def setUp(self):
        server = os.environ.get("NEXAKEY_TEST_POSTGRES")
        if not server:
            self.skipTest("not run: no PostgreSQL server")
        self.home = self.enterContext(Home(self.enterContext(database_on(server))))


if __name__ == "__main__":
    unittest.main()
