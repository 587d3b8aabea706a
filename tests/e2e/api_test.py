#!/usr/bin/env python3
"""The API of `nexakey serve` for programs: permissions, the order of responses, and that slow
requests do not hold up decisions.
"""

import fcntl
import hashlib
import http.client
import json
import re
import secrets
import signal
import socket
import string
import struct
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import contract
from place import NEXAKEY, Place, free_port, is_open, wait_for

ALPHABET = string.digits + string.ascii_letters
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"

ROLES = ("admin", "auditor", "rotator", "creator", "verifier")


def random_text(alphabet, length):
    return "".join(secrets.choice(alphabet) for _ in range(length))


def new_key(**members):
    """A new key, as a client generates it: its text, and the record for the store."""
    text = "fc_live_" + random_text(ALPHABET, 28)
    record = {"id": "key_" + random_text(BASE32, 12), "scopes": ["read"],
              "hash": hashlib.sha256(text.encode()).hexdigest(), "hint": "fc_live_…" + text[-4:],
              "created_at": "2026-01-02T03:04:05.678Z"}
    return text, record | members


def new_import():
    """The id of a new import, as a client generates it."""
    return "imp_" + random_text(BASE32, 12)


def new_token(**members):
    text = "nxk_" + random_text(ALPHABET, 40)
    record = {"id": "tok_" + random_text(BASE32, 12), "role": "auditor",
              "hash": hashlib.sha256(text.encode()).hexdigest(), "hint": "nxk_…" + text[-4:],
              "created_at": "2026-01-02T03:04:05.678Z"}
    return text, record | members


# struct flock: a write lock (1), from the beginning of the file (0), at 0, of 1 byte.
LOCK_FIRST_BYTE = struct.pack("hhqqi4x", 1, 0, 0, 1, 0)
F_OFD_SETLKW = 38


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)


class ApiTest(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.close)
        self.key = self.place.create("crm", "--scope", "read", "--rate-limit", "100000")
        self.port = free_port()
        self.serve()
        self.tokens = {role: self.token("--role", role) for role in ROLES}

    def serve(self, *options):
        self.place.serve("--listen", f"127.0.0.1:{self.port}", "--trusted-proxy", "127.0.0.1",
                         *options)
        wait_for(lambda: is_open(self.port), self.place)

    def serve_again(self, *options):
        self.place.server.kill()
        self.place.server.wait()
        self.serve(*options)

    def token(self, *options):
        return self.place.nexakey("token", "create", *options, "--quiet")

    def ask(self, method, path, body=None, bearer=None, port=None):
        """`bearer`: a role, or a token or key itself; the admin's token if there is none. A body of
        bytes is sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        bearer = self.tokens.get(bearer or "admin", bearer)
        try:
            as_it_is = body is None or isinstance(body, bytes)
            connection.request(method, path, body if as_it_is else json.dumps(body),
                               {"Authorization": f"Bearer {bearer}"})
            reply = Reply(connection.getresponse())
        finally:
            connection.close()
        contract.check(method, path, reply)
        return reply

    def put(self, bearer=None, **members):
        text, record = new_key(**members)
        reply = self.ask("PUT", f"/v1/keys/{record['id']}", record, bearer)
        self.assertEqual(reply.status, 200, reply.text)
        return text, reply.json["key"]

    def http(self, method, path, body=None, bearer=None):
        """The bytes of a request."""
        text = "" if body is None else json.dumps(body)
        bearer = self.tokens.get(bearer or "admin", bearer)
        return (f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n"
                f"Content-Length: {len(text.encode())}\r\n\r\n{text}").encode()

    @contextmanager
    def writers_stopped(self):
        """Holds the writer lock, so that all changes of the store wait."""
        with open(f"{self.place.path}/keys.db-lock", "rb+") as file:
            fcntl.fcntl(file, F_OFD_SETLKW, LOCK_FIRST_BYTE)  # as nexakey itself takes it
            yield


class Keys(ApiTest):
    def test_what_is_put_is_there(self):
        text, record = new_key(name="billing", workspace="sales", scopes=["read", "write"],
                               whitelist=["203.0.113.0/24"], rate_limit=7, labels={"team": "crm"},
                               description="for billing", expires_at="2099-01-02T03:04:05.000Z")
        key = self.ask("PUT", f"/v1/keys/{record['id']}", record).json["key"]
        self.assertEqual({name: key[name] for name in record}, record)
        self.assertEqual(key["status"], "active")
        self.assertEqual(self.ask("GET", f"/v1/keys/{key['id']}").json["key"], key)
        self.assertEqual(self.ask("GET", "/v1/keys?workspace=sales").json,
                         {"keys": [key], "next_cursor": None})
        decision = self.ask("POST", "/v1/verify", {"key": text, "ip": "203.0.113.9"}).json
        self.assertEqual((decision["status"], decision["key_id"]), (200, key["id"]))
        self.assertEqual(self.ask("GET", "/v1/workspaces").json,
                         {"workspaces": ["default", "sales"]})

    def test_the_same_put_again_is_the_same_answer(self):
        _, record = new_key(name="billing")
        path = f"/v1/keys/{record['id']}"
        first = self.ask("PUT", path, record)
        second = self.ask("PUT", path, record)
        self.assertEqual((first.status, first.text), (200, second.text))
        # The members that the store adds do not matter either.
        self.assertEqual(self.ask("PUT", path, first.json["key"]).text, first.text)
        self.assertEqual(self.ask("PUT", path, record | {"name": "other"}).status, 409)
        other = new_key(hash=record["hash"])[1]
        reply = self.ask("PUT", f"/v1/keys/{other['id']}", other)
        self.assertEqual((reply.status, reply.json["error"]["code"]), (409, "conflict"))

    def test_a_put_may_be_only_for_a_name_that_is_free(self):
        first = self.put(name="billing")[1]
        _, record = new_key(name="billing")
        path = f"/v1/keys/{record['id']}?unless_named=true"
        self.assertEqual(self.ask("PUT", path, record).json["key"], first)
        self.assertEqual(self.ask("GET", f"/v1/keys/{record['id']}").status, 404)

    def test_a_put_may_require_a_unique_name(self):
        first = self.put(name="invoices")[1]
        _, record = new_key(name="invoices")
        path = f"/v1/keys/{record['id']}"
        reply = self.ask("PUT", path + "?unique=true", record)
        self.assertEqual((reply.status, reply.json["error"]["code"]), (409, "conflict"))
        self.assertIn(first["id"], reply.json["error"]["message"])
        self.assertEqual(self.ask("GET", path).status, 404)
        self.assertEqual(self.ask("PUT", path + "?unique=true&unless_named=true", record).status, 400)
        self.assertEqual(self.ask("PUT", path + "?unique=false", record).status, 200)

    def test_a_key_that_is_not_whole_is_refused(self):
        _, record = new_key()
        path = f"/v1/keys/{record['id']}"
        other = new_key()[1]["id"]
        wrong = [{name: value for name, value in record.items() if name != missing}
                 for missing in ("id", "hash", "scopes", "hint")]
        wrong += [record | change for change in
                  ({"id": other}, {"id": None}, {"hash": None}, {"hash": "00"}, {"id": "x"},
                   {"scopes": []}, {"nmae": "x"}, {"status": "active2"}, {"damage": ["name"]},
                   {"whitelist": ["10.0.0.1/8"]}, {"rate_limit": 0},
                   {"workspace": "a b"}, {"name": "\u202e"})]
        wrong += [[], None, "x", 7, [record], {"key": record}]
        for body in wrong:
            with self.subTest(body=body):
                reply = self.ask("PUT", path, body)
                self.assertEqual((reply.status, reply.json["error"]["code"]), (400, "usage"))
        self.assertEqual(self.ask("PUT", path + "?unles_named=true", record).status, 400)
        self.assertEqual(self.ask("GET", path).status, 404)

    def test_a_change_is_made_and_answered(self):
        key = self.put(name="billing", labels={"team": "crm"})[1]
        path = f"/v1/keys/{key['id']}"
        changed = self.ask("PATCH", path, {"rate_limit": 9, "labels": {"team": "", "env": "prod"},
                                           "allow": ["203.0.113.7"], "suspended": True})
        self.assertEqual(changed.status, 200)
        seen = changed.json["key"]
        self.assertEqual((seen["rate_limit"], seen["labels"], seen["whitelist"], seen["status"],
                          seen["name"]),
                         (9, {"env": "prod"}, ["203.0.113.7"], "suspended", "billing"))
        opened = self.ask("PATCH", path, {"disallow": ["203.0.113.7"]})
        self.assertEqual((opened.status, opened.json["error"]["code"]),
                         (409, "confirmation_required"))
        opened = self.ask("PATCH", path, {"disallow": ["203.0.113.7"], "may_open": True})
        self.assertEqual(opened.json["key"]["whitelist"], [])
        self.assertEqual(self.ask("PATCH", path, {"rate": 1}).status, 400)
        self.assertEqual(self.ask("PATCH", f"/v1/keys/{new_key()[1]['id']}", {}).status, 404)
        self.assertEqual(self.ask("PATCH", "/v1/keys/crm", {}).status, 404)

    def test_a_revocation_is_of_all_or_none(self):
        keys = [self.put()[1]["id"] for _ in range(3)]
        missing = new_key()[1]["id"]
        for ids in ([keys[0], missing], [keys[0], "crm"]):
            self.assertEqual(self.ask("POST", "/v1/keys/revoke", {"ids": ids}).status, 404)
        self.assertEqual(self.ask("GET", f"/v1/keys/{keys[0]}").json["key"]["status"], "active")
        body = {"ids": keys, "reason": "left"}
        revoked = self.ask("POST", "/v1/keys/revoke", body)
        self.assertEqual([(key["id"], key["status"], key["revoke_reason"])
                          for key in revoked.json["keys"]], [(id, "revoked", "left") for id in keys])
        self.assertEqual(self.ask("POST", "/v1/keys/revoke", body | {"reason": "x"}).text,
                         revoked.text)
        for wrong in ({"ids": keys[0]}, {"ids": [7]}, {"id": keys}, [], {"ids": [], "x": 1}):
            self.assertEqual(self.ask("POST", "/v1/keys/revoke", wrong).status, 400)

    def test_a_purge_is_of_keys_that_ended_before_a_time(self):
        old = self.put(created_at="2020-01-01T00:00:00.000Z", expires_at="2020-02-01T00:00:00.000Z")
        (text, record), live = old, self.put()[1]
        found = self.ask("GET", "/v1/keys?ended_before=2020-02-01T00:00:00.001Z").json["keys"]
        self.assertEqual([key["id"] for key in found], [record["id"]])
        body = {"ids": [record["id"], live["id"], new_key()[1]["id"]],
                "ended_before": "2020-02-01T00:00:00.000Z"}
        for change, purged in (({}, []), ({"ended_before": "2020-02-02T00:00:00.000Z"}, [record["id"]])):
            for dry_run in (True, False):
                reply = self.ask("POST", "/v1/keys/purge", body | change | {"dry_run": dry_run})
                self.assertEqual(reply.json, {"ids": purged, "done": 3})
        self.assertEqual(self.ask("GET", f"/v1/keys/{record['id']}").status, 404)
        self.assertEqual(self.ask("POST", "/v1/verify", {"key": text}).json["reason"], "unknown_key")
        again = self.ask("PUT", f"/v1/keys/{record['id']}", record)
        self.assertEqual((again.status, again.json["error"]["code"]), (409, "conflict"))
        self.assertIn(record["id"] + " was purged on ", again.json["error"]["message"])
        for wrong in ({"ids": 7}, {"ids": ["crm"] * 501}, {"ended_before": "9999-01-01T00:00:00Z"},
                      {"ended_before": "365d"}, {"workspace": 7}, {"dry_run": "no"}):
            with self.subTest(wrong=str(wrong)[:40]):
                self.assertEqual(self.ask("POST", "/v1/keys/purge", body | wrong).status, 400)
        self.assertEqual(self.ask("POST", "/v1/keys/purge", body | {"ids": ["crm"]}).status, 404)

    def test_pages_have_every_key_once(self):
        made = [self.put(name=f"page-{i}", created_at=f"2026-01-02T03:{i:02}:00.000Z")[1]["id"]
                for i in range(25)]
        seen, cursor = [], ""
        while cursor is not None:
            page = self.ask("GET", f"/v1/keys?pattern=page-*&limit=10{cursor}").json
            seen += [key["id"] for key in page["keys"]]
            self.assertLessEqual(len(page["keys"]), 10)
            cursor = page["next_cursor"] and f"&after={page['next_cursor']}"
        self.assertEqual(seen, made[::-1])
        for query in ("limit=0", "limit=1001", "limit=-1", "limit=x", "limit=1&limit=2", "after=x",
                      "stauts=active", "status=live", "name=%GG"):
            with self.subTest(query=query):
                self.assertEqual(self.ask("GET", "/v1/keys?" + query).status, 400)

    def test_usage(self):
        key = self.put(name="billing")
        for method in ("GET", "POST"):
            self.ask("POST", "/v1/verify", {"key": key[0], "method": method, "path": "/leads/7"})
        usage = self.ask("GET", f"/v1/usage?key={key[1]['id']}&by=status").json
        self.assertEqual((usage["key_id"], usage["total"]["requests"], usage["total"]["errors"],
                          [group["status"] for group in usage["by_status"]]),
                         (key[1]["id"], 2, 1, ["200", "403"]))
        self.assertEqual(self.ask("GET", "/v1/usage").json["total"]["requests"], 2)
        self.assertEqual(self.ask("GET", "/v1/usage?by=month").status, 400)
        peaks = self.ask("GET", f"/v1/usage/peaks?key={key[1]['id']}&above=1/1m").json
        self.assertEqual([(peak["key_id"], peak["requests"], peak["limit"], peak["hours_above"])
                          for peak in peaks["peaks"]], [(key[1]["id"], 1, 1, 0)])
        self.assertEqual(self.ask("GET", "/v1/usage/peaks").json["count"], 1)
        self.assertEqual(self.ask("GET", "/v1/usage/peaks?above=1/day").status, 400)

    def test_the_last_entries_of_the_log(self):
        for _ in range(130):
            self.put()
        def numbers(query, bearer=None):
            page = self.ask("GET", "/v1/audit?" + query, bearer=bearer).json
            return [entry["number"] for entry in page["entries"]], page["next_cursor"]
        head = self.ask("GET", "/v1/audit/head").json["head"]["number"]
        self.assertEqual(numbers("last=3", "auditor"), ([head - 2, head - 1, head], None))
        self.assertEqual(numbers("last=120"), (list(range(head - 119, head + 1)), None))
        self.assertEqual(numbers("last=3&limit=2"), ([head - 2, head - 1], head - 1))
        self.assertEqual(numbers("last=5000"), (list(range(1, head + 1)), None))
        self.assertEqual(numbers("last=2&action=token_create"), ([5, 6], None))
        for query in ("last=0", "last=-1", "last=x", "last=", "last=1&last=2"):
            self.assertEqual(self.ask("GET", "/v1/audit?" + query).status, 400, query)

    def test_a_head_is_a_get_without_its_body(self):
        reply, head = self.ask("GET", "/v1/keys"), self.ask("HEAD", "/v1/keys")
        self.assertEqual((head.status, head.text), (200, ""))
        self.assertEqual(head.headers["content-length"], reply.headers["content-length"])
        wrong = self.ask("DELETE", "/v1/keys/" + new_key()[1]["id"])
        self.assertEqual((wrong.status, wrong.headers["allow"]), (405, "GET, HEAD, PUT, PATCH"))
        self.assertEqual(self.ask("GET", "/v1/keys/revoke").headers["allow"], "POST")


class Tokens(ApiTest):
    def test_a_token_lives_until_it_is_revoked(self):
        text, record = new_token(name="dashboard")
        path = f"/v1/tokens/{record['id']}"
        self.assertEqual(self.ask("GET", "/v1/keys", bearer=text).status, 401)
        first = self.ask("PUT", path, record)
        self.assertEqual(first.status, 200, first.text)
        self.assertEqual(self.ask("PUT", path, record).text, first.text)
        self.assertEqual(self.ask("PUT", path, record | {"role": "admin"}).status, 409)
        self.assertEqual(self.ask("GET", "/v1/keys", bearer=text).status, 200)
        self.assertIn(first.json["token"], self.ask("GET", "/v1/tokens").json["tokens"])
        revoked = self.ask("POST", "/v1/tokens/revoke", {"ids": [record["id"]]})
        self.assertEqual(revoked.json["tokens"][0]["status"], "revoked")
        self.assertEqual(self.ask("GET", "/v1/keys", bearer=text).status, 401)
        self.assertEqual(self.ask("POST", "/v1/tokens/revoke",
                                  {"ids": [record["id"]]}).text, revoked.text)
        self.assertEqual(self.ask("POST", "/v1/tokens/revoke",
                                  {"ids": [new_token()[1]["id"]]}).status, 404)

    def test_a_token_that_is_not_whole_is_refused(self):
        _, record = new_token()
        path = f"/v1/tokens/{record['id']}"
        wrong = [{name: value for name, value in record.items() if name != missing}
                 for missing in ("id", "hash", "role", "hint")]
        wrong += [record | {"id": new_token()[1]["id"]}, record | {"role": "root"},
                  record | {"status": "damaged"}, [record], None]
        for body in wrong:
            with self.subTest(body=body):
                self.assertEqual(self.ask("PUT", path, body).status, 400)
        self.assertEqual(self.ask("POST", "/v1/tokens/revoke",
                                  {"ids": [], "reason": "x"}).status, 400)

    def test_the_holder_of_a_key_sees_it_and_does_not_use_it(self):
        text, key = self.put(whitelist=["192.0.2.1"], rate_limit=1, expires_at="2099-01-01T00:00:00.000Z")
        for _ in range(3):
            reply = self.ask("GET", "/v1/self", bearer=text)
            self.assertEqual((reply.status, reply.json), (200, {"key": {
                "id": key["id"], "scopes": ["read"], "status": "active",
                "expires_at": "2099-01-01T00:00:00.000Z"}}))
        shown = self.ask("GET", f"/v1/keys/{key['id']}").json["key"]
        self.assertEqual((shown["last_used_at"], shown["last_used_ip"]), (None, None))
        self.assertEqual(self.ask("GET", f"/v1/usage?key={key['id']}").json["total"]["requests"], 0)
        self.ask("PATCH", f"/v1/keys/{key['id']}", {"suspended": True})
        self.assertEqual(self.ask("GET", "/v1/self", bearer=text).json["key"]["status"], "suspended")
        self.ask("POST", "/v1/keys/revoke", {"ids": [key["id"]]})
        for bearer in (text, new_key()[0], "admin", "x"):
            self.assertEqual(self.ask("GET", "/v1/self", bearer=bearer).status, 401, bearer)

    def test_a_creator_makes_new_keys_and_no_successors(self):
        _, key = self.put()
        successor = new_key(rotated_from=key["id"])[1]
        for body, status in ((new_key()[1], 200), (successor, 403),
                             (new_key(superseded_by=key["id"])[1], 403)):
            path = f"/v1/keys/{body['id']}"
            self.assertEqual(self.ask("PUT", path, body, "creator").status, status)

    def test_a_rotator_ends_the_successors_that_it_has_staged(self):
        _, key = self.put()
        text, new = new_key()
        path = f"/v1/keys/{key['id']}/rotate"
        rotation = {name: new[name] for name in ("id", "hash", "hint", "created_at")}
        staged = self.ask("POST", path, rotation | {"step": "stage"}, "rotator").json
        self.assertEqual((staged["key"]["unconfirmed"], staged["previous"]["superseded_by"]), (True, None))
        other = rotation | {"step": "cancel", "hash": new_key()[1]["hash"]}
        self.assertEqual(self.ask("POST", path, other, "rotator").status, 404)
        gone = self.ask("POST", path, rotation | {"step": "cancel"}, "rotator").json
        self.assertEqual(gone["key"]["revoke_reason"], "not delivered")
        self.assertEqual(self.ask("GET", "/v1/self", bearer=text).status, 401)
        self.assertEqual(self.ask("POST", path, rotation | {"step": "x"}, "rotator").status, 400)
        again = new_key()[1]
        rotation = {name: again[name] for name in ("id", "hash", "hint", "created_at")}
        self.ask("POST", path, rotation | {"step": "stage"}, "rotator")
        done = self.ask("POST", path, rotation | {"grace_seconds": 60}, "rotator").json
        self.assertEqual(done["previous"]["superseded_by"], again["id"])
        self.assertNotIn("unconfirmed", done["key"])

    def test_each_role_against_each_route(self):
        key, token = new_key()[1], new_token()[1]
        routes = (  # what admin, auditor, rotator, creator and verifier get
            ("GET", "/v1/keys", None, (200, 200, 200, 403, 403)),
            ("GET", f"/v1/keys/{key['id']}", None, (404, 404, 404, 403, 403)),
            ("POST", "/v1/keys/find", {"ids": [key["id"]]}, (200, 200, 200, 403, 403)),
            ("POST", "/v1/keys/find", {"hashes": [key["hash"]]}, (200, 200, 200, 403, 403)),
            ("PUT", f"/v1/keys/{key['id']}", key, (200, 403, 403, 200, 403)),
            ("PATCH", f"/v1/keys/{key['id']}", {}, (200, 403, 403, 403, 403)),
            ("POST", "/v1/keys/revoke", {"ids": [key["id"]]}, (200, 403, 403, 403, 403)),
            ("POST", "/v1/keys/purge",
             {"ids": [key["id"]], "ended_before": "2020-01-01T00:00:00Z"}, (200, 403, 403, 403, 403)),
            ("POST", f"/v1/keys/{key['id']}/rotate", {}, (400, 403, 400, 403, 403)),
            ("GET", "/v1/audit", None, (200, 200, 403, 403, 403)),
            ("GET", "/v1/audit/head", None, (200, 200, 403, 403, 403)),
            ("GET", "/v1/usage", None, (200, 200, 403, 403, 403)),
            ("GET", "/v1/usage/peaks", None, (200, 200, 403, 403, 403)),
            ("GET", "/v1/workspaces", None, (200, 200, 200, 403, 403)),
            ("GET", "/v1/workspaces/default/policy", None, (200, 200, 200, 403, 403)),
            ("PUT", "/v1/workspaces/none/policy", {"workspace": "none"}, (200, 403, 403, 403, 403)),
            ("GET", "/v1/tokens", None, (200, 200, 403, 403, 403)),
            ("PUT", f"/v1/tokens/{token['id']}", token, (200, 403, 403, 403, 403)),
            ("POST", "/v1/tokens/revoke", {"ids": [token["id"]]}, (200, 403, 403, 403, 403)),
            ("GET", "/v1/export", None, (200, 200, 403, 403, 403)),
            ("PUT", f"/v1/imports/{new_import()}/0", b"{}\n", (204, 403, 403, 403, 403)),
            ("POST", f"/v1/imports/{new_import()}", {"parts": 1}, (404, 403, 403, 403, 403)),
            ("POST", "/v1/verify", {}, (200, 403, 403, 403, 200)),
            ("POST", "/v1/report", [], (204, 403, 403, 403, 204)),
        )
        for method, path, body, statuses in routes:
            for role, status in zip(ROLES, statuses):
                with self.subTest(method=method, path=path, role=role):
                    reply = self.ask(method, path, body, role)
                    self.assertEqual(reply.status, status, reply.text)
            for nobody in ("nxk_" + "0" * 40, self.key, "x"):
                with self.subTest(method=method, path=path, bearer=nobody):
                    reply = self.ask(method, path, body, nobody)
                    self.assertEqual((reply.status, reply.headers["www-authenticate"]),
                                     (401, 'Bearer realm="nexakey"'))

    def check_confined_to_sales(self, port, admin, verifier):
        """With these tokens at this port, a client sees and changes only the keys of sales."""
        (own, own_key), (_, other) = self.put(workspace="sales"), self.put(workspace="default")
        id = other["id"]
        successor = new_key(workspace="sales", rotated_from=id)[1]

        def ask(method, path, body=None, bearer=admin):
            return self.ask(method, path, body, bearer, port)

        ended = {"created_at": "2020-01-01T00:00:00.000Z", "expires_at": "2020-02-01T00:00:00.000Z"}
        old = [self.put(workspace=name, **ended)[1]["id"] for name in ("default", "sales")]
        purge = {"ids": old, "ended_before": "2021-01-01T00:00:00.000Z"}
        self.assertEqual(ask("POST", "/v1/keys/purge", purge).json, {"ids": old[1:], "done": 2})
        self.assertEqual(self.ask("GET", f"/v1/keys/{old[0]}").status, 200)
        self.assertEqual([key["workspace"] for key in ask("GET", "/v1/keys").json["keys"]],
                         ["sales"])
        self.assertEqual(ask("GET", f"/v1/keys/{own_key['id']}").status, 200)
        self.assertEqual(ask("GET", "/v1/workspaces").json, {"workspaces": ["sales"]})
        for method, path, body, status in (
                ("GET", "/v1/keys?workspace=default", None, 403),
                ("GET", f"/v1/keys/{id}", None, 404),
                ("PATCH", f"/v1/keys/{id}", {"rate_limit": 1}, 404),
                ("POST", "/v1/keys/revoke", {"ids": [own_key["id"], id]}, 404),
                ("POST", "/v1/keys/purge", purge | {"workspace": "default"}, 403),
                ("PUT", f"/v1/keys/{id}", other, 403),
                ("PUT", f"/v1/keys/{successor['id']}", successor, 404),
                ("GET", f"/v1/usage?key={id}", None, 404),
                ("GET", "/v1/usage?workspace=default", None, 403),
                ("GET", f"/v1/usage/peaks?key={id}", None, 404),
                ("GET", "/v1/usage/peaks?workspace=default", None, 403),
                ("GET", "/v1/workspaces/sales/policy", None, 200),
                ("GET", "/v1/workspaces/default/policy", None, 403),
                ("PUT", "/v1/workspaces/default/policy", {"workspace": "default"}, 403),
                ("GET", "/v1/export?workspace=default", None, 403),
                ("PUT", f"/v1/imports/{new_import()}/0", b"{}\n", 403),
                ("POST", f"/v1/imports/{new_import()}", {"parts": 1}, 403),
                ("GET", "/v1/tokens", None, 403),
                ("PUT", "/v1/tokens/x", new_token()[1], 403),
                ("POST", "/v1/tokens/revoke", {"ids": []}, 403)):
            with self.subTest(method=method, path=path):
                self.assertEqual(ask(method, path, body).status, status)
        self.assertEqual([self.ask("GET", f"/v1/keys/{key['id']}").json["key"]
                          for key in (own_key, other)], [own_key, other])
        self.assertEqual(ask("GET", "/v1/export").text,
                         self.ask("GET", "/v1/export?workspace=sales").text)

        body = [{"key": own}, {"key": self.key}]
        self.assertEqual([decision["reason"] for decision in
                          ask("POST", "/v1/verify", body, verifier).json],
                         ["allowed", "unknown_key"])
        answers = [{"key_id": own_key["id"], "status": 500}, {"key_id": id, "status": 500}]
        self.assertEqual(ask("POST", "/v1/report", answers, verifier).status, 204)
        elsewhere = answers[0] | {"workspace": "default"}
        self.assertEqual(ask("POST", "/v1/report", elsewhere, verifier).status, 403)
        self.assertEqual(self.ask("GET", "/v1/usage").json["total"]["upstream_errors"], 1)
        self.assertEqual(ask("GET", "/v1/usage").json["total"]["requests"], 1)

    def test_a_token_for_a_workspace_is_confined_to_it(self):
        admin = self.token("--role", "admin", "-w", "sales")
        self.check_confined_to_sales(self.port, admin,
                                     self.token("--role", "verifier", "-w", "sales"))
        path, policy = "/v1/workspaces/sales/policy", {"workspace": "sales", "max_rate_limit": 5}
        self.assertEqual(self.ask("PUT", path, policy, admin).status, 403)

    def test_a_policy_refuses_what_it_does_not_allow(self):
        path = "/v1/workspaces/strict/policy"
        policy = {"workspace": "strict", "max_rate_limit": 5}
        reply = self.ask("PUT", path, policy)
        self.assertEqual((reply.status, reply.json["previous"]["max_rate_limit"]), (200, None))
        self.assertEqual(self.ask("GET", path).json["policy"], reply.json["policy"])
        key = new_key(workspace="strict", rate_limit=6)[1]
        refused = self.ask("PUT", f"/v1/keys/{key['id']}", key)
        self.assertEqual((refused.status, refused.json["error"]["code"]), (409, "conflict"))
        key = self.put(workspace="strict", rate_limit=5)[1]
        for change, status in (({"rate_limit": 6}, 409), ({"description": "x"}, 200)):
            self.assertEqual(self.ask("PATCH", f"/v1/keys/{key['id']}", change).status, status)
        for wrong in ({"workspace": "other"}, {}, policy | {"max_age": 1}, policy | {"damaged": True},
                      policy | {"max_rate_limit": 0}, policy | {"max_lifetime_seconds": -1}):
            with self.subTest(policy=wrong):
                self.assertEqual(self.ask("PUT", path, wrong).status, 400)
        self.assertEqual(self.ask("PUT", "/v1/workspaces/a%20b/policy", policy).status, 400)

    def test_a_server_for_a_workspace_is_confined_to_it(self):
        port = free_port()
        self.place.start([NEXAKEY, "serve", "--listen", f"127.0.0.1:{port}", "-w", "sales"])
        wait_for(lambda: is_open(port), self.place)
        self.check_confined_to_sales(port, "admin", "verifier")
        reply = self.ask("PUT", "/v1/workspaces/sales/policy", {"workspace": "sales"}, port=port)
        self.assertEqual(reply.status, 200)
        self.assertEqual(self.ask("POST", "/v1/self/revoke", None, self.key, port).status, 401)
        elsewhere = self.token("--role", "admin", "-w", "default")
        self.assertEqual(self.ask("GET", "/v1/keys", None, elsewhere, port).status, 403)

    def test_an_array_is_bounded(self):
        response = {"key_id": new_key()[1]["id"], "status": 500}
        for path, element, status in (("/v1/verify", {}, 200), ("/v1/report", response, 204)):
            with self.subTest(path=path):
                self.assertEqual(self.ask("POST", path, [element] * 1024).status, status)
                refused = self.ask("POST", path, [element] * 1025)
                self.assertEqual(refused.status, 400)
                self.assertIn("more than 1024", refused.json["error"]["message"])

    def test_a_holder_revokes_his_own_key(self):
        reply = self.ask("POST", "/v1/self/revoke", bearer=self.key)
        self.assertEqual((reply.status, reply.json["key"]["revoke_reason"]),
                         (200, "revoked by its holder"))
        self.assertNotIn("hash", reply.json["key"])
        self.assertEqual(self.ask("POST", "/v1/self/revoke").status, 401)


class Order(ApiTest):
    def receive(self, connection, count):
        """The statuses and bodies of `count` responses."""
        answers, data = [], b""
        while len(answers) < count:
            head, separator, rest = data.partition(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            size = int(length.group(1)) if length else 0
            if separator and len(rest) >= size:
                answers.append((int(head.split()[1]), rest[:size].decode()))
                data = rest[size:]
                continue
            piece = connection.recv(65536)
            self.assertTrue(piece, f"closed after {len(answers)} answers")
            data += piece
        return answers

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.addCleanup(connection.close)
        return connection

    def test_pipelined_requests_are_done_one_after_another(self):
        text, record = new_key(name="billing", rate_limit=100000)
        path = f"/v1/keys/{record['id']}"
        verify = self.http("POST", "/v1/verify", {"key": text})
        sequence = [verify, verify, self.http("PUT", path, record), verify, verify,
                    self.http("PATCH", path, {"suspended": True}), self.http("GET", path), verify,
                    self.http("PATCH", path, {"suspended": False}), verify,
                    self.http("POST", "/v1/keys/revoke", {"ids": [record["id"]]}), verify,
                    self.http("GET", "/nowhere"), self.http("GET", path)]
        connection = self.connect()
        connection.sendall(b"".join(sequence))
        answers = self.receive(connection, len(sequence))
        reasons = [json.loads(body).get("reason") or status for status, body in answers]
        self.assertEqual(reasons, ["unknown_key", "unknown_key", 200, "allowed", "allowed", 200, 200,
                                   "suspended_key", 200, "allowed", 200, "revoked_key", 404, 200])

    def test_decisions_go_on_while_changes_wait(self):
        key = self.put()[1]
        connection = self.connect()
        with self.writers_stopped():
            connection.sendall(self.http("PATCH", f"/v1/keys/{key['id']}", {"rate_limit": 1}) +
                               self.http("POST", "/v1/verify", {"key": self.key}))
            for _ in range(20):
                self.assertEqual(self.ask("POST", "/v1/verify", {"key": self.key}).json["status"],
                                 200)
            connection.setblocking(False)
            self.assertRaises(BlockingIOError, connection.recv, 1)
            connection.settimeout(60)
        answers = self.receive(connection, 2)
        self.assertEqual(json.loads(answers[0][1])["key"]["rate_limit"], 1)
        self.assertEqual(json.loads(answers[1][1])["status"], 200)

    def test_decisions_go_on_while_big_lists_are_read(self):
        text, record = new_key()
        lines = [record | {"id": "key_" + random_text(BASE32, 12), "description": "x" * 900,
                           "hash": secrets.token_hex(32)} for _ in range(300)]
        connection = self.connect()
        connection.sendall(b"".join(self.http("PUT", f"/v1/keys/{line['id']}", line)
                                    for line in lines))
        self.assertEqual({status for status, _ in self.receive(connection, len(lines))}, {200})

        def read(_):
            return len(self.ask("GET", "/v1/keys?limit=1000").json["keys"])

        def decide(_):
            return self.ask("POST", "/v1/verify", {"key": self.key}).json["status"]

        with ThreadPoolExecutor(8) as pool:
            lists = [pool.submit(read, i) for i in range(20)]
            decisions = [pool.submit(decide, i) for i in range(100)]
            self.assertEqual({done.result() for done in decisions}, {200})
            self.assertEqual({done.result() for done in lists}, {301})

    def test_a_change_that_was_begun_is_made_and_answered_at_the_end(self):
        key = self.put()[1]
        connection = self.connect()
        with self.writers_stopped():
            connection.sendall(self.http("PATCH", f"/v1/keys/{key['id']}", {"rate_limit": 7}))
            # After a response on another connection, the first request has been read.
            self.ask("POST", "/v1/verify", {})
            self.place.server.send_signal(signal.SIGTERM)
            wait_for(lambda: not is_open(self.port), self.place)
        self.assertEqual(json.loads(self.receive(connection, 1)[0][1])["key"]["rate_limit"], 7)
        self.assertEqual(self.place.server.wait(60), 0)
        shown = json.loads(self.place.nexakey("show", key["id"], "-o", "json"))
        self.assertEqual(shown["key"]["rate_limit"], 7)

    def test_too_many_that_wait_are_refused(self):
        self.serve_again("--workers", "1", "--max-waiting", "2")
        key = self.put()[1]
        change = self.http("PATCH", f"/v1/keys/{key['id']}", {"rate_limit": 7})
        connections = [self.connect() for _ in range(8)]
        with self.writers_stopped():
            for connection in connections:
                connection.sendall(change)
            # One is running, two wait, and the others are refused at once.
            wait_for(lambda: len(self.answered(connections)) >= 5, self.place)
            for connection in self.answered(connections):
                self.assertEqual(self.receive(connection, 1)[0][0], 503)
                connections.remove(connection)
        self.assertIn(200, [self.receive(connection, 1)[0][0] for connection in connections])
        self.assertIn(len(connections), (2, 3))

    @staticmethod
    def answered(connections):
        """The connections that have something to read."""
        found = []
        for connection in connections:
            connection.setblocking(False)
            try:
                if connection.recv(1, socket.MSG_PEEK):
                    found.append(connection)
            except BlockingIOError:
                pass
            connection.settimeout(60)
        return found


class Log(ApiTest):
    def test_no_secret_is_in_it(self):
        text, record = new_key(name="billing")
        token_text, token = new_token()
        self.ask("PUT", f"/v1/keys/{record['id']}", record)
        self.ask("PUT", f"/v1/tokens/{token['id']}", token)
        self.ask("PUT", f"/v1/keys/{text}", record)
        self.ask("GET", f"/v1/keys/{text}?hash={record['hash']}")
        self.ask("GET", f"/v1/keys?hash={record['hash']}")
        self.ask("GET", f"/v1/keys?after={text}")
        self.ask("PATCH", f"/v1/keys/{record['id']}", {"name": text})
        self.ask("POST", "/v1/keys/revoke", {"ids": [text, token_text, record["hash"]]})
        self.ask("POST", "/v1/self/revoke", bearer=text)
        wait_for(lambda: "/v1/self/revoke" in self.place.log(), self.place)
        lines = [json.loads(line) for line in self.place.log().splitlines() if line[0] == "{"]
        self.assertIn(("PUT", f"/v1/keys/{record['id']}", 200),
                      [(line["method"], line["path"], line["status"]) for line in lines])
        for secret in (text, token_text, record["hash"], token["hash"], *self.tokens.values()):
            self.assertNotIn(secret, self.place.log())


if __name__ == "__main__":
    unittest.main(warnings="ignore")
