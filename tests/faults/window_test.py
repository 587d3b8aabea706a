#!/usr/bin/env python3
"""The sliding window under contention: window_test.py [REQUESTS], with NEXAKEY in the environment.

64 threads ask two servers and batches of the command line about the same keys. In the middle, the
wall clock of one server is set back by an hour and that of the other forward by two (libfaketime).
No 60 seconds have more admitted requests than the limit, and none is refused while there is room.
"""

import contextlib
import queue
import random
import sys
import threading
import time
from pathlib import Path

import clock
import figure
from secret_home import NEXAKEY, TIME_LIMIT, Home
from traffic import Batch, Decisions, Gateway, Server, ask_all

REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
THREADS = 64
LIMIT = 500
PER_KEY = 1000  # requests, so half of them are refused


class ClockServer(Server):
    """A server with a wall clock of its own."""

    def __init__(self, home, number):
        self.clock = home.path / f"clock{number}"
        self.set_clock(0)
        super().__init__(home, f"{home.path}/{number}.sock", **clock.COMMON,
                         FAKETIME_TIMESTAMP_FILE=str(self.clock), FAKETIME_NO_CACHE="1")

    def set_clock(self, seconds):
        self.clock.write_text(f"{seconds:+d}\n")


def main():
    if b"__asan_init" in Path(NEXAKEY).read_bytes() or b"__tsan_init" in Path(NEXAKEY).read_bytes():
        figure.not_run(8, "libfaketime: a sanitizer must be the first library")
    if not clock.library():
        figure.not_run(8, "libfaketime is not installed")
    with Home() as home, contextlib.ExitStack() as stack:
        keys = [home.done("create", f"k{n}", "--scope", "read", "--rate-limit", str(LIMIT), "-q").strip()
                for n in range(REQUESTS // PER_KEY)]
        asked = keys * PER_KEY
        random.Random(1).shuffle(asked)
        questions = queue.Queue()
        for key in asked:
            questions.put(key)
        servers = [stack.enter_context(contextlib.closing(ClockServer(home, n))) for n in range(2)]
        decisions, lock = {key: Decisions() for key in keys}, threading.Lock()
        clients = [Batch(home) if n % 16 == 0 else Gateway(servers[n % 2].path) for n in range(THREADS)]
        threads = [threading.Thread(target=ask_all, args=(client, questions, decisions, lock), daemon=True)
                   for client in clients]
        for thread in threads:
            thread.start()
        while questions.qsize() > len(asked) // 2 and any(thread.is_alive() for thread in threads):
            time.sleep(0.01)
        servers[0].set_clock(-3600)
        servers[1].set_clock(7200)
        for thread in threads:
            thread.join(10 * TIME_LIMIT)
        found = list(decisions.values())
        assert sum(len(own.admitted) + len(own.refused) for own in found) + \
            sum(len(own.others) for own in found) == len(asked), "a thread has failed"
        figure.report(8, f"decisions of {THREADS} threads through 2 servers and batches, wall clocks set "
                      "by -1 h and +2 h", len(asked),
                      {"admitted over the limit": sum(own.over(LIMIT) for own in found),
                       "refused with room": sum(own.refused_with_room(LIMIT) for own in found),
                       "not decided": sum(len(own.others) for own in found)},
                      f"{sum(len(own.admitted) for own in found):,} admitted")


if __name__ == "__main__":
    main()
