#!/usr/bin/env python3
"""The table that bench/run writes into docs/performance.md, and what its parts measure with."""

import fcntl
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
sys.path.insert(0, str(BENCH))
import hold_times
import report

LIVE = 1  # the byte of the lock
SECONDS_HELD = 0.02
TEXT = (f"before\n{report.BEGIN}{report.HEAD}| old | 1 s | a: 2 s | 0.50 of its time | ≤ 0.8 |\n"
        f"| kept | 1 s |  |  |  |\n\nMeasured\n{report.END}after\n")


def set_lock(file, kind):
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi", kind, os.SEEK_SET, LIVE, 1, 0))


class Table(unittest.TestCase):
    def setUp(self):
        self.report = report.Report()

    def rows(self, replace_all):
        text = self.report.written_into(TEXT, replace_all)
        self.assertTrue(text.startswith("before\n") and text.endswith("after\n"))
        return [line for line in text.splitlines() if line.startswith("| ")][2:]

    def test_a_row_replaces_that_of_its_name(self):
        self.report.add_pairs("old", report.SECONDS, "a | b", [(4, 2), (9, 3), (1, 1)], 0.8)
        self.assertEqual(self.rows(replace_all=False),
                         [r"| old | 4 s | a \| b: 2 s | 2.0 times its time | ≤ 0.8 |",
                          "| kept | 1 s |  |  |  |"])

    def test_a_full_run_replaces_all_rows(self):
        self.report.add("new", report.RATE, 123_456)
        self.assertEqual(self.rows(replace_all=True), ["| new | 123,000 a second |  |  |  |"])

    def test_rates_fall_short_below_and_times_above_what_is_to_be_reached(self):
        self.report.add_pairs("slow", report.RATE, "peer", [(1, 2)], 0.55)
        self.report.add_pairs("fast", report.RATE, "peer", [(3, 4)], 0.55)
        self.report.add("long", report.MILLISECONDS, 5.1, 5)
        self.report.add("short", report.MILLISECONDS, 4.9, 5)
        self.report.not_run["part"] = "needs wrk"
        self.assertEqual(self.report.falls_short(),
                         ["not reached: slow", "not reached: long", "not run: part: needs wrk"])

    def test_the_document_has_the_table(self):
        text = (ROOT / "docs/performance.md").read_text()
        self.report.add("new", report.RATE, 1)
        self.assertIn("| new | 1 a second |  |  |  |\n", self.report.written_into(text, False))


class HoldTimes(unittest.TestCase):
    def test_the_time_of_a_hold_is_measured(self):
        with tempfile.TemporaryDirectory() as folder:
            library, lock = f"{folder}/hold_times.so", f"{folder}/lock"
            subprocess.run([os.environ.get("CC", "cc"), "-O1", "-shared", "-fPIC", "-o", library,
                            BENCH / "hold_times.c"], check=True)
            times = hold_times.HoldTimes(library, pathlib.Path(folder, "times"))
            subprocess.run([sys.executable, __file__, "hold", lock], env=times.env, check=True)
            elapsed, processor = times.elapsed, times.processor
        self.assertEqual(sum(elapsed.counts), 2)
        self.assertGreaterEqual(elapsed.max, SECONDS_HELD * 1e9)
        self.assertGreaterEqual(elapsed.sum, elapsed.max)
        self.assertLess(processor.max, elapsed.max)
        self.assertEqual(elapsed.quantile(1), elapsed.max)

    def test_a_quantile_is_at_most_a_sixteenth_too_long(self):
        for time_held in (1, 17, 1000, 1_234_567_890):
            buckets = [0] * hold_times.BUCKETS
            bucket = next(i for i in range(len(buckets)) if hold_times.end_of(i) > time_held)
            buckets[bucket] = 99
            buckets[-1] = 1
            found = hold_times.Histogram(buckets, 0, 2**62).quantile(0.99)
            self.assertTrue(time_held < found <= time_held * 17 / 16 + 1, (time_held, found))


def hold(path):
    """Holds the lock for a time, then for a moment."""
    with open(path, "w") as file:
        for seconds in (SECONDS_HELD, 0):
            set_lock(file, fcntl.F_WRLCK)
            time.sleep(seconds)
            set_lock(file, fcntl.F_UNLCK)


if __name__ == "__main__":
    if sys.argv[1:2] == ["hold"]:
        hold(sys.argv[2])
    else:
        unittest.main()
