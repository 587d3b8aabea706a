#!/usr/bin/env python3
"""The characters of new keys: randomness_test.py [KEYS], with NEXAKEY in the environment.

Their frequencies are those of uniform ones (chi-square of 61 degrees of freedom: more than 128.8
once in a million times). If the system has no randomness, no key is made.
"""

import string
import subprocess
import sys
import tempfile
from collections import Counter

import figure
from secret_home import IN_MEMORY, NEXAKEY, Home, why_not_traced

KEYS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
CHARACTERS = string.digits + string.ascii_letters
LENGTH = 28
MAX_CHI_SQUARE = 128.8
NO_DEVICES = "mount --bind /dev/null /dev/urandom && mount --bind /dev/null /dev/random && exec \"$@\""


def chi_square(keys):
    counts = Counter(c for key in keys for c in key)
    assert set(counts) <= set(CHARACTERS)
    wanted = len(keys) * LENGTH / len(CHARACTERS)
    return sum((counts[c] - wanted) ** 2 / wanted for c in CHARACTERS)


def without_randomness(home):
    """How many commands make a secret although getrandom(2) fails and its devices are empty."""
    made = 0
    for words in (("create", "x", "--scope", "read", "-q"), ("create", "y", "--scope", "read", "--key-file", "y", "-q"),
                  ("token", "create", "t", "--role", "admin", "-q"), ("rotate", "k0", "--yes", "-q")):
        under = ["unshare", "-m", "sh", "-c", NO_DEVICES, "-", "strace", "-f", "-qqq", "-o", "/dev/null", "-e",
                 "trace=getrandom", "-e", "inject=getrandom:error=ENOSYS"]
        done = home.run(*words, under=under)
        if done.returncode == 0 or done.stdout or (home.path / "y").exists():
            made += 1
            print(f"{words}: {done}", file=sys.stderr)
    return made


def main():
    if why := why_not_traced():
        figure.not_run(13, f"strace: {why}")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        figure.not_run(13, "this process may not make a mount namespace")
    tempfile.tempdir = IN_MEMORY
    with Home() as home:
        keys = [home.done("create", f"k{n}", "--scope", "read", "-q").strip().removeprefix("fc_live_")
                for n in range(KEYS)]
        assert all(len(key) == LENGTH for key in keys)
        made = without_randomness(home)
        assert len(home.keys()) == KEYS
    found = chi_square(keys)
    figure.report(13, "new keys, and 4 commands without randomness", KEYS,
                  {"equal keys": KEYS - len(set(keys)), f"chi-squares over {MAX_CHI_SQUARE}": int(found > MAX_CHI_SQUARE),
                   "made without randomness": made}, f"chi-square {found:.1f}")


if __name__ == "__main__":
    main()
