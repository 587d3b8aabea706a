"""The servers that are measured."""

import contextlib
import os
import pathlib
import socket
import subprocess
import time

import machine
from context import NotRun

NGINX = """
{user} daemon off; worker_processes auto; pid {folder}/pid; error_log stderr;
events {{}}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {http}
}}
"""


def wait_for(address, process, name):
    """Returns when a server accepts connections: at a port, or at the path of a socket."""
    for _ in range(1000):
        if process.poll() is not None:
            break
        try:
            if isinstance(address, int):
                socket.create_connection(("127.0.0.1", address)).close()
            else:
                with socket.socket(socket.AF_UNIX) as one:
                    one.connect(str(address))
            return
        except OSError:
            time.sleep(0.01)
    raise NotRun(f"{name} does not accept connections")


@contextlib.contextmanager
def running(command, address, **options):
    """A server until the end of the block."""
    process = subprocess.Popen(command, **options)
    try:
        wait_for(address, process, pathlib.Path(command[0]).name)
        yield process
    finally:
        process.terminate()
        process.wait()


def serve(store, address, *words, **options):
    """`nexakey serve` at a port of this machine, or at the path of a socket."""
    is_port = isinstance(address, int)
    return running([machine.NEXAKEY, "--store", store, "serve", "--log", "none", "--listen",
                    f"127.0.0.1:{address}" if is_port else f"unix:{address}", "--trusted-proxy",
                    "127.0.0.1" if is_port else "unix", *words], address, stderr=subprocess.DEVNULL,
                   **options)


def nginx(folder, http, address):
    """nginx with what `http` configures, which listens at `address`."""
    config = folder / "nginx.conf"
    # The workers use sockets of this user.
    config.write_text(NGINX.format(user="user root;" if os.geteuid() == 0 else "", folder=folder,
                                   http=http))
    return running([machine.find("nginx"), "-c", config, "-e", "stderr"], address)


class Postgres:
    """A PostgreSQL server on some of the cores, whose commits are written to disk."""

    SCRIPT = machine.ROOT / "tests" / "support" / "postgres"

    def __init__(self, folder, *settings):
        self.folder = folder
        self.url = f"postgresql://postgres@/postgres?host={folder}"
        self.settings = settings

    def __enter__(self):
        subprocess.run([self.SCRIPT, "start", self.folder, *self.settings], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run([self.SCRIPT, "remove", self.folder], check=True)

    @property
    def pid(self):
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def run_on(self, cores):
        """Moves it, with all its processes, to these cores."""
        for member in machine.family(self.pid):
            machine.move(member, cores)

    def execute(self, sql):
        subprocess.run(["psql", "--quiet", "--set", "ON_ERROR_STOP=1", self.url], input=sql,
                       text=True, check=True, stdout=subprocess.DEVNULL)
