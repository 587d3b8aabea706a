"""A gateway between curl and a small API: what the tests of gateways share."""

import http.server
import json
import subprocess
import sys
import threading
import unittest

import recipes
from place import Place, certificate

GATEWAY = sys.argv.pop(1)


class Api(http.server.BaseHTTPRequestHandler):
    """The API behind the gateway: it tells who it thinks is there."""

    protocol_version = "HTTP/1.1"
    asked = 0  # how many requests have come

    def answer(self):
        Api.asked += 1
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # As CGI and WSGI have them: in any case, and with `_` for `-`.
        identity = [[name.lower().replace("_", "-"), value] for name, value in self.headers.items()
                    if "nexakey" in name.lower()]
        body = json.dumps({"method": self.command, "path": self.path, "size": len(sent),
                           "key": self.headers.get("X-Nexakey-Key-Id"),
                           "identity": identity}).encode()
        status = self.path.removeprefix("/status/")
        self.send_response(int(status) if status.isdigit() else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = do_OPTIONS = do_get = do_BREW = answer

    def log_message(self, *args):
        pass


class ApiServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args):
        pass  # a gateway may reset the connections that it keeps


class Reply:
    def __init__(self, text):
        head, _, self.body = text.replace("\r\n", "\n").rpartition("\n\n")
        lines = head.split("\n\n")[-1].split("\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        pairs = [line.partition(": ") for line in lines[1:]]
        self.fields = [(name.lower(), value) for name, _, value in pairs]
        self.headers = dict(self.fields)


class GatewayCase(unittest.TestCase):
    """The gateway that the first argument names, between curl and an API, with nexakey beside."""

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
