#!/usr/bin/env python3
"""TLS: tls_test.py, with NEXAKEY in the environment.

testssl finds no weak protocol, cipher or known attack in a server of nexakey. The command line, with
a token, meets servers that it must not trust: none of them receives a byte of the token, and each
command ends in bounded time with an error.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import figure
from secret_home import NEXAKEY, Home

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
from place import certificate, free_port, is_open

TIME_LIMIT = 60  # seconds for a command that meets a bad server
TOKEN = "nxk_" + "T0k3n" * 8
WEAK = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
# Not of the server: the certificate of the test, and HTTP headers for browsers. The order of ciphers
# is the client's, as all that are offered are strong.
IGNORED = ("cert_", "HSTS", "security_headers", "DNS_CAArecord", "OCSP_", "overall_grade", "scanTime", "engine_problem",
           "BREACH", "cipher_order")


class BadServer:
    """A server that accepts connections until it is closed; what it receives is kept."""

    def __init__(self, serve):
        self.received = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.serve = serve
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        connection.settimeout(TIME_LIMIT)
        try:
            self.serve(self, connection)
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()

    def close(self):
        self.listener.close()


def secure(chain, private, **changes):
    """Serves a certificate and records what the client sends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(changes.pop("ciphers", "ALL:@SECLEVEL=0"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of old versions, which the test is about
        for name, value in changes.items():
            setattr(context, name, value)
    context.load_cert_chain(chain, private)

    def serve(server, connection):
        with context.wrap_socket(connection, server_side=True) as channel:
            while piece := channel.recv(65536):
                server.received += piece
                channel.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    return serve


def plain(answer, waits=0):
    """Answers without TLS."""
    def serve(server, connection):
        server.received += connection.recv(65536)
        connection.sendall(answer)
        time.sleep(waits)
    return serve


def make(folder, name, *options):
    files = f"{folder}/{name}.crt", f"{folder}/{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-out", files[0], "-keyout", files[1], *options], check=True, capture_output=True)
    return files


def bad_servers(folder, good):
    """(name, what serves, the file of trusted certificates)."""
    def names(host):
        return "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"

    unknown = make(folder, "unknown", *names("localhost"), "-days", "2")
    other = make(folder, "other", *names("example.org"), "-days", "2")
    small = f"{folder}/small.crt", f"{folder}/small.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "2", *names("localhost"), "-out",
                    small[0], "-keyout", small[1]], check=True, capture_output=True)
    expired = good[0].replace("good", "expired"), good[1]
    subprocess.run(["openssl", "x509", "-in", good[0], "-signkey", good[1], "-days", "-1", "-out", expired[0]], check=True,
                   capture_output=True)
    old = ssl.TLSVersion
    hello = b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + b"\0" * 35
    yield "unknown issuer", secure(*unknown), good[0]
    yield "other name", secure(*other), other[0]
    yield "expired", secure(*expired), expired[0]
    yield "TLS 1.0", secure(*good, minimum_version=old.TLSv1, maximum_version=old.TLSv1), good[0]
    yield "TLS 1.1", secure(*good, minimum_version=old.TLSv1, maximum_version=old.TLSv1_1), good[0]
    yield "no encryption", secure(*good, ciphers="eNULL:@SECLEVEL=0", maximum_version=old.TLSv1_2), good[0]
    yield "a key of 1024 bits", secure(*small), small[0]
    yield "plain HTTP", plain(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), good[0]
    yield "redirect in plain HTTP", plain(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n"), good[0]
    yield "garbage", plain(os.urandom(4096)), good[0]
    yield "half a handshake", plain(hello), good[0]
    yield "closes", lambda server, connection: None, good[0]
    yield "silence", plain(b"", TIME_LIMIT), good[0]


def client(folder, good):
    """How many bad servers received something of the token, were trusted, or held the client up."""
    told = trusted = held = count = 0
    token = Path(folder, "token")
    token.touch(0o600)
    token.write_text(TOKEN + "\n")
    with Home() as home:
        for name, serve, trust in bad_servers(folder, good):
            server = BadServer(serve)
            count += 1
            try:
                done = subprocess.run([NEXAKEY, "list", "--store", f"https://localhost:{server.port}", "--token-file",
                                       token, "--ca-file", trust], env=home.env, capture_output=True, timeout=TIME_LIMIT)
                if done.returncode == 0:
                    trusted += 1
                    print(f"trusted: {name}", file=sys.stderr)
            except subprocess.TimeoutExpired:
                held += 1
                print(f"held up: {name}", file=sys.stderr)
            if TOKEN[:12].encode() in server.received or b"authorization" in server.received.lower():
                told += 1
                print(f"told the token: {name}", file=sys.stderr)
            server.close()
    return count, {"received the token": told, "were trusted": trusted, "held a command up": held}


def findings(folder, good):
    """What testssl finds in a server of nexakey."""
    port = free_port()
    with Home() as home:
        home.done("create", "k", "--scope", "read", "-q")
        server = subprocess.Popen([NEXAKEY, "serve", "--listen", f"127.0.0.1:{port}", "--tls-cert", good[0], "--tls-key",
                                   good[1], "--log", "none"], env=home.env, stderr=subprocess.DEVNULL)
        try:
            give_up = time.monotonic() + TIME_LIMIT
            while not is_open(port):
                assert time.monotonic() < give_up and server.poll() is None
                time.sleep(0.05)
            report = f"{folder}/testssl.json"
            subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "min", "--jsonfile", report,
                            "--add-ca", good[0], f"127.0.0.1:{port}"], capture_output=True, timeout=900, check=False)
        finally:
            server.kill()
            server.wait()
        rows = json.loads(Path(report).read_text())
    assert len(rows) > 60, f"testssl has checked little: {len(rows)}"
    weak = [row for row in rows if row["severity"] in WEAK and not row["id"].startswith(IGNORED)]
    for row in weak:
        print(row, file=sys.stderr)
    return len(rows), len(weak)


def main():
    if not shutil.which("testssl"):
        figure.not_run(14, "testssl is not installed")
    with tempfile.TemporaryDirectory(prefix="nexakey-tls-") as folder:
        good = certificate(folder, "good")
        servers, failures = client(folder, good)
        checks, weak = findings(folder, good)
        figure.report(14, f"checks of testssl, and {servers} bad servers asked with a token", checks + servers,
                      {"weak": weak} | failures)


if __name__ == "__main__":
    main()
