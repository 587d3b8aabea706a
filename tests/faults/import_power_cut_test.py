#!/usr/bin/env python3
"""Cuts the power during an import: import_power_cut_test.py [CUTS]. NEXAKEY is the binary. Without
CUTS, the test is skipped where it cannot run.

The steps of an import do not wait for the disk, but its acceptance and its end do: after the next
command, all keys are there or none, and all of them if the import had reported so.

Needs what power_cut_test.py needs.
"""

import contextlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import figure
from power_cut_test import NEXAKEY, TIME_LIMIT, Machine, Skip, Store

KEYS = 3000  # several steps


def start_import(store, keys):
    return subprocess.Popen(
        store.machine.command(NEXAKEY, "import", "--keys", keys, "--format", "lines", "--scope",
                              "read", "--quiet"),
        env=store.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def duration(store, keys):
    """Seconds that an import takes."""
    begin = time.monotonic()
    assert start_import(store, keys).wait(TIME_LIMIT) == 0
    return time.monotonic() - begin


def cut_import(store, keys, after):
    """Cuts the power `after` seconds, or when the import has ended. Returns whether it had
    reported that it is done."""
    process = start_import(store, keys)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        pass
    store.machine.cut(process)
    return process.returncode == 0


def main():
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    random_source = random.Random(1)
    lost = partial = reported = complete = 0
    with tempfile.TemporaryDirectory(prefix="nexakey-power-") as folder:
        keys = Path(folder, "keys")
        keys.write_text("".join(f"fc_live_{number:028}\n" for number in range(KEYS)))
        try:
            machine = Machine(Path(folder))
        except Skip as reason:
            figure.not_run(3, f"power cuts during imports: {reason}")
        with contextlib.closing(machine):
            longest = duration(Store(machine, "first"), keys)
            for number in range(cuts):
                store = Store(machine, number)
                is_reported = cut_import(store, keys, 1.2 * longest * random_source.random())
                machine.boot()
                store.nexakey("audit", "--check", "--quiet")  # finishes the import
                count = len(store.nexakey("list", "--quiet").splitlines()) - 1
                lost += is_reported and count != KEYS
                partial += count not in (0, KEYS)
                reported += is_reported
                complete += count == KEYS
                store.decide(1)
                store.nexakey("doctor", "--quiet")
                subprocess.run(["rm", "-r", store.folder], check=True)
    figure.report(3, f"power cuts during imports of {KEYS:,} keys", cuts,
                  {"reported imports that lost a key": lost, "incomplete imports": partial},
                  f"{reported} were reported, {complete} complete")


if __name__ == "__main__":
    main()
