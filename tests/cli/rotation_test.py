#!/usr/bin/env python3
"""rotate --key-file of the real binary: rotation_test.py CHECK, with NEXAKEY in the environment.

traffic  a client that uses the key in the file is never refused while that is rotated, and a key
         that was rotated dies when its grace ends
kills    rotate is killed at any point: no key is lost or half rotated, and the next run completes it
         (NEXAKEY_KILLS in the environment: how often)
document the lines for cron and systemd in docs/rotation.md do what they say, and print nothing
"""

import contextlib
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

NEXAKEY = os.path.abspath(os.environ["NEXAKEY"])
TIME_LIMIT = 60  # seconds, for every wait


class Home:
    """A store with one key, and the file of that key."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.file = self.folder / "crm.key"
        self.staged = self.folder / ".crm.key.new"
        self.env = os.environ | {"NEXAKEY_STORE": str(self.folder / "keys.db"), "HOME": folder,
                                 "NEXAKEY_SYSTEM_CONFIG": "/nowhere"}
        self.run("create", "crm", "--scope", "read", "--rate-limit", "100000",
                 "--key-file", str(self.file), "-q")

    def start(self, *words, **how):
        return subprocess.Popen([NEXAKEY, *words], env=self.env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **how)

    def run(self, *words, status=0):
        done = subprocess.run([NEXAKEY, *words], env=self.env, capture_output=True, text=True,
                              timeout=TIME_LIMIT)
        assert done.returncode == status, (words, done)
        return done.stdout

    def rotate(self, grace):
        return ("rotate", "crm", "--grace", grace, "--key-file", str(self.file), "-q", "-y")

    def decision(self, file):
        """The result of verify for the key in the first line of a file."""
        key = file.read_text().partition("\n")[0]
        done = subprocess.run([NEXAKEY, "verify", "-o", "json"], env=self.env, input=key,
                              capture_output=True, text=True, timeout=TIME_LIMIT)
        return json.loads(done.stdout)

    def keys(self):
        return json.loads(self.run("list", "--status", "all", "-o", "json"))["keys"]

    def newest(self):
        """The only key without a successor; all others are a chain that leads to it."""
        keys = {key["id"]: key for key in self.keys()}
        newest = [key for key in keys.values() if key["superseded_by"] is None]
        assert len(newest) == 1, keys
        key, length = newest[0], 1
        while key["rotated_from"] is not None:
            previous = keys[key["rotated_from"]]
            assert previous["superseded_by"] == key["id"], keys
            key, length = previous, length + 1
        assert length == len(keys), keys
        return newest[0]


def check_traffic(home):
    asked, refused, stop = set(), [], threading.Event()
    turns = 0

    def ask():
        nonlocal turns
        batch = home.start("verify", "--batch", stdin=subprocess.PIPE)
        while not stop.is_set():
            key = home.file.read_text().strip()
            batch.stdin.write(json.dumps({"key": key}) + "\n")
            batch.stdin.flush()
            decision = json.loads(batch.stdout.readline())
            asked.add(decision["key_id"])
            turns += 1
            if not decision["allowed"]:
                refused.append(decision)
        batch.communicate()

    client = threading.Thread(target=ask)
    client.start()
    try:
        for _ in range(5):
            # Longer than the test can take.
            home.run(*home.rotate("10m"))
            seen, give_up = turns, time.monotonic() + TIME_LIMIT
            while turns < seen + 20:
                assert client.is_alive() and time.monotonic() < give_up, "nobody asks any more"
                time.sleep(0.01)
    finally:
        stop.set()
        client.join()
    assert not refused, refused
    assert len(asked) > 1, asked

    old = home.folder / "old.key"
    old.write_text(home.file.read_text())
    home.run(*home.rotate("1s"))
    give_up = time.monotonic() + TIME_LIMIT
    while (decision := home.decision(old))["allowed"]:
        assert time.monotonic() < give_up, decision
        time.sleep(0.05)
    assert decision["reason"] == "expired_key", decision
    ends = next(key["expires_at"] for key in home.keys() if key["id"] == decision["key_id"])
    assert datetime.fromisoformat(ends) <= datetime.now(timezone.utc), ends
    assert home.decision(home.file)["allowed"]
    home.run("audit", "--check", "-q")


def check_kills(home):
    seed = int(os.environ.get("SEED", "1"))
    kills = int(os.environ.get("NEXAKEY_KILLS", "15"))
    random.seed(seed)
    began = time.monotonic()
    home.run(*home.rotate("1h"))
    usual = time.monotonic() - began
    staged_was_left = file_was_behind = 0
    for kill in range(kills):
        where = f"seed {seed}, kill {kill}"
        grace = random.choice(("0", "1h"))
        process = home.start(*home.rotate(grace))
        time.sleep(random.uniform(0, 1.1 * usual))
        process.kill()
        process.communicate()

        # The newest key is in the file or beside it.
        newest = home.newest()["id"]
        in_file = home.decision(home.file)
        beside = home.decision(home.staged) if home.staged.exists() and \
            home.staged.stat().st_size > 0 else None
        staged_was_left += home.staged.exists()
        if in_file["key_id"] != newest:
            file_was_behind += 1
            assert beside and beside["key_id"] == newest, (where, in_file, beside)
            assert in_file["allowed"] or grace == "0", (where, in_file)
        else:
            assert in_file["allowed"], (where, in_file)

        count = len(home.keys())
        home.run(*home.rotate(grace))
        settled = home.decision(home.file)
        assert settled["allowed"] and settled["key_id"] == home.newest()["id"], (where, settled)
        assert not home.staged.exists(), where
        # The next run completed the interrupted rotation, or did a new one if there was none.
        is_finished = in_file["key_id"] != newest
        assert len(home.keys()) == count + (0 if is_finished else 1), where
    home.run("audit", "--check", "-q")
    print(f"{kills} kills within {usual:.3f} s: {staged_was_left} left something beside the file, "
          f"{file_was_behind} of them a key that the store had already")


def check_document(home):
    """The command of the crontab, as run by cron, and that of the systemd unit."""
    document = (Path(__file__).parents[2] / "docs" / "rotation.md").read_text()
    cron = re.search(r"^0 3 \* \* 0 (nexakey rotate .*)$", document, re.MULTILINE).group(1)
    unit = re.search(r"^ExecStart=(nexakey rotate .*)$", document, re.MULTILINE).group(1)
    folder = home.folder / "keys"
    folder.mkdir(mode=0o700)
    file = folder / "crm"
    file.write_text(home.file.read_text())
    for command in (cron, unit.replace("%h", str(home.folder))):
        old = home.newest()["id"]
        for due in (True, False):
            if due:
                execute(home, "UPDATE api_keys SET created_at = created_at - 31 * 86400000")
            done = subprocess.run(["sh", "-c", command], capture_output=True, text=True,
                                  timeout=TIME_LIMIT,
                                  env=home.env | {"PATH": f"{Path(NEXAKEY).parent}:/usr/bin:/bin"})
            assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), (command, done)
            newest = home.newest()
            assert newest["rotated_from"] == old, (command, due, newest)
            assert home.decision(file)["key_id"] == newest["id"]


def execute(home, sql):
    with contextlib.closing(sqlite3.connect(home.folder / "keys.db")) as connection:
        connection.execute(sql)
        connection.commit()


def main():
    check = {"traffic": check_traffic, "kills": check_kills, "document": check_document}[sys.argv[1]]
    with tempfile.TemporaryDirectory() as folder:
        check(Home(folder))


if __name__ == "__main__":
    main()
