#!/usr/bin/env python3
"""Several windows and quotas under contention: limits_test.py [REQUESTS], with NEXAKEY in the
environment, and NEXAKEY_TEST_POSTGRES for a store on PostgreSQL too.

8 processes of verify --batch and two servers decide about keys that have up to five limits, one of
them rotated, while the limits of another are edited again and again. No limit admits more, neither
before nor after an edit, no request is refused while all limits have room, and in the end each
quota has counted what was admitted.
"""

import contextlib
import http.client
import json
import os
import queue
import random
import socket
import sys
import threading
import time
from pathlib import Path

import figure
from secret_home import TIME_LIMIT, Home
from traffic import Batch, Decisions, Gateway, Server, Threads, ask_all

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from transcripts import database_on

REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
PROCESSES = 8
GATEWAYS = 16
MANY = 100_000
DAY = 86_400
FOREVER = float("inf")  # of a quota: it does not end while this runs
LOW, HIGH = (20, REQUESTS // 60), (50, REQUESTS // 20)  # a second and a day, of the edited key


class Asked:
    """A key, its sliding windows as (requests, seconds), and the quota of its line, if it has one.
    `after`: the key that it was rotated from."""

    def __init__(self, secret, windows, quota=None, after=None):
        self.secret, self.windows, self.quota = secret, windows, quota
        self.decisions = Decisions()
        self.line = after.line if after else []
        self.line.append(self)

    def over(self):
        """How many requests were admitted over a limit."""
        found = sum(self.decisions.over(*window) for window in self.windows)
        if self.quota and self is self.line[0]:
            found += max(0, sum(len(key.decisions.admitted) for key in self.line) - self.quota)
        return found

    def refused_with_room(self, windows=None, quota=None):
        """How many requests were refused although all limits had room. The limits are those of the
        key, if no smaller ones are given."""
        with_room = [self.decisions.refusals_with_room(*window) for window in windows or self.windows]
        if self.quota:
            others = [key.decisions for key in self.line if key is not self]
            with_room.append(self.decisions.refusals_with_room(quota or self.quota, FOREVER, others))
        return len(set.intersection(*with_room))


def create(home, name, limits, windows, quota=None):
    secret = home.done("create", name, "--scope", "read", "-q", *limits).strip()
    return Asked(secret, windows, quota)


def make_keys(home):
    """The last one is edited."""
    sliding = create(home, "sliding", ("--rate-limit", "600,30/1s,100/4s,100000/1h"),
                     [(600, 60), (30, 1), (100, 4)])
    limited = create(home, "limited", ("--rate-limit", f"{MANY},{REQUESTS // 16}/1h", "--quota",
                                       f"{REQUESTS // 20}/day,{REQUESTS}/month"),
                     [(REQUESTS // 16, 3600)], REQUESTS // 20)
    first = create(home, "line", ("--rate-limit", f"{MANY},40/1s", "--quota", f"{REQUESTS // 10}/month"),
                   [(40, 1)], REQUESTS // 10)
    successor = Asked(home.done("rotate", "line", "--grace", "1h", "-q").strip(), [(40, 1)],
                      REQUESTS // 10, first)
    edited = create(home, "edited", ("--rate-limit", f"{MANY},{LOW[0]}/1s", "--quota", f"{LOW[1]}/day"),
                    [(HIGH[0], 1)], HIGH[1])
    return [sliding, limited, first, successor, edited]


def edit_on(home, path, threads, edits):
    """Gives a key other limits, again and again, through a server: a command takes longer to start
    than many decisions."""
    key_id = home.keys("--name", "edited")[0]["id"]
    token = home.done("token", "create", "editor", "--role", "admin", "-q").strip()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIME_LIMIT)
        connection.connect(path)
        client = http.client.HTTPConnection("localhost")
        client.sock = connection
        while not threads.ends.is_set():
            second, day = HIGH if len(edits) % 2 == 0 else LOW
            limits = [{"window": "1s", "requests": second}, {"window": "day", "requests": day}]
            client.request("PATCH", f"/v1/keys/{key_id}", json.dumps({"limits": limits}),
                           {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
            response = client.getresponse()
            said = response.read()
            assert response.status in (200, 503), said
            edits.append(response.status)
            time.sleep(0.02)


def used(home, name, *periods):
    """How many requests each quota of a key has counted, which is raised so that it tells."""
    home.done("edit", name, *(f"--quota={MANY * MANY}/{period}" for period in periods), "-q")
    limits = json.loads(home.done("verify", name, "--dry-run", "-o", "json"))["limits"]
    return [limit["requests"] - limit["remaining"] for limit in limits if limit["window"] in periods]


def wrong_quotas(home, keys):
    """How many quotas have counted something else than what was admitted."""
    wrong = 0
    _, limited, first, _, edited = keys
    for name, asked, periods in (("limited", limited, ("day", "month")), ("line", first, ("month",)),
                                 ("edited", edited, ("day",))):
        home.done("edit", name, "--rate-limit", "none/1h,none/1s", "-q")
        admitted = sum(len(key.decisions.admitted) for key in asked.line)
        unsure = sum(len(key.decisions.others) for key in asked.line)
        wrong += sum(not admitted <= counted <= admitted + unsure for counted in used(home, name, *periods))
    return wrong


def wrong_end(home, edited):
    """How many requests more or fewer than the last quota of the edited key are admitted."""
    room = 40
    [counted] = used(home, "edited", "day")
    home.done("edit", "edited", "--quota", f"{counted + room}/day", "-q")
    with contextlib.closing(Batch(home)) as batch:
        return abs([batch.ask(edited.secret) for _ in range(2 * room)].count(200) - room)


def play(home, store, may_be_busy=False):
    """`may_be_busy`: whether a decision may wait so long for the window of its key that it is
    refused with 503."""
    keys = make_keys(home)
    questions = queue.Queue()
    asked = [key.secret for key in keys] * (REQUESTS // len(keys))
    random.Random(1).shuffle(asked)
    for secret in asked:
        questions.put(secret)
    decisions, edits = {key.secret: key.decisions for key in keys}, []
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(contextlib.closing(Server(home, f"{home.path}/{n}.sock")))
                   for n in range(2)]
        clients = [Batch(home) for _ in range(PROCESSES)] + [Gateway(servers[n % 2].path) for n in range(GATEWAYS)]
        lock = threading.Lock()
        threads = [threading.Thread(target=ask_all, args=(client, questions, decisions, lock), daemon=True)
                   for client in clients]
        editing = Threads(lambda: edit_on(home, servers[0].path, editing, edits))
        with editing:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10 * TIME_LIMIT)
        found = [key.decisions for key in keys]
        decided = sum(len(own.admitted) + len(own.refused) for own in found)
        undecided = sum(len(own.others) for own in found)
        assert decided + undecided == len(asked), "a thread has failed"
        edited = keys[-1]
        failures = {"admitted over a limit": sum(key.over() for key in keys),
                    "refused with room": sum(key.refused_with_room() for key in keys[:-1]) +
                                         edited.refused_with_room([(LOW[0], 1)], LOW[1]),
                    "quotas that differ from the requests": wrong_quotas(home, keys),
                    "more or fewer than the last quota": wrong_end(home, edited)}
        if not may_be_busy:
            failures["not decided"] = undecided
        figure.report(8, f"decisions of {PROCESSES} processes and 2 servers about keys with several limits, "
                      f"{store}", len(asked), failures,
                      f"{sum(len(own.admitted) for own in found):,} admitted, {edits.count(200)} edits of limits"
                      f"{f', {undecided} busy' if may_be_busy else ''}")


def wait_for_midnight():
    """Waits if the day ends soon, with which quotas begin again."""
    left = DAY - time.time() % DAY
    if left < TIME_LIMIT:
        time.sleep(left + 1)


def main():
    wait_for_midnight()
    with Home() as home:
        play(home, "SQLite")
    if server := os.environ.get("NEXAKEY_TEST_POSTGRES"):
        with database_on(server) as url, Home(url) as home:
            play(home, "PostgreSQL", may_be_busy=True)


if __name__ == "__main__":
    main()
