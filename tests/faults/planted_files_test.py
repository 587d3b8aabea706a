#!/usr/bin/env python3
"""Files that are planted beside a store or in the place of it: planted_files_test.py, with NEXAKEY in
the environment. NEXAKEY_STRIDE is the distance between two plants that are tried.

Each file of a store, and each file that a command writes, is once a symbolic link, a hard link, a
FIFO, a folder and a device. Nothing is written through it, no command hangs, and no key is admitted
without its store. Files are 0600 from their birth, whatever the umask is. A server whose store is
replaced, moved or deleted admits nothing that the store at its path does not.
"""

import itertools
import os
import re
import shutil
import stat
import subprocess
import sys
import time

import figure
from secret_home import NEXAKEY, Home, why_not_traced
from traffic import Gateway, Server

BESIDE = ("keys.db", "keys.db-wal", "keys.db-shm", "keys.db-journal", "keys.db-windows", "keys.db-usage",
          "keys.db-lock", "keys.db-reserve", "keys.db-new", "keys.db-new-wal", "keys.db-restore")
WRITTEN = ("a.key", ".a.key.new", "b.db", "x.export")
# One of so many plants is tried; a number without common factors with those of kinds and commands.
STRIDE = int(os.environ.get("NEXAKEY_STRIDE", "5"))
COMMAND_LIMIT = 20  # seconds
COMMANDS = (("create", "n", "--scope", "read", "-q"), ("list",), ("verify", "-q", "--key-file", "old"),
            ("revoke", "k", "-y", "-q"), ("usage", "-q"), ("doctor",))
WRITING = (("create", "n", "--scope", "read", "--key-file", "a.key", "-q"), ("backup", "b.db", "-q"),
           ("export", "x.export", "-q"))
CONTENT = b"of somebody else\n"


class Plants:
    """What is planted, and how it is seen that it was not touched."""

    @staticmethod
    def symlink(home, path):
        path.symlink_to(home.path / "victim")

    @staticmethod
    def dangling(home, path):
        path.symlink_to(home.path / "unborn")

    @staticmethod
    def hardlink(home, path):
        os.link(home.path / "victim", path)

    @staticmethod
    def fifo(home, path):
        os.mkfifo(path)

    @staticmethod
    def folder(home, path):
        path.mkdir()

    @staticmethod
    def device(home, path):
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))  # /dev/null


KINDS = ("symlink", "dangling", "hardlink", "fifo", "folder", "device")


class Checks:
    def __init__(self):
        self.count = self.followed = self.hung = self.admitted = self.modes = self.crashed = 0

    def run(self, home, where, *words):
        self.count += 1
        try:
            done = subprocess.run([NEXAKEY, *words], env=home.env, cwd=home.path, capture_output=True,
                                  stdin=subprocess.DEVNULL, timeout=COMMAND_LIMIT)
        except subprocess.TimeoutExpired:
            self.hung += 1
            print(f"hangs: {words} with {where}", file=sys.stderr)
            return None
        if done.returncode < 0:
            self.crashed += 1
            print(f"crashed: {words} with {where}: {done}", file=sys.stderr)
        return done

    def untouched(self, home, where):
        victim = home.path / "victim"
        if victim.read_bytes() != CONTENT or stat.S_IMODE(victim.stat().st_mode) != 0o644 or \
                (home.path / "unborn").exists():
            self.followed += 1
            print(f"followed: {where}", file=sys.stderr)


def planted(checks, template):
    """Each file beside a store, and each that is written, is planted."""
    plans = [*itertools.product(BESIDE, KINDS, COMMANDS), *itertools.product(WRITTEN, KINDS, WRITING)]
    for name, kind, words in plans[::STRIDE]:
        with Home() as home:
            shutil.copytree(template.path, home.path, dirs_exist_ok=True)
            (home.path / "victim").write_bytes(CONTENT)
            os.chmod(home.path / "victim", 0o644)
            path = home.path / name
            path.unlink(missing_ok=True)
            getattr(Plants, kind)(home, path)
            where = f"{kind} {name}"
            done = checks.run(home, where, *words)
            if done and words[0] == "verify" and done.returncode == 0 and name == "keys.db":
                checks.admitted += 1
                print(f"admitted: {where}", file=sys.stderr)
            checks.untouched(home, f"{where} by {words}")


def births(checks):
    """All files are created with mode 0600, without a moment in which they have another one."""
    calls = "trace=openat,open,creat,mkdir,mknod,chmod,fchmod"
    with Home() as home:
        old = os.umask(0)
        try:
            for words in (("create", "a", "--scope", "read", "--key-file", "a", "-q"), ("backup", "b.db", "-q"),
                          ("export", "x.export", "-q"), ("verify", "-q", "--key-file", "a"),
                          ("rotate", "a", "--grace", "1h", "--key-file", "a", "-q"),
                          ("token", "create", "t", "--role", "admin", "--secret-file", "t", "-q"),
                          ("restore", "b.db", "-y", "-q")):
                log = home.path / "calls"
                result = home.run(*words, under=["strace", "-f", "-y", "-qqq", "-o", str(log), "-e", calls])
                assert result.returncode == 0, result
                for line in log.read_text().splitlines():
                    made = re.search(r"O_CREAT.*, 0(\d+)\)", line)
                    if made and str(home.path) in line and int(made[1], 8) & 0o077:
                        checks.modes += 1
                        print(f"mode: {line}", file=sys.stderr)
                log.unlink()
            server = Server(home, f"{home.path}/s")
            for file in home.path.iterdir():
                checks.count += 1
                if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
                    checks.modes += 1
                    print(f"mode: {file}", file=sys.stderr)
            server.close()
        finally:
            os.umask(old)


def replaced(checks, template):
    """The store of a server is replaced, moved or deleted while it runs."""
    def move(home):
        os.rename(home.path / "keys.db", home.path / "moved")

    def delete(home):
        for file in home.path.glob("keys.db*"):
            file.unlink()

    def another(home):
        delete(home)
        # It is refused if the server has just made its windows file again.
        assert home.run("create", "x", "--scope", "read", "-q").returncode in (0, 6)

    def copy_over(home):
        shutil.copy(home.path / "other.db", home.path / "keys.db.tmp")
        os.rename(home.path / "keys.db.tmp", home.path / "keys.db")

    def folder(home):
        os.rename(home.path, f"{home.path}-moved")
        os.mkdir(home.path)

    for change in (move, delete, another, copy_over, folder):
        with Home() as home:
            shutil.copytree(template.path, home.path, dirs_exist_ok=True)
            key = (home.path / "old").read_text().strip()
            # A store without the key, as a restored copy of before it.
            home.done("create", "y", "--store", "other.db", "--scope", "read", "-q")
            home.done("backup", "--store", "other.db", "copy.db", "-q")
            os.replace(home.path / "copy.db", home.path / "other.db")
            path = f"/tmp/nexakey-planted-{os.getpid()}.sock"
            server = Server(home, path)
            try:
                gateway = Gateway(path)
                assert gateway.ask(key) == 200
                change(home)
                for _ in range(20):
                    checks.count += 1
                    try:
                        status = gateway.ask(key)
                    except (AssertionError, OSError):
                        gateway.close()
                        gateway = Gateway(path)
                        status = 0
                    if status == 200:
                        checks.admitted += 1
                        print(f"admitted: {change.__name__}", file=sys.stderr)
                        break
                    time.sleep(0.01)
                gateway.close()
            finally:
                server.close()
                os.unlink(path)
                shutil.rmtree(f"{home.path}-moved", ignore_errors=True)


def main():
    if why := why_not_traced():
        figure.not_run(19, f"strace: {why}")
    checks = Checks()
    with Home() as template:
        template.done("create", "old", "--scope", "read", "--key-file", "old", "-q", "--rate-limit", "10000")
        template.done("create", "k", "--scope", "read", "-q")
        planted(checks, template)
        births(checks)
        replaced(checks, template)
    figure.report(19, "planted links, FIFOs, folders and devices, umask 0, and stores replaced under serve",
                  checks.count, {"followed": checks.followed, "hung": checks.hung, "crashed": checks.crashed,
                                 "modes other than 0600": checks.modes, "admitted": checks.admitted})


if __name__ == "__main__":
    main()
