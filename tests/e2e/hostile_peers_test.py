#!/usr/bin/env python3
"""`nexakey serve` under peers that stall, flood or never finish: its memory, descriptors and threads
stay bounded, and the others are answered."""

import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import time
import unittest
from pathlib import Path

from place import NEXAKEY, Place, accepts, certificate, free_port, is_open, wait_for

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
        wait_for(lambda: is_open(self.port) and accepts(f"{self.place.path}/nexakey.sock"),
                 self.place)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PEER_TIMEOUT)
        return self.open_sockets.enter_context(connection)

    def connect_gateway(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PEER_TIMEOUT)
        connection.connect(f"{self.place.path}/nexakey.sock")
        return self.open_sockets.enter_context(connection)

    def question(self, **headers):
        """A gateway's request, which is answered with 200."""
        lines = {"Host": "x", "Authorization": f"Bearer {self.key}", "X-Original-Method": "GET",
                 "X-Original-URI": "/v1/leads/7", "X-Real-IP": "198.51.100.7"} | headers
        return ("GET /auth/nginx HTTP/1.1\r\n" +
                "".join(f"{name}: {value}\r\n" for name, value in lines.items()) +
                "\r\n").encode()

    def assert_decides(self, gateway=None):
        """Checks that the gateway gets a decision."""
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
        """Sends 50 requests at once, `times` times, and reads the responses."""
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


class Memory(Hostile):
    """Clients without a token that send much and read nothing take bounded memory."""

    def resident(self):
        status = Path(f"/proc/{self.place.server.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) << 10

    def flood(self, connection, sent):
        """Sends as much as the server takes; it may respond and close at any point."""
        connection.settimeout(0.2)
        with contextlib.suppress(TimeoutError, ConnectionError):
            connection.sendall(sent)

    def test_bodies_of_strangers_are_not_kept(self):
        self.serve("--log", "none")
        before = self.resident()
        body = b"x" * (1 << 20)
        for bearer in ("", "Authorization: Bearer nxt_" + "a" * 40 + "\r\n"):
            head = f"POST /v1/verify HTTP/1.1\r\nHost: x\r\n{bearer}"
            for framing, rest in ((f"Content-Length: {len(body)}\r\n\r\n", body[1:]),
                                  ("Transfer-Encoding: chunked\r\n\r\n", b"fffff\r\n" + body[17:])):
                for _ in range(20):
                    self.flood(self.connect(), (head + framing).encode() + rest)
        self.assertLess(self.resident() - before, 20 << 20)
        self.assert_decides()

    def test_responses_that_are_not_read_are_not_kept(self):
        self.serve("--log", "none")
        before = self.resident()
        for path in ("/openapi.json", "/metrics", "/none"):
            asked = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 200
            for _ in range(30):
                self.flood(self.connect(), asked)
        self.assertLess(self.resident() - before, 20 << 20)
        self.assert_decides()

    def test_a_full_budget_closes_connections_and_not_the_gateway(self):
        token = self.place.nexakey("token", "create", "app", "--role", "verifier", "-q")
        self.serve("--log", "none", "--max-buffers", str(4 << 20), "--max-connections", "64")
        gateway = self.connect_gateway()
        self.assert_decides(gateway)
        head = (f"POST /v1/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Length: {1 << 20}\r\n\r\n").encode()
        for _ in range(10):
            self.flood(self.connect(), head + b"x" * (1 << 19))
        self.assertGreater(self.metric("nexakey_connections_out_of_buffers_total"), 0)
        self.assert_decides(gateway)


    # A sanitizer reserves terabytes of addresses.
    @unittest.skipIf(b"__asan_init" in Path(NEXAKEY).read_bytes() or
                     b"__tsan_init" in Path(NEXAKEY).read_bytes(), "sanitizers need addresses")
    def test_memory_that_cannot_be_had_ends_connections_and_not_the_process(self):
        token = self.place.nexakey("token", "create", "app", "--role", "verifier", "-q")
        self.serve("--log", "none", "--max-buffers", str(1 << 30))
        gateway = self.connect_gateway()
        self.assert_decides(gateway)
        # What the process has, and 32 MiB more.
        limit = (self.addresses() + (32 << 20),) * 2
        resource.prlimit(self.place.server.pid, resource.RLIMIT_AS, limit)
        head = (f"POST /v1/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Length: {1 << 20}\r\n\r\n").encode()
        held = [self.connect() for _ in range(100)]
        for connection in held:
            self.flood(connection, head + b" " * ((1 << 20) - 1))
        self.assertTrue(any(self.is_closed(connection) for connection in held))
        self.assertIsNone(self.place.server.poll())
        self.assertEqual(self.metric("nexakey_connections_out_of_buffers_total"), 0)
        self.assert_decides(gateway)
        self.assert_decides()

    def addresses(self):
        """The size of the address space of the server."""
        status = Path(f"/proc/{self.place.server.pid}/status").read_text()
        return int(re.search(r"VmSize:\s+(\d+) kB", status).group(1)) << 10

    def is_closed(self, connection):
        connection.setblocking(False)
        try:
            return connection.recv(1 << 16) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True


class Connections(Hostile):
    """Idle and slow clients leave room for others."""

    def test_idle_ones_give_way(self):
        self.serve("--log", "none", "--max-connections", "20")
        idle = [self.connect() for _ in range(20)]
        gateways = [self.connect_gateway() for _ in range(8)]
        for gateway in gateways:
            self.assert_decides(gateway)
        self.assertEqual(read_all(idle[0]), b"")
        for connection in [self.connect() for _ in range(30)][-5:]:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b" 200 OK", read_head(connection))
        for gateway in gateways:  # they keep their share
            self.assert_decides(gateway)

    def test_heads_and_first_bytes_have_to_come(self):
        self.serve("--log", "none", "--head-timeout", "1s")
        for sent in (b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"):
            connection = self.connect()
            connection.sendall(sent)
            self.assertEqual(read_all(connection), b"", sent)

    def test_an_idle_connection_outlives_the_time_for_a_head(self):
        self.serve("--log", "none", "--head-timeout", "1s")
        gateway = self.connect_gateway()
        self.assert_decides(gateway)
        time.sleep(2.5)
        self.assert_decides(gateway)

    # UBSan reads memory through a pipe, and takes an object for an invalid one when it gets none.
    @unittest.skipIf(b"__ubsan_handle" in Path(NEXAKEY).read_bytes(), "UBSan needs descriptors")
    def test_no_descriptors_are_left(self):
        self.serve("--log", "none", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (40, 40)))
        taken = [self.connect() for _ in range(60)]
        waiting = socket.socket(socket.AF_UNIX)
        self.open_sockets.enter_context(waiting).connect(f"{self.place.path}/nexakey.sock")
        before = self.processor_time()
        time.sleep(2)
        self.assertLess(self.processor_time() - before, 1)
        for connection in taken:
            connection.close()
        self.assert_decides(waiting)

    @unittest.skipIf(b"__ubsan_handle" in Path(NEXAKEY).read_bytes(), "UBSan needs descriptors")
    def test_strangers_leave_descriptors_for_the_gateway_and_the_store(self):
        token = self.place.nexakey("token", "create", "app", "--role", "auditor", "-q")
        self.serve("--log", "none", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (100, 100)))
        self.assertIn("accepting at most 50 connections: the process may have only 100 descriptors",
                      self.place.log())
        taken = [self.connect() for _ in range(120)]
        self.assert_decides()
        gateway = self.connect_gateway()
        gateway.sendall(f"GET /v1/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        self.assertIn(b" 200 OK", read_head(gateway))
        self.assertEqual(len(taken), 120)

    def test_the_soft_limit_of_descriptors_is_raised(self):
        self.serve("--log", "none", "--max-connections", "300", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (100, 2000)))
        limit = resource.prlimit(self.place.server.pid, resource.RLIMIT_NOFILE)
        self.assertEqual(limit, (600, 2000))

    def processor_time(self):
        """The processor time of the server, in seconds."""
        words = Path(f"/proc/{self.place.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Exports(Hostile):
    def test_a_bounded_number_at_once(self):
        keys = "\n".join(json.dumps({"key": f"fc_live_{number:028d}", "scopes": ["read"]})
                         for number in range(3000))
        self.place.nexakey("import", "--keys", "-", "--format", "json", stdin=keys)
        token = self.place.nexakey("token", "create", "app", "--role", "auditor", "-q")
        self.serve("--log", "none")
        asked = (f"GET /v1/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                 "Connection: close\r\n\r\n").encode()
        slow = [self.connect_gateway() for _ in range(4)]
        for connection in slow:
            connection.sendall(asked)
            self.assertIn(b" 200 OK", connection.recv(15))
        refused = self.connect_gateway()
        refused.sendall(asked)
        answer = read_all(refused)
        self.assertIn(b" 503 ", answer)
        self.assertRegex(answer, rb"\r\nRetry-After: \d+\r\n")
        self.assertGreater(read_all(slow[0]).count(b"\n"), 3000)
        again = self.connect_gateway()
        again.sendall(asked)
        self.assertIn(b" 200 OK", read_all(again))


class End(Hostile):
    def test_connections_that_idle_do_not_delay_it(self):
        files = certificate(self.place.path, "server")
        self.serve("--log", "none", "--tls-cert", files[0], "--tls-key", files[1])
        for _ in range(5):
            self.connect()  # without a handshake
            self.assert_decides()
        began = time.monotonic()
        self.place.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.place.server.wait(PEER_TIMEOUT), 0)
        self.assertLess(time.monotonic() - began, 4, "it waited for them")


if __name__ == "__main__":
    unittest.main(warnings="ignore")
