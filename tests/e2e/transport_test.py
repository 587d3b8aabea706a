#!/usr/bin/env python3
"""`nexakey serve` as a service: TLS, the service manager, logs and metrics, and shutdown, over real
sockets."""

import fcntl
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import unittest
from pathlib import Path

from place import NEXAKEY, SERVE_OPTIONS, certificate, free_port, is_open, wait_for
from serving import Serving, read_all, read_answer


class Tls(Serving):
    def setUp(self):
        super().setUp()
        self.certificate, self.private = certificate(self.place.path, "server")

    def serve(self, *options):
        super().serve("--tls-cert", self.certificate, "--tls-key", self.private, *options)

    def context(self, **versions):
        context = ssl.create_default_context(cafile=self.certificate)
        for name, value in versions.items():
            setattr(context, name, value)
        return context

    def connect_tls(self, context=None):
        return (context or self.context()).wrap_socket(self.connect(), server_hostname="localhost")

    def test_requests_over_either_version(self):
        self.serve()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context(minimum_version=version, maximum_version=version)
            context.set_alpn_protocols(["h2", "http/1.1"])
            with self.subTest(version=version), self.connect_tls(context) as connection:
                self.assertEqual(connection.selected_alpn_protocol(), "http/1.1")
                for _ in range(3):
                    connection.sendall(self.asking())
                    self.assertIn(b" 200 OK\r\n", read_answer(connection))
                connection.sendall(self.asking() * 150 +
                                   self.asking(Connection="close"))
                self.assertEqual(read_all(connection).count(b"HTTP/1.1 200 OK\r\n"), 151)

    def test_a_large_body(self):
        token = self.place.nexakey("token", "create", "api", "--role", "verifier", "--quiet")
        self.serve()
        body = json.dumps([{"key": self.key, "ref": "x" * 900}] * 900).encode()
        with self.connect_tls() as connection:
            connection.sendall(f"POST /v1/verify HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                               f"Authorization: Bearer {token}\r\n"
                               f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = json.loads(read_all(connection).partition(b"\r\n\r\n")[2])
        self.assertEqual([decision["status"] for decision in answer], [200] * 900)

    def test_doctor_tells_how_long_the_certificate_is_good_for(self):
        token = f"{self.place.path}/ann.token"
        self.place.nexakey("token", "create", "ann", "--role", "admin", "--secret-file", token)
        for days, status, found, advice in (
                (5, "warning", "the server's certificate is valid for 4 days, until 20", "renew it on the server"),
                (90, "ok", "the server's certificate is valid for 89 days, until 20", None)):
            with self.subTest(days=days):
                files = certificate(self.place.path, f"days{days}", days)
                self.port = free_port()
                server = self.place.start([NEXAKEY, "serve", "--listen", f"127.0.0.1:{self.port}",
                                           "--tls-cert", files[0], "--tls-key", files[1]])
                wait_for(lambda: is_open(self.port), self.place)
                checks = self.checks_of_doctor(token, files[0])
                certificate_check = checks["certificate"]
                self.assertEqual(certificate_check["status"], status)
                self.assertTrue(certificate_check["found"].startswith(found), certificate_check)
                self.assertEqual(certificate_check["advice"], advice)
                self.assertEqual(checks["clock"]["found"], "agrees with the clock of the server")
                self.assertEqual(checks["remote"]["status"], "ok")
                self.assertEqual(checks["secret"]["status"], "ok")
                server.send_signal(signal.SIGTERM)
                self.assertEqual(server.wait(60), 0, self.place.log())

    def checks_of_doctor(self, token, authority):
        done = subprocess.run(
            [NEXAKEY, "doctor", "--store", f"https://localhost:{self.port}", "--token-file", token,
             "--ca-file", authority, "-o", "json"],
            env=self.place.env, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return {check["check"]: check for check in json.loads(done.stdout)["checks"]}

    def test_older_versions_are_refused(self):
        self.serve()
        context = self.context(maximum_version=ssl.TLSVersion.TLSv1_1,
                               minimum_version=ssl.TLSVersion.TLSv1)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(ssl.SSLError), self.connect_tls(context):
            pass

    def test_a_hangup_brings_the_new_certificate_to_new_connections(self):
        self.serve()
        old = ssl.PEM_cert_to_DER_cert(Path(self.certificate).read_text())
        with self.connect_tls() as connection:
            self.assertEqual(connection.getpeercert(True), old)
            certificate(self.place.path, "server")  # replaces the files
            new = ssl.PEM_cert_to_DER_cert(Path(self.certificate).read_text())

            def shown():
                with self.connect_tls(self.unchecked()) as other:
                    return other.getpeercert(True)

            self.assertEqual(shown(), old)
            self.place.server.send_signal(signal.SIGHUP)
            wait_for(lambda: shown() == new, self.place)
            Path(self.private).write_text("nonsense")
            self.place.server.send_signal(signal.SIGHUP)
            wait_for(lambda: "cannot be used" in self.place.log(), self.place)
            self.assertEqual(shown(), new)
            connection.sendall(self.asking())
            self.assertIn(b" 200 OK\r\n", read_answer(connection))
        self.end()

    @staticmethod
    def unchecked():
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def test_peers_that_do_not_speak_it_are_closed(self):
        self.serve("--idle-timeout", "5s")
        with self.connect_tls() as connection:
            connection.sendall(self.asking())
            read_answer(connection)
            before = self.sockets()
        hello = self.hello()
        for words in (self.asking(), b"nonsense\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 65535,
                      hello[:9] + b"x" * (len(hello) - 9)):
            with self.connect() as connection:
                connection.sendall(words)
                self.assertNotIn(b"HTTP", read_all(connection))
        silent = [self.connect() for _ in range(3)]
        for connection, words in zip(silent, (b"", hello[:20], hello)):
            connection.sendall(words)  # the rest of the handshake is never sent
        for connection in silent:
            with connection:
                read_all(connection)
        for _ in range(50):
            with self.connect() as connection:  # gone with a reset, in the middle
                connection.sendall(hello)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      b"\x01\x00\x00\x00\x00\x00\x00\x00")
        wait_for(lambda: self.sockets() < before, self.place)
        self.assertGreaterEqual(self.metrics(self.connect_tls())[
            "nexakey_tls_handshakes_failed_total",], 6)

    @staticmethod
    def hello():
        """The first message of a TLS client."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = ssl.create_default_context().wrap_bio(incoming, outgoing,
                                                       server_hostname="localhost")
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            return outgoing.read()

    def refused(self, *options):
        done = subprocess.run([NEXAKEY, "serve", "--listen", f"127.0.0.1:{self.port}", *options],
                              env=self.place.env, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertRegex(done.stderr, "^nexakey: ")
        return done.returncode, done.stderr

    def test_files_that_can_not_be_used(self):
        self.assertEqual(self.refused("--tls-cert", self.certificate)[0], 2)
        self.assertEqual(self.refused("--tls-key", self.private)[0], 2)
        other = certificate(self.place.path, "other")[1]
        for files in ((self.certificate, other), (self.private, self.private),
                      (self.certificate, "/nowhere")):
            with self.subTest(files=files):
                self.assertEqual(self.refused("--tls-cert", files[0], "--tls-key", files[1])[0], 1)
        os.chmod(self.private, 0o644)
        self.assertIn("all users", self.refused("--tls-cert", self.certificate, "--tls-key",
                                                self.private)[1])

    def test_other_machines_reach_it_without_further_words(self):
        self.place.serve("--listen", f"0.0.0.0:{self.port}", "--tls-cert", self.certificate,
                         "--tls-key", self.private)
        wait_for(lambda: is_open(self.port), self.place)
        self.assertEqual(self.refused("--listen", "0.0.0.0:0")[0], 2)

    def test_a_unix_socket_stays_plain(self):
        self.serve()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{self.place.path}/nexakey.sock")
            connection.sendall(self.asking())
            self.assertIn(b" 200 OK\r\n", read_answer(connection))

    def test_the_library_is_loaded_for_tls_alone(self):
        def maps():
            return Path(f"/proc/{self.place.server.pid}/maps").read_text()

        super().serve()
        self.assertNotIn("libssl", maps())
        self.end()
        self.serve()
        self.assertIn("libssl", maps())


class Managed(Serving):
    """Under a service manager with systemd's protocols."""

    def test_it_says_when_it_is_ready_reloads_and_stops(self):
        for name in (f"{self.place.path}/notify", f"\0{self.place.path}/notify"):
            with self.subTest(name=name):
                notify = self.listen_notify(name)
                self.place.env["NOTIFY_SOCKET"] = name.replace("\0", "@")
                self.serve()
                self.assertEqual(notify.recv(1000), b"READY=1")
                self.place.server.send_signal(signal.SIGHUP)
                self.assertRegex(notify.recv(1000), rb"^RELOADING=1\nMONOTONIC_USEC=[0-9]+$")
                self.assertEqual(notify.recv(1000), b"READY=1")
                self.end()
                self.assertEqual(notify.recv(1000), b"STOPPING=1")

    def start_with(self, sockets, *options):
        """A server that gets sockets as systemd passes them."""
        kept = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 100) for one in sockets]

        def place():
            for i, descriptor in enumerate(kept):
                os.dup2(descriptor, 3 + i)

        with open(f"{self.place.path}/log", "a") as log:
            self.place.server = subprocess.Popen(
                ["sh", "-c", f"LISTEN_PID=$$ LISTEN_FDS={len(kept)} exec \"$0\" serve \"$@\"",
                 NEXAKEY, "--log", "json", *options],
                env=self.place.env, stdout=log, stderr=log, close_fds=False, preexec_fn=place)
        self.place.processes.append(self.place.server)
        for descriptor in kept:
            os.close(descriptor)

    def test_sockets_that_are_passed(self):
        tcp = socket.create_server(("127.0.0.1", self.port))
        path = f"{self.place.path}/passed.sock"
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(path)
        unix.listen()
        self.addCleanup(tcp.close)
        self.addCleanup(unix.close)
        for options in ((), ("--listen", "systemd")):
            self.start_with([tcp, unix], "--trusted-proxy", "unix", "--trusted-proxy", "127.0.0.1",
                            *options)
            with self.connect() as connection:
                connection.sendall(self.asking())
                self.assertIn(b" 200 OK\r\n", read_answer(connection))
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                connection.sendall(self.asking())
                self.assertIn(b" 200 OK\r\n", read_answer(connection))
            self.end()
            self.assertTrue(os.path.exists(path), "the file is the manager's")

    def test_without_tls_a_passed_socket_has_to_be_loopback_too(self):
        with socket.create_server(("0.0.0.0", 0)) as everywhere:
            self.start_with([everywhere])
            self.assertEqual(self.place.server.wait(60), 2)
            self.assertIn("--insecure", self.place.log())

    def test_what_is_passed_has_to_listen(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            self.start_with([datagrams])
            self.assertEqual(self.place.server.wait(60), 2)

    def test_nothing_passed_is_an_error_if_it_was_asked_for(self):
        self.place.server = self.place.start([NEXAKEY, "serve", "--listen", "systemd"])
        self.assertEqual(self.place.server.wait(60), 2)

    @unittest.skipUnless(shutil.which("systemd-socket-activate"), "systemd is not installed")
    def test_systemd_socket_activate(self):
        place = f"127.0.0.1:{self.port}"
        self.place.start(["systemd-socket-activate", "--listen", place,
                          *(f"--setenv={name}" for name in ("HOME", "NEXAKEY_STORE")),
                          NEXAKEY, "serve", "--trusted-proxy", "127.0.0.1"])
        wait_for(lambda: is_open(self.port), self.place)
        with self.connect() as connection:
            connection.sendall(self.asking())
            self.assertIn(b" 200 OK\r\n", read_answer(connection))


class Watched(Serving):
    """Logs and metrics."""

    @unittest.skipIf(SERVE_OPTIONS, "which connection gives way is known with one loop only")
    def test_metrics(self):
        self.serve("--max-connections", "3")
        with self.connect() as connection:
            for path in ("/a", "/b"):
                connection.sendall(self.asking(path))
                read_answer(connection)
            connection.sendall(self.asking(Authorization="Bearer nonsense"))
            read_answer(connection)
            connection.sendall(self.asking().replace(b"GET /auth/nginx", b"HEAD /none"))
            read_answer(connection)
            with self.connect() as second, self.connect(), self.connect() as fourth:
                self.assertEqual(read_all(connection), b"")  # the longest idle one gives way
                second.sendall(b"nonsense\r\n\r\n")
                self.assertIn(b" 400 ", read_all(second))
                fourth.sendall(self.asking("/c"))
                self.assertIn(b" 200 OK\r\n", read_answer(fourth))
            wait_for(lambda: self.metrics()["nexakey_connections",] == 1, self.place)
            samples = self.metrics()
        for identity, value in (
                (("nexakey_decisions_total", "allowed"), 3),
                (("nexakey_decisions_total", "malformed_key"), 1),
                (("nexakey_decisions_total", "rate_limited"), 0),
                (("nexakey_decision_seconds_count",), 4),
                (("nexakey_batch_decisions_bucket", "1"), 4),
                (("nexakey_requests_total", "200", "gateway"), 3),
                (("nexakey_requests_total", "401", "gateway"), 1),
                (("nexakey_requests_total", "404", "unknown"), 1),
                (("nexakey_requests_total", "400", "unknown"), 1),
                (("nexakey_store_errors_total",), 0),
                (("nexakey_connections_refused_total",), 0),
                (("nexakey_connections_replaced_total",), 1),
                (("nexakey_access_log_datagrams_total", "malformed"), 0)):
            with self.subTest(identity=identity):
                self.assertEqual(samples[identity], value)
        self.assertIn("nexakey_build_info", {name for name, *_ in samples})
        linted = subprocess.run(["promtool", "check", "metrics"], input=self.metrics_text(),
                                capture_output=True, text=True)
        self.assertEqual((linted.returncode, linted.stdout, linted.stderr), (0, "", ""))
        key_id = json.loads(self.place.nexakey("show", "crm", "-o", "json"))["key"]["id"]
        self.assertFalse([labels for labels in samples if key_id in labels or self.key in labels])

    def test_what_the_store_fails_at_is_counted(self):
        self.serve()
        with self.connect() as connection:
            connection.sendall(self.asking())
            read_answer(connection)
        for file in Path(self.place.path).glob("keys.db*"):
            file.write_bytes(b"x" * file.stat().st_size)
        with self.connect() as connection:
            connection.sendall(self.asking())
            self.assertIn(b"X-Nexakey-Status: 503\r\n", read_answer(connection))
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertIn(b" 503 ", read_all(connection))
        self.assertGreaterEqual(self.metrics()["nexakey_store_errors_total",], 2)

    def test_answers_of_the_api_from_an_access_log(self):
        path = f"{self.place.path}/log.sock"
        self.serve("--access-log", f"unix:{path}")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
        key_id = json.loads(self.place.nexakey("show", "crm", "-o", "json"))["key"]["id"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as gateway:
            gateway.connect(path)
            for admitted, status in (("200", 200), ("200", 502), ("429", 429), ("", 500)):
                line = {"key_id": key_id, "admitted": admitted, "status": status, "method": "GET",
                        "path": "/v1/leads/7?page=2"}
                gateway.send(b"<190>Nov 25 13:00:00 host nginx: " + json.dumps(line).encode())
            for nonsense in (b"", b"x", b"<190>Nov 25 13:00:00 host nginx: {", os.urandom(60000)):
                gateway.send(nonsense)
        expected = {"reported": 2, "not_admitted": 2, "malformed": 4, "store_error": 0}
        wait_for(lambda: all(self.metrics()["nexakey_access_log_datagrams_total", result] == count
                             for result, count in expected.items()), self.place)
        usage = json.loads(self.place.nexakey("usage", "crm", "-o", "json"))
        self.assertEqual((usage["total"]["denied"], usage["total"]["upstream_errors"]), (0, 1))
        self.end()
        self.assertFalse(os.path.exists(path))


class Ending(Serving):
    def test_it_may_be_ended_as_soon_as_it_listens(self):
        for turn in range(5):
            server = self.place.start([NEXAKEY, "serve", "--listen", f"127.0.0.1:{self.port}"])
            wait_for(lambda: self.place.log().count("listening at") > turn, self.place, pause=0.0005)
            server.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(60), 0, self.place.log())

    def test_what_waits_to_be_accepted_is_answered(self):
        self.serve()
        self.place.server.send_signal(signal.SIGSTOP)
        connections = [self.connect() for _ in range(20)]
        for connection in connections:
            connection.sendall(self.asking())
        self.place.server.send_signal(signal.SIGTERM)
        self.place.server.send_signal(signal.SIGCONT)
        for connection in connections:
            with connection:
                self.assertIn(b" 200 OK\r\n", read_all(connection))
        self.assertEqual(self.place.server.wait(60), 0)

    def test_clients_that_stay_are_told_to_close(self):
        self.serve()
        with self.connect() as busy, self.connect() as idle:
            for connection in (busy, idle):
                connection.sendall(self.asking())
                self.assertNotIn(b"\r\nConnection: close\r\n", read_answer(connection))
            busy.sendall(self.asking()[:-2])
            wait_for(lambda: self.is_read(busy), self.place)
            self.place.server.send_signal(signal.SIGTERM)
            self.assertEqual(idle.recv(1), b"")
            busy.sendall(b"\r\n")
            self.assertIn(b"\r\nConnection: close\r\n", read_all(busy))
        self.assertEqual(self.place.server.wait(60), 0)

    def is_read(self, connection):
        """Whether the server has taken all that was sent: nothing waits in the kernel."""
        ports = [f":{port:04X}" for port in (self.port, connection.getsockname()[1])]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[1].endswith(ports[0]) and words[2].endswith(ports[1]):
                return words[4].endswith(":00000000")
        return False

    def test_a_request_that_drips_ends(self):
        self.serve("--idle-timeout", "60s", "--request-timeout", "1s")
        with self.connect() as connection:
            try:
                for c in self.asking("/" + "x" * 10000):
                    connection.sendall(bytes([c]))
                    time.sleep(0.01)
                self.fail("it waits for ever")
            except OSError:
                pass


if __name__ == "__main__":
    unittest.main(warnings="ignore")
