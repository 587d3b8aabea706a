"""What a store has, without the ids, times and hashes that differ between two runs of a command."""

import json
import re

ID = re.compile(r"(key|tok|imp)_[0-9a-z]+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z")
HASH = re.compile(r"[0-9a-f]{64}")
HINT = re.compile(r"(fc_live_|nxk_)….{4}")


def plain(value):
    """The value with a mark in the place of each text that differs between two runs."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, str):
        for pattern in (ID, TIME, HASH, HINT):
            value = pattern.sub("*", value)
    return value


def records(home):
    """The records of an export: {type: [record, …]}, in an order that does not depend on ids."""
    found = {}
    for line in home.done("export").splitlines()[1:-1]:
        record = plain(json.loads(line))
        for name in ("number", "actor", "source"):
            record.pop(name, None)
        found.setdefault(record.pop("type"), []).append(record)
    return {kind: sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
            for kind, rows in found.items()}


def live(found):
    """The keys and tokens that are accepted."""
    return {kind: [row for row in found.get(kind, ()) if not row["revoked_at"]]
            for kind in ("key", "token")}
