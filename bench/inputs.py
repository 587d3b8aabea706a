"""What the benchmarks measure with: stores, requests and files, the same in each run."""

import hashlib
import json
import pathlib
import random
import sqlite3
import string
import subprocess
import tempfile

COLUMNS = ("id, hash, last_four, name, workspace, scopes, whitelist, rate_limit, labels,"
           " description, created_at, revoke_reason")
MAX_KEYS = 1_000_000  # that are kept in memory
ALPHABET = string.ascii_letters + string.digits
WORDS = 20_000
FILE_SIZE = 16_384  # the average of source files
PER_FOLDER = 100
FOUR_WINDOWS = "20/1s 500/10m 2000/1h"  # beside the minute


def make_key(rng):
    """A key, which a random source chooses."""
    return "fc_live_" + "".join(rng.choices(ALPHABET, k=28))


def make_store(nexakey, path, count, rate_limit=100):
    """A store with `count` keys. Returns them, or MAX_KEYS of them, evenly spread."""
    subprocess.run([nexakey, "--store", path, "create", "first", "--scope", "read", "--quiet"],
                   check=True, stdout=subprocess.DEVNULL)
    rng = random.Random(1)
    begin = 1_700_000_000_000
    step = -(-count // MAX_KEYS)
    kept = []

    def rows():
        for i in range(count):
            key = make_key(rng)
            if i % step == 0:
                kept.append(key)
            yield (rng.getrandbits(60), hashlib.sha256(key.encode()).digest(), key[-4:],
                   f"key {i}", "default", 3, "", rate_limit, "", "", begin + i, "")

    with sqlite3.connect(path) as db:
        # Otherwise, each of the pages of the indexes is written many times.
        db.execute("PRAGMA cache_size = -4000000")
        db.executemany(f"INSERT INTO api_keys ({COLUMNS}) VALUES ({','.join('?' * 12)})", rows())
    db.close()
    return kept


def copy_of(store, folder, limits=None):
    """A copy of a store, to which nothing has been written since; with `limits`, those of its keys
    beside that of the minute."""
    copied = pathlib.Path(tempfile.mkdtemp(dir=folder)) / "keys.db"
    with sqlite3.connect(store) as db:
        db.execute("VACUUM INTO ?", (str(copied),))
    db.close()
    with sqlite3.connect(copied) as db:
        if limits is not None:
            db.execute("UPDATE api_keys SET limits = ?", (limits,))
            db.commit()
        db.execute("PRAGMA journal_mode = WAL")
    db.close()
    return copied


def make_requests(keys, count):
    """Pairs of a key and a request of it, a line for `verify --batch`."""
    rng = random.Random(2)
    for i in range(count):
        key = rng.choice(keys)
        yield key, json.dumps({"key": key, "method": "GET", "path": f"/v1/leads/{i}",
                               "ip": "198.51.100.7"}) + "\n"


def make_words(rng):
    """Identifiers and the characters between them; `fc` and `live` occur in them."""
    parts = ["fc", "live", "func", "list", "key", "_", "get", "set", "for", "archive", "derive"]
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(WORDS)]
    words += ["_".join(rng.choices(parts, k=rng.randint(1, 4))) for _ in range(WORDS // 4)]
    return words


def make_sources(folder, size):
    """About `size` bytes of files that look like sources."""
    rng = random.Random(1)
    words = make_words(rng)
    for number in range(size // FILE_SIZE):
        path = folder / f"{number // PER_FOLDER:04}" / f"{number:06}.c"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines, length = [], 0
        while length < FILE_SIZE:
            line = " " * rng.choice((0, 2, 4, 8)) + " ".join(rng.choices(words, k=6)) + ";\n"
            lines.append(line)
            length += len(line)
        path.write_text("".join(lines))
