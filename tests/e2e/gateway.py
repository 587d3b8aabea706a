"""A gateway between curl and a small API, for the tests of gateways."""

import http.server
import json
import re
import socket
import subprocess
import sys
import threading
import unittest

import recipes
from place import ApiServer, Place, certificate

GATEWAY = sys.argv.pop(1)


class Api(http.server.BaseHTTPRequestHandler):
    """The API behind the gateway: responds with the identity that it sees."""

    protocol_version = "HTTP/1.1"
    asked = 0  # how many requests have arrived

    def answer(self):
        Api.asked += 1
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # CGI, WSGI and PHP ignore letter case and the characters between letters and digits.
        folded = [[re.sub("[^a-z0-9]", "-", name.lower()), value]
                  for name, value in self.headers.items()]
        body = json.dumps({"method": self.command, "path": self.path, "size": len(sent),
                           "key": self.headers.get("X-Nexakey-Key-Id"),
                           "folded": folded}).encode()
        status = self.path.removeprefix("/status/")
        self.send_response(int(status) if status.isdigit() else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = do_OPTIONS = do_get = do_BREW = answer

    def log_message(self, *args):
        pass


class Reply:
    def __init__(self, text):
        head, _, self.body = text.replace("\r\n", "\n").rpartition("\n\n")
        lines = head.split("\n\n")[-1].split("\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        pairs = [line.partition(": ") for line in lines[1:]]
        self.fields = [(name.lower(), value) for name, _, value in pairs]
        self.headers = dict(self.fields)


class GatewayCase(unittest.TestCase):
    """The gateway that the first argument names, with curl, an API and nexakey."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.close)
        api = ApiServer(("127.0.0.1", 0), Api)
        threading.Thread(target=api.serve_forever, daemon=True).start()
        cls.addClassCleanup(api.shutdown)
        cls.api_port = api.server_port
        cls.place.create("--scope", "read")  # there is a store
        cls.certificate, cls.private = certificate(cls.place.path, "server")
        cls.main_server = cls.serve()
        cls.port, cls.http2_port, cls.tls_port = cls.start_gateway()

    @classmethod
    def serve(cls, *options, **more):
        log = [] if more else ["--access-log", f"unix:{cls.place.path}/access.sock"]
        return cls.place.serve(*log, *options, **more)

    @classmethod
    def start_gateway(cls, *changes):
        return recipes.start(GATEWAY, cls.place, cls.api_port, changes)

    def curl(self, *options, path="/v1/leads/7", key=None, port=None, method=None, scheme="http"):
        words = ["curl", "--silent", "--include", "--path-as-is", "--max-time", "20"]
        words += ["--request", method] if method else []
        words += ["--header", "@-"] if key else []
        done = subprocess.run([*words, *options, f"{scheme}://127.0.0.1:{port or self.port}{path}"],
                              input=f"Authorization: Bearer {key}\n", capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr + self.place.log())
        return Reply(done.stdout)

    def ask_nexakey(self, key, path="/auth/forward", **changes):
        """nexakey's own response to a gateway: the head, as pairs, and the body."""
        headers = {"Host": "x", "Connection": "close", "Authorization": f"Bearer {key}",
                   "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/v1/leads/7",
                   "X-Forwarded-For": "127.0.0.1"} | changes
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(f"{self.place.path}/nexakey.sock")
            connection.sendall((f"GET {path} HTTP/1.1\r\n" + "".join(
                f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        head, _, body = answer.decode().partition("\r\n\r\n")
        return [line.partition(": ")[::2] for line in head.split("\r\n")[1:]], body
