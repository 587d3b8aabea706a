#!/usr/bin/env python3
"""Allocations that fail: allocations_test.py, with NEXAKEY in the environment; needs cc.

Each allocation of a command fails, once and from then on. A command never ends by a signal of its
own; one that fails has shown no secret, a decision is never wrong, and the store is whole. A server
with little memory (ulimit -v) goes on deciding.

NEXAKEY_STRIDE is the distance between two allocations that are tried.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import figure
from secret_home import IN_MEMORY, NEXAKEY, Home
from traffic import Gateway, Server

STRIDE = int(os.environ.get("NEXAKEY_STRIDE", "37"))
COMMANDS = {"create": ("create", "n", "--scope", "read", "-q"), "list": ("list", "-q"),
            "revoke": ("revoke", "k", "-y", "-q"), "good key": ("verify", "-q", "--key-file", "old"),
            "bad key": ("verify", "-q", "--key-file", "bad"), "usage": ("usage", "-q")}
LAST = 1 << 30
SIGNAL, WRONG, BROKEN = "ended by a signal", "decided wrongly or shown", "stores broken"


class Checks:
    def __init__(self, shim, template):
        self.shim, self.template = shim, template

    def run(self, home, words, at, always):
        env = home.env | {"LD_PRELOAD": str(self.shim), "FAIL_AT": str(at)} | ({"FAIL_ALWAYS": "1"} if always else {})
        return subprocess.run([NEXAKEY, *words], env=env, cwd=home.path, capture_output=True, text=True, timeout=120)

    def check(self, name, at, always):
        """What went wrong when an allocation of a command failed, each named once."""
        with Home() as home:
            shutil.copytree(self.template.path, home.path, dirs_exist_ok=True)
            done = self.run(home, COMMANDS[name], at, always)
            after = home.run("verify", "-q", "--key-file", "old")
            is_whole = after.returncode == 0 and home.run("doctor", "-q").returncode == 0
        is_wrong = (name == "bad key" and done.returncode == 0) or \
            (name == "good key" and done.returncode in (41, 42, 43, 49)) or \
            (done.returncode != 0 and "fc_live_" in done.stdout)
        found = [what for what, is_so in ((SIGNAL, done.returncode < 0), (WRONG, is_wrong),
                                          (BROKEN, not is_whole)) if is_so]
        for what in found:
            print(f"{what}: {name} at {at}, always: {always}: {done} {after}", file=sys.stderr)
        return found


def allocations_of(checks, name):
    """How many allocations a command makes: the first that does not fail it."""
    low, high = 1, 1 << 16
    with Home() as home:
        shutil.copytree(checks.template.path, home.path, dirs_exist_ok=True)
        wanted = checks.run(home, COMMANDS[name], LAST, False).returncode
    while low < high:
        middle = (low + high) // 2
        with Home() as home:
            shutil.copytree(checks.template.path, home.path, dirs_exist_ok=True)
            failed = checks.run(home, COMMANDS[name], middle, True).returncode != wanted
        low, high = (middle + 1, high) if failed else (low, middle)
    return low


def serve_with_little(template):
    """A server under ulimit -v answers what it can, and is there at the end. Returns how often it was
    asked, and what went wrong."""
    asked, found = 0, []
    with Home() as home:
        shutil.copytree(template.path, home.path, dirs_exist_ok=True)
        server = Server(home, f"{home.path}/s")
        key, bad = ((home.path / name).read_text().strip() for name in ("old", "bad"))
        size = next(int(line.split()[1]) for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
                    if line.startswith("VmSize")) * 1024
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (size, size))
        try:
            for _ in range(300):
                try:
                    gateway = Gateway(server.path)
                    for each, right in ((key, (200, 503)), (bad, (401, 503))):
                        asked += 1
                        if gateway.ask(each) not in right:
                            found.append(WRONG)
                    gateway.close()
                except (OSError, AssertionError):
                    pass
            if server.process.poll() is not None:
                found.append(SIGNAL)
                print(f"serve ended: {server.process.returncode}", file=sys.stderr)
        finally:
            server.close()
    return asked, found


def main():
    data = Path(NEXAKEY).read_bytes()
    if b"__asan_init" in data or b"__tsan_init" in data:
        figure.not_run(5, "a sanitizer has an allocator of its own")
    if not shutil.which("cc"):
        figure.not_run(5, "cc is not installed")
    tempfile.tempdir = IN_MEMORY
    with tempfile.TemporaryDirectory(prefix="nexakey-malloc-") as folder, Home() as template:
        shim = Path(folder, "failing_malloc.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, Path(__file__).with_name("failing_malloc.c")], check=True)
        template.done("create", "old", "--scope", "read", "--key-file", "old", "-q", "--rate-limit", "100000")
        template.done("create", "k", "--scope", "read", "-q")
        (template.path / "bad").write_text("fc_live_" + "Q7" * 14 + "\n")
        checks = Checks(shim, template)
        cases = [(name, at, always) for name in COMMANDS
                 for at in range(1, allocations_of(checks, name), STRIDE) for always in (False, True)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = Counter(what for each in pool.map(lambda case: checks.check(*case), cases) for what in each)
        asked, wrong = serve_with_little(template)
        found.update(wrong)
    figure.report(5, f"allocations that fail, of {len(COMMANDS)} commands and of serve", len(cases) + asked,
                  {what: found[what] for what in (SIGNAL, WRONG, BROKEN)})


if __name__ == "__main__":
    main()
