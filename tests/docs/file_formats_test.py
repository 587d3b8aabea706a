#!/usr/bin/env python3
"""Reads the files of a real store by the tables of docs/file-formats.md, with NEXAKEY in the
environment: offsets, types and names come from the document, and nothing from the program."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest
from datetime import datetime, timezone
from ipaddress import IPv6Address
from pathlib import Path
from uuid import UUID

from markdown import ROOT, prose

NEXAKEY = os.path.abspath(os.environ["NEXAKEY"])
DOCUMENT = ROOT / "docs" / "file-formats.md"
FORMATS = {"u64": "Q", "i64": "q", "u32": "I", "u16": "H"}
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
HEADER_SIZE, SEGMENT_SIZE = 4096, 4 << 20
TIME_LIMIT = 60  # seconds
F_OFD_SETLK = 37  # Linux; not in the fcntl module


def tables():
    """The rows of the first table below each heading."""
    found, heading, rows = {}, None, []
    for _, line in prose(DOCUMENT):
        if line.startswith("#"):
            heading, rows = line.lstrip("# "), []
            found[heading] = rows
        elif line.startswith("|") and heading:
            rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return {heading: rows[2:] for heading, rows in found.items() if rows}


TABLES = tables()


def read(heading, content, start):
    """The fields of a table of the document, in the bytes of a file from `start` on."""
    fields = {}
    for offset, kind, name, _ in TABLES[heading]:
        at = start + int(offset)
        if size := re.fullmatch(r"(\d+) bytes", kind):
            fields[name] = content[at:at + int(size[1])]
        elif kind != "bytes":  # whose size is in other fields
            fields[name], = struct.unpack_from("<" + FORMATS[kind], content, at)
    return fields


def meaning(heading, name, column=2, value=3):
    return next(row[value] for row in TABLES[heading] if row[column] == name)


def bits(key_id):
    number = 0
    for digit in key_id.split("_")[1]:
        number = number << 5 | DIGITS.index(digit)
    return number


def segments(content):
    """The segments of the usage journal, by generation: where they begin, and their bytes used."""
    header = read("Usage header", content, 0)
    entries = [read("Usage segment", content, 128 + 16 * n) for n in range(header["segments"])]
    return {entry["generation"]: (HEADER_SIZE + SEGMENT_SIZE * n, entry["used"])
            for n, entry in enumerate(entries)}


def check(generation, record):
    """The check of a record in the usage journal."""
    unchecked = record[:32] + bytes(4) + record[36:]
    total = 0xCBF29CE484222325 ^ generation
    for word, in struct.iter_unpack("<Q", unchecked):
        total = (total ^ word) * 0x100000001B3 % 2 ** 64
        total ^= total >> 32
    return total % 2 ** 32


def records(content, generation):
    """The records of a segment of the usage journal."""
    at, used = segments(content)[generation]
    end = at + used
    while at < end:
        record = read("Usage record", content, at)
        fills = [read("Usage fill", content, at + 48 + 8 * n) for n in range(record["fills"])]
        endpoint = at + 48 + 8 * len(fills)
        size = (endpoint + record["endpoint_size"] - at + 7) // 8 * 8
        assert record["check"] == check(generation, content[at:at + size]), record
        yield record | {"fills": fills, "endpoint":
                        content[endpoint:endpoint + record["endpoint_size"]].decode()}
        at += size


def windows(content):
    """The windows by the ids of their keys: where they were found, their count and their times."""
    header = read("Windows header", content, 0)
    arena = HEADER_SIZE + 64 * header["slots"]
    for number in range(header["slots"]):
        slot = read("Window slot", content, HEADER_SIZE + 64 * number)
        if slot["key"] != 0:
            offset, size = slot["place"] >> 6, 1 << (slot["place"] & 63)
            ring = [read("Window times", content, arena + 8 * (offset + n))["time"]
                    for n in range(size)]
            newest = range(max(0, slot["count"] - size), slot["count"])
            assert slot["window"] == 60, slot
            yield slot["key"] - 1, number, slot["count"], [ring[n % size] for n in newest]


class Store(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="nexakey-")
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "keys.db")
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith("NEXAKEY")}
        self.env |= {"HOME": folder.name, "NEXAKEY_STORE": str(self.path),
                     "NEXAKEY_SYSTEM_CONFIG": f"{folder.name}/none"}
        self.key = self.run_command("create", "crm", "--scope", "read", "--rate-limit", "20", "-q").strip()
        self.id = json.loads(self.run_command("show", "crm", "-o", "json"))["key"]["id"]

    def run_command(self, *words, status=0, **how):
        done = subprocess.run([NEXAKEY, *words], env=self.env, capture_output=True, text=True,
                              timeout=TIME_LIMIT, **how)
        self.assertEqual(done.returncode, status, (words, done.stderr))
        return done.stdout

    def verify(self, path, *words, status=0, method="GET"):
        self.run_command("verify", "-q", "--method", method, "--path", path, *words, status=status,
                         input=self.key)

    def head(self, content):
        """The head of a file of this store and this boot."""
        head = read("The head", content, 0)
        self.assertEqual(head["format"], int(meaning("keys.db", "user_version", column=0, value=1)))
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self.assertEqual(UUID(bytes=head["boot_id"]), UUID(boot_id))
        self.assertEqual(head["boottime_offset"], 0)
        return head

    def content(self, suffix):
        return Path(f"{self.path}{suffix}").read_bytes()

    def query(self, sql):
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def test_the_database(self):
        for pragma, value, _ in TABLES["keys.db"]:
            self.assertEqual(self.query(f"PRAGMA {pragma}"), [(int(value),)])
        self.assertEqual(self.query("SELECT id, hash FROM api_keys"),
                         [(bits(self.id), hashlib.sha256(self.key.encode()).digest())])

    def test_the_usage_journal(self):
        before = time.time() * 1000
        self.verify("/v1/leads/7", "--ip", "198.51.100.7")
        self.verify("/v1/leads", status=43, method="POST")
        content = self.content("-usage")
        self.assertEqual(len(content), HEADER_SIZE + 2 * SEGMENT_SIZE)
        header = self.head(content) | read("Usage header", content, 0)
        self.assertEqual(header["magic"], meaning("Usage header", "magic").strip("`").encode())
        self.assertEqual((header["segments"], header["older_copy_at"]), (2, 0))
        found = list(records(content, header["active"]))
        minute = {"length": 60, "requests": 1}
        denial = 2000 + int(meaning("Reasons", "insufficient_scope", column=1, value=0))
        self.assertEqual([(record["key"], record["status"], record["endpoint"], record["fills"],
                           str(IPv6Address(record["address"]).ipv4_mapped)) for record in found],
                         [(bits(self.id), 200, "GET /v1/leads/{id}", [minute], "198.51.100.7"),
                          (bits(self.id), denial, "POST /v1/leads", [minute], "None")])
        for record in found:
            self.assertTrue(before - 1000 <= record["at"] <= time.time() * 1000 + 1000, record)
        # A report flushes the journal.
        self.run_command("usage", "crm", "-q")
        content = self.content("-usage")
        self.assertEqual([used for _, used in segments(content).values()], [0, 0])
        self.assertEqual(read("Usage header", content, 0)["active"], header["active"] + 1)
        self.assertEqual(self.query("SELECT id, generation FROM flushed_journals"),
                         [(header["id"], header["active"])])
        self.assertEqual(self.query("SELECT status, requests FROM usage_hours ORDER BY status"),
                         [(200, 1), (denial, 1)])

    def test_the_windows(self):
        for _ in range(20):
            self.verify("/")
        self.verify("/", status=49)
        content = self.content("-windows")
        header = self.head(content) | read("Windows header", content, 0)
        self.assertEqual(header["magic"], meaning("Windows header", "magic").strip("`").encode())
        self.assertEqual(len(content),
                         HEADER_SIZE + 64 * header["slots"] + 8 * header["arena_size"])
        self.assertEqual([header[name] for name in ("shards", "serial", "next", "moved", "slots_used")],
                         [1, 1, 0, 0, 1])
        self.assertEqual(header["arena_planned"], header["arena_size"])
        self.assertEqual(header["uses"], 21)
        (key, slot, count, times), = windows(content)
        self.assertEqual((key, count), (bits(self.id), 20))
        self.assertEqual(slot, (key + 1) % header["slots"])
        # The ring of 4 that the window began with has become one of 32.
        self.assertEqual(len(times), 20)
        self.assertEqual(header["arena_used"], 4 + 8 + 16 + 32)
        now = header["clock_base"] + time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.assertEqual(times, sorted(times))
        self.assertTrue(now - TIME_LIMIT * 10**9 < times[0] and times[-1] <= now, (times, now))
        self.assertLess(abs(now / 1e9 - time.time()), TIME_LIMIT)

    def test_the_locks(self):
        self.assertEqual(self.content("-lock"), b"")
        commands = {"writer": ("edit", "crm", "--rate-limit", "30", "-q"),
                    "live": ("verify", "-q"), "in_use": ("list", "-o", "json")}
        for byte, name, _ in TABLES["keys.db-lock"]:
            with open(f"{self.path}-lock", "r+b") as file:
                lock = struct.pack("hhqqixxxx", fcntl.F_WRLCK, os.SEEK_SET, int(byte), 1, 0)
                fcntl.fcntl(file, F_OFD_SETLK, lock)
                command = subprocess.Popen([NEXAKEY, *commands[name]], env=self.env,
                                           stdin=subprocess.PIPE,
                                           stdout=subprocess.DEVNULL, text=True)
                command.stdin.write(self.key)
                command.stdin.close()
                with self.assertRaises(subprocess.TimeoutExpired, msg=name):
                    command.wait(1)
            # Closing the file released the lock.
            self.assertEqual(command.wait(TIME_LIMIT), 0, name)

    def test_the_reserve(self):
        self.assertEqual(self.content("-reserve"), bytes(1 << 20))

    def test_the_audit_chain(self):
        self.run_command("edit", "crm", "--description", "naïve \"quotes\" \\ 😀", "-q")
        self.run_command("import", "-q", input=self.run_command("export", "-w", "default"))
        self.run_command("create", "x", "-w", "other", "--scope", "read", "-q")
        self.run_command("revoke", "x", "-w", "other", "-y", "-q")
        columns = [row[1] for row in TABLES["The audit chain"]]
        last, number = bytes(32), 0
        for row in self.query(f"SELECT hash, {', '.join(columns)} FROM audit_log ORDER BY number"):
            entry = {}
            for (member, _, kind), value in zip(TABLES["The audit chain"], row[1:]):
                if "null if the column is empty" in kind and value == "":
                    value = None
                elif member == "at":
                    moment = datetime.fromtimestamp(value / 1000, timezone.utc)
                    value = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value % 1000:03}Z"
                elif kind == "object":
                    value = json.loads(value)
                entry[member] = value
            text = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            last = hashlib.sha256(last + text.encode()).digest()
            number += 1
            self.assertEqual(row[0], last, text)
        self.assertEqual(number, 4)
        self.assertEqual(self.run_command("audit", "--head").strip(), f"{number}:{last.hex()}")


if __name__ == "__main__":
    unittest.main()
