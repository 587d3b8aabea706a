"""Servers, gateways that ask them, and what their decisions must have been."""

import bisect
import contextlib
import json
import os
import queue
import socket
import subprocess
import threading
import time

from secret_home import NEXAKEY, TIME_LIMIT, wait_for_server

WINDOW = 60.0  # seconds


class Server:
    """A server of a store at a Unix socket."""

    def __init__(self, home, path, *options, **variables):
        self.path = path
        if os.path.exists(path):
            os.unlink(path)
        self.process = subprocess.Popen(
            [NEXAKEY, "serve", "--listen", f"unix:{path}", "--trusted-proxy", "unix", "--log", "none",
             *options], env=home.env | variables, cwd=home.path, stderr=subprocess.DEVNULL)
        wait_for_server(self.process, path)

    def close(self):
        self.process.kill()
        self.process.wait()


class Gateway:
    """A connection of a gateway to a server."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIME_LIMIT)
        self.socket.connect(path)

    def ask(self, key, method="GET", address="198.51.100.7"):
        self.socket.sendall(f"GET /auth/forward HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
                            f"X-Forwarded-Method: {method}\r\nX-Forwarded-Uri: /\r\n"
                            f"X-Forwarded-For: {address}\r\n"
                            "\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = self.socket.recv(65536)
            assert more, "the server closed the connection"
            answer += more
        return int(answer[9:12])

    def close(self):
        self.socket.close()


class Batch:
    """A process of verify --batch, and another one after it has ended."""

    def __init__(self, home):
        self.home = home
        self.start()

    def start(self):
        self.process = subprocess.Popen([NEXAKEY, "verify", "--batch"], env=self.home.env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, key):
        """The status of a decision; 0 if the process ends without one."""
        self.process.stdin.write(json.dumps({"key": key, "method": "GET", "path": "/"}) + "\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline()
        if not said:
            self.close()
            self.start()
        return json.loads(said)["status"] if said else 0

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ask_all(client, questions, decisions, lock):
    """Asks about the keys in a queue until it is empty, and closes the client."""
    with contextlib.closing(client):
        while True:
            try:
                key = questions.get_nowait()
            except queue.Empty:
                return
            begun = time.monotonic()
            status = client.ask(key)
            ended = time.monotonic()
            with lock:
                own = decisions[key]
                {200: own.admitted, 429: own.refused}.get(status, own.others).append((begun, ended))


class Threads:
    """Threads that run beside a test until `ends` is set, from `with` to its end."""

    def __init__(self, *works):
        self.lock, self.ends = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in works]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        for thread in self.threads:
            thread.join(TIME_LIMIT)


class Decisions:
    """When each decision about a key began and ended, and what it was."""

    def __init__(self):
        self.admitted, self.refused, self.others = [], [], []  # others: without a decision

    def over(self, limit, window=WINDOW):
        """How many admitted requests are more than the limit in so many seconds."""
        ends = sorted(end for _, end in self.admitted)
        worst = 0
        for at, (begin, _) in enumerate(sorted(self.admitted)):
            # Of those that began later, at least so many had ended within the window.
            ended = bisect.bisect_left(ends, begin + window)
            worst = max(worst, ended - at - limit)
        return worst

    def refused_with_room(self, limit):
        """How many were refused although at most limit - 1 could have been in the window."""
        return len(self.refusals_with_room(limit))

    def refusals_with_room(self, limit, window=WINDOW, others=()):
        """The refusals at which a limit had room, which also counts the requests of `others`."""
        counted = [span for own in (self, *others) for span in own.admitted + own.others]
        ends, begins = sorted(end for _, end in counted), sorted(begin for begin, _ in counted)
        return {(begin, end) for begin, end in self.refused
                if bisect.bisect_left(begins, end) - bisect.bisect_left(ends, begin - window) < limit}
