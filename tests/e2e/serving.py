"""A server at a port, asked over plain sockets, for the end-to-end tests."""

import os
import signal
import socket
import unittest
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from place import Place, free_port, is_open, wait_for


class Serving(unittest.TestCase):
    """A place with a key, and a server at a port."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.close)
        self.key = self.place.create("crm", "--scope", "read", "--rate-limit", "100000")
        self.port = free_port()

    def serve(self, *options):
        self.place.serve("--listen", f"127.0.0.1:{self.port}", "--trusted-proxy", "127.0.0.1",
                         *options)
        wait_for(lambda: is_open(self.port), self.place)

    def asking(self, path="/v1/leads/7", **more):
        """The text of a question of a gateway; a header that is None is left out."""
        headers = {"Host": "x", "Authorization": f"Bearer {self.key}", "X-Original-Method": "GET",
                   "X-Original-URI": path, "X-Real-IP": "198.51.100.7"} | more
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()
                        if value is not None)
        return f"GET /auth/nginx HTTP/1.1\r\n{lines}\r\n".encode()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def metrics_text(self, connection=None):
        with connection or self.connect() as asked:
            asked.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            head, _, body = read_all(asked).decode().partition("\r\n\r\n")
        self.assertIn("200 OK", head)
        self.assertIn("text/plain; version=0.0.4", head)
        return body

    def metrics(self, connection=None):
        """The samples of /metrics, as Prometheus' own parser reads them."""
        samples = {}
        for family in text_string_to_metric_families(self.metrics_text(connection)):
            self.assertTrue(family.documentation, family.name)
            for sample in family.samples:
                identity = (sample.name, *sorted(sample.labels.values()))
                self.assertNotIn(identity, samples)
                samples[identity] = sample.value
        return samples

    def sockets(self):
        """The number of sockets that the server has open."""
        count = 0
        for file in Path(f"/proc/{self.place.server.pid}/fd").iterdir():
            try:
                count += os.readlink(file).startswith("socket:")
            except FileNotFoundError:
                pass  # closed after it was listed
        return count

    def listen_notify(self, name):
        """The socket of a service manager."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notify.close)
        notify.settimeout(60)
        notify.bind(name)
        return notify

    def end(self):
        self.place.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.place.server.wait(60), 0, self.place.log())


def read_all(connection):
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def read_answer(connection):
    """Reads one response without a body."""
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        piece = connection.recv(65536)
        if not piece:
            break
        answer += piece
    return answer
