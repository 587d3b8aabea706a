"""A home with a store and a git repository, for the tests of scan."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

NEXAKEY = os.path.abspath(os.environ["NEXAKEY"])
TIME_LIMIT = 300  # seconds; a sanitizer is slow
LEAKED = 8


class Home(unittest.TestCase):
    """A home with a store and a repository."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="nexakey-")
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.repository = self.home / "repository"
        self.repository.mkdir()
        kept = {name: os.environ[name] for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")
                if name in os.environ}
        self.env = kept | {
            "PATH": f"{Path(NEXAKEY).parent}:{os.environ['PATH']}", "HOME": str(self.home),
            "NEXAKEY_SYSTEM_CONFIG": "/nowhere",
            "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
        }
        self.git("init", "--quiet", "--initial-branch", "main")

    def run_in(self, *command, cwd=None, **options):
        return subprocess.run(command, cwd=cwd or self.repository, env=self.env, text=True,
                              capture_output=True, timeout=TIME_LIMIT, **options)

    def git(self, *words, **options):
        done = self.run_in("git", *words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def create(self, name):
        done = self.run_in(NEXAKEY, "create", name, "--scope", "read", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def write(self, path, text):
        path = self.repository / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def commit(self, message, path=None, text=None):
        if path:
            self.write(path, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def scan(self, *words, status=0, warns=False, **options):
        """Returns the places that a scan finds, with the names of the keys."""
        done = self.run_in(NEXAKEY, "scan", "-o", "json", *words, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(bool(done.stderr), warns, done.stderr)
        self.assertNotRegex(done.stdout + done.stderr, "fc_live_[0-9A-Za-z]{28}")
        return [(found["place"], found["name"]) for found in json.loads(done.stdout)["findings"]]
