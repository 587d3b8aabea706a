#!/usr/bin/env python3
"""Automatic fail-over: failover_test.py [TIMES], with NEXAKEY in the environment.

Three PostgreSQL servers under Patroni in synchronous mode, under load from two servers of nexakey
and from commands. The primary and its Patroni are killed again and again. No acknowledged change and
no count is lost, and decisions go on two seconds after a new primary accepts changes.
"""

import contextlib
import functools
import json
import subprocess
import sys
import time

import figure
import patroni_cluster
from secret_home import NEXAKEY, TIME_LIMIT, Home
from traffic import Gateway, Server, Threads

TIMES = int(sys.argv[1]) if len(sys.argv) > 1 else 10
GATEWAYS = 4
PAUSE = 0.01  # seconds between the requests of a gateway
MAX_DELAY = 2  # seconds after the fail-over
OUTCOME_UNKNOWN = 6


class Load(Threads):
    def __init__(self, home, servers):
        self.home, self.servers = home, servers
        self.key = home.done("create", "counted", "--scope", "read", "--rate-limit", "100000", "-q").strip()
        self.admitted, self.unknown, self.others = 0, 0, 0
        self.last_admitted, self.longest_gap = time.monotonic(), 0.0
        self.created, self.refused = set(), 0
        super().__init__(*(functools.partial(self.ask, servers[n % 2]) for n in range(GATEWAYS)), self.change)

    def ask(self, server):
        gateway = Gateway(server.path)
        while not self.ends.is_set():
            status = gateway.ask(self.key)
            now = time.monotonic()
            with self.lock:
                if status == 200:
                    self.admitted += 1
                    self.last_admitted = max(self.last_admitted, now)
                elif status == 503:
                    self.unknown += 1
                else:
                    self.others += 1
            time.sleep(PAUSE)
        gateway.close()

    def change(self):
        number = 0
        while not self.ends.is_set():
            name = f"k{number}"
            done = self.home.run("create", name, "--scope", "read", "-q")
            if done.returncode == 0:
                self.created.add(name)
            else:
                self.refused += 1
            number += 1
            time.sleep(PAUSE)


def fail_over(cluster, load):
    """Kills the primary. How long decisions stopped beyond the fail-over itself, in seconds."""
    primary = cluster.primary()
    primary.kill()
    killed = time.monotonic()
    give_up = killed + TIME_LIMIT
    while not cluster.accepts_writes():
        assert time.monotonic() < give_up, "no fail-over"
        time.sleep(0.05)
    promoted = time.monotonic()
    while load.last_admitted <= promoted - 0.05:
        assert time.monotonic() < give_up, "no decision is admitted after the fail-over"
        time.sleep(0.01)
    resumed = time.monotonic()
    primary.start()
    cluster.wait_until_whole()
    return promoted - killed, resumed - promoted


def main():
    if why := patroni_cluster.why_not():
        figure.not_run(25, why)
    with contextlib.closing(patroni_cluster.Cluster()) as cluster, Home(cluster.url()) as home, \
            contextlib.ExitStack() as stack:
        home.done("create", "first", "--scope", "read", "-q")
        servers = [stack.enter_context(contextlib.closing(Server(home, f"{home.path}/{n}.sock"))) for n in range(2)]
        load = Load(home, servers)
        times = []
        with load:
            for _ in range(TIMES):
                time.sleep(2)
                times.append(fail_over(cluster, load))
                print(f"fail-over in {times[-1][0]:.1f} s, decisions {times[-1][1]:.2f} s later", flush=True)
        names = {key["name"] for key in home.keys()}
        counted = json.loads(home.done("usage", "counted", "-o", "json"))["total"]["requests"]
        home.done("audit", "--check", "-q")
        figure.report(25, f"primaries killed under load, three servers under Patroni ({len(load.created):,} creates and "
                      f"{load.admitted:,} admitted decisions acknowledged)", TIMES,
                      {"acknowledged changes lost": len(load.created - names),
                       "counts lost": max(0, load.admitted - counted),
                       f"resumed over {MAX_DELAY} s late": sum(late > MAX_DELAY for _, late in times),
                       "decided wrongly": load.others},
                      f"fail-over in at most {max(took for took, _ in times):.1f} s, decisions at most "
                      f"{max(late for _, late in times):.2f} s later")


if __name__ == "__main__":
    main()
