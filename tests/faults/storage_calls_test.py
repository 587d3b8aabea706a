#!/usr/bin/env python3
"""Faults at each storage call of each command that changes a store: storage_calls_test.py PART,
with NEXAKEY in the environment.

kills   the command is killed: all of the change is there or nothing of it, all of it if the
        command had reported it; the store is whole, and older keys are admitted
errors  the call fails, once and from then on: a command that fails has shown no secret and changed
        nothing, or says that the outcome is unknown; the same command works afterwards

NEXAKEY_STRIDE is the distance between two points that are tried, by default so that a part takes
some seconds; 1 tries each.
"""

import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import figure
from secret_home import IN_MEMORY, Home, traced, why_not_traced
from state import live, records

STRIDES = {"kills": 97, "errors": 797}

CHANGES = ("openat", "write", "pwrite64", "writev", "fsync", "fdatasync", "sync_file_range",
           "ftruncate", "fallocate", "rename", "renameat2", "link", "linkat", "unlink", "unlinkat",
           "mkdir", "fchmod", "fchown")
READS = ("read", "pread64", "newfstatat", "flock", "fcntl", "mmap", "close")
LINE = re.compile(r"\d+ +(\w+)\(")

SECRET = re.compile("fc_live_|nxk_")
# That the outcome is unknown, or that the change is made and what is left to do.
UNKNOWN = re.compile("is not known whether|run the command again|has the new key")
OLD = ("create", "old", "--scope", "read", "--rate-limit", "100000", "--key-file", "old.key", "-q")


def with_keys(home):
    """Three keys, a token, counts in the journal, an export and a backup of a moment before."""
    home.done(*OLD)
    for number in range(3):
        home.done("create", f"k{number}", "--scope", "read", "--label", "team=crm", "-q", "--key-file",
                  f"k{number}")
    home.done("token", "create", "ops", "--role", "admin", "-q")
    home.done("export", "keys.export", "-q")
    home.done("backup", "before.db", "-q")
    home.done("revoke", "k2", "-y", "-q")
    home.done("verify", "-q", "--key-file", "old.key")
    (home.path / "list").write_text("".join(f"fc_live_{n:028}\n" for n in range(20)))


def with_an_old_key(home):
    """The same, after the revoked key has been so for a second."""
    with_keys(home)
    time.sleep(1.1)


def with_another(home):
    """A store without k0 and k1, and an export that has them."""
    with_keys(home)
    for file in home.path.glob("keys.db*"):
        file.unlink()
    (home.path / "old.key").unlink()
    home.done(*OLD)


def empty(home):
    """Another store has the key that is asked about."""


# What a command is called in reports: how its store is made, and its words.
COMMANDS = {
    "first create": (empty, ("create", "new", "--scope", "read", "-q")),
    "create": (with_keys, ("create", "new", "--scope", "read", "-q")),
    "create --key-file": (with_keys, ("create", "new", "--scope", "read", "-q", "--key-file", "new")),
    "edit": (with_keys, ("edit", "k0", "--rate-limit", "7", "--label", "a=b", "-q")),
    "edit --suspend": (with_keys, ("edit", "k0", "--suspend", "-q")),
    "revoke": (with_keys, ("revoke", "k0", "-y", "-q")),
    "revoke --label": (with_keys, ("revoke", "--label", "team=crm", "-y", "-q")),
    "purge": (with_an_old_key, ("purge", "--ended-before", "1s", "-y", "-q")),
    "rotate": (with_keys, ("rotate", "k0", "--yes", "-q")),
    "rotate --key-file": (with_keys, ("rotate", "k0", "--grace", "1h", "--key-file", "k0", "-q")),
    "whitelist add": (with_keys, ("whitelist", "add", "k0", "203.0.113.0/24", "-q")),
    "token create": (with_keys, ("token", "create", "t", "--role", "auditor", "-q")),
    "token trust": (with_keys, ("token", "trust", "ci", "--role", "creator", "--issuer",
                                "https://issuer.example.com", "--audience", "a", "--claim", "sub=s", "-q")),
    "token revoke": (with_keys, ("token", "revoke", "ops", "-y", "-q")),
    "import": (with_another, ("import", "keys.export", "-q")),
    "import --keys": (with_keys, ("import", "--keys", "list", "--scope", "read", "-q")),
    "policy set": (with_keys, ("policy", "set", "--max-rate-limit", "9", "-q")),
    "backup": (with_keys, ("backup", "new.db", "-q")),
    "restore": (with_keys, ("restore", "before.db", "-y", "-q")),
    "usage, which flushes": (with_keys, ("usage", "-q")),
    "verify": (with_keys, ("verify", "-q", "--key-file", "old.key")),
}


class Command:
    """A command, what the store has before and after it, and the storage calls that it makes."""

    def __init__(self, name):
        self.name = name
        self.prepare, self.words = COMMANDS[name]
        self.is_first = self.prepare is empty
        self.template = Home()
        self.prepare(self.template)
        with self.home() as home:
            self.before = {} if self.is_first else records(home)
        with self.home() as home:
            self.points = self.storage_calls(home)
            self.after = records(home)

    def home(self):
        """A new copy of the store."""
        home = Home()
        shutil.copytree(self.template.path, home.path, dirs_exist_ok=True)
        return home

    def storage_calls(self, home):
        """(call, n, line): the n-th such call of the command concerns a file of the folder."""
        log = home.path / "calls"
        result = home.run(*self.words, under=["strace", "-f", "-y", "-qqq", "-s", "0", "-o", str(log), "-e",
                                              f"trace={','.join(CHANGES + READS)}"])
        assert result.returncode == 0, (self.name, result)
        numbers, points = Counter(), []
        for line in log.read_text().splitlines():
            if call := LINE.match(line):
                numbers[call[1]] += 1
                # Not the absolute paths that a call relative to the folder ignores it for.
                if str(home.path) in line.replace(f'AT_FDCWD<{home.path}>, "/', '"/'):
                    points.append((call[1], numbers[call[1]], line))
        log.unlink()
        assert points, self.name
        return points

    def state(self, home):
        """"before" or "after", as all records or as what is live; or what is there."""
        if self.is_first and not (home.path / "keys.db").exists():
            return "before"
        found = records(home)
        if found == self.after:
            return "after"
        return "before" if live(found) == live(self.before) else found

    def check_whole(self, home, where):
        """The store is consistent, and a key of before is admitted."""
        if self.is_first:
            home.done("create", "old", "--scope", "read", "--key-file", "old.key", "-q")
        home.done("verify", "-q", "--key-file", "old.key")
        home.done("audit", "--check", "-q")
        home.done("doctor", "-q")
        if self.name == "backup" and (home.path / "new.db").exists():
            home.done("list", "--store", "new.db")

    def check_again(self, home, where):
        """The same command works when nothing fails."""
        result = home.run(*self.words)
        assert result.returncode in (0, 4), (where, result)


def is_reported(command, result):
    """Whether the command had reported its change: rotate shows a key before the store has it."""
    return command.name != "rotate" and bool(SECRET.search(result.stdout))


def check_kill(command, point):
    call, number, line = point
    where = (command.name, call, number, line)
    with command.home() as home:
        result = home.run(*command.words, under=traced(call, f"signal=KILL:when={number}"))
        assert result.returncode in (137, -9), (where, result)
        state = command.state(home)
        assert state in ("before", "after"), (where, state)
        assert state == "after" or not is_reported(command, result), where
        command.check_whole(home, where)
        if state == "before":
            command.check_again(home, where)


def errors_of(call):
    """What a call can fail with."""
    if call in READS:
        return ("EIO",)
    return ("EIO", "ENOSPC", "EDQUOT", "EROFS") + (("EMFILE",) if call == "openat" else ())


def check_error(command, point, error, when):
    call, number, line = point
    where = (command.name, call, error, when, line)
    with command.home() as home:
        result = home.run(*command.words, under=traced(call, f"error={error}:when={when}"))
        assert result.returncode in (0, 1, 2, 4, 6), (where, result)
        state = command.state(home)
        assert state in ("before", "after"), (where, result, state)
        outcome = "done"
        if result.returncode:
            # rotate shows a key before the store has it.
            assert not SECRET.search(result.stdout) or "key that was shown" in result.stderr, (where, result)
            can_tell = call not in ("write", "writev") or not when.endswith("+")
            assert result.stderr.startswith("nexakey: ") or not can_tell, (where, result)
            outcome = "unknown" if UNKNOWN.search(result.stderr) else "failed"
            if outcome == "failed":
                assert state == "before" or command.before == command.after, (where, result)
        else:
            assert state == "after", (where, result)
        command.check_whole(home, where)
        if outcome == "failed":
            command.check_again(home, where)
        return outcome


class Failures:
    """Failed checks, which are counted and shown."""

    def __init__(self):
        self.count = 0

    def check(self, function, *arguments):
        try:
            return function(*arguments)
        except AssertionError as problem:
            self.count += 1
            print(f"failed: {arguments[0].name} {arguments[1:]}: {problem}", file=sys.stderr, flush=True)
            return None


def kills(names, stride):
    failures, count, phase = Failures(), 0, 0
    for name in names:
        command = Command(name)
        for point in command.points[-phase % stride::stride]:
            failures.check(check_kill, command, point)
            count += 1
        phase += len(command.points)
    figure.report(1, f"kill -9 at storage calls of {len(names)} commands", count,
                  {"lost, half-done or corrupt": failures.count})


def errors(names, stride):
    failures, outcomes, phase = Failures(), Counter(), 0
    for name in names:
        command = Command(name)
        faults = [(point, error, when) for point in command.points for error in errors_of(point[0])
                  for when in (f"{point[1]}", f"{point[1]}+")]
        for fault in faults[-phase % stride::stride]:
            outcomes[failures.check(check_error, command, *fault)] += 1
        phase += len(faults)
    figure.report(4, "EIO, ENOSPC, EDQUOT, EMFILE and EROFS, once and for good, at storage calls of "
                  f"{len(names)} commands", sum(outcomes.values()),
                  {"changed by a command that failed, shown or corrupt": failures.count},
                  f"{outcomes['done']} succeeded, {outcomes['failed']} failed, "
                  f"{outcomes['unknown']} unknown")


def main():
    part, *names = sys.argv[1:]
    if why := why_not_traced():
        figure.not_run({"kills": 1, "errors": 4}[part], f"strace: {why}")
    tempfile.tempdir = IN_MEMORY
    stride = int(os.environ.get("NEXAKEY_STRIDE", STRIDES[part]))
    {"kills": kills, "errors": errors}[part](names or list(COMMANDS), stride)


if __name__ == "__main__":
    main()
