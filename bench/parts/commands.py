"""Commands on the command line, beside the sqlite3 shell and loops in C."""

import hashlib
import sqlite3
import subprocess
import time

import machine
import report as figures
from context import NotRun
from inputs import COLUMNS, copy_of, make_store

SILENT = {"stdout": subprocess.DEVNULL}
START_UPS = 20  # in each run
LISTED_KEYS = 10  # by a single command
REFUSED = 10  # the exit status of `verify` when the limit is reached, after the same work

# The columns that `list -o jsonl` prints.
LISTED = ("id, name, workspace, last_four, scopes, whitelist, rate_limit, labels, description,"
          " created_at, expires_at, revoked_at, revoke_reason, rotated_from, superseded_by")
INSERT = ("BEGIN; INSERT INTO api_keys (" + COLUMNS + ") VALUES (abs(random() >> 4),"
          " randomblob(32), 'abcd', 'key', 'default', 1, '', 100, '', '', 0, '');"
          " INSERT INTO audit_log (at, action, actor, source, workspace, subject, details, hash)"
          " VALUES (0, 'create', 'bench', 'bench', 'default', '', '{}', zeroblob(32)); COMMIT")


def start_up(context):
    """Single commands as whole processes, on a store each, beside the shell and an empty program.
    """
    shell, = context.need("sqlite3")
    empty = context.built("empty")
    store = context.new_folder() / "keys.db"
    keys = make_store(machine.NEXAKEY, store, LISTED_KEYS)
    peers_store = copy_of(store, context.folder)
    key_file = context.new_folder() / "key"
    key_file.write_text(keys[0] + "\n")
    digest = hashlib.sha256(keys[0].encode()).hexdigest()
    cases = [
        ("verify", ["verify", "--key-file", key_file], "SELECT …",
         "SELECT id, workspace, scopes, whitelist, rate_limit, expires_at, suspended_at,"
         f" revoked_at FROM api_keys WHERE hash = x'{digest}'"),
        ("list -o jsonl", ["list", "-o", "jsonl"], "SELECT …", f"SELECT {LISTED} FROM api_keys"),
        ("create", ["create", "key", "--scope", "read", "--quiet"], "INSERT …; INSERT …", INSERT),
    ]
    for name, words, what, sql in cases:
        with_shell, with_empty = [], []
        for _ in range(START_UPS * context.sizes.runs):
            ours = one_command(store, words)
            with_shell.append((ours, 1000 * machine.timed([shell, peers_store, sql], **SILENT)))
            with_empty.append((ours, 1000 * machine.timed([empty])))
        add = context.report.add_pairs
        add(f"one `{name}`, as a whole process", figures.MILLISECONDS, f"`sqlite3 FILE '{what}'`",
            with_shell, 0.8)
        add(f"one `{name}`, beside the least", figures.MILLISECONDS, "an empty C++ program",
            with_empty)


def one_command(store, words):
    """Milliseconds that a command takes."""
    start = time.perf_counter()
    done = subprocess.run([machine.NEXAKEY, "--store", store, *words], check=False, **SILENT)
    elapsed = 1000 * (time.perf_counter() - start)
    if done.returncode not in (0, REFUSED):
        raise NotRun(f"{words[0]} ended with {done.returncode}")
    return elapsed


def list_keys(context):
    """list -o jsonl of many keys, against the same rows by the sqlite3 shell."""
    shell, = context.need("sqlite3")
    count = context.sizes.listed
    store = context.new_folder() / "keys.db"
    make_store(machine.NEXAKEY, store, count)
    command = [machine.NEXAKEY, "--store", store, "list", "-o", "jsonl"]
    of_shell = [shell, "-json", store, f"SELECT {LISTED} FROM api_keys"]
    pairs = [(machine.timed(command, **SILENT), machine.timed(of_shell, **SILENT))
             for _ in range(context.sizes.runs)]
    context.report.add_pairs(f"`list -o jsonl`, {count:,} keys", figures.SECONDS,
                             "`sqlite3 -json`, the same rows without limits and uses", pairs, 0.65)
    context.report.add("`list -o jsonl`: peak memory", figures.MEMORY,
                       machine.peak_memory(command), 10)


def revoke(context):
    """A revocation of all keys, in bounded transactions, against one transaction."""
    loop = context.built("revoke_loop")
    store, keys = context.store
    pairs = []
    for _ in range(context.sizes.runs):
        ours = machine.timed([machine.NEXAKEY, "--store", copy_of(store, context.folder), "revoke",
                              "--name", "key *", "--yes", "--quiet"], **SILENT)
        told = subprocess.run([loop, copy_of(store, context.folder)], check=True,
                              capture_output=True)
        pairs.append((ours, float(told.stdout.split()[1])))
    context.report.add_pairs(
        f"`revoke` of {len(keys):,} keys, in transactions of a tenth of a second, each key in the"
        " chained log", figures.SECONDS, "one transaction in C of as many UPDATEs and INSERTs",
        pairs, 2)


def move(context):
    """An export and an import of all keys, each with usage, against .dump and .read."""
    shell, = context.need("sqlite3")
    store, keys = context.store
    store = copy_of(store, context.folder)
    with sqlite3.connect(store) as db:
        hour = int(time.time()) // 3600 - 1
        db.execute("INSERT OR IGNORE INTO endpoints (text) VALUES ('GET /v1/leads')")
        db.execute("INSERT OR REPLACE INTO usage_hours SELECT seq, ?, (SELECT id FROM endpoints"
                   " WHERE text = 'GET /v1/leads'), 200, 7 FROM api_keys", (hour,))
    db.close()
    exports, imports = [], []
    for _ in range(context.sizes.runs):
        new = context.new_folder()
        exported, dumped = new / "keys.export", new / "keys.sql"
        ours = machine.timed([machine.NEXAKEY, "--store", store, "export", exported, "--quiet"])
        with open(dumped, "w") as file:
            exports.append((ours, machine.timed([shell, store, ".dump"], stdout=file)))
        ours = machine.timed([machine.NEXAKEY, "--store", new / "keys.db", "import", exported,
                              "--quiet"], **SILENT)
        with open(dumped) as file:
            imports.append((ours, machine.timed([shell, new / "read.db"], stdin=file)))
    add = context.report.add_pairs
    add(f"`export` of {len(keys):,} keys with usage", figures.SECONDS, "`sqlite3` `.dump`", exports,
        1.5)
    add("`import` of the same, checked, accepted as a whole, rolled forward in steps of 500",
        figures.SECONDS, "`sqlite3` `.read`", imports, 1.5)
