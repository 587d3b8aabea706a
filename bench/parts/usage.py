"""`usage` of a month on a store that was in use for a year, beside sqlite3.

Each key has 10 endpoints with 2 statuses in each hour. The store keeps 45 days of hours; older ones
are folded. sqlite3 reads the same month from the counts of each key, as reports would without the
sums of days.
"""

import sqlite3
import subprocess
import time

import machine
import report as figures

KEYS = 1000
ENDPOINTS = 10
STATUSES = (200, 2010)
KEPT_DAYS = 45
HOURS_OF_DAY = 24

COUNTS = ("WITH RECURSIVE time (at) AS (SELECT {first} UNION ALL SELECT at + 1 FROM time"
          " WHERE at < {last}) INSERT INTO {table} SELECT seq, at, endpoints.id, statuses.column1,"
          " 1 + (seq + at) % 90 FROM api_keys, time, endpoints,"
          " (VALUES {statuses}) AS statuses ORDER BY seq, at, endpoints.id, statuses.column1")
SUM = ("SELECT text, status, requests FROM (SELECT endpoint, status, sum(requests) AS requests FROM"
       " usage_hours WHERE hour >= {hour} GROUP BY 1, 2) JOIN endpoints ON endpoints.id = endpoint")


def make_store(path, keys, days):
    """A store with counts until now. Triggers would take most of the time, and are made anew."""
    subprocess.run([machine.NEXAKEY, "--store", path, "create", "key", "--scope", "read",
                    "--quiet"], check=True, stdout=subprocess.DEVNULL)
    now = int(time.time()) // 3600
    first_hour = (now // HOURS_OF_DAY - KEPT_DAYS) * HOURS_OF_DAY
    statuses = ", ".join(f"({status})" for status in STATUSES)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    db.execute(f"WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {keys})"
               " INSERT INTO api_keys (id, hash, last_four, name, workspace, scopes, whitelist,"
               " rate_limit, labels, description, created_at, revoke_reason)"
               " SELECT i, CAST(printf('%032d', i) AS BLOB), 'abcd', 'key ' || i, 'default', 1, '',"
               " 100, '', '', 1700000000000, '' FROM n")
    db.execute(f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
               f" WHERE i < {ENDPOINTS}) INSERT INTO endpoints SELECT i, 'GET /v1/things/' || i"
               " FROM n")
    last_day = first_hour // HOURS_OF_DAY - 1
    db.execute(COUNTS.format(first=first_hour, last=now, table="usage_hours", statuses=statuses))
    if days > KEPT_DAYS:
        db.execute(COUNTS.format(first=last_day - (days - KEPT_DAYS) + 1, last=last_day,
                                 table="usage_days", statuses=statuses))
    db.execute("INSERT INTO usage_totals SELECT workspace, day, endpoint, status, sum(requests)"
               " FROM (SELECT key, hour / 24 AS day, endpoint, status, requests FROM usage_hours"
               " UNION ALL SELECT key, day, endpoint, status, requests FROM usage_days)"
               " JOIN api_keys ON seq = key GROUP BY 1, 2, 3, 4")
    for _, sql in triggers:
        db.execute(sql)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def usage(context):
    """A month of a workspace."""
    shell, = context.need("sqlite3")
    days = context.sizes.days
    store = context.new_folder() / "keys.db"
    make_store(store, KEYS, days)
    since = (int(time.time()) // 86400 - 30) * 86400
    command = [machine.NEXAKEY, "--store", store, "usage", "--quiet", "--since",
               time.strftime("%F", time.gmtime(since))]
    of_shell = [shell, "-readonly", store, SUM.format(hour=since // 3600)]
    pairs = [[1000 * machine.timed(one, stdout=subprocess.DEVNULL) for one in (command, of_shell)]
             for _ in range(context.sizes.runs)]
    context.report.add_pairs(f"`usage` of 30 days, {KEYS:,} keys that were in use for {days} days",
                             figures.MILLISECONDS, "`sqlite3`, the sum of the counts of the hours",
                             pairs)
