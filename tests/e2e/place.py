"""A folder with a store and its servers, for the end-to-end tests."""

import contextlib
import http.server
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

NEXAKEY = os.path.abspath(os.environ["NEXAKEY"])
# More options for each server, such as --loops 2.
SERVE_OPTIONS = os.environ.get("SERVE_OPTIONS", "").split()


# Abstract sockets, each of which takes a port for this process as long as it lives.
taken_ports = []


def take_port(port):
    """Takes a port for this process. Returns whether no other test had it."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0nexakey-test-port-{port}")
    except OSError:
        mark.close()
        return False
    taken_ports.append(mark)
    return True


def free_port():
    """A port on which nothing listens, that the system does not choose for others, and that no
    other test is given."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    while True:
        port = random.randrange(10000, max(int(given[0]), 20000))
        if not take_port(port):
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class ApiServer(http.server.ThreadingHTTPServer):
    """The server of an API behind a gateway."""

    daemon_threads = True

    def handle_error(self, *args):
        pass  # a gateway may reset the connections that it keeps


class Place:
    """A folder with a store, and the processes that work with it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="nexakey-e2e-")
        self.path = self.folder.name
        self.env = os.environ | {"NEXAKEY_STORE": f"{self.path}/keys.db", "HOME": self.path,
                                 "XDG_CONFIG_HOME": self.path, "NEXAKEY_SYSTEM_CONFIG": "/nowhere"}
        self.processes = []
        self.server = None

    def attempt(self, *words, stdin=""):
        """Runs a command that may fail."""
        return subprocess.run([NEXAKEY, *words], env=self.env, input=stdin, capture_output=True,
                              text=True, timeout=300)  # an import of thousands of keys under a sanitizer

    def nexakey(self, *words, stdin=""):
        done = self.attempt(*words, stdin=stdin)
        if done.returncode != 0:
            raise AssertionError(f"nexakey {words}: {done.stderr}")
        return done.stdout.strip()

    def create(self, *options):
        return self.nexakey("create", *options, "--quiet")

    def start(self, command):
        # Output goes to a file: an unread pipe would block the process. The process leads a group,
        # so that the workers of a gateway end with it.
        with open(f"{self.path}/log", "a") as log:
            process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log,
                                       start_new_session=True)
        self.processes.append(process)
        return process

    def serve(self, *options, socket_name="nexakey.sock"):
        self.server = self.start([NEXAKEY, "serve", "--listen", f"unix:{self.path}/{socket_name}",
                                  "--trusted-proxy", "unix", "--log", "json", *SERVE_OPTIONS,
                                  *options])
        wait_for(lambda: accepts(f"{self.path}/{socket_name}"), self)
        return self.server

    def log(self):
        return Path(self.path, "log").read_text()

    def close(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and all that it had started
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.folder.cleanup()


def wait_for(condition, place, pause=0.02):
    give_up = time.monotonic() + 60
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError("it does not start: " + place.log())
        time.sleep(pause)


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def accepts(path):
    """Whether a server listens at a Unix socket. The file is there a moment before."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def certificate(folder, name, days=2):
    """The files of a self-signed certificate for localhost and of its key."""
    files = f"{folder}/{name}.crt", f"{folder}/{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", files[0],
                    "-keyout", files[1]], check=True, capture_output=True)
    return files
