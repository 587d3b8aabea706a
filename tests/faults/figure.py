"""The figures of docs/reliability.md, one line each: what was done, how often, what was lost.

A test calls `report` or `not_run`. With NEXAKEY_FIGURES, the lines are also added to that file;
`figure.py table FILE` prints them all in order, and fails unless each figure is there with zeros.
`figure.py report NUMBER DONE COUNT WHAT=FAILURES…` is for scripts.
"""

import os
import re
import sys
from pathlib import Path

FIGURES = 25
NOT_RUN = "not run: "


def write(number, text):
    line = f"figure {number:2}: {text}"
    print(line, flush=True)
    if path := os.environ.get("NEXAKEY_FIGURES"):
        with open(path, "a") as file:
            file.write(line + "\n")


def report(number, done, count, failures, note=""):
    """`failures` are counts by what they are ("lost", "let in"); any that is not 0 ends the test."""
    found = ", ".join(f"{failed} {what}" for what, failed in failures.items())
    write(number, f"{done}: {count:,} times: {found}" + (f" ({note})" if note else ""))
    if any(failures.values()) or count == 0:
        sys.exit(1)


def not_run(number, why):
    """Ends the test: it cannot run here. That is a failure where figures are collected."""
    write(number, NOT_RUN + why)
    sys.exit(1 if "NEXAKEY_FIGURES" in os.environ else 0)


def table(path):
    """Prints the lines of all figures; whether each is there and has no failure."""
    lines = Path(path).read_text().splitlines() if os.path.exists(path) else []
    is_complete = True
    for number in range(1, FIGURES + 1):
        own = sorted({line for line in lines if line.startswith(f"figure {number:2}: ")})
        for line in own or [f"figure {number:2}: {NOT_RUN}its part was not asked for"]:
            print(line)
            failed = re.search(r"times: (.*)", line)
            is_complete &= bool(failed) and not re.search(r"(?:^|, )[1-9]\d* ", failed[1])
    return is_complete


if __name__ == "__main__":
    if sys.argv[1] == "table":
        sys.exit(not table(sys.argv[2]))
    found = (argument.partition("=") for argument in sys.argv[5:])
    report(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), {what: int(count) for what, _, count in found})
