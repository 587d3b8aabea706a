#!/usr/bin/env python3
"""kill -9 at any time, under load: random_kills_test.py [KILLS], with NEXAKEY in the environment.

Gateways ask a server about keys while commands create and revoke others. Again and again, the
server or a command is killed, and the server starts again; some are killed while others wait for
the lock that they hold. What was acknowledged is there, each decision that was answered is counted,
and the window stays exact.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import figure
from secret_home import NEXAKEY, TIME_LIMIT, Home, traced, why_not_traced
from traffic import Decisions, Gateway, Server, Threads

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
GATEWAYS = 4
LIMIT = 200
EACH_HOLDER = 10  # one of so many kills is of a process that holds a lock


class Load(Threads):
    """The gateways and commands, and what was acknowledged to them."""

    def __init__(self, home):
        self.home, self.path = home, f"{home.path}/serve.sock"
        self.counted = home.done("create", "counted", "--scope", "read", "--rate-limit", "100000,100000/1s",
                                 "--quota", "1000000000/month", "-q").strip()
        self.limited = home.done("create", "limited", "--scope", "read", "--rate-limit", str(LIMIT), "-q").strip()
        self.decisions = {self.counted: Decisions(), self.limited: Decisions()}
        self.created, self.revoked = set(), set()
        self.command = None
        super().__init__(*[self.ask] * GATEWAYS, self.change)

    def ask(self):
        gateway, source = None, random.Random(threading.get_ident())
        while not self.ends.is_set():
            key = self.limited if source.random() < 0.2 else self.counted
            own = self.decisions[key]
            begun = time.monotonic()
            try:
                gateway = gateway or Gateway(self.path)
            except OSError:
                time.sleep(0.002)
                continue
            try:
                status = gateway.ask(key)
            except (OSError, AssertionError):
                status = 0
                gateway.close()
                gateway = None
            with self.lock:
                {200: own.admitted, 429: own.refused}.get(status, own.others).append((begun, time.monotonic()))

    def change(self):
        number = 0
        while not self.ends.is_set():
            name = f"k{number}"
            if self.run("create", name, "--scope", "read", "-q"):
                self.created.add(name)
                if number % 2 and self.run("revoke", name, "-y", "-q"):
                    self.revoked.add(name)
            number += 1

    def run(self, *words):
        """Whether the command has succeeded: not if it was killed."""
        self.command = subprocess.Popen([NEXAKEY, *words], env=self.home.env, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        _, said = self.command.communicate(timeout=TIME_LIMIT)
        assert self.command.returncode in (0, -9), said
        return self.command.returncode == 0


def kill_holder(home, number):
    """Kills a command that was stopped with the writer's lock, after others have waited for it."""
    under = traced("fdatasync", "signal=STOP")
    strace = subprocess.Popen([*under, NEXAKEY, "edit", "counted", "--label", f"kill={number}", "-q"],
                              env=home.env, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    for child in Path(f"/proc/{strace.pid}/task/{strace.pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    assert strace.wait(TIME_LIMIT) in (137, -9)


def kill_one(load, server, source, number):
    """Kills the server or a command; returns the server that runs then."""
    if number % EACH_HOLDER == 0:
        kill_holder(load.home, number)
        return server
    time.sleep(0.002 + 0.1 * source.random())
    command = load.command
    if command is not None and source.random() < 0.5:
        command.kill()
        return server
    server.close()
    return Server(load.home, load.path)


def main():
    if why := why_not_traced():
        figure.not_run(2, f"strace: {why}")
    source = random.Random(int(os.environ.get("NEXAKEY_SEED", "1")))
    with Home() as home:
        load = Load(home)
        server = Server(home, load.path)
        with load:
            for number in range(KILLS):
                server = kill_one(load, server, source, number)
            time.sleep(0.2)
        server.close()
        keys = {key["name"]: key["status"] for key in home.keys()}
        home.done("audit", "--check", "-q")
        home.done("doctor", "-q")
        uncounted = wrong_quotas = 0
        # A process that dies between its two stores has counted one more in the quota.
        decision = json.loads(home.done("verify", "counted", "--dry-run", "-o", "json"))
        quota = next(limit for limit in decision["limits"] if limit["window"] == "month")
        rows = json.loads(home.done("usage", "counted", "--by", "status", "-o", "json"))["by_status"]
        admitted = sum(row["requests"] for row in rows if row["status"] == "200")
        wrong_quotas += not 0 <= quota["requests"] - quota["remaining"] - admitted <= KILLS
        for own, name in ((load.decisions[load.counted], "counted"), (load.decisions[load.limited], "limited")):
            counted = json.loads(home.done("usage", name, "-o", "json"))["total"]["requests"]
            answered = len(own.admitted) + len(own.refused)
            uncounted += max(0, answered - counted) + max(0, counted - answered - len(own.others))
        limited = load.decisions[load.limited]
        figure.report(2, "kill -9 of serve, of commands and of a lock's holder, under load", KILLS, {
            "changes lost": len(load.created - keys.keys()) +
                            sum(keys.get(name) != "revoked" for name in load.revoked),
            "decisions not counted, or twice": uncounted,
            "admitted over the limit": limited.over(LIMIT),
            "quotas that differ from the counts": wrong_quotas,
            "refused with room": limited.refused_with_room(LIMIT)},
            f"{len(load.created):,} creates, {sum(len(own.admitted) + len(own.refused) for own in load.decisions.values()):,}"
            " decisions")


if __name__ == "__main__":
    main()
