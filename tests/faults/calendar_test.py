#!/usr/bin/env python3
"""Expiry, counts and quotas at the turns of the calendar: calendar_test.py [RANDOM], with NEXAKEY in
the environment. RANDOM is the number of moments at random, in addition to those that are known to be
difficult.

A key is admitted until the second before its expiry, and never from then on; each decision is
counted in its own hour, day, week and month. Quotas that are used up at the end of a day have room
at midnight, not a second earlier, and say so. On SQLite, and on a PostgreSQL server with the same
clock.
"""

import calendar
import json
import os
import random
import re
import shutil
import sys
from datetime import datetime, timedelta, timezone

import clock
import figure
from secret_home import NEXAKEY, Home
from stopped_postgres import stopped_postgres
from pathlib import Path

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
EXPIRED = 41
QUOTAS = {"day": 2, "month": 3}


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


def seconds_left(when):
    """Until the end of the day and of the month, by the days of the month."""
    day = 86_400 - (when.hour * 3600 + when.minute * 60 + when.second)
    days = calendar.monthrange(when.year, when.month)[1] - when.day
    return {"day": day, "month": day + days * 86_400}


class Quotas:
    """What is admitted of a key with QUOTAS."""

    def __init__(self):
        self.admitted = []

    def ask(self, when):
        """What is said about a request: its status, the seconds until all quotas have room if it is
        refused, and of each quota the requests and the seconds that are left."""
        left = seconds_left(when)
        full = [name for name, room in self.room(when).items() if room == 0]
        if not full:
            self.admitted.append(when)
        states = {name: (room, left[name]) for name, room in self.room(when).items()}
        return 429 if full else 200, max((left[name] for name in full), default=None), states

    def room(self, when):
        same_month = [one for one in self.admitted if (one.year, one.month) == (when.year, when.month)]
        same_day = [one for one in same_month if one.day == when.day]
        return {"day": QUOTAS["day"] - len(same_day), "month": QUOTAS["month"] - len(same_month)}


class Calendar:
    """Checks of one moment, on a store of its own."""

    def __init__(self, expiry, postgres=None):
        self.expiry, self.postgres = expiry, postgres
        self.wrong = []

    def run(self, home, when, *words):
        home.env.update(clock.at(when))
        if self.postgres:
            self.postgres.set_clock(when)
        return home.run(*words)

    def check(self):
        with Home(self.postgres and self.postgres.new_store()) as home:
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
            self.check_quotas(home)
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

    def check_quotas(self, home):
        """The last seconds of the day, and the first of the next one if there is a next year."""
        last = self.expiry.replace(hour=23, minute=59, second=59)
        made = self.run(home, last - HOUR, "create", "q", "--scope", "read", "--key-file", "q", "-q",
                        *(f"--quota={most}/{name}" for name, most in QUOTAS.items()))
        if made.returncode != 0:
            self.wrong.append(f"create --quota: {made.stderr}")
            return
        quotas = Quotas()
        seconds = (-1, -1, 0, 1, 1, 1) if last.date() < datetime.max.date() else (-1, -1, 0)
        for when in (last + second * SECOND for second in seconds):
            done = self.run(home, when, "verify", "--key-file", "q", "-o", "json")
            found = self.said(json.loads(done.stdout)) if done.stdout else done.stderr
            if found != (wanted := quotas.ask(when)):
                self.wrong.append(f"quotas at {when}: {found} in the place of {wanted}")

    @staticmethod
    def said(decision):
        """What a decision says about quotas, in members and in headers."""
        headers = decision["headers"]
        states = {name: (int(room), int(left)) for name, room, left in
                  re.findall(r'"(day|month)";r=(\d+);t=(\d+)', headers["RateLimit"])}
        members = {limit["window"]: (limit["remaining"], limit["reset_in"]) for limit in decision["limits"]
                   if limit["window"] in QUOTAS}
        retry = headers.get("Retry-After")
        return decision["status"], retry and int(retry), states if states == members else (states, members)

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
    check(moments, "SQLite")
    if shutil.which("psql"):
        with stopped_postgres(moments[0]) as postgres:
            check(moments, "PostgreSQL", postgres)


def check(moments, store, postgres=None):
    """Checks all moments on stores of one kind."""
    wrong = 0
    for expiry in moments:
        moment_of = Calendar(expiry, postgres)
        moment_of.check()
        wrong += len(moment_of.wrong)
        for problem in moment_of.wrong:
            print(f"{expiry}: {problem}", file=sys.stderr)
    figure.report(9, "expiries, counts of 5 decisions and quotas at the end of the day of each, from 1971 "
                  f"to 9999, {store}", len(moments), {"wrong to the second": wrong})


if __name__ == "__main__":
    main()
