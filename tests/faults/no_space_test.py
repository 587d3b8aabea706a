#!/usr/bin/env python3
"""A disk without a free byte: no_space_test.py, with NEXAKEY in the environment.

The disk of a store is filled up again before each command. 100 keys are verified and revoked; each
create fails without a key, and succeeds when there is room again. Some creates may fit into the
log of the store as it is; they leave the reserve whole, which is for revocations.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import figure
from secret_home import Home

KEYS = 100
DISK = 24 << 20  # bytes
RESERVE = 1 << 20
REVOKED = 41


@contextlib.contextmanager
def small_disk(home):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", home.path / "disk"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        figure.not_run(6, done.stderr.strip())
    try:
        yield home.path / "disk"
    finally:
        subprocess.run(["umount", "-l", home.path / "disk"], check=False)


def fill(disk):
    """Leaves no free byte."""
    with open(disk / "filler", "ab", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while filler.write(b"x" * size) == size:
                    pass


def main():
    counts = {"verified": 0, "revoked": 0, "told as revoked": 0, "creates that failed": 0}
    shown = fitting = 0
    with Home() as home:
        (home.path / "disk").mkdir()
        with small_disk(home) as disk:
            home.env["NEXAKEY_STORE"] = str(disk / "keys.db")
            for number in range(KEYS):
                home.done("create", f"k{number}", "--scope", "read", "--key-file", f"k{number}", "-q")
            for number in range(KEYS):
                for words, wanted, what in ((("verify", "-q", "--key-file", f"k{number}"), 0, "verified"),
                                            (("revoke", f"k{number}", "-y", "-q"), 0, "revoked"),
                                            (("verify", "-q", "--key-file", f"k{number}"), REVOKED, "told as revoked"),
                                            (("create", "new", "--scope", "read", "-q"), 6, "creates that failed")):
                    fill(disk)
                    done = home.run(*words)
                    fits = (what == "creates that failed" and done.returncode == 0
                            and (disk / "keys.db-reserve").stat().st_size == RESERVE)
                    fitting += fits
                    counts[what] += done.returncode == wanted or fits
                    shown += "fc_live_" in done.stdout
                    if done.returncode != wanted and not fits:
                        print(f"{words}: {done.returncode} {done.stderr}", file=sys.stderr)
            os.unlink(disk / "filler")
            home.done("create", "new", "--scope", "read", "-q")
            home.done("audit", "--check", "-q")
            new = len(home.live("new"))
    figure.report(6, "keys verified, revoked and verified again, and creates, with 0 bytes free", 4 * KEYS,
                  {f"not {what}": KEYS - count for what, count in counts.items()} |
                  {"shown by a create that failed": shown - fitting,
                   "keys too many": new - 1 - fitting,
                   "times more creates fitted than a tenth": int(fitting > KEYS / 10)})


if __name__ == "__main__":
    main()
