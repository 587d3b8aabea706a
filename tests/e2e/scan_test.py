#!/usr/bin/env python3
"""Leaked keys in real git repositories, and hostile input."""

import gzip
import io
import json
import os
import re
import stat
import subprocess
import tarfile
import unittest
import zipfile
from pathlib import Path

from repository import LEAKED, NEXAKEY, Home

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scanning.md"


class History(Home):
    def make_history(self):
        """A history of added, moved and deleted files with merged branches; returns the places of the key."""
        key = self.create("crm")
        first = self.commit("first", "a.txt", f"x\nkey={key}\n")
        self.git("rm", "--quiet", "a.txt")
        self.commit("removed")
        self.git("checkout", "--quiet", "-b", "side", first)
        self.git("mv", "a.txt", "dir with\nline")
        moved = self.commit("moved")
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--strategy", "ours", "side", "--message", "merged")
        self.git("merge", "--quiet", "--no-commit", "--no-ff", "-s", "ours", "side")
        self.write("evil.txt", f"   {key}")
        evil = self.commit("with more than was merged")
        said = self.commit(f"I said {key}")
        self.git("tag", "--annotate", "v1", "--message", f"so did I: {key}")
        tag = self.git("rev-parse", "v1")
        return sorted([f"{first}:a.txt:2:5", f"{moved}:dir with\ufffdline:2:5",
                       f"{evil}:evil.txt:1:4", said, tag])

    def assert_found(self, found, expected):
        places = sorted(place if ".txt" in place or "\ufffd" in place else place.split(":")[0]
                        for place, _ in found)
        self.assertEqual(places, expected)
        self.assertEqual({name for _, name in found}, {"crm"})

    def test_loose_and_packed(self):
        expected = self.make_history()
        self.assert_found(self.scan("--history", status=LEAKED), expected)
        self.git("gc", "--quiet", "--aggressive", "--prune=now")
        self.assert_found(self.scan("--history", status=LEAKED), expected)
        self.assertEqual(self.scan("--history", "HEAD", "^HEAD"), [])

    def test_revisions(self):
        key = self.create("crm")
        before = self.commit("clean", "a.txt", "nothing\n")
        leaked = self.commit("leak", "a.txt", key)
        self.commit("mended", "a.txt", "nothing\n")
        self.assertEqual(self.scan("--history", before), [])
        self.assertEqual(self.scan("--history", f"{before}..HEAD", status=LEAKED),
                         [(f"{leaked}:a.txt:1:1", "crm")])
        for revision in ("nothing", "--output=x", "."):
            done = self.run_in(NEXAKEY, "scan", "--history", "--", revision)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("git failed: fatal: ", done.stderr)
        self.assertFalse((self.repository / "x").exists())

    def test_what_no_commit_has(self):
        key = self.create("crm")
        self.commit("empty")
        self.write("thrown-away", key)
        blob = self.git("hash-object", "-w", "thrown-away")
        self.assertEqual(self.scan("--history", status=LEAKED), [(f"{blob}:1:1", "crm")])

    def test_archive_in_a_commit(self):
        key = self.create("crm")
        commit = self.commit("packed", "logs/a.gz", gzip.compress(f"\n{key}".encode()))
        self.assertEqual(self.scan("--history", status=LEAKED),
                         [(f"{commit}:logs/a.gz:2:1", "crm")])

    def test_no_repository(self):
        self.create("crm")
        for mode in ("--history", "--staged"):
            done = self.run_in(NEXAKEY, "scan", mode, cwd=self.home)
            self.assertEqual(done.returncode, 1)
            self.assertIn("git failed: fatal: not a git repository", done.stderr)


class WorkTree(Home):
    def test_what_git_ignores(self):
        key = self.create("crm")
        self.write(".gitignore", "/build\n*.log\n")
        self.write(".git/info/exclude", "mine\n")
        self.write("../.config/git/ignore", "everywhere\n")
        ignored = ["build/a", "x.log", "mine", "sub/everywhere"]
        for path in ["tracked", "sub/untracked", *ignored]:
            self.write(path, key)
        self.git("add", "tracked")
        self.write("deleted", "x")
        self.git("add", "deleted")
        (self.repository / "deleted").unlink()
        places = lambda paths: [(f"{path}:1:1", "crm") for path in sorted(paths)]
        self.assertEqual(self.scan(status=LEAKED), places(["tracked", "sub/untracked"]))
        self.assertEqual(self.scan("sub", status=LEAKED), places(["sub/untracked"]))
        self.assertEqual(self.scan("--no-ignore", status=LEAKED),
                         places(["tracked", "sub/untracked", *ignored]))
        # Files that are named are searched in any case.
        self.assertEqual(self.scan("build", "x.log", status=LEAKED), places(["build/a", "x.log"]))

    def test_repositories_in_one_another(self):
        key = self.create("crm")
        inner = self.repository / "inner"
        self.run_in("git", "init", "--quiet", str(inner))
        self.write("inner/.gitignore", "ignored\n")
        for path in ("inner/ignored", "inner/seen", "outer"):
            self.write(path, key)
        expected = [("inner/seen:1:1", "crm"), ("outer:1:1", "crm")]
        self.assertEqual(self.scan(status=LEAKED), expected)
        found = self.scan("repository", cwd=self.home, status=LEAKED)
        self.assertEqual(found, [(f"repository/{place}", name) for place, name in expected])
        # In a folder that is not a repository, each repository below it still follows its own
        # rules.
        self.write("../plain/.gitignore", "secret\n")
        self.write("../plain/secret", key)
        found = self.scan("plain", "repository", cwd=self.home, status=LEAKED)
        self.assertEqual(found, [("plain/secret:1:1", "crm")] +
                         [(f"repository/{place}", name) for place, name in expected])

    def test_links_pipes_and_what_is_closed(self):
        key = self.create("crm")
        (self.home / "outside").mkdir()
        (self.home / "outside" / "secret").write_text(key)
        os.mkfifo(self.repository / "pipe")
        for name, target in (("file", "../outside/secret"), ("folder", "../outside"),
                             ("itself", "itself"), ("broken", "nothing")):
            (self.repository / name).symlink_to(target)
        self.git("add", "file", "folder")
        for option in ([], ["--no-ignore"]):
            self.assertEqual(self.scan(*option), [])
        # A tracked folder that was replaced by a link is not followed.
        self.write("was/secret", "x")
        self.git("add", "was")
        (self.repository / "was" / "secret").unlink()
        (self.repository / "was").rmdir()
        (self.repository / "was").symlink_to("../outside")
        self.assertEqual(self.scan(), [])
        # A link that is named is followed.
        self.assertEqual(self.scan("file", status=LEAKED), [("file:1:1", "crm")])
        if os.geteuid() != 0:
            self.write("closed", key)
            os.chmod(self.repository / "closed", 0)
            self.assertEqual(self.scan(status=1, warns=True), [])


class Drill(Home):
    """From a commit that would leak a key to the revocation of the key."""

    @staticmethod
    def documented(first_line):
        """The block of docs/scanning.md that begins with a line."""
        blocks = re.findall(r"^```[^\n]*\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
        return next(block for block in blocks if block.startswith(first_line))

    def test_hook_stops_a_commit(self):
        key = self.create("crm")
        hook = self.repository / ".git/hooks/pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(self.documented("#!/bin/sh\nexec nexakey scan --staged"))
        hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
        self.commit("clean", "a.txt", "nothing\n")
        self.write("a.txt", f"key = {key}\n")
        self.git("add", "a.txt")
        self.write("a.txt", "mended, but not staged\n")
        done = self.run_in("git", "commit", "--message", "leak")
        self.assertEqual(done.returncode, 1)
        self.assertIn("a.txt:1:7", done.stdout + done.stderr)
        self.git("add", "a.txt")
        self.git("commit", "--quiet", "--message", "mended")
        # Unstaged changes are not searched; `commit --all` stages them for the hook.
        self.write("a.txt", key)
        self.write("b.txt", "b\n")
        self.git("add", "b.txt")
        self.git("commit", "--quiet", "--message", "only b")
        self.assertEqual(self.run_in("git", "commit", "--all", "--message", "leak").returncode, 1)

    def test_from_commit_to_revoked(self):
        key = self.create("crm")
        self.commit("clean", "a.txt", "nothing\n")
        self.git("branch", "origin/main")
        leaked = self.commit("leak", "deploy/.env", f"A=1\nKEY={key}\n")
        self.commit("too late", "deploy/.env", "A=1\n")
        steps = self.documented("nexakey scan --offline\n").splitlines()
        self.assertEqual(self.run_in("sh", "-c", steps[0]).returncode, 0)
        ci = self.run_in("sh", "-c", steps[1])
        self.assertEqual(ci.returncode, LEAKED, ci.stderr)
        self.assertIn(f"{leaked}:deploy/.env:2:5", ci.stdout)
        self.assertEqual(self.run_in(NEXAKEY, "verify", "-q", input=key).returncode, 0)
        done = self.run_in(NEXAKEY, "scan", "--history", "--revoke")
        self.assertEqual(done.returncode, 5)
        done = self.run_in(NEXAKEY, "scan", "--history", "--revoke", "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.run_in(NEXAKEY, "verify", "-q", input=key).returncode, 41)
        shown = self.run_in(NEXAKEY, "list", "--status", "revoked", "-o", "json")
        self.assertEqual(json.loads(shown.stdout)["keys"][0]["revoke_reason"],
                         f"leaked: {leaked}:deploy/.env:2:5")
        self.scan("--history")


class Hostile(Home):
    def test_near_misses_and_long_lines(self):
        key = self.create("crm")
        near = b"fc_live_" * 200_000 + b"ZmNfbGl2ZV" * 100_000 + b"66635f6c6976655f" * 100_000
        self.write("near", near + key.encode())
        self.assertEqual(self.scan("near", status=LEAKED), [(f"near:1:{len(near) + 1}", "crm")])

    def test_bombs(self):
        key = self.create("crm")
        self.write("bomb.gz", gzip.compress(gzip.compress(bytes(80 << 20))))
        with zipfile.ZipFile(self.repository / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(10):
                archive.writestr(f"{number}", bytes(8 << 20))
        self.write("key", key)
        done = self.run_in(NEXAKEY, "scan")
        self.assertEqual(done.returncode, LEAKED, done.stderr)
        self.assertIn("key:1:1", done.stdout)
        self.assertEqual(done.stderr.count("unpacks to more than the limit"), 2, done.stderr)

    def test_archives_in_one_another(self):
        key = self.create("crm")
        packed = key.encode()
        for depth in range(1, 10):
            packed = gzip.compress(packed)
            if depth == 8:
                self.write("eight.gz", packed)
        self.write("nine.gz", packed)
        self.assertEqual(self.scan("eight.gz", status=LEAKED), [("eight.gz:1:1", "crm")])
        self.assertEqual(self.scan("nine.gz", status=1, warns=True), [])

    def test_damaged_archives(self):
        key = self.create("crm")
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            for name in ("first", "second"):
                member = tarfile.TarInfo(f"../{name}\n\x1b[31m")
                member.size = len(key)
                archive.addfile(member, io.BytesIO(key.encode()))
        packed = gzip.compress(os.urandom(4096) + tar.getvalue())
        self.write("cut.tar", tar.getvalue()[:1600])
        self.write("cut.gz", packed[:-2000])
        self.write("empty.gz", packed[:3])
        self.write("bad.zip", b"PK\x03\x04" + bytes(100))
        found = self.scan(status=LEAKED, warns=True)
        self.assertEqual([name for _, name in found], ["crm", "crm"])
        self.assertTrue(all(place.isprintable() for place, _ in found), found)

    def test_deep_folders(self):
        key = self.create("crm")
        deep = self.home / "deep"
        deep.mkdir()
        here = os.open(deep, os.O_RDONLY)
        for _ in range(100):
            os.mkdir("d" * 200, dir_fd=here)
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        file = os.open("file", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=here)
        os.write(file, key.encode())
        os.close(file)
        os.close(here)
        found = self.scan("deep", cwd=self.home, status=LEAKED)
        self.assertEqual([name for _, name in found], ["crm"])
        subprocess.run(["rm", "-rf", deep], check=True)  # deeper than Python removes


if __name__ == "__main__":
    unittest.main()
