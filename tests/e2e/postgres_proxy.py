"""A proxy in front of a PostgreSQL server, which loses replies after the server has executed.

It reads the messages of both sides (PostgreSQL's manual, chapter "Frontend/Backend Protocol").
"""

import contextlib
import re
import socket
import threading

SOCKET = ".s.PGSQL.5432"
READY_FOR_QUERY = b"Z"


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def read_message(connection):
    """The type and the content of a message."""
    head = read_exactly(connection, 5)
    return head[:1], read_exactly(connection, int.from_bytes(head[1:], "big") - 4)


def frame(kind, content):
    return kind + (len(content) + 4).to_bytes(4, "big") + content


class Connection:
    """A client and its connection to the server."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = client
        self.server = socket.socket(socket.AF_UNIX)
        self.server.connect(proxy.server)
        self.prepared = {}  # the texts of statements
        self.texts = []  # of the statements since the last end of a request
        self.requests = [[]]  # the texts of each request that has no reply yet; first, of the startup
        self.lock = threading.Lock()

    def run(self):
        """Passes on what both sides send, until one of them or a lost reply ends it."""
        replies = threading.Thread(target=self.until_the_end, args=[self.pass_replies], daemon=True)
        replies.start()
        self.until_the_end(self.pass_requests)
        replies.join()
        self.client.close()
        self.server.close()

    def until_the_end(self, work):
        with contextlib.suppress(OSError):
            work()
        for connection in (self.client, self.server):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def pass_requests(self):
        length = read_exactly(self.client, 4)
        self.server.sendall(length + read_exactly(self.client, int.from_bytes(length, "big") - 4))
        while True:
            kind, content = read_message(self.client)
            texts = content.split(b"\0")
            if kind == b"P":  # Parse: name, text
                self.prepared[texts[0]] = texts[1].decode()
            elif kind == b"B":  # Bind: portal, name
                self.texts.append(self.prepared[texts[1]])
            elif kind == b"Q":
                self.texts.append(texts[0].decode())
            if kind in b"QS":  # Query, Sync
                self.proxy.expect(self.texts)
                with self.lock:
                    self.requests.append(self.texts)
                self.texts = []
            self.server.sendall(frame(kind, content))

    def pass_replies(self):
        reply = b""
        while True:
            kind, content = read_message(self.server)
            reply += frame(kind, content)
            if kind == READY_FOR_QUERY:
                with self.lock:
                    texts = self.requests.pop(0)
                if any(self.proxy.loses(text) for text in texts):
                    return
                self.client.sendall(reply)
                reply = b""


class PostgresProxy:
    """Listens in `folder` for clients of the server in `server`."""

    def __init__(self, folder, server):
        self.server = f"{server}/{SOCKET}"
        self.lock = threading.Lock()
        self.pattern, self.left, self.lost = "", 0, 0
        self.awaited, self.action = None, None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{folder}/{SOCKET}")
        self.listener.listen(128)
        threading.Thread(target=self.accept, daemon=True).start()

    def lose(self, pattern, times=1):
        """Loses the replies to the next statements that match a pattern, with their connections."""
        with self.lock:
            self.pattern, self.left, self.lost = pattern, times, 0

    def before(self, pattern, action):
        """Calls `action` before the next statement that matches a pattern reaches the server."""
        with self.lock:
            self.awaited, self.action = pattern, action

    def expect(self, texts):
        with self.lock:
            if self.awaited is None or not any(re.search(self.awaited, text) for text in texts):
                return
            self.awaited = None
        self.action()

    def loses(self, text):
        with self.lock:
            if self.left == 0 or not re.search(self.pattern, text):
                return False
            self.left -= 1
            self.lost += 1
            return True

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                connection = Connection(self, client)
                threading.Thread(target=connection.run, daemon=True).start()

    def close(self):
        self.listener.close()
