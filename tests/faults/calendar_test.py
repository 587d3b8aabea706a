#!/usr/bin/env python3
"""Expiry and counts at the turns of the calendar: calendar_test.py [RANDOM], with NEXAKEY in the
environment. RANDOM is the number of moments at random, in addition to those that are known to be
difficult.

A key is admitted until the second before its expiry, and never from then on; each decision is
counted in its own hour, day, week and month.
"""

import json
import os
import random
import sys
from datetime import datetime, timedelta, timezone

import clock
import figure
from secret_home import NEXAKEY, Home
from pathlib import Path

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
EXPIRED = 41


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


DIFFICULT = [moment(text) for text in (
    "1972-02-29T00:00:00", "1999-12-31T23:59:59", "2000-01-01T00:00:00", "2000-02-29T00:00:00",
    "2000-03-01T00:00:00", "2024-12-30T00:00:00", "2026-12-31T23:59:59", "2027-01-01T00:00:00",
    "2028-02-28T23:59:59", "2028-02-29T00:00:00", "2028-02-29T23:59:59", "2028-03-01T00:00:00",
    "2038-01-19T03:14:07", "2038-01-19T03:14:08", "2100-02-28T23:59:59", "2100-03-01T00:00:00",
    "2106-02-07T06:28:15", "2106-02-07T06:28:16", "2262-04-11T23:47:16", "2262-04-11T23:47:17",
    "2400-02-29T00:00:00", "2554-07-21T23:34:33", "2554-07-21T23:34:34", "9999-02-28T23:59:59",
    "9999-12-31T23:59:00", "9999-12-31T23:59:58")]


def at_random(count):
    source = random.Random(int(os.environ.get("NEXAKEY_SEED", "1")))
    first = moment("1971-01-01T00:00:00")
    seconds = int((moment("9999-12-31T00:00:00") - first).total_seconds())
    return [first + source.randrange(seconds) * SECOND for _ in range(count)]


class Calendar:
    """Checks of one moment, on a store of its own."""

    def __init__(self, expiry):
        self.expiry = expiry
        self.wrong = []

    def run(self, home, when, *words):
        home.env.update(clock.at(when))
        return home.run(*words)

    def check(self):
        with Home() as home:
            made = self.run(home, self.expiry - HOUR, "create", "a", "--scope", "read", "--expires",
                            f"{self.expiry:%Y-%m-%dT%H:%M:%SZ}", "--key-file", "a", "-q")
            if made.returncode != 0:
                self.wrong.append(f"create: {made.stderr}")
                return
            decisions = [self.expiry + seconds * SECOND for seconds in (-3600, -2, -1, 0, 1)]
            for when in decisions:
                done = self.run(home, when, "verify", "--key-file", "a", "-q").returncode
                if done != (0 if when < self.expiry else EXPIRED):
                    self.wrong.append(f"at {when}: exit status {done}")
            self.check_counts(home, decisions)
            self.check_duration(home)

    def check_counts(self, home, decisions):
        """The counts by hour and day, and those of the current periods."""
        now = decisions[-1]
        for unit, form in (("hour", "%Y-%m-%dT%H:00:00Z"), ("day", "%Y-%m-%dT00:00:00Z")):
            shown = self.run(home, now, "usage", "--since", f"{now - 3 * HOUR:%Y-%m-%dT%H:00:00Z}",
                             "--by", unit, "-o", "json")
            if shown.returncode != 0:
                self.wrong.append(f"usage: {shown.stderr}")
                continue
            report = json.loads(shown.stdout)
            found = {row.get(unit): row["requests"] for row in report[f"by_{unit}"] if row["requests"]}
            wanted = {}
            for when in decisions:
                # strftime does not pad the year.
                name = when.strftime(form).rjust(20, "0")
                wanted[name] = wanted.get(name, 0) + 1
            if {name[:13 if unit == "hour" else 10]: count for name, count in found.items()} != \
                    {name[:13 if unit == "hour" else 10]: count for name, count in wanted.items()}:
                self.wrong.append(f"counts by {unit}: {found} in the place of {wanted}")
        periods = {"today": [when for when in decisions if when.date() == now.date()],
                   "this_week": [when for when in decisions if when.isocalendar()[:2] == now.isocalendar()[:2]],
                   "this_month": [when for when in decisions if (when.year, when.month) == (now.year, now.month)]}
        for name, wanted in periods.items():
            if report[name]["requests"] != len(wanted):
                self.wrong.append(f"{name}: {report[name]['requests']} in the place of {len(wanted)}")

    def check_duration(self, home):
        """90 days are 90 times 86,400 seconds."""
        begun = self.expiry - 100 * 24 * HOUR
        made = self.run(home, begun, "create", "b", "--scope", "read", "--expires", "90d", "-o", "json")
        if made.returncode != 0:
            self.wrong.append(f"create --expires 90d: {made.stderr}")
            return
        expires = json.loads(made.stdout)["key"]["expires_at"]
        if datetime.fromisoformat(expires.replace("Z", "+00:00")) != begun + 90 * 24 * HOUR:
            self.wrong.append(f"90d after {begun}: {expires}")


def main():
    if b"__asan_init" in Path(NEXAKEY).read_bytes() or b"__tsan_init" in Path(NEXAKEY).read_bytes():
        figure.not_run(9, "libfaketime: a sanitizer must be the first library")
    if not clock.library():
        figure.not_run(9, "libfaketime is not installed")
    moments = DIFFICULT + at_random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    wrong = 0
    for expiry in moments:
        calendar = Calendar(expiry)
        calendar.check()
        wrong += len(calendar.wrong)
        for problem in calendar.wrong:
            print(f"{expiry}: {problem}", file=sys.stderr)
    figure.report(9, "expiries, and counts of 5 decisions around each, from 1971 to 9999",
                  len(moments), {"wrong to the second": wrong})


if __name__ == "__main__":
    main()
