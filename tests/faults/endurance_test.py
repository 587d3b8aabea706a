#!/usr/bin/env python3
"""Everything at once, for ten minutes: endurance_test.py [SECONDS], with NEXAKEY in the environment.

wrk asks a server as fast as it can. Beside it, gateways ask two other servers about keys that
commands create, edit, suspend, rotate and revoke, one of the servers is restarted again and again,
keys are imported, and backups are made. Each decision and each backup is what a model of the keys
says, each count is there, and the memory and descriptors of a server do not grow.
"""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import typing
from pathlib import Path

import figure
from secret_home import NEXAKEY, TIME_LIMIT, Home
from traffic import Decisions, Gateway, Server, Threads

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 600
GATEWAYS = 4
CHANGERS = 2
KEYS = 12  # of each changer, at any time
LIMIT = 200
ADDRESSES = ("198.51.100.7", "203.0.113.9")
METHODS = ("GET", "POST")
IMPORTED = 1000  # keys of each import
CONNECTIONS = 8  # of wrk
ASKED = 40  # keys of wrk, with room for 66,000 requests a second
LOAD = """
local keys, last = {{{keys}}}, 0
request = function()
  last = last % #keys + 1
  return wrk.format("GET", "/auth/nginx", {{
    ["Authorization"] = "Bearer " .. keys[last], ["X-Original-Method"] = "GET",
    ["X-Original-URI"] = "/v1/leads/7", ["X-Real-IP"] = "198.51.100.7" }})
end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format("LOAD %d %d %d %d\\n", summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(99.99)))
end
"""


class State(typing.NamedTuple):
    """What decides about the requests of a key."""

    is_active: bool
    scopes: frozenset
    whitelist: frozenset

    def status(self, method, address):
        if not self.is_active:
            return 401
        if self.whitelist and address not in self.whitelist:
            return 403
        return 200 if ("read" if method == "GET" else "write") in self.scopes else 403


class Change(typing.NamedTuple):
    """A state, and the command that began it, which has not ended yet if `end` is infinite."""

    begin: float
    end: float
    state: State


class ModelKey:
    """A key and its states, one after the other."""

    def __init__(self, name, secret, begin, state):
        self.name, self.secret = name, secret
        self.changes = [Change(begin, time.monotonic(), state)]

    def state(self):
        return self.changes[-1].state

    def states(self, begin, end):
        """The states that the key may have had between two moments."""
        first = max((at for at, change in enumerate(self.changes) if change.end <= begin), default=0)
        return [change.state for change in self.changes[first:] if change.begin <= end]


class Model:
    """All keys, the commands that change them, and what was wrong."""

    def __init__(self, home):
        self.home, self.lock = home, threading.Lock()
        self.keys, self.wrong = [], []
        self.commands = self.decisions = 0

    def run(self, *words):
        """The output of a command, which succeeds."""
        result = self.home.run(*words, "-q")
        with self.lock:
            self.commands += 1
            if result.returncode != 0:
                self.wrong.append((words, result.stderr))
        return result.stdout.strip()

    def create(self, name, scopes):
        begin = time.monotonic()
        secret = self.run("create", name, "--rate-limit", "100000", *scope_options(scopes))
        return self.add(ModelKey(name, secret, begin, State(True, frozenset(scopes), frozenset())))

    def add(self, key):
        with self.lock:
            self.keys.append(key)
        return key

    def change(self, key, state, *words):
        """Runs the command that gives a key another state."""
        with self.lock:
            key.changes.append(Change(time.monotonic(), float("inf"), state))
        said = self.run(*words)
        with self.lock:
            key.changes[-1] = key.changes[-1]._replace(end=time.monotonic())
        return said

    def check(self, key, method, address, begin, status):
        end = time.monotonic()
        with self.lock:
            self.decisions += 1
            states = key.states(begin, end)
            if status not in {state.status(method, address) for state in states}:
                self.wrong.append((key.name, method, address, status, states))


def scope_options(scopes):
    return [word for scope in scopes for word in ("--scope", scope)]


class Changer:
    """Changes keys of its own, by one command after the other."""

    def __init__(self, model, number):
        self.model, self.number = model, number
        self.source = random.Random(number)
        self.made = 0
        self.own = [self.create() for _ in range(KEYS)]

    def create(self):
        self.made += 1
        scopes = self.source.choice((["read"], ["write"], ["read", "write"]))
        return self.model.create(f"c{self.number}-{self.made}", scopes)

    def turn(self):
        key = self.source.choice(self.own)
        self.source.choice((self.edit, self.restrict, self.suspend, self.rotate, self.revoke))(key)

    def edit(self, key):
        scopes = self.source.choice((["read"], ["write"], ["read", "write"]))
        self.model.change(key, key.state()._replace(scopes=frozenset(scopes)), "edit", key.name,
                          *scope_options(scopes))

    def restrict(self, key):
        address = self.source.choice(ADDRESSES)
        whitelist = key.state().whitelist
        # The last address is not removed: that would need --allow-any.
        if address in whitelist and len(whitelist) > 1:
            self.model.change(key, key.state()._replace(whitelist=whitelist - {address}), "whitelist",
                              "remove", key.name, address)
        elif address not in whitelist:
            self.model.change(key, key.state()._replace(whitelist=whitelist | {address}), "whitelist",
                              "add", key.name, address)

    def suspend(self, key):
        state = key.state()
        self.model.change(key, state._replace(is_active=False), "edit", key.name, "--suspend")
        self.model.change(key, state, "edit", key.name, "--resume")

    def rotate(self, key):
        begin, state = time.monotonic(), key.state()
        secret = self.model.change(key, state._replace(is_active=False), "rotate", key.name, "-y")
        self.replace(key, self.model.add(ModelKey(key.name, secret, begin, state)))

    def revoke(self, key):
        self.model.change(key, key.state()._replace(is_active=False), "revoke", key.name, "-y")
        self.replace(key, self.create())

    def replace(self, key, successor):
        self.own[self.own.index(key)] = successor


class Asker:
    """Asks a server about any key; a server that is restarted may close the connection."""

    def __init__(self, model, limited, path, number, is_restarted):
        self.model, self.limited, self.path, self.is_restarted = model, limited, path, is_restarted
        self.source, self.gateway = random.Random(number), None
        self.about_limited = Decisions()

    def turn(self):
        method, address = self.source.choice(METHODS), self.source.choice(ADDRESSES)
        with self.model.lock:
            # The latest keys are those that live, most of the others have been revoked.
            key = self.source.choice(self.model.keys[-4 * CHANGERS * KEYS:])
        is_limited = self.source.random() < 0.1
        begin = time.monotonic()
        status = self.ask(self.limited if is_limited else key.secret, *(("GET", ADDRESSES[0]) if is_limited else
                                                                       (method, address)))
        if is_limited:
            own = self.about_limited
            {200: own.admitted, 429: own.refused}.get(status, own.others).append((begin, time.monotonic()))
        elif status is not None:
            self.model.check(key, method, address, begin, status)

    def ask(self, *question):
        """The status; nothing if the server has been restarted."""
        try:
            self.gateway = self.gateway or Gateway(self.path)
            return self.gateway.ask(*question)
        except (OSError, AssertionError) as error:
            if self.gateway:
                self.gateway.close()
            self.gateway = None
            if not self.is_restarted:
                with self.model.lock:
                    self.model.wrong.append(("no response from the server that is not restarted", error))
            time.sleep(0.002)
            return None


class TcpServer:
    """The server that wrk asks."""

    def __init__(self, home):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [NEXAKEY, "serve", "--listen", f"127.0.0.1:{self.port}", "--trusted-proxy", "127.0.0.1", "--log", "none"],
            env=home.env, cwd=home.path, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + TIME_LIMIT
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert time.monotonic() < give_up and self.process.poll() is None, "the server does not start"
            time.sleep(0.01)

    def close(self):
        self.process.terminate()
        self.process.wait(TIME_LIMIT)


class Load:
    """wrk, and what it has counted."""

    def __init__(self, home, port, keys):
        script = home.path / "load.lua"
        script.write_text(LOAD.format(keys=",".join(f'"{key}"' for key in keys)))
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS:.0f}", "--timeout", "60", "--latency", "-s", script,
             f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True)

    def result(self):
        said = self.process.communicate()[0]
        found = re.search(r"LOAD (\d+) (\d+) (\d+) (\d+)", said)
        assert found, said
        self.requests, self.denied, self.errors, self.slowest = map(int, found.groups())
        return self


class Resources:
    """The memory (KiB, without mapped files, which grow with the store) and the number of descriptors of
    a process, over time."""

    def __init__(self, pid):
        self.pid, self.samples = pid, []

    def sample(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        descriptors = len(os.listdir(f"/proc/{self.pid}/fd"))
        self.samples.append((int(re.search(r"RssAnon:\s+(\d+)", status)[1]), descriptors))

    def grown(self):
        """By how much the last quarter was above the second, in each; the first warms up."""
        quarter = len(self.samples) // 4
        return [max(last) - max(second) for second, last in
                zip(zip(*self.samples[quarter:2 * quarter]), zip(*self.samples[-quarter:]))]


def restart_again_and_again(home, path, ends):
    """Restarts a server, each second time by SIGKILL, until the test ends."""
    server, count = Server(home, path), 0
    while not ends.wait(2):
        count += 1
        server.process.send_signal(signal.SIGKILL if count % 2 else signal.SIGTERM)
        server.process.wait(TIME_LIMIT)
        server = Server(home, path)
    server.close()
    return count


def import_keys(model, number):
    """Imports keys, and checks the decisions about some of them before and after."""
    keys = [f"fc_live_{number:010}{own:018}" for own in range(IMPORTED)]
    path = model.home.path / "imported"
    path.write_text("".join(key + "\n" for key in keys))
    model.run("import", "--keys", path, "--scope", "read")
    for key in (keys[0], keys[-1]):
        result = model.home.run("verify", "-q", stdin=key)
        if result.returncode != 0:
            with model.lock:
                model.wrong.append(("imported", key, result.stderr))


def check_backup(model, number):
    """Makes a backup, whose keys have states that they had while it was made."""
    folder = model.home.path / f"backup{number}"
    folder.mkdir()
    with model.lock:
        known = [key for key in model.keys[-4 * CHANGERS * KEYS:]]
    begin = time.monotonic()
    model.run("backup", folder / "keys.db")
    end = time.monotonic()
    env = model.home.env | {"NEXAKEY_STORE": f"{folder}/keys.db"}
    for key in known:
        result = subprocess.run([NEXAKEY, "verify", "--dry-run", "-o", "json", "--ip", ADDRESSES[0]], env=env,
                                input=key.secret, capture_output=True, text=True, timeout=TIME_LIMIT)
        status = json.loads(result.stdout)["status"] if result.stdout else result.stderr
        with model.lock:
            states = key.states(begin, end)
            if status not in {state.status("GET", ADDRESSES[0]) for state in states}:
                model.wrong.append(("backup", key.name, status, states))
    shutil.rmtree(folder)


def counted(home, name):
    return json.loads(home.done("usage", name, "-o", "json"))["total"]["requests"]


def check_copy(home, model):
    """Exports the store and imports it into a new one, which has the same counts."""
    dump = home.path / "dump"
    dump.write_text(home.done("export"))
    with Home() as other:
        other.done("import", dump, "-q")
        totals = [json.loads(place.done("usage", "-o", "json"))["total"] for place in (home, other)]
        if totals[0] != totals[1]:
            model.wrong.append(("counts of the export", totals))


def until(ends, turn):
    """A thread that takes turns until the test ends."""
    def work():
        while not ends.is_set():
            turn()
    return work


class Numbered:
    """A turn each so many seconds, with its number."""

    def __init__(self, work, model, ends, pause):
        self.work, self.model, self.ends, self.pause, self.count = work, model, ends, pause, 0

    def __call__(self):
        self.work(self.model, self.count)
        self.count += 1
        self.ends.wait(self.pause)


def main():
    if not shutil.which("wrk"):
        figure.not_run(21, "wrk is not installed")
    with Home() as home, contextlib.ExitStack() as stack:
        model = Model(home)
        asked = [f"asked{number}" for number in range(ASKED)]
        keys = [home.done("create", name, "--scope", "read", "--rate-limit", "100000", "-q").strip() for name in asked]
        limited = home.done("create", "limited", "--scope", "read", "--rate-limit", str(LIMIT), "-q").strip()
        changers = [Changer(model, number) for number in range(CHANGERS)]
        paths = [f"{home.path}/{name}.sock" for name in ("steady", "restarted")]
        steady = stack.enter_context(contextlib.closing(Server(home, paths[0])))
        tcp = stack.enter_context(contextlib.closing(TcpServer(home)))
        askers = [Asker(model, limited, paths[number % 2], number, number % 2 == 1) for number in range(GATEWAYS)]
        resources = [Resources(server.process.pid) for server in (steady, tcp)]

        beside = Threads()
        imports = Numbered(import_keys, model, beside.ends, 10)
        backups = Numbered(check_backup, model, beside.ends, 5)
        restarts = []
        turns = [*(asker.turn for asker in askers), *(changer.turn for changer in changers), imports, backups]
        works = [until(beside.ends, turn) for turn in turns]
        works.append(lambda: restarts.append(restart_again_and_again(home, paths[1], beside.ends)))
        beside.threads = [threading.Thread(target=work, daemon=True) for work in works]
        load = Load(home, tcp.port, keys)
        with beside:
            while load.process.poll() is None:
                time.sleep(SECONDS / 200)
                for own in resources:
                    own.sample()
            load.result()
        assert not any(thread.is_alive() for thread in beside.threads), "a thread has failed"

        about_limited = Decisions()
        for own in (asker.about_limited for asker in askers):
            about_limited.admitted += own.admitted
            about_limited.refused += own.refused
            about_limited.others += own.others
        counts = sum(counted(home, name) for name in asked)
        misses = max(0, load.requests - counts, counts - load.requests - load.errors - CONNECTIONS)
        check_copy(home, model)
        home.done("audit", "--check", "-q")
        home.done("doctor", "-q")
        for problem in model.wrong[:5]:
            print(problem, file=sys.stderr)
        memory, descriptors = (max(own) for own in zip(*(own.grown() for own in resources)))
        figure.report(21, f"decisions in {SECONDS:.0f} s beside {model.commands:,} changes, {sum(restarts)} restarts, "
                      f"{imports.count} imports and {backups.count} backups",
                      load.requests + model.decisions + len(about_limited.admitted) + len(about_limited.refused),
                      {"wrong": len(model.wrong) + load.denied,
                       "not counted, or twice": misses,
                       "admitted over the limit": about_limited.over(LIMIT),
                       "refused with room": about_limited.refused_with_room(LIMIT),
                       "servers that grew": int(memory > 4096 or descriptors > 2)},
                      f"p99.99 {load.slowest / 1000:.1f} ms at {load.requests / SECONDS:,.0f} requests a second; memory "
                      f"grew by {max(memory, 0)} KiB to {max(max(own.samples)[0] for own in resources) / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
