#!/usr/bin/env python3
"""Creates and rotations through a proxy that loses the first reply to each: lost_replies_test.py
[COUNT], with NEXAKEY in the environment.

The proxy cuts the connection after the server has answered, before the reply or in its middle, at
each of its bytes in turn. The client sends the same request again, so there is exactly one key or
token for each command, and its secret is in its file.
"""

import contextlib
import json
import os
import re
import socket
import sys
import threading

import figure
from secret_home import Home, served

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("NEXAKEY_REPLIES", "40"))
CHANGE = re.compile(rb"(PUT|POST|PATCH) (\S+) ")


def receive_message(connection):
    """A request or a reply with a Content-Length; nothing at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", data)
    end = data.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
    while len(data) < end:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    return data


class Proxy:
    """Forwards requests to the server at a Unix socket. Of the first reply to each change, it passes
    on as many bytes as `cut` says, and closes the connection; with `dies`, it accepts none after."""

    def __init__(self, path, upstream):
        self.path, self.upstream = path, upstream
        self.seen, self.cut, self.lost, self.dies = set(), 0, 0, False
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection, socket.socket(socket.AF_UNIX) as server:
            server.connect(self.upstream)
            while request := receive_message(connection):
                server.sendall(request)
                reply = receive_message(server)
                if self.loses(request):
                    connection.sendall(reply[:self.cut % len(reply)])
                    return
                connection.sendall(reply)

    def loses(self, request):
        change = CHANGE.match(request)
        with self.lock:
            if not change or b"/find" in change[2] or request in self.seen:
                return False
            self.seen.add(request)
            self.lost += 1
            if self.dies:
                self.listener.shutdown(socket.SHUT_RDWR)
                self.listener.close()
                os.unlink(self.path)
            return True


@contextlib.contextmanager
def proxied(home):
    """The home of a client that reaches a server of the store through a proxy, and the proxy."""
    with served(home) as upstream:
        front = f"{home.path}/proxy.sock"
        with Home(f"unix:{front}", NEXAKEY_TOKEN_FILE=f"{home.path}/admin.token") as client:
            yield client, Proxy(front, upstream)


def check_all(home, client, proxy):
    """Creates and rotates keys, and creates tokens, each with a lost reply."""
    for number in range(COUNT):
        proxy.cut = number * 7
        name = f"k{number}"
        client.done("create", name, "--scope", "read", "--key-file", name, "-q")
        client.done("rotate", name, "--grace", "1h", "--key-file", name, "-q")
        client.done("token", "create", name, "--role", "verifier", "--secret-file", f"{name}.t", "-q")
    assert proxy.lost == 3 * COUNT, (proxy.lost, COUNT)
    keys = home.keys()
    assert len(keys) == 2 * COUNT, len(keys)
    for number in range(COUNT):
        live = home.live(f"k{number}")
        assert len(live) == 1 and home.holder(client.path / f"k{number}") == live[0]["id"], number
        assert len(home.tokens(f"k{number}")) == 1, number
    actions = [json.loads(line)["action"] for line in
               home.done("audit", "-o", "jsonl").splitlines()]
    assert (actions.count("rotate"), actions.count("create")) == (COUNT, 2 * COUNT), actions
    home.done("audit", "--check", "-q")


def check_cuts(home, client, proxy):
    """A reply to a PUT that is cut at each of its bytes."""
    length = 900
    for cut in range(0, length, 1 if COUNT >= 200 else 23):
        proxy.cut = cut
        client.done("create", f"c{cut}", "--scope", "read", "-q")
        assert len(home.live(f"c{cut}")) == 1, cut


def check_other_changes(home, client, proxy):
    """Changes without a secret: they are repeated, or it is said that the outcome is unknown."""
    proxy.cut = 0
    client.done("create", "edited", "--scope", "read", "-q")
    result = client.run("edit", "edited", "--rate-limit", "7")
    assert result.returncode == 6 and "it is not known whether" in result.stderr, result
    assert home.live("edited")[0]["rate_limit"] == 7
    client.done("revoke", "edited", "-y", "-q")
    assert home.keys("--name", "edited")[0]["revoked_at"]


def check_death(home, client, proxy):
    """A server that dies after a change: the outcome is unknown, and a second run settles it."""
    proxy.cut, proxy.dies = 0, True
    words = ("create", "last", "--scope", "read", "--key-file", "last.key", "-q")
    result = client.run(*words)
    assert result.returncode == 6 and "it is not known whether" in result.stderr, result
    assert "run the same command again, which finishes it" in result.stderr, result
    made = home.live("last")
    assert len(made) == 1 and not (client.path / "last.key").exists()
    return words, made[0]["id"]


def main():
    with Home() as home, proxied(home) as (client, proxy):
        check_all(home, client, proxy)
        check_cuts(home, client, proxy)
        check_other_changes(home, client, proxy)
        words, made = check_death(home, client, proxy)
        Proxy(proxy.path, proxy.upstream).seen = proxy.seen
        client.done(*words)
        assert home.holder(client.path / "last.key") == made and len(home.live("last")) == 1
    figure.report(15, "creates, rotations and tokens whose first reply over HTTP is lost", 3 * COUNT,
                  {"lost": 0, "made twice": 0})


if __name__ == "__main__":
    main()
