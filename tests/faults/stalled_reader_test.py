#!/usr/bin/env python3
"""Commands whose output nobody reads do not hold up checkpoints of the store."""

import os
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

NEXAKEY = os.environ["NEXAKEY"]
ROWS = 4000  # so that no output fits into a pipe and the buffer of the command

COMMANDS = [
    ["list", "-o", "jsonl"],
    ["list", "-o", "json"],
    ["list", "--quiet", "--columns", "id"],
    ["audit", "-o", "jsonl"],
    ["export"],
]


def fill(store):
    """Adds keys and audit entries without the command line, which would take long."""
    columns = ("id, hash, last_four, name, workspace, scopes, whitelist, rate_limit, labels,"
               " description, revoke_reason, created_at")
    with sqlite3.connect(store) as database:
        database.execute(
            f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})"
            f" INSERT INTO api_keys ({columns})"
            " SELECT i, CAST(printf('%032d', i) AS BLOB), 'abcd', 'name-' || i,"
            " 'default', 1, '', 100, '', '', '', 1700000000000 FROM n")
        database.execute(
            f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})"
            " INSERT INTO audit_log (number, at, action, actor, source, workspace, subject,"
            " details, hash) SELECT i + 1, 1700000000000, 'edit', 'ann', '', 'default', '', '{}',"
            " zeroblob(32) FROM n")
    database.close()


def is_checkpointed(store):
    """Whether a checkpoint can move the whole log, which a reader prevents."""
    database = sqlite3.connect(store, timeout=0)
    busy = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    database.close()
    return not busy


def check(command, environment, store):
    process = subprocess.Popen([NEXAKEY, *command], env=environment, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    first = process.stdout.read(1)  # so it has begun to write
    assert first, command
    for _ in range(500):
        if is_checkpointed(store):
            break
        time.sleep(0.02)
    else:
        raise AssertionError(f"{command} keeps its snapshot while nobody reads its output")
    assert process.poll() is None, f"{command} has too little output for this test"
    process.stdout.read()
    process.stdout.close()
    assert process.wait() == 0, command


def main():
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "keys.db"
        environment = {**os.environ, "HOME": folder, "NEXAKEY_STORE": str(store)}
        subprocess.run([NEXAKEY, "create", "first", "--scope", "read"], env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        fill(store)
        for command in COMMANDS:
            check(command, environment, store)
    print(f"{len(COMMANDS)} commands whose output is not read: none keeps its snapshot")


if __name__ == "__main__":
    main()
