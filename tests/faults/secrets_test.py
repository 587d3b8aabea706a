#!/usr/bin/env python3
"""No secret without a holder: secrets_test.py PART, with NEXAKEY in the environment.

kills   a command that makes a secret is killed at each of its system calls: the same command, run
        again, has exactly one live key or token, whose secret is in the file
errors  fsync(2), fdatasync(2) and others fail, once and for good: a command that fails has left
        nothing active, or says that the outcome is unknown and how to settle it

NEXAKEY_STRIDE is the distance between two kills in system calls of a kind; 1 is every one.
"""

import os
import sys

import figure
from secret_home import Home, traced, why_not_traced

# The calls that change a file or send something; between two of them, a kill changes nothing else.
CALLS = ("openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "fallocate", "flock",
         "rename", "renameat2", "unlink", "mkdir", "exit_group")
STRIDE = int(os.environ.get("NEXAKEY_STRIDE", "4"))

FILE = "ci.key"
STAGED = ".ci.key.new"
CREATE = ("create", "ci", "--scope", "read", "--expires", "30d", "--key-file", FILE, "-q")
TOKEN = ("token", "create", "ci", "--role", "admin", "--secret-file", FILE, "-q")
ROTATE = ("rotate", "ci", "--grace", "1h", "--key-file", FILE, "-q")
REPLACE = ("rotate", "ci", "--key-file", FILE, "-q", "--yes")


def kill_at(home, words, call, number):
    """Whether the command was killed at this call."""
    result = home.run(*words, under=traced(call, f"signal=KILL:when={number}"))
    if result.returncode == 0:
        return False
    assert result.returncode in (137, -9), (call, number, result)
    return True


def points(prepare, words, check):
    """Kills a command at each system call of each kind, and calls `check` after each."""
    kills = 0
    for call in CALLS:
        number = 1
        while True:
            with Home() as home:
                prepare(home)
                if not kill_at(home, words, call, number):
                    break
                kills += 1
                check(home, (words[0], call, number))
            number += STRIDE
    assert kills >= len(CALLS) // 2, kills
    return kills


def settle(home, words, where):
    """Runs the command again, as after a kill."""
    result = home.run(*words)
    # It can have been killed after its end, when the file was complete.
    is_complete = result.returncode == 4 and "File exists" in result.stderr
    assert result.returncode == 0 or is_complete, (where, result)
    assert STAGED not in home.names(), (where, home.names())


def check_key(home, where):
    settle(home, CREATE, where)
    live = home.live("ci")
    assert len(live) == 1 and home.holder(FILE) == live[0]["id"], (where, live)


def check_token(home, where):
    settle(home, TOKEN, where)
    assert len(home.tokens("ci")) == 1, where
    result = home.run("verify", "--key-file", FILE)
    assert "malformed" in result.stdout, (where, result)
    assert (home.path / FILE).read_text().startswith("nxk_"), where


def check_rotation(words):
    def check(home, where):
        result = home.run(*words)
        assert result.returncode == 0, (where, result)
        live = home.live("ci")
        assert len(live) == 1 and home.holder(FILE) == live[0]["id"], (where, live)
        assert STAGED not in home.names(), (where, home.names())
        # The first key, and one or two rotations.
        assert len(home.keys()) in (2, 3), where
    return check


def kills():
    def empty(home):
        home.done("create", "other", "--scope", "read", "-w", "other", "-q")

    def with_key(home):
        home.done(*CREATE)

    def check_first(home, where):
        check_key(home, where)
        assert len(home.keys()) == 1, where

    total = points(lambda home: None, CREATE, check_first)
    total += points(empty, TOKEN, check_token)
    total += points(with_key, ROTATE, check_rotation(ROTATE))
    total += points(with_key, REPLACE, check_rotation(REPLACE))
    figure.report(1, "kill -9 at system calls of create, token create and rotate with --key-file",
                  total, {"secrets without holder": 0, "keys too many": 0})


FAULTS = [(call, error) for call in ("fsync", "fdatasync") for error in ("EIO", "ENOSPC")] + \
    [("pwrite64", "EIO"), ("write", "ENOSPC"), ("ftruncate", "EIO"), ("renameat2", "EIO"),
     ("unlink", "EIO"), ("flock", "EIO")]


def count_calls(home, words, call):
    """How often a command makes a system call."""
    log = home.path / "calls"
    result = home.run(*words, under=["strace", "-f", "-qqq", "-o", str(log), "-e", f"trace={call}"])
    assert result.returncode == 0, result
    return len(log.read_text().splitlines())


def fail_at(home, words, call, error, when):
    result = home.run(*words, under=traced(call, f"error={error}:when={when}"))
    assert result.returncode in (0, 1, 4, 6), (call, error, when, result)
    return result


def check_create(home, result, where):
    """What a command without a file did, and said."""
    live = home.live("ci")
    if result.returncode == 0:
        assert len(live) == 1 and result.stdout.startswith("fc_live_"), (where, result)
        return "done"
    assert "fc_live_" not in result.stdout, where
    if "is not known whether" in result.stderr:
        assert result.returncode == 6 and "nexakey revoke key_" in result.stderr, (where, result)
        return "unknown"
    assert not live, (where, result, live)
    return "failed"


def check_create_file(home, result, where):
    live = home.live("ci")
    unknown = "run the same command again, which finishes it" in result.stderr
    if result.returncode == 0:
        assert home.holder(FILE) == live[0]["id"], where
    elif not unknown:
        # "has the new key" is the truth about a file whose folder could not be synced.
        assert not live or "has the new key" in result.stderr, (where, result, live)
    if result.returncode != 0 and "has the new key" not in result.stderr:
        check_key(home, where)
    assert STAGED not in home.names(), (where, home.names(), result)
    return "done" if result.returncode == 0 else "unknown" if unknown else "failed"


def errors():
    def prepare(home):
        home.done("create", "old", "--scope", "read", "--key-file", "old.key", "-q")

    counts = {"done": 0, "unknown": 0, "failed": 0}
    show = ("create", "ci", "--scope", "read", "-q")
    for words, check in ((show, check_create), (CREATE, check_create_file)):
        for call, error in FAULTS:
            with Home() as home:
                prepare(home)
                number_of_calls = count_calls(home, words, call)
            for number in range(1, number_of_calls + 1, STRIDE):
                for when in (f"{number}", f"{number}+"):
                    with Home() as home:
                        prepare(home)
                        where = (words[-1], call, error, when)
                        result = fail_at(home, words, call, error, when)
                        counts[check(home, result, where)] += 1
                        assert home.holder("old.key"), where
    assert counts["failed"] and counts["unknown"], counts
    figure.report(4, "errors of system calls in create, with and without --key-file",
                  sum(counts.values()), {"secrets without holder": 0},
                  f"{counts['done']} succeeded, {counts['failed']} failed and left nothing active, "
                  f"{counts['unknown']} unknown")


def main():
    part = sys.argv[1]
    if why := why_not_traced():
        figure.not_run({"kills": 1, "errors": 4}[part], f"strace: {why}")
    {"kills": kills, "errors": errors}[part]()


if __name__ == "__main__":
    main()
