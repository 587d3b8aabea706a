"""The tools that bench/peers compares, each set up as its documentation says: bench/peers.d."""

import functools
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import time
import urllib.request

from context import NotRun
from inputs import make_key
from machine import NEXAKEY, ROOT

SETUPS = ROOT / "bench/peers.d"
MODULES = ROOT / "build/peers"
FIRST_PORT = 18090
START_SECONDS = 300  # better-auth creates its keys when it starts


def first_line(command):
    """The first line that a command prints, which has its version."""
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True).stdout
    return told.splitlines()[0]


class Server:
    """A tool that decides about the keys of requests, while it is a context. Each key may make
    `limit` requests a minute. `keys` are those that it has, once it runs."""

    name = ""
    needs = ()  # programs
    revoked_by = "–"
    is_limited = True
    _ports = iter(range(FIRST_PORT, FIRST_PORT + 1000))

    def __init__(self, folder, count, limit):
        for program in self.needs:
            if shutil.which(program) is None:
                raise NotRun(f"{pathlib.Path(program).name} is missing")
        self.folder, self.limit, self.port = folder, limit, next(self._ports)
        rng = random.Random(1)
        self.keys = [make_key(rng) for _ in range(count)]
        self.processes = []
        folder.mkdir()

    def __enter__(self):
        try:
            self.start()
            self._wait_until_it_listens()
            self.after_start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts the processes."""
        raise NotImplementedError

    def after_start(self):
        """Is called when the server listens."""

    def revoke(self, key):
        """Revokes a key as the documentation says. A tool without this has no keys of its own."""
        raise NotImplementedError

    @property
    def can_revoke(self):
        return type(self).revoke is not Server.revoke

    def version(self):
        """The versions of what runs."""
        raise NotImplementedError

    def run(self, *command, **environment):
        with open(self.folder / "log", "ab") as log:
            self.processes.append(subprocess.Popen([*map(str, command)], cwd=self.folder,
                                                   env=os.environ | environment, stdout=log,
                                                   stderr=log))

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()

    def configure(self, name, to):
        """Writes a file of bench/peers.d with what is specific to this run."""
        text = (SETUPS / name).read_text()
        for word, value in (("folder", self.folder), ("port", self.port), ("limit", self.limit),
                            ("burst", self.limit - 1)):
            text = text.replace(f"@{word}@", str(value))
        path = self.folder / to
        path.write_text(text)
        return path

    def write_keys(self, name, line):
        """Writes each key to a file, in the form of `line`."""
        path = self.folder / name
        path.write_text("".join(line.format(key=key, n=n) for n, key in enumerate(self.keys)))
        return path

    def _wait_until_it_listens(self):
        for _ in range(START_SECONDS * 20):
            if any(process.poll() is not None for process in self.processes):
                break
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        log = (self.folder / "log").read_text(errors="replace").strip().splitlines()
        raise NotRun("it does not start" + (f": {log[-1]}" if log else ""))


class Nexakey(Server):
    name = "nexakey"
    needs = (str(NEXAKEY),)
    revoked_by = "`nexakey revoke`"

    def start(self):
        store = {"NEXAKEY_STORE": str(self.folder / "keys.db")}
        self.env = os.environ | store
        subprocess.run([NEXAKEY, "import", "--keys", self.write_keys("keys", "{key}\n"), "--format",
                        "lines", "--scope", "read", "--rate-limit", str(self.limit), "--quiet"],
                       env=self.env, check=True)
        self.run(NEXAKEY, "serve", "--listen", f"127.0.0.1:{self.port}", "--trusted-proxy",
                 "127.0.0.1", "--log", "none", **store)

    def revoke(self, key):
        subprocess.run([NEXAKEY, "revoke", "-", "--yes", "--quiet"], env=self.env, input=key,
                       check=True, text=True)

    def version(self):
        return first_line([NEXAKEY, "--version"])


class NodeServer(Server):
    needs = ("node", "npm")
    script = ""
    packages = ()

    def __init__(self, folder, count, limit):
        super().__init__(folder, count, limit)
        install_modules()

    def run_node(self, **environment):
        self.run("node", MODULES / self.script, NODE_ENV="production", PORT=str(self.port),
                 LIMIT=str(self.limit), KEYS=str(self.folder / "keys"), **environment)

    def version(self):
        versions = [f"{package} {version_of_module(package)}" for package in self.packages]
        return ", ".join([*versions, f"Node {first_line(['node', '--version']).lstrip('v')}"])


@functools.cache
def install_modules():
    """Installs the pinned packages, with the scripts that use them beside them."""
    shutil.copytree(SETUPS, MODULES, dirs_exist_ok=True)
    env = dict(os.environ)
    prefix = pathlib.Path(shutil.which("node")).resolve().parent.parent
    if (prefix / "include/node/node.h").exists():  # to build better-sqlite3 without a download
        env.setdefault("npm_config_nodedir", str(prefix))
    install = ["npm", "install", "--prefix", MODULES, "--no-audit", "--no-fund", "--silent"]
    if subprocess.run(install, env=env).returncode != 0:
        raise NotRun("npm cannot install its packages")


def version_of_module(package):
    return json.loads((MODULES / "node_modules" / package / "package.json").read_text())["version"]


class BetterAuth(NodeServer):
    name = "better-auth"
    script = "better-auth.mjs"
    packages = ("better-auth", "@better-auth/api-key", "better-sqlite3", "express")
    revoked_by = "`updateApiKey`"

    def start(self):
        self.run_node(COUNT=str(len(self.keys)), DATABASE=str(self.folder / "keys.db"))

    def after_start(self):
        self.keys = (self.folder / "keys").read_text().split()

    def revoke(self, key):
        urllib.request.urlopen(urllib.request.Request(
            f"http://127.0.0.1:{self.port}/revoke", method="POST", headers={"X-Api-Key": key}))


class ExpressMemory(NodeServer):
    name = "express-memory"
    script = "express.mjs"
    packages = ("express", "rate-limiter-flexible")
    revoked_by = "no keys of its own"

    def start(self):
        self.write_keys("keys", "{key}\n")
        self.run_node()


class ExpressRedis(ExpressMemory):
    name = "express-redis"
    needs = (*NodeServer.needs, "redis-server")
    packages = (*ExpressMemory.packages, "ioredis")

    def start(self):
        redis = self.folder / "redis.sock"
        self.run("redis-server", "--port", 0, "--unixsocket", redis, "--save", "", "--dir",
                 self.folder)
        self.write_keys("keys", "{key}\n")
        self.run_node(REDIS=str(redis))

    def version(self):
        redis = first_line(["redis-server", "--version"]).split()[2].removeprefix("v=")
        return f"{super().version()}, Redis {redis}"


class HAProxy(Server):
    name = "haproxy"
    needs = ("haproxy",)
    revoked_by = "`del map`"

    def start(self):
        self.map = self.write_keys("keys.map", "{key} client-{n}\n")
        self.run("haproxy", "-db", "-f", self.configure("haproxy.cfg", "haproxy.cfg"))

    def revoke(self, key):
        with socket.socket(socket.AF_UNIX) as api:
            api.connect(str(self.folder / "haproxy.sock"))
            api.sendall(f"del map {self.map} {key}\n".encode())
            api.recv(1024)

    def version(self):
        return "HAProxy " + first_line(["haproxy", "-v"]).split()[2].split("-")[0]


class Nginx200(Server):
    name = "nginx-200"
    needs = ("nginx",)
    is_limited = False
    site = "nginx-200.conf"

    def start(self):
        self.configure(self.site, "site.conf")
        self.command = ["nginx", "-e", "stderr", "-c",
                        self.configure("nginx.conf", "nginx.conf")]
        self.run(*self.command)

    def version(self):
        return "nginx " + first_line(["nginx", "-v"]).split("/")[1].split()[0]


class Nginx(Nginx200):
    name = "nginx"
    is_limited = True
    site = "nginx-keys.conf"
    revoked_by = "map file, `nginx -s reload`"

    def start(self):
        self.write_map()
        super().start()

    def write_map(self):
        self.write_keys("keys.map", '"{key}" "client-{n}";\n')

    def revoke(self, key):
        self.keys.remove(key)
        self.write_map()
        subprocess.run([*self.command, "-s", "reload"], check=True, stderr=subprocess.DEVNULL)


SERVERS = {server.name: server for server in (Nexakey, BetterAuth, ExpressMemory, ExpressRedis,
                                              HAProxy, Nginx, Nginx200)}
