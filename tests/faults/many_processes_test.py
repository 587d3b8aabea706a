#!/usr/bin/env python3
"""Many processes beside a bulk import: many_processes_test.py [PROCESSES], with NEXAKEY in the
environment.

Each of the 32 creates, edits, verifies and revokes keys by 100 commands, one after the other, while
200,000 keys are imported. Each command succeeds, and what they did adds up.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import figure
from secret_home import NEXAKEY, Home

PROCESSES = int(sys.argv[1]) if len(sys.argv) > 1 else 32
OPERATIONS = 100  # each
ROUND = 5  # operations on one key
IMPORTED = 200_000
MAX_REVOKE_SECONDS = 1


class Worker:
    """One of the processes: its commands, what they said, and how long revoke took."""

    def __init__(self, home, number):
        self.home, self.number = home, number
        self.failed, self.slowest = [], 0.0

    def run(self, *words, stdin=""):
        begun = time.monotonic()
        done = self.home.run(*words, "-q", stdin=stdin)
        if done.returncode != 0:
            self.failed.append((words, done.stderr))
        return done.stdout.strip(), time.monotonic() - begun

    def work(self):
        for turn in range(OPERATIONS // ROUND):
            name = f"w{self.number}-{turn}"
            key, _ = self.run("create", name, "--scope", "read")
            self.run("edit", name, "--rate-limit", "7")
            self.run("whitelist", "add", name, "203.0.113.0/24")
            self.run("verify", "--ip", "203.0.113.9", stdin=key)
            self.slowest = max(self.slowest, self.run("revoke", name, "-y")[1])
        return self


def main():
    with Home() as home:
        home.done("create", "first", "--scope", "read", "-q")
        keys = "".join(f"fc_live_{n:028}\n" for n in range(IMPORTED))
        (home.path / "list").write_text(keys)
        importing = subprocess.Popen([NEXAKEY, "import", "--keys", "list", "--scope", "read", "-q"],
                                     env=home.env, cwd=home.path)
        with ThreadPoolExecutor(PROCESSES) as pool:
            workers = list(pool.map(lambda number: Worker(home, number).work(), range(PROCESSES)))
        was_beside = importing.poll() is None
        assert importing.wait() == 0, "the import failed"
        rounds = PROCESSES * OPERATIONS // ROUND
        own = home.keys("--name", "w*")
        requests = json.loads(home.done("usage", "-o", "json"))["total"]
        sums = (len(own), sum(key["status"] == "revoked" for key in own), sum(key["rate_limit"] for key in own),
                requests["requests"] - requests["errors"])
        home.done("audit", "--check", "-q")
        failed = [problem for worker in workers for problem in worker.failed]
        for problem in failed[:5]:
            print(problem, file=sys.stderr)
        slowest = max(worker.slowest for worker in workers)
        figure.report(10, f"commands of {PROCESSES} processes beside an import of {IMPORTED:,} keys",
                      PROCESSES * OPERATIONS,
                      {"failed": len(failed), "sums that differ": int(sums != (rounds, rounds, 7 * rounds, rounds)),
                       "revokes over a second": int(slowest > MAX_REVOKE_SECONDS)},
                      f"the slowest revoke took {slowest:.2f} s; the import {'was running at' if was_beside else 'ended before'}"
                      " the end")


if __name__ == "__main__":
    main()
