#!/usr/bin/env python3
"""A store behind PgBouncer: in transaction mode each statement may get another connection to the
server, which other processes have used before."""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from on_postgres import OnPostgres
from place import NEXAKEY, wait_for

PROCESSES = 3
ROUNDS = 60


class PgBouncer(OnPostgres):
    def pool(self, mode, size):
        """Starts PgBouncer with its socket in a folder of its own, and uses it from now on."""
        folder = Path(self.folder.name, "pool")
        folder.mkdir(mode=0o755)
        settings = folder / "pgbouncer.ini"
        settings.write_text(f"""[databases]
postgres = host={self.folder.name}/server port=5432 user=postgres
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = {folder}
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
""")
        command = [shutil.which("pgbouncer", path="/usr/sbin:/usr/bin"), "--quiet", str(settings)]
        if os.geteuid() == 0:  # PgBouncer refuses to run as root
            shutil.chown(folder, "postgres")
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        self.place.start(command)
        wait_for((folder / ".s.PGSQL.5432").exists, self.place)
        self.place.env["NEXAKEY_STORE"] = self.url_of(folder)

    def start_batch(self):
        return subprocess.Popen([NEXAKEY, "verify", "--batch"], env=self.place.env, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def check_store(self):
        """Several processes at once: each decides, one after the other and again, and others change
        keys between them."""
        line = json.dumps({"key": self.key}) + "\n"
        batches = [self.start_batch() for _ in range(PROCESSES)]
        statuses = []
        for number in range(ROUNDS):
            for batch in batches:
                batch.stdin.write(line)
                batch.stdin.flush()
            statuses += [json.loads(batch.stdout.readline())["status"] for batch in batches]
            if number % 20 == 0:
                self.place.create(f"key-{number}", "--scope", "read")
                self.place.nexakey("rotate", f"key-{number}", "--grace", "1h", "--quiet")
        for batch in batches:
            batch.communicate(timeout=60)
            self.assertEqual(batch.returncode, 0)
        self.assertEqual(sorted(statuses), [200] * 100 + [429] * (PROCESSES * ROUNDS - 100))
        usage = json.loads(self.place.nexakey("usage", "crm", "-o", "json"))["total"]
        self.assertEqual(usage["requests"], PROCESSES * ROUNDS)
        self.assertEqual(len(json.loads(self.place.nexakey("list", "-o", "json"))["keys"]), 7)
        self.place.nexakey("audit", "--check")
        exported = self.place.nexakey("export")
        self.assertIn("unchanged", self.place.nexakey("import", "-", "-o", "json", stdin=exported))

    def check_server(self):
        """A server beside the other processes."""
        self.place.serve()
        key = self.place.create("served", "--scope", "read")
        wanted = "/auth/envoy/v1/leads"
        for _ in range(40):
            done = subprocess.run(
                ["curl", "--silent", "--unix-socket", f"{self.place.path}/nexakey.sock",
                 "--write-out", "%{http_code}", "--output", "/dev/null", "--header",
                 f"Authorization: Bearer {key}", "--header", "X-Forwarded-For: 198.51.100.7",
                 f"http://localhost{wanted}"], capture_output=True, text=True, check=True)
            self.assertEqual(done.stdout, "200")
            self.assertIn("allowed", self.place.nexakey("verify", stdin=key))
        self.place.nexakey("revoke", "served", "--yes")
        self.assertEqual(self.place.attempt("verify", stdin=key).returncode, 41)

    def check_settings(self):
        """A pool that others use too has the settings that it had before."""
        shown = subprocess.run(["psql", "--no-align", "--tuples-only", self.place.env["NEXAKEY_STORE"]],
                               input="SHOW lock_timeout; SHOW statement_timeout; SHOW bytea_output;"
                                     "SHOW default_transaction_isolation; SHOW synchronous_commit;",
                               capture_output=True, text=True, check=True).stdout
        self.assertEqual(shown.splitlines(), ["0", "0", "hex", "read committed", "on"])

    def check_pool(self, mode, size):
        self.pool(mode, size)
        self.check_store()
        self.check_server()
        self.check_settings()

    def test_transactions_that_share_one_connection(self):
        self.check_pool("transaction", 1)

    def test_transactions_that_share_two_connections(self):
        self.check_pool("transaction", 2)

    def test_sessions(self):
        self.check_pool("session", 20)

    def test_statements_cannot_be_pooled(self):
        self.pool("statement", 2)
        done = self.place.attempt("create", "other", "--scope", "read")
        self.assertEqual(done.returncode, 6)
        self.assertIn("pool_mode", done.stderr)


if __name__ == "__main__":
    unittest.main()
