#!/usr/bin/env python3
"""Cuts the power below a store: power_cut_test.py [CUTS]. NEXAKEY is the binary. Without CUTS, the
test is skipped where it cannot run.

The disk is an ext4 file system in a file. Its shutdown ioctl ends it as a power cut does: what is
not on the disk by then is lost. Each cut is on new files, in turn in the middle of 100 requests a
second to `serve`, and right after a command has exited. Then the machine "boots": the store is used
in another time namespace, so that the boot is another one, and 500 decisions are counted.

Prints what was done and what was lost. Needs root, loop devices, mkfs.ext4 and time namespaces.
"""

import contextlib
import fcntl
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import figure

NEXAKEY = os.path.abspath(os.environ["NEXAKEY"])
EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), linux/ext4.h
NO_LOG_FLUSH = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH: not even the journal of the file system
TIME_LIMIT = 120  # seconds, for a command
DECISIONS_AFTER = 500
PERIOD = 0.01  # seconds between requests
# A second, and the time for the disk to take the write that begins then.
MAX_LOST_SECONDS = 2


class Skip(Exception):
    """Why the test cannot run here."""


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, timeout=TIME_LIMIT, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


class Machine:
    """A disk, and the boots of the machine that uses it."""

    def __init__(self, folder):
        self.image, self.mount_point = folder / "image", folder / "disk"
        self.mount_point.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(192 << 20)
        self.boots = 0
        try:
            run("mkfs.ext4", "-q", "-F", self.image)
            self.boot()
            run(*self.command("true"))
        except (AssertionError, FileNotFoundError) as error:
            self.close()
            raise Skip(str(error).strip()) from error

    def boot(self):
        run("mount", "-o", "loop", self.image, self.mount_point)
        self.boots += 1

    def command(self, *words):
        """A command of the current boot."""
        return ["unshare", "--time", "--boottime", str(1000 * self.boots), *map(str, words)]

    def cut(self, process=None):
        """Cuts the power while `process` works."""
        if process:
            process.send_signal(signal.SIGSTOP)
        disk = os.open(self.mount_point, os.O_RDONLY)
        fcntl.ioctl(disk, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(disk)
        at = time.monotonic()
        if process:
            process.kill()
            process.wait()
        run("umount", self.mount_point)
        return at

    def close(self):
        subprocess.run(["umount", "-q", "-l", self.mount_point], check=False)


class Store:
    """A new store on the disk."""

    def __init__(self, machine, number):
        self.machine = machine
        self.folder = machine.mount_point / str(number)
        self.folder.mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.folder),
                    "NEXAKEY_STORE": str(self.folder / "keys.db"), "NEXAKEY_SYSTEM_CONFIG": "/nowhere"}
        self.key = self.nexakey("create", "first", "--scope", "read", "--rate-limit", "100000",
                                "--quota", "1000000/day,1000000/month", "-q")

    def nexakey(self, *words, **options):
        return run(*self.machine.command(NEXAKEY, *words), env=self.env, **options).strip()

    def names(self):
        return {json.loads(line)["name"] for line in self.nexakey("list", "-o", "jsonl").splitlines()}

    def counted(self):
        """The counts by path."""
        report = json.loads(self.nexakey("usage", "-o", "json"))
        return {row["endpoint"].split()[1]: row["requests"] for row in report["by_endpoint"]}

    def quotas_used(self):
        """What the quotas of the day and the month count."""
        decision = json.loads(self.nexakey("verify", "first", "--dry-run", "-o", "json"))
        return [limit["requests"] - limit["remaining"] for limit in decision["limits"]
                if limit["window"] in ("day", "month")]

    def decide(self, count):
        line = json.dumps({"key": self.key, "method": "GET", "path": "/after"}) + "\n"
        answers = self.nexakey("verify", "--batch", input=(line * count).encode()).splitlines()
        allowed = [json.loads(answer)["allowed"] for answer in answers]
        assert allowed == [True] * count, f"{allowed.count(True)} of {count} are allowed"

    def serve(self):
        path = self.folder / "socket"
        server = subprocess.Popen(
            self.machine.command(NEXAKEY, "serve", "--listen", f"unix:{path}", "--trusted-proxy", "unix"),
            env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + TIME_LIMIT
        gateway = socket.socket(socket.AF_UNIX)
        while gateway.connect_ex(str(path)) != 0:
            assert server.poll() is None and time.monotonic() < give_up, "it does not start"
            time.sleep(0.01)
        return server, gateway

    def ask(self, gateway):
        """A request of a gateway, which is answered."""
        gateway.sendall(f"GET /auth/nginx HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n"
                        "X-Original-Method: GET\r\nX-Original-URI: /before\r\n"
                        "X-Real-IP: 198.51.100.7\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = gateway.recv(65536)
            assert more, "the server closed the connection"
            answer += more
        assert answer.startswith(b"HTTP/1.1 200"), answer


def cut_under_load(store, random_source):
    """Returns when each decision was made, and when the power was cut."""
    server, gateway = store.serve()
    with contextlib.closing(gateway):
        times = []
        end = time.monotonic() + 1 + 2 * random_source.random()
        while (now := time.monotonic()) < end:
            store.ask(gateway)
            times.append(time.monotonic())
            time.sleep(max(0, now + PERIOD - time.monotonic()))
        return times, store.machine.cut(server)


def cut_after_exit(store, random_source):
    times = []
    for number in range(random_source.randrange(1, 5)):
        store.nexakey("verify", "-q", "--path", "/before", input=store.key.encode())
        times.append(time.monotonic())
        store.nexakey("create", f"key {number}", "--scope", "read", "-q")
    return times, store.machine.cut()


def main():
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    random_source = random.Random(1)
    lost_changes = lost_counts = uncounted = wrong_quotas = 0
    lost_seconds = 0.0
    with tempfile.TemporaryDirectory(prefix="nexakey-power-") as folder:
        try:
            machine = Machine(Path(folder))
        except Skip as reason:
            figure.not_run(3, f"power cuts: {reason}")
        with contextlib.closing(machine):
            for number in range(cuts):
                store = Store(machine, number)
                cut = cut_after_exit if number % 2 else cut_under_load
                made = {"first"}
                times, at = cut(store, random_source)
                if number % 2:
                    made |= {f"key {n}" for n in range(len(times))}
                machine.boot()
                store.decide(DECISIONS_AFTER)
                counts = store.counted()
                lost_changes += len(made - store.names())
                wrong_quotas += [sum(counts.values())] * 2 != store.quotas_used()
                uncounted += DECISIONS_AFTER - counts.get("/after", 0)
                if (counted := counts.get("/before", 0)) < len(times):
                    lost_counts += len(times) - counted
                    lost_seconds = max(lost_seconds, at - times[counted])
                run("rm", "-r", store.folder)
    figure.report(3, "power cuts, half amid 100 requests a second and half right after a command", cuts,
                  {"changes lost": lost_changes,
                   f"decisions of {cuts * DECISIONS_AFTER:,} after the cuts not counted": uncounted,
                   "quotas that differ from the counts": wrong_quotas,
                   "times counts of more than a second lost": int(lost_seconds > MAX_LOST_SECONDS)},
                  f"{lost_counts} counts lost, the oldest {lost_seconds:.2f} s old")


if __name__ == "__main__":
    main()
