#!/usr/bin/env python3
"""Kills imports at any point of their work: import_kill_test.py [KILLS].

An import is complete or changes nothing: once it is accepted, the next command finishes it. A
second run completes it in any case. NEXAKEY is the binary.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import figure

NEXAKEY = os.environ["NEXAKEY"]
KEYS = 1200  # written in several steps
TIME_LIMIT = 300  # seconds, for a command that is not killed


def run(*arguments, **options):
    done = subprocess.run(
        [NEXAKEY, *map(str, arguments)], capture_output=True, timeout=TIME_LIMIT, **options
    )
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def make_export(folder):
    """An export with all kinds of records."""
    store = folder / "source.db"
    keys = "".join(f"fc_live_{n:028}\n" for n in range(KEYS))
    run("--store", store, "import", "--keys", "-", "--scope", "read", input=keys.encode())
    run("--store", store, "verify", "-q", input=b"fc_live_%028d\n" % 7)
    run("--store", store, "token", "create", "--role", "verifier", "-q")
    run("--store", store, "export", folder / "keys.export")
    return folder / "keys.export"


def export_of(store):
    return run("--store", store, "export") if store.exists() else None


def kill_import(store, export, within):
    """Starts an import and kills it. Returns whether it had reported success."""
    begun = time.monotonic()
    importing = subprocess.Popen(
        [NEXAKEY, "--store", store, "import", export],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    time.sleep(max(0.0, begun + within - time.monotonic()))
    importing.kill()
    said = importing.communicate(timeout=TIME_LIMIT)[0]
    return b"keys" in said


def keys_in(text):
    return 0 if text is None else text.count(b'\n{"type":"key"')


def check_kill(folder, export, longest, with_a_key):
    store = folder / "keys.db"
    before = None
    if with_a_key:
        run("--store", store, "create", "first", "--scope", "read", "-q")
        before = export_of(store)
    acknowledged = kill_import(store, export, random.uniform(0, 1.3 * longest))
    if store.exists():
        run("--store", store, "list", "-o", "json")  # whatever the import has reached
    after = export_of(store)
    is_done = keys_in(after) == KEYS + with_a_key
    if acknowledged and not is_done:
        raise AssertionError("an import that was acknowledged is not there")
    if is_done:
        # The log is the one of the export, or has one entry for the import.
        if not with_a_key and after != export.read_bytes():
            raise AssertionError("what was imported is not what was exported")
    elif keys_in(after) != with_a_key or (with_a_key and after != before):
        raise AssertionError(f"half of an import is there: {keys_in(after)} keys")
    run("--store", store, "import", export)
    again = export_of(store)
    if keys_in(again) != KEYS + with_a_key or (is_done and again != after):
        raise AssertionError("the same import again did not complete it")
    return is_done


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("NEXAKEY_KILLS", "10"))
    seed = random.randrange(2**32)
    random.seed(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export = make_export(folder)
        begun = time.monotonic()
        run("--store", folder / "whole.db", "import", export)
        longest = time.monotonic() - begun
        done = 0
        for number in range(kills):
            own = folder / str(number)
            own.mkdir()
            try:
                done += check_kill(own, export, longest, number % 2)
            except AssertionError as problem:
                print(f"kill {number} with the seed {seed}: {problem}", file=sys.stderr)
                return 1
        figure.report(1, f"kill -9 of imports of {KEYS} keys at any time", kills,
                      {"half-done": 0, "lost": 0}, f"{done} when all was done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
