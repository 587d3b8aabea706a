#!/usr/bin/env python3
"""The metrics listener, and docs/prometheus with a real Prometheus and promtool."""

import contextlib
import fcntl
import http.client
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import unittest
import urllib.request
from pathlib import Path

from place import NEXAKEY, Place, certificate, free_port, is_open, wait_for

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "prometheus"
TARGET = "127.0.0.1:9465"


class Metrics(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.close)
        self.key = self.place.create("--scope", "read")
        self.port = free_port()

    def serve(self, *options):
        self.place.serve("--metrics-listen", f"127.0.0.1:{self.port}", *options)
        wait_for(lambda: is_open(self.port), self.place)

    def status(self, path, method="GET", headers=None, host="127.0.0.1"):
        connection = http.client.HTTPConnection(host, self.port, timeout=20)
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status

    def copy_configuration(self):
        for file in ("prometheus.yml", "alerts.yml"):
            text = DOCS.joinpath(file).read_text().replace(TARGET, f"127.0.0.1:{self.port}")
            Path(self.place.path, file).write_text(text)

    def promtool(self, *words):
        done = subprocess.run(["promtool", *words], cwd=self.place.path, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_it_answers_what_watches_a_server_and_nothing_else(self):
        self.serve("--trusted-proxy", "127.0.0.1")
        for path in ("/metrics", "/healthz", "/readyz"):
            self.assertEqual(self.status(path), 200)
        self.assertEqual(self.status("/metrics", "POST"), 405)
        token = self.place.nexakey("token", "create", "--role", "admin", "--quiet")
        headers = {"X-Original-Method": "GET", "X-Original-URI": "/", "X-Real-IP": "127.0.0.1"}
        paths = json.loads(ROOT.joinpath("server/openapi.json").read_text())["paths"]
        others = set(paths) - {"/metrics", "/healthz", "/readyz"}
        self.assertIn("/auth/nginx", others)
        for path in sorted(others) + ["/", "/metrics/", "//metrics", "/auth/nginx?/metrics"]:
            for secret in (self.key, token):
                for method in ("GET", "POST"):
                    with self.subTest(path=path, method=method):
                        asked = re.sub(r"{\w+}", "x", path)
                        self.assertEqual(self.status(asked, method, headers | {
                            "Authorization": f"Bearer {secret}"}), 404)

    def test_an_address_in_use_costs_the_metrics_and_not_the_decisions(self):
        self.serve()
        self.place.serve("--metrics-listen", f"127.0.0.1:{self.port}", socket_name="second.sock")
        wait_for(lambda: f"cannot listen on 127.0.0.1:{self.port}" in self.place.log(), self.place)
        done = subprocess.run(["curl", "--silent", "--fail", "--unix-socket",
                               f"{self.place.path}/second.sock", "http://x/readyz"],
                              capture_output=True)
        self.assertEqual(done.returncode, 0)

    def test_two_options_cannot_name_one_address(self):
        port, path = self.port, f"unix:{self.place.path}/s"
        for words in (["--listen", f"127.0.0.1:{port}", "--metrics-listen", f"127.0.0.1:{port}"],
                      ["--insecure", "--listen", f"0.0.0.0:{port}", "--metrics-listen",
                       f"127.0.0.1:{port}"],
                      ["--listen", f"127.0.0.1:{port}", "--listen", f"127.0.0.1:{port}"],
                      ["--metrics-listen", "127.0.0.1:8080"],
                      ["--listen", path, "--metrics-listen", path],
                      ["--listen", path, "--access-log", path]):
            with self.subTest(words=words):
                server = self.place.start([NEXAKEY, "serve", *words])
                self.assertEqual(server.wait(60), 2)
                self.assertIn("use the same address: choose another address for one of them",
                              self.place.log())
                self.assertFalse(Path(self.place.path, "s").exists())

    def test_a_socket_of_systemd_is_an_address_too(self):
        with socket.create_server(("127.0.0.1", self.port)) as passed:
            # As in sd_listen_fds(3): the descriptor is 3, and the sockets are for this process.
            command = (f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&{passed.fileno()}')
            done = subprocess.run(["bash", "-c", command, "bash", NEXAKEY, "serve",
                                   "--metrics-listen", f"127.0.0.1:{self.port}"],
                                  env=self.place.env, pass_fds=[passed.fileno()],
                                  capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"the socket of systemd 127.0.0.1:{self.port} and --metrics-listen "
                      f"127.0.0.1:{self.port} use the same address", done.stderr)

    def test_other_machines_need_tls(self):
        refused = ["serve", "--metrics-listen", "0.0.0.0:0"]
        with self.assertRaisesRegex(AssertionError, "not encrypted"):
            self.place.nexakey(*refused)
        with self.assertRaisesRegex(AssertionError, "is not a listen address"):
            self.place.nexakey("serve", "--metrics-listen", "9465")
        files = certificate(self.place.path, "server")
        self.serve("--tls-cert", files[0], "--tls-key", files[1])
        done = subprocess.run(["curl", "--silent", "--fail", "--cacert", files[0],
                               f"https://localhost:{self.port}/metrics"], capture_output=True)
        self.assertIn(b"nexakey_build_info", done.stdout)

    def test_the_package_listens_where_prometheus_scrapes(self):
        unit = ROOT.joinpath("packaging/debian/nexakey.service").read_text()
        self.assertIn(f"--metrics-listen {TARGET}", unit)
        self.assertIn(f'"{TARGET}"', DOCS.joinpath("prometheus.yml").read_text())

    def test_promtool_takes_the_configuration_and_the_alerts(self):
        self.copy_configuration()
        self.promtool("check", "config", "prometheus.yml")
        self.promtool("check", "rules", "--lint-fatal", "alerts.yml")
        shutil.copy(Path(__file__).parent / "alerts_test.yml", self.place.path)
        self.promtool("test", "rules", "alerts_test.yml")

    def test_every_metric_of_the_alerts_is_served(self):
        self.serve()
        self.place.nexakey("list")

        def scrape():
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics").read().decode()

        wait_for(lambda: "nexakey_keys{" in scrape(), self.place)
        served = scrape()
        names = set(re.findall(r"nexakey_\w+", DOCS.joinpath("alerts.yml").read_text()))
        self.assertGreaterEqual(len(names), 4)
        for name in names:
            if name != "nexakey_revocation_log_lag_seconds":  # this server has no revocation log
                self.assertRegex(served, rf"(?m)^{name}[ {{]")

    def test_a_client_on_another_machine_needs_a_token(self):
        address = subprocess.run(["hostname", "--all-ip-addresses"], capture_output=True,
                                 text=True).stdout.split()
        if not address:
            self.skipTest("this machine has no other address than loopback")
        self.place.serve("--insecure", "--metrics-listen", f"0.0.0.0:{self.port}")
        wait_for(lambda: is_open(self.port), self.place)
        verifier = self.place.nexakey("token", "create", "--role", "verifier", "--quiet")
        revoked = self.place.nexakey("token", "create", "old", "--role", "verifier", "--quiet")
        self.place.nexakey("token", "revoke", "old", "--yes")
        for host, secret, status in (("127.0.0.1", None, 200), (address[0], None, 401),
                                     (address[0], verifier, 200), (address[0], revoked, 401),
                                     (address[0], self.key, 401)):
            with self.subTest(host=host, status=status):
                headers = {"Authorization": f"Bearer {secret}"} if secret else {}
                self.assertEqual(self.status("/metrics", headers=headers, host=host), status)
                self.assertEqual(self.status("/healthz", headers=headers, host=host), 200)

    def prometheus(self):
        """Starts Prometheus, which scrapes the server each second. Returns what asks it."""
        config = Path(self.place.path, "prometheus.yml")
        config.write_text("global: {scrape_interval: 1s, evaluation_interval: 1s}\n" +
                          config.read_text())
        web = free_port()
        self.place.start(["prometheus", f"--config.file={config}",
                          f"--storage.tsdb.path={self.place.path}/tsdb",
                          f"--web.listen-address=127.0.0.1:{web}"])
        wait_for(lambda: subprocess.run(["curl", "--silent", "--fail", "--output", "/dev/null",
                                         f"http://127.0.0.1:{web}/-/ready"]).returncode == 0,
                 self.place)

        def ask(path):
            with urllib.request.urlopen(f"http://127.0.0.1:{web}/api/v1/{path}", timeout=20) as answer:
                return json.load(answer)["data"]

        wait_for(lambda: [sample["value"][1] for sample in
                          ask("query?query=up%7Bjob%3D%22nexakey%22%7D")["result"]] == ["1"], self.place)
        return ask

    def test_prometheus_scrapes_it(self):
        self.serve()
        self.copy_configuration()
        ask = self.prometheus()
        wait_for(lambda: {rule["health"] for group in ask("rules")["groups"]
                          for rule in group["rules"]} == {"ok"}, self.place)
        self.assertEqual([alert["labels"]["alertname"] for alert in ask("alerts")["alerts"]
                          if alert["state"] == "firing"], [])

    def serve_in_trouble(self):
        """Starts a server whose log nobody reads and whose revocation log cannot be written, of a
        store with keys that need attention. Returns a key that may be used once."""
        for name in ("soon", "unused", "broken"):
            self.place.create(name, "--scope", "read", *["--expires", "1d"][:2 * (name == "soon")])
        limited = self.place.create("limited", "--scope", "read", "--rate-limit", "1")
        with contextlib.closing(sqlite3.connect(f"{self.place.path}/keys.db")) as store, store:
            store.execute("UPDATE api_keys SET created_at = created_at - 91 * 86400000"
                          " WHERE name = 'unused'")
            store.execute("UPDATE api_keys SET whitelist = '10.0.0.1/8' WHERE name = 'broken'")
        config = Path(self.place.path, "nexakey", "config.toml")
        config.parent.mkdir()
        config.write_text(f'store = "{self.place.path}/keys.db"\n'
                          'revocation_log = "/proc/revocations.log"\n')  # where no file can be made
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        server = subprocess.Popen(
            [NEXAKEY, "serve", "--listen", f"unix:{self.place.path}/nexakey.sock", "--trusted-proxy",
             "unix", "--log", "json", "--metrics-listen", f"127.0.0.1:{self.port}"],
            env=self.place.env, stderr=writer, start_new_session=True)
        os.close(writer)
        self.place.processes.append(server)
        wait_for(lambda: is_open(self.port), self.place)
        return server, limited

    def ask_often(self, key, times):
        """Asks a decision about a long path many times, and returns how many were admitted."""
        with socket.socket(socket.AF_UNIX) as gateway:
            gateway.settimeout(60)
            gateway.connect(f"{self.place.path}/nexakey.sock")
            request = (f"GET /auth/envoy/{'z' * 240} HTTP/1.1\r\nHost: x\r\n"
                       f"X-Forwarded-For: 198.51.100.7\r\nAuthorization: Bearer {key}\r\n\r\n")
            answers = b""
            for _ in range(times // 100):
                gateway.sendall(request.encode() * 100)
                expected = answers.count(b"HTTP/1.1 ") + 100
                while answers.count(b"HTTP/1.1 ") < expected:
                    piece = gateway.recv(1 << 16)
                    self.assertTrue(piece, "the connection was closed")
                    answers += piece
            return answers.count(b"HTTP/1.1 200")

    def test_the_alerts_fire(self):
        """A real server in trouble, which a real Prometheus scrapes. The alerts do not wait here."""
        server, limited = self.serve_in_trouble()
        self.copy_configuration()
        alerts = Path(self.place.path, "alerts.yml")
        alerts.write_text(re.sub(r"for: \w+", "for: 0s", alerts.read_text()).replace("> 300", "> 1"))
        ask = self.prometheus()
        fired = set()

        def has_fired(*names):
            fired.update(alert["labels"]["alertname"] for alert in ask("alerts")["alerts"]
                         if alert["state"] == "firing")
            return fired.issuperset(f"Nexakey{name}" for name in names)

        wait_for(lambda: has_fired("KeysExpire", "KeysDamaged", "KeysUnused", "RevocationLogBehind"),
                 self.place)
        fired.discard("NexakeyDown")  # before the first scrape
        self.assertEqual(len(fired), 4, fired)
        with open(f"{self.place.path}/keys.db-lock", "r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX, 1, 0)  # as a process that changes the store for long
            self.assertEqual(self.ask_often(limited, 10_000), 1)
            self.assertEqual(self.ask_often("fc_live_" + "x" * 28, 4_000), 0)
            wait_for(lambda: has_fired("CountsNotFlushed", "LogLinesDropped", "ManyRateLimited",
                                       "ManyUnknownKeys"), self.place)
        os.rename(f"{self.place.path}/keys.db", f"{self.place.path}/elsewhere.db")
        self.assertEqual(self.ask_often(limited, 100), 0)
        wait_for(lambda: has_fired("StoreErrors"), self.place)
        server.kill()
        wait_for(lambda: has_fired("Down"), self.place)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
