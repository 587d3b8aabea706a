"""Three PostgreSQL servers under Patroni with etcd, on loopback, in synchronous mode."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

PROGRAMS = ("patroni", "etcd", "psql")
START_LIMIT = 180  # seconds
NODE = """
scope: nexakey
name: {name}
restapi: {{listen: "127.0.0.1:{rest}", connect_address: "127.0.0.1:{rest}"}}
etcd3: {{host: "127.0.0.1:{etcd}"}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 3
    synchronous_mode: true
    postgresql: {{use_pg_rewind: true, parameters: {{max_connections: 100, wal_log_hints: "on"}}}}
  initdb: [{{auth: trust}}, {{encoding: UTF8}}]
postgresql:
  listen: "127.0.0.1:{port}"
  connect_address: "127.0.0.1:{port}"
  data_dir: "{folder}/{name}"
  bin_dir: "{bin}"
  pgpass: "{folder}/{name}.pgpass"
  parameters: {{unix_socket_directories: ""}}
  pg_hba: ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
  authentication:
    superuser: {{username: postgres, password: x}}
    replication: {{username: replicator, password: x}}
"""


def why_not():
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return "" if os.geteuid() == 0 else "it is not root, which starts PostgreSQL as its user"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Node:
    """A machine with Patroni and PostgreSQL."""

    def __init__(self, cluster, number, rest, port):
        self.cluster, self.name, self.rest, self.port = cluster, f"node{number}", rest, port
        self.config = cluster.folder / f"{self.name}.yml"
        [bin_dir] = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
        self.config.write_text(NODE.format(name=self.name, rest=rest, port=port, etcd=cluster.etcd_port,
                                           folder=cluster.folder, bin=bin_dir))
        self.process = None

    def start(self):
        self.process = self.cluster.start(["patroni", str(self.config)], self.name)

    def state(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/patroni", timeout=2) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except (OSError, ValueError):
            return {}

    def kill(self):
        """Ends the machine: Patroni and all processes of PostgreSQL at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        pid_file = self.cluster.folder / self.name / "postmaster.pid"
        if pid_file.exists():
            first = pid_file.read_text().split("\n")[0]
            children = subprocess.run(["pgrep", "-P", first], capture_output=True, text=True).stdout.split()
            for pid in (first, *children):
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.process.wait()


class Cluster:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="nexakey-failover-"))
        self.user = pwd.getpwnam("postgres")
        os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.etcd_port, peer, *ports = free_ports(8)
        self.etcd = self.start(
            ["etcd", "--data-dir", f"{self.folder}/etcd", "--listen-client-urls", f"http://127.0.0.1:{self.etcd_port}",
             "--advertise-client-urls", f"http://127.0.0.1:{self.etcd_port}", "--listen-peer-urls",
             f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-cluster", f"default=http://127.0.0.1:{peer}"], "etcd")
        self.nodes = [Node(self, n, ports[n], ports[n + 3]) for n in range(3)]
        for node in self.nodes:
            node.start()
            time.sleep(1)
        self.wait_until_whole()

    def start(self, words, name):
        log = open(self.folder / f"{name}.log", "ab")
        return subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True, cwd="/",
                                user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[],
                                env={"PATH": os.environ["PATH"], "HOME": str(self.folder)})

    def primary(self):
        return next((node for node in self.nodes if node.state().get("role") in ("master", "primary")), None)

    def wait_until_whole(self):
        """A primary, two replicas that follow it, one of them synchronous."""
        give_up = time.monotonic() + START_LIMIT
        while True:
            states = [node.state() for node in self.nodes]
            if sum(state.get("role") in ("master", "primary") for state in states) == 1 and \
                    sum(state.get("state") == "running" for state in states) == 3 and \
                    any(state.get("sync_standby") for state in states):
                return
            assert time.monotonic() < give_up, states
            time.sleep(0.3)

    def url(self):
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write&connect_timeout=2"

    def accepts_writes(self):
        """Whether one of the servers is a primary, by asking PostgreSQL."""
        done = subprocess.run(["psql", "-XAtq", self.url(), "-c", "SELECT pg_is_in_recovery()"], capture_output=True,
                              text=True)
        return done.stdout.strip() == "f"

    def close(self):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.kill()
        self.etcd.kill()
        self.etcd.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
