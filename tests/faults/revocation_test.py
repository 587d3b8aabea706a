#!/usr/bin/env python3
"""Revocation through gateways: revocation_test.py [REVOCATIONS], with NEXAKEY in the environment.

16 clients ask through nginx, Caddy and HAProxy in front of one server, and another server directly,
whether a key is admitted. It is, until it is revoked; when `revoke` has returned, none of them is
admitted.
"""

import http.client
import http.server
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import figure
from traffic import Gateway

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
import recipes
from place import ApiServer, Place, certificate

REVOCATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
CLIENTS = 16
GATEWAYS = ("nginx", "caddy", "haproxy")


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Client:
    """A client of one of the gateways, or of the other server."""

    def __init__(self, place, ports, number):
        self.port = ports[number % 4] if number % 4 < len(ports) else None
        self.gateway = None if self.port else Gateway(f"{place.path}/second.sock")
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60) if self.port else None

    def is_admitted(self, key):
        if self.gateway:
            return self.gateway.ask(key) == 200
        for _ in range(2):  # a gateway may close a connection that it has kept for long
            try:
                self.connection.request("GET", "/", headers={"Authorization": f"Bearer {key}"})
                response = self.connection.getresponse()
                response.read()
                return response.status == 200
            except (http.client.HTTPException, OSError):
                self.connection.close()
        return False


def main():
    place = Place()
    api = ApiServer(("127.0.0.1", 0), Api)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    late = refused = 0
    try:
        place.create("--scope", "read")
        certificate(place.path, "server")
        place.serve()
        place.serve(socket_name="second.sock")
        ports = [recipes.start(gateway, place, api.server_port)[0] for gateway in GATEWAYS]
        clients = [Client(place, ports, number) for number in range(CLIENTS)]
        source = random.Random(1)
        with ThreadPoolExecutor(CLIENTS) as pool:
            for number in range(REVOCATIONS):
                key = place.create(f"k{number}", "--scope", "read", "--rate-limit", "1000")
                some = source.sample(clients, 3)
                refused += sum(not admitted for admitted in pool.map(lambda client: client.is_admitted(key), some))
                place.nexakey("revoke", f"k{number}", "--yes", "--quiet")
                late += sum(pool.map(lambda client: client.is_admitted(key), clients))
    finally:
        place.close()
        api.shutdown()
    figure.report(7, f"revocations, each followed by {CLIENTS} requests through nginx, Caddy, HAProxy and two servers",
                  REVOCATIONS, {"admitted": late, "refused before": refused})


if __name__ == "__main__":
    main()
