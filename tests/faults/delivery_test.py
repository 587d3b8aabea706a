#!/usr/bin/env python3
"""rotate --exec: nexakey is killed at each of its system calls, and the command that takes over the
key fails in every way. At most one successor is left unconfirmed, `status` shows it, the next run
ends it, and no key that somebody has got stops working before its grace: delivery_test.py, with
NEXAKEY in the environment.

NEXAKEY_STRIDE is the distance between two system calls that are tried; 1 tries each.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from secret_home import IN_MEMORY, NEXAKEY, Home, killed_at, system_calls, why_not_traced

STRIDE = 11

# Takes over a key as a whole. `running` tells whether it still works: it survives nexakey.
RECEIVER = "touch running; k=$(cat) && test -n \"$k\" && printf %s \"$k\" > new && mv new got; rm -f running"
ROTATE = ("rotate", "crm", "--grace", "1h", "-q", "--exec", RECEIVER)


def prepared():
    home = Home()
    home.done("create", "crm", "--scope", "read", "-q", "--rate-limit", "1000", "--key-file", "old")
    shutil.copy(home.path / "old", home.path / "got")
    return home


def unconfirmed(home):
    return json.loads(home.done("list", "--unconfirmed", "-o", "json"))["keys"]


def wait_for_receiver(home):
    give_up = time.monotonic() + 20
    while (home.path / "running").exists():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def works(home, file):
    return home.holder(file) is not None


def check(home, where):
    """What has to be after any end of a run."""
    wait_for_receiver(home)
    left = unconfirmed(home)
    assert len(left) <= 1, (where, left)
    shown = json.loads(home.done("status", "-o", "json"))
    assert ("unconfirmed" in shown["attention"]) == bool(left), (where, shown)
    assert works(home, "old") and works(home, "got"), where
    shutil.copy(home.path / "got", home.path / "before")
    home.done(*ROTATE)
    assert not unconfirmed(home), where
    assert works(home, "old") and works(home, "before") and works(home, "got"), where
    newest = [key for key in home.live("crm") if not key.get("unconfirmed")]
    assert [key["id"] for key in newest] == [home.holder("got")], (where, newest)
    home.done("audit", "--check", "-q")
    home.done("doctor", "-q")
    return bool(left)


def kills(stride):
    if why := why_not_traced():
        print(f"not run: strace: {why}")
        return
    with prepared() as home:
        points = system_calls(home, *ROTATE)
    count, left = 0, 0
    for call, number in points[::stride]:
        with prepared() as home:
            home.run(*ROTATE, under=killed_at(call, number))
            left += check(home, (call, number))
            count += 1
    print(f"kill -9 at {count} of {len(points)} system calls of rotate --exec: {left} left an "
          "unconfirmed successor, which the next run ended; 0 keys gone")
    assert count > 0 and left > 0


def failures():
    """Each row: the command, more options, and what the message says."""
    rows = (
        ("exit 3", (), "exit status 3"),
        ("cat > got; exit 1", (), "exit status 1"),
        ("kill -9 $$", (), "ended by signal 9"),
        ("sleep 100", ("--exec-timeout", "1s"), "did not end within 1s"),
        ("sleep 100 & sleep 100", ("--exec-timeout", "1s"), "did not end within 1s"),
        ("trap '' TERM; while :; do sleep 1; done", ("--exec-timeout", "1s"), "did not end within"),
        ("no-such-command", (), "exit status 127"),
        ("exec <&-; exit 5", (), "exit status 5"),
        ("", (), "--exec needs a command"),
    )
    for command, options, message in rows:
        with prepared() as home:
            result = home.run("rotate", "crm", "--grace", "1h", "--exec", command, *options)
            assert result.returncode in (1, 2), (command, result)
            assert message in result.stderr, (command, result)
            shutil.copy(home.path / "old", home.path / "got")
            assert not unconfirmed(home), command
            assert home.live("crm")[0]["id"] == home.holder("old"), command
            check(home, command)
    print(f"{len(rows)} ways in which the command fails: the key stays as it was")


def output():
    """What the command prints is passed on, without the key."""
    with prepared() as home:
        printing = ("k=$(cat); echo \"out $k\"; echo \"err $k\" >&2; printf %s \"$k\"; head -c 300000 /dev/zero | "
                    "tr '\\0' x; printf %s \"$k\"; printf %s \"$k\"; echo; env; printf %s \"$k\" > got")
        result = home.run("rotate", "crm", "--grace", "1h", "--exec", printing)
        assert result.returncode == 0, result
        key = (home.path / "got").read_text()
        assert key[8:] not in result.stdout + result.stderr and key[:20] not in result.stderr
        assert "out fc_live_" in result.stderr and "err fc_live_" in result.stderr
        assert result.stderr.count("x") >= 300000
        variables = dict(line.split("=", 1) for line in result.stderr.splitlines() if "=" in line)
        assert variables["NEXAKEY_KEY_NAME"] == "crm" and variables["NEXAKEY_KEY_ID"] == home.holder("got")
        assert "NEXAKEY_STORE" not in variables
    print("the command's output has no key, and its environment nothing else of nexakey")


def background():
    """What a command that fails has started ends with it, and delivers nothing later."""
    for end in ("exit 1", "kill -9 $$", "sleep 100", "trap 'exit 0' TERM; wait"):
        with prepared() as home:
            # Its input is the pipe with the key, though sh would give it /dev/null.
            late = f"exec 3<&0; (trap '' TERM HUP; sleep 4; cat <&3 > got; touch late) & {end}"
            result = home.run("rotate", "crm", "--grace", "1h", "-q", "--exec-timeout", "1s",
                              "--exec", late)
            assert result.returncode == 1, result
            time.sleep(4)
            assert not (home.path / "late").exists() and works(home, "got"), end
    with prepared() as home:
        home.done("rotate", "crm", "--grace", "1h", "-q", "--exec", "cat > got; yes & sleep 0.1")
        assert works(home, "got") and not unconfirmed(home)
    with prepared() as home:  # it has two seconds to end
        child = "trap 'sleep 0.5; touch cleaned; exit' TERM; touch begun; while :; do sleep 0.1; done"
        home.run("rotate", "crm", "--grace", "1h", "-q", "--exec-timeout", "1s", "--exec",
                 f"sh -c \"{child}\"; true")
        assert (home.path / "begun").exists() and (home.path / "cleaned").exists()
    with prepared() as home:  # a parent that ignores SIGCHLD
        result = home.run("rotate", "crm", "--grace", "1h", "-q", "--exec", "cat > got",
                          under=["python3", "-c", "import os, signal, sys; "
                                 "signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
                                 "os.execvp(sys.argv[1], sys.argv[1:])"])
        assert result.returncode == 0 and works(home, "got"), result
    print("what a failed command has started ends with it; endless output ends with the command")


def early_end():
    """A command that does not read its input, and one that leaves a process behind."""
    for command in ("exec <&-; sleep 0.1", "true", "sleep 5 > /dev/null 2>&1 < /dev/null & exit 0"):
        with prepared() as home:
            start = time.monotonic()
            home.done("rotate", "crm", "--grace", "1h", "-q", "--exec", command)
            assert time.monotonic() - start < 60
            assert not unconfirmed(home) and works(home, "old")
    print("a command may leave its input unread, and processes behind")


def many():
    """50 keys, one of which is not taken over."""
    with Home() as home:
        for number in range(50):
            home.done("create", f"k{number}", "--scope", "read", "-q", "--label", "team=crm")
        result = home.run("rotate", "--label", "team=crm", "--grace", "1h", "-o", "json", "--exec",
                          "cat > key-$NEXAKEY_KEY_NAME; test $NEXAKEY_KEY_NAME != k7")
        assert result.returncode == 4, result
        rotated = json.loads(result.stdout)["rotated"]
        assert len(rotated) == 49 and all(one["secret"] is None for one in rotated)
        assert "k7" in result.stderr and not unconfirmed(home)
        for number in range(50):
            assert works(home, f"key-k{number}") == (number != 7), number
    print("50 keys, one of which was not taken over: 49 rotated, exit status 4")


def interrupted():
    """Ctrl-C ends the command too, and the successor."""
    with prepared() as home:
        process = subprocess.Popen([NEXAKEY, "rotate", "crm", "--grace", "1h", "--exec",
                                    "touch started; sleep 100"], env=home.env, cwd=home.path,
                                   stderr=subprocess.PIPE, text=True)
        give_up = time.monotonic() + 60
        while not (home.path / "started").exists():
            assert time.monotonic() < give_up
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode in (130, -signal.SIGINT), (process.returncode, error)
        assert not unconfirmed(home)
        check(home, "SIGINT")
    print("SIGINT: the command is ended, and the successor revoked")


def main():
    tempfile.tempdir = IN_MEMORY
    failures()
    output()
    early_end()
    background()
    many()
    interrupted()
    kills(int(os.environ.get("NEXAKEY_STRIDE", STRIDE)))


if __name__ == "__main__":
    sys.exit(main())
