"""A folder with a store, and what the tests of new secrets ask it."""

import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

NEXAKEY = os.path.abspath(os.environ["NEXAKEY"])
TIME_LIMIT = 120  # seconds, for every command
# A folder in memory, for tests whose subject is not the disk; nothing if there is none.
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Home:
    """A new store, with the environment to use it; `store` is the URL of another one."""

    def __init__(self, store=None, **variables):
        self.folder = tempfile.TemporaryDirectory(prefix="nexakey-secrets-")
        self.path = Path(self.folder.name)
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "ASAN_OPTIONS", "TSAN_OPTIONS")
                if name in os.environ}
        # LeakSanitizer does not work under strace.
        kept["ASAN_OPTIONS"] = kept.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        self.env = kept | {"NEXAKEY_STORE": store or f"{self.path}/keys.db", "HOME": self.folder.name,
                           "NEXAKEY_SYSTEM_CONFIG": "/nowhere"} | variables

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def run(self, *words, under=(), stdin=""):
        """Runs a command, under another one such as strace."""
        return subprocess.run([*under, NEXAKEY, *map(str, words)], env=self.env, cwd=self.path,
                              input=stdin, capture_output=True, text=True, timeout=TIME_LIMIT)

    def done(self, *words, stdin=""):
        """The output of a command that succeeds."""
        result = self.run(*words, stdin=stdin)
        assert result.returncode == 0, (words, result)
        return result.stdout

    def keys(self, *filters):
        return json.loads(self.done("list", "--status", "all", "-o", "json", *filters))["keys"]

    def live(self, name):
        """The keys of a name that are active and have no successor."""
        return [key for key in self.keys("--name", name)
                if key["status"] == "active" and not key["superseded_by"]]

    def tokens(self, name):
        listed = json.loads(self.done("token", "list", "-o", "json"))["tokens"]
        return [token for token in listed if token["name"] == name and token["status"] == "active"]

    def holder(self, file):
        """The id of the key in a file; nothing if it admits no request."""
        result = self.run("verify", "--key-file", file, "--dry-run", "-o", "json")
        decision = json.loads(result.stdout) if result.stdout else {}
        return decision.get("key_id") if decision.get("allowed") else None

    def names(self):
        """The files beside the store."""
        return sorted(path.name for path in self.path.iterdir()
                      if not path.name.startswith("keys.db"))


def wait_for_server(process, path):
    """Waits until a server listens at a Unix socket, whose file is there a moment earlier."""
    give_up = time.monotonic() + TIME_LIMIT
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(path) == 0:
                return
        assert time.monotonic() < give_up and process.poll() is None, "the server does not start"
        time.sleep(0.005)


@contextlib.contextmanager
def served(home):
    """A server of the store: the path of its socket. The token of an admin is in admin.token."""
    token = home.path / "admin.token"
    token.touch(mode=0o600)
    token.write_text(home.done("token", "create", "admin", "--role", "admin", "-q"))
    path = f"{home.path}/serve.sock"
    server = subprocess.Popen([NEXAKEY, "serve", "--listen", f"unix:{path}", "--log", "none"],
                              env=home.env, stderr=subprocess.DEVNULL)
    try:
        wait_for_server(server, path)
        yield path
    finally:
        server.kill()
        server.wait()


def traced(call, fault):
    """The words before a command that make strace inject a fault into a system call. Nothing is
    traced but this call, because strace counts each by itself."""
    return ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
            f"inject={call}:{fault}"]


def system_calls(home, *words):
    """The system calls of a command, in their order: (name, how many of this name so far). Those of
    the programs that it starts are not among them."""
    calls = home.path / "calls"
    result = home.run(*words, under=["strace", "-qqq", "-s", "0", "-o", calls])
    assert result.returncode == 0, result
    numbers, points = Counter(), []
    for line in calls.read_text().splitlines():
        if found := re.match(r"(\w+)\(", line):
            numbers[found[1]] += 1
            points.append((found[1], numbers[found[1]]))
    return points


def killed_at(call, number):
    """The words before a command that end it with SIGKILL in one of its system calls."""
    return ["strace", "-qqq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
            f"inject={call}:signal=KILL:when={number}"]


def why_not_traced():
    """Why strace cannot be used; nothing if it can."""
    if b"__asan_init" in Path(NEXAKEY).read_bytes():
        return "a sanitizer makes system calls of its own, which must not fail"
    try:
        tried = subprocess.run([*traced("getpid", "error=EPERM:when=60000"), "true"], capture_output=True, text=True)
    except OSError as error:
        return str(error)
    return tried.stderr.strip() if tried.returncode != 0 else ""
