#!/usr/bin/env python3
"""`nexakey serve` under peers that stall, flood or never finish: its memory, descriptors and threads
stay bounded, and the others are answered."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import unittest
from pathlib import Path

from place import NEXAKEY, Place, free_port, is_open, wait_for

PEER_TIMEOUT = 60


class Hostile(unittest.TestCase):
    """A place with a key, and a server at a port and at a Unix socket."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.close)
        self.key = self.place.create("crm", "--scope", "read", "--rate-limit", "100000")
        self.port = free_port()
        self.open_sockets = contextlib.ExitStack()
        self.addCleanup(self.open_sockets.close)

    def serve(self, *options, **popen):
        """Starts the server; standard error goes to the log unless `popen` says otherwise."""
        with open(f"{self.place.path}/log", "a") as log:
            streams = {"stdout": log, "stderr": log} | popen
            server = subprocess.Popen(
                [NEXAKEY, "serve", "--listen", f"127.0.0.1:{self.port}", "--listen",
                 f"unix:{self.place.path}/nexakey.sock", "--trusted-proxy", "unix", *options],
                env=self.place.env, start_new_session=True, **streams)
        self.place.processes.append(server)
        self.place.server = server
        wait_for(lambda: is_open(self.port), self.place)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PEER_TIMEOUT)
        return self.open_sockets.enter_context(connection)

    def connect_gateway(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PEER_TIMEOUT)
        connection.connect(f"{self.place.path}/nexakey.sock")
        return self.open_sockets.enter_context(connection)

    def question(self, **headers):
        """A gateway's question, which is answered with 200."""
        lines = {"Host": "x", "Authorization": f"Bearer {self.key}", "X-Original-Method": "GET",
                 "X-Original-URI": "/v1/leads/7", "X-Real-IP": "198.51.100.7"} | headers
        return ("GET /auth/nginx HTTP/1.1\r\n" +
                "".join(f"{name}: {value}\r\n" for name, value in lines.items()) +
                "\r\n").encode()

    def assert_decides(self, gateway=None):
        """The gateway is answered."""
        gateway = gateway or self.connect_gateway()
        gateway.sendall(self.question())
        self.assertIn(b"HTTP/1.1 200 OK\r\n", read_head(gateway))

    def metric(self, name):
        with self.connect_gateway() as asked:
            asked.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            found = re.search(rf"^{name} (\d+)$", read_all(asked).decode(), re.M)
        self.assertIsNotNone(found, name)
        return int(found.group(1))


def read_all(connection):
    answer = b""
    try:
        while piece := connection.recv(1 << 16):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def read_head(connection):
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(1 << 16)
        if not piece:
            break
        answer += piece
    return answer


class StalledLog(Hostile):
    def ask(self, times):
        """Asks 50 questions at once, so many times, and takes the answers."""
        gateway = self.connect_gateway()
        for _ in range(times):
            gateway.sendall(self.question() * 50)
            answers = b""
            while answers.count(b"HTTP/1.1 200 OK\r\n") < 50:
                piece = gateway.recv(1 << 16)
                self.assertTrue(piece, "the connection was closed")
                answers += piece

    def test_decisions_go_on_and_dropped_lines_are_counted(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.serve("--log", "text", stderr=writer)
        os.close(writer)
        self.ask(400)
        dropped = self.metric("nexakey_log_lines_dropped_total")
        self.assertGreater(dropped, 0)

        lines = b""
        while (reported := re.search(rb"nexakey: dropped (\d+) lines", lines)) is None:
            lines += os.read(reader, 1 << 16)
        self.assertGreaterEqual(int(reported.group(1)), dropped)
        self.assertEqual(lines.count(b"/v1/leads/7"), 20000 - dropped)

    def test_the_server_ends_while_nobody_reads(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.serve("--log", "text", stderr=writer)
        os.close(writer)
        self.ask(40)
        self.place.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.place.server.wait(PEER_TIMEOUT), 0)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
