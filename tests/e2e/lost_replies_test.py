#!/usr/bin/env python3
"""Connections to PostgreSQL that are lost after the server has executed a statement: no request is
counted twice, and no change is made twice."""

import json
import os
import socket
import sys
import unittest
from pathlib import Path

from on_postgres import OnPostgres
from postgres_proxy import PostgresProxy

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))
import figure

# How many replies of each kind are lost.
REPLIES = int(os.environ.get("NEXAKEY_REPLIES", "20"))
DECISION = r"nexakey\.decide\("
REPORT = r"nexakey\.report\("
COMMIT = "^COMMIT$"


class LostReplies(OnPostgres):
    def setUp(self):
        super().setUp()
        self.proxy = PostgresProxy(self.folder.name, f"{self.folder.name}/server")
        self.addCleanup(self.proxy.close)
        self.place.env["NEXAKEY_STORE"] = self.url_of(self.folder.name)

    def ask(self, method, path, body="", **headers):
        """The status of a request to `serve`."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close",
                 f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(f"{self.place.path}/nexakey.sock")
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
            return int(connection.makefile("rb").read().split()[1])

    def verify(self):
        return self.ask("GET", "/auth/envoy/v1/leads", X_Forwarded_For="198.51.100.7",
                        Authorization=f"Bearer {self.key}")

    def usage(self):
        return json.loads(self.place.nexakey("usage", "crm", "-o", "json"))["total"]["requests"]

    def keys(self, *options):
        return json.loads(self.place.nexakey("list", *options, "-o", "json"))["keys"]

    def audit(self, action):
        return len(self.place.nexakey("audit", "--action", action, "-o", "jsonl").splitlines())

    def run_losing(self, *words):
        """Runs a command; the reply to its first commit is lost."""
        self.proxy.lose(COMMIT)
        output = self.place.nexakey(*words)
        self.assertEqual(self.proxy.lost, 1, words)
        return output

    def test_a_decision_whose_reply_is_lost_is_counted_once(self):
        self.place.serve()
        self.assertEqual(self.verify(), 200)
        for number in range(REPLIES):
            self.proxy.lose(DECISION)
            self.assertEqual(self.verify(), 503)
            self.assertEqual(self.proxy.lost, 1)
            self.assertEqual(self.usage(), number + 2)
        statuses = [self.verify() for _ in range(100 - REPLIES)]
        self.assertEqual(statuses, [200] * (99 - REPLIES) + [429])
        print(f"lost replies to decisions: {REPLIES} lost, 0 counted twice, 0 admitted over the limit")

    def test_an_upstream_response_whose_reply_is_lost_is_counted_once(self):
        self.place.serve()
        key = self.keys()[0]["id"]
        token = self.place.nexakey("token", "create", "api", "--role", "verifier", "--quiet")
        body = json.dumps([{"key_id": key, "path": "/v1/leads", "status": 200}])
        for number in range(REPLIES):
            self.proxy.lose(REPORT)
            self.assertEqual(self.ask("POST", "/v1/report", body, Content_Type="application/json",
                                      Authorization=f"Bearer {token}"), 503)
            self.assertEqual(self.sql("SELECT sum(requests) FROM nexakey.usage_hours"), [str(number + 1)])

    def test_a_decision_that_was_not_sent_is_sent_on_another_connection(self):
        self.place.env["NEXAKEY_STORE"] = self.url_of(f"{self.folder.name}/server")
        self.place.serve()
        for number in range(REPLIES):
            self.assertEqual(self.verify(), 200)
            self.assertEqual(self.usage(), number + 1)
            self.sql("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                     " WHERE application_name = 'nexakey'")

    def test_a_change_whose_commit_is_lost_is_made_once(self):
        for number in range(REPLIES):
            self.run_losing("create", f"key-{number}", "--scope", "read", "--quiet")
        self.assertEqual(len(self.keys("--name", "key-*")), REPLIES)
        self.assertEqual(self.audit("create"), REPLIES + 1)
        for number in range(REPLIES):
            self.run_losing("rotate", f"key-{number}", "--grace", "1h", "--quiet")
        self.assertEqual(len(self.keys("--name", "key-*")), 2 * REPLIES)
        self.assertEqual(self.audit("rotate"), REPLIES)
        self.assertEqual(self.audit("create"), 2 * REPLIES + 1)
        self.assertIn(f"intact: {3 * REPLIES + 1}:", self.place.nexakey("audit", "--check"))
        figure.report(15, "creates and rotations whose first reply is lost, on PostgreSQL",
                      2 * REPLIES, {"lost": 0, "made twice": 0})

    def test_every_change_is_made_once(self):
        key = self.keys()[0]["id"]
        self.run_losing("edit", key, "--description", "of the sales team")
        self.run_losing("whitelist", "add", key, "198.51.100.0/24")
        self.run_losing("token", "create", "ci", "--role", "auditor", "--quiet")
        token = json.loads(self.place.nexakey("token", "list", "-o", "json"))["tokens"]
        self.assertEqual(len(token), 1)
        self.run_losing("token", "revoke", token[0]["id"], "--yes")
        self.run_losing("revoke", key, "--yes", "--reason", "left")
        self.assertEqual([self.audit(action) for action in ("edit", "whitelist", "token_create", "token_revoke",
                                                           "revoke")], [1] * 5)
        self.assertEqual(self.keys("--status", "revoked")[0]["revoke_reason"], "left")

    def test_an_outcome_that_cannot_be_settled_is_told(self):
        self.proxy.lose(COMMIT, 10_000)
        done = self.place.attempt("create", "other", "--scope", "read")
        self.assertEqual((done.returncode, done.stdout), (6, ""))
        self.assertIn("not known", done.stderr)
        self.assertLessEqual(len(self.keys("--name", "other")), 1)


if __name__ == "__main__":
    unittest.main()
