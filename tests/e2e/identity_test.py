#!/usr/bin/env python3
"""Workload identity: ID tokens of a real issuer, made of nginx and openssl, in place of tokens."""

import contextlib
import hmac
import http.client
import http.server
import json
import socket
import sqlite3
import subprocess
import threading
import time
import unittest
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from issuer import AUDIENCE, SUBJECT, Issuer, SigningKey
from on_postgres import OnPostgres
from place import NEXAKEY, Place, free_port, wait_for


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Identities(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.close)
        self.issuer = Issuer(self.place)
        self.trust()

    def start(self):
        self.issuer.start()
        self.serve()

    def serve(self):
        self.place.serve("--ca-file", self.issuer.ca)

    def trust(self, name="deploy", role="auditor", claims=("repository=acme/api",), issuer=None,
              audience=AUDIENCE, workspace=None):
        options = ["-w", workspace] if workspace else []
        words = [word for claim in claims for word in ("--claim", claim)]
        done = self.place.nexakey("token", "trust", name, "--issuer", issuer or self.issuer.url,
                                  "--audience", audience, "--role", role, *words, *options, "-o", "json")
        return json.loads(done)["token"]

    def ask(self, token, path="/v1/whoami", method="GET", body=None):
        connection = UnixConnection(f"{self.place.path}/nexakey.sock")
        connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        reply = response.read().decode()
        connection.close()
        return response.status, json.loads(reply) if reply else {}

    def assert_refused(self, token, why):
        answer = self.ask(token)
        self.assertEqual(answer[0], 401, answer)
        self.assertIn(why, json.dumps(answer[1]))

    def assert_undecided(self, token, why):
        """The client learns nothing of the issuer; the log has the reason."""
        before = len(self.place.log())
        status, reply = self.ask(token)
        self.assertEqual((status, reply["title"]), (503, "the ID token cannot be verified now"))
        self.assertNotIn(why, json.dumps(reply))
        wait_for(lambda: why in self.place.log()[before:], self.place)

    def test_both_algorithms_prove_an_identity(self):
        self.start()
        for key in range(len(self.issuer.keys)):
            status, whoami = self.ask(self.issuer.token(key))
            self.assertEqual((status, whoami["name"], whoami["role"]), (200, "deploy", "auditor"))
            self.assertEqual(whoami["subject"], SUBJECT)
        self.assertEqual(self.ask(self.issuer.token(aud=["other", AUDIENCE]))[0], 200)
        self.assertEqual(self.issuer.fetches(), 1)

    def test_what_proves_nothing_is_refused(self):
        self.start()
        issuer = self.issuer
        now = int(time.time())
        public = issuer.keys[0].public_pem()
        hs256 = {"alg": "HS256"}
        doubled = json.dumps(issuer.claims())[:-1] + ', "aud": "x"}'
        other = SigningKey(issuer.folder, "key-RS256-other", "RS256")
        rows = {
            "none": ({"header": {"alg": "none"}}, 'is signed with \\"none\\"'),
            "None": ({"header": {"alg": "None"}}, "is signed with"),
            "HMAC with the public key": (
                {"header": hs256, "signature": lambda text: hmac.digest(public, text, "sha256")},
                "is signed with"),
            "another algorithm than the key's": ({"header": {"alg": "ES256"}}, "signature"),
            "no algorithm": ({"header": {"alg": None}}, "alg"),
            "another key": ({"signature": other.sign}, "signature"),
            "an empty signature": ({"signature": lambda text: b""}, ""),
            "zeros": ({"key": 1, "signature": lambda text: b"\0" * 64}, "signature"),
            "a short signature": ({"key": 1, "signature": lambda text: b"\1" * 63}, "signature"),
            "critical": ({"header": {"crit": ["exp"]}}, "critical"),
            "an access token": ({"header": {"typ": "at+jwt"}}, "typ"),
            "unknown kid": ({"header": {"kid": "key-9"}}, "did not have the key"),
            "no kid": ({"header": {"kid": None}}, "kid"),
            "key in the header": ({"header": {"kid": "x", "jwk": other.jwk()}}, "did not have the key"),
            "wrong aud": ({"aud": "https://other.example.com"}, "audience"),
            "no aud": ({"aud": None}, "audience"),
            "empty aud": ({"aud": []}, "audience"),
            "number as aud": ({"aud": [7]}, "audience"),
            "wrong iss": ({"iss": issuer.url + "/"}, "is not trusted"),
            "no iss": ({"iss": None}, "iss"),
            "wrong claim": ({"repository": "acme/other"}, "repository"),
            "missing claim": ({"repository": None}, "repository"),
            "claim of another type": ({"repository": ["acme/api"]}, "repository"),
            "no sub": ({"sub": None}, "sub"),
            "no exp": ({"exp": None}, "exp"),
            "exp as text": ({"exp": "9999999999"}, "exp"),
            "huge exp": ({"exp": 1e300}, "exp"),
            "negative exp": ({"exp": -1}, "exp"),
            "expired": ({"exp": now - 1}, "expired"),
            "not yet valid": ({"nbf": now + 120}, "not valid before"),
            "doubled claim": ({"text": doubled}, "JSON"),
            "not an object": ({"text": "[]"}, "JSON"),
            "deep": ({"text": "[" * 1000 + "]" * 1000}, "JSON"),
            "zero bytes": ({"text": ""}, "JSON"),
        }
        for name, (changes, why) in rows.items():
            with self.subTest(name):
                self.assert_refused(issuer.token(**changes), why)
        token = issuer.token()
        for name, changed in {"cut": token[:-4], "two parts": token.rsplit(".", 1)[0],
                              "a fourth part": token + ".x", "padding": token + "=",
                              "changed": token.replace(".", ".e", 1),
                              "long": token + "A" * 17000}.items():
            with self.subTest(name):
                self.assert_refused(changed, "")
        self.assertEqual(self.ask(token)[0], 200)

    def test_another_issuer_is_never_asked(self):
        self.start()
        self.assert_refused(self.issuer.token(iss="https://localhost:1"), "is not trusted")
        self.assertEqual(self.issuer.fetches() if self.ask(self.issuer.token())[0] == 200 else 0, 1)

    def test_an_issuer_is_reached_over_https_or_on_this_machine(self):
        for issuer in ("http://issuer.example.com", "ftp://localhost", "https://", "https://a?b",
                       "https://user@host", "issuer.example.com"):
            done = self.place.attempt("token", "trust", "x", "--issuer", issuer, "--audience", "a",
                                      "--role", "auditor", "--claim", "sub=a")
            self.assertEqual(done.returncode, 2, issuer)
        self.trust("local", issuer="http://127.0.0.1:8080")
        for words in ((), ("--claim", "a"), ("--claim", "iss=x"), ("--claim", "a=b", "--claim", "a=c")):
            done = self.place.attempt("token", "trust", "x", "--issuer", "https://a.example.com",
                                      "--audience", "a", "--role", "auditor", *words)
            self.assertEqual(done.returncode, 2, words)

    def test_an_unknown_authority_is_not_trusted(self):
        self.issuer.start()
        self.place.serve()
        self.assert_undecided(self.issuer.token(), "untrusted authority")

    def test_what_is_not_a_set_of_keys_is_refused(self):
        self.issuer.start()
        keys = json.dumps({"keys": [key.jwk() for key in self.issuer.keys]})
        doubled = json.dumps({"keys": [self.issuer.keys[0].jwk()] * 2})
        for changes, why in (({"jwks_uri": f"{self.issuer.url}/moved"}, "status 302"),
                             ({"jwks_uri": f"http://localhost:{self.issuer.port}/jwks"}, "not https"),
                             ({"jwks_uri": "file:///etc/passwd"}, "not https"),
                             ({"issuer": "https://other.example.com"}, "does not name it"),
                             ({"jwks": keys[:-1] + ' ' * (1 << 20) + "}"}, "too long"),
                             ({"jwks": "[]"}, "not a set of keys"),
                             ({"jwks": doubled}, "two keys"),
                             ({"jwks": "{" * 100000}, "not a set of keys")):
            with self.subTest(why):
                self.issuer.publish(**changes)
                self.serve()
                self.assert_undecided(self.issuer.token(), why)
                self.place.server.kill()
                self.place.server.wait()
        self.issuer.publish()
        self.serve()
        self.assertEqual(self.ask(self.issuer.token())[0], 200)

    def test_an_issuer_is_asked_once_a_minute(self):
        self.start()
        self.assertEqual(self.ask(self.issuer.token())[0], 200)
        for number in range(20):
            self.assert_refused(self.issuer.token(header={"kid": f"new-{number}"}), "did not have")
        self.assertEqual(self.issuer.fetches(), 1)
        self.issuer.stop()  # the keys that are known work without it
        self.assertEqual(self.ask(self.issuer.token())[0], 200)

    def test_a_key_that_is_not_known_is_not_refused_while_the_issuer_is_down(self):
        self.trust("twin", issuer=f"https://localhost:{free_port()}")
        self.start()
        other = self.issuer.token(iss=json.loads(self.place.nexakey("token", "list", "-o", "json"))
                                  ["tokens"][0]["trust"]["issuer"])
        self.assert_undecided(other, "cannot be reached")
        self.assert_undecided(other, "cannot be reached")
        self.assertEqual(self.ask(self.issuer.token())[0], 200)

    def test_a_request_that_waits_for_the_store_is_not_refused(self):
        self.trust("admin", role="admin", claims=("repository=acme/api", "run_id=8123"))
        self.start()
        self.place.create("crm", "--scope", "read")
        id = json.loads(self.place.nexakey("list", "-o", "json"))["keys"][0]["id"]
        token = self.issuer.token()
        self.assertEqual(self.ask(token)[0], 200)
        lock = sqlite3.connect(f"{self.place.path}/keys.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(16) as clients:  # more than there are workers
            answers = [clients.submit(self.ask, token, f"/v1/keys/{id}", "PATCH",
                                      json.dumps({"description": str(n)})) for n in range(16)]
            time.sleep(1.7)  # a token is looked up again after a second
            lock.execute("ROLLBACK")
            statuses = [answer.result()[0] for answer in answers]
        self.assertEqual(set(statuses), {200})
        lock.close()

    def test_without_its_issuer_nothing_is_decided(self):
        self.serve()
        for _ in range(3):
            self.assert_undecided(self.issuer.token(), "cannot be reached")
        token = self.place.nexakey("token", "create", "ops", "--role", "auditor", "--quiet")
        self.assertEqual(self.ask(token)[0], 200)

    def test_the_rights_end_with_the_trust(self):
        self.start()
        token = self.issuer.token()
        self.assertEqual(self.ask(token)[0], 200)
        self.assertIn("deploy", self.place.nexakey("token", "list"))
        self.place.nexakey("token", "untrust", "deploy", "--yes")
        self.assert_refused(token, "is not trusted")
        self.assertEqual(self.place.attempt("token", "untrust", "deploy", "--yes").returncode, 3)

    def test_it_has_the_rights_of_the_role_and_the_workspace(self):
        self.trust("sales", role="admin", claims=("repository=acme/sales",), workspace="sales")
        self.start()
        sales = self.issuer.token(repository="acme/sales")
        self.assertEqual(self.ask(sales)[1]["workspace"], "sales")
        self.assertEqual(self.ask(sales, "/v1/tokens")[0], 403)
        auditor = self.issuer.token()
        self.assertEqual(self.ask(auditor, "/v1/keys")[0], 200)
        self.assertEqual(self.ask(auditor, "/v1/keys/revoke", "POST", '{"ids":[]}')[0], 403)

    def test_the_command_line_takes_it_from_a_file(self):
        self.trust("creator", role="creator", claims=("repository=acme/api", "run_id=8123"))
        run = self.client()
        token = Path(self.place.path, "id.token")
        token.write_text(self.issuer.token(padding="x" * 5000) + "\n")
        oidc = {"NEXAKEY_OIDC_TOKEN_FILE": str(token)}
        done = run("create", "job", "--scope", "read", "--expires", "1h", "--quiet", **oidc)
        self.assertEqual((done.returncode, done.stdout[:8]), (0, "fc_live_"), done)
        entry = json.loads(self.place.nexakey("audit", "--last", "1", "-o", "json"))["entries"][0]
        self.assertIn(f"as {SUBJECT}", entry["actor"])
        done = run("status", "-o", "json", **oidc)
        self.assertEqual(json.loads(done.stdout)["token"]["subject"], SUBJECT)
        self.assertNotIn("you", json.loads(done.stdout)["attention"])  # it always expires soon
        self.assertEqual(run("list").returncode, 2)
        for text in ("", "nxk_x", "a.b"):
            token.write_text(text)
            self.assertEqual(run("list", **oidc).returncode, 2, text)
        token.write_text(self.issuer.token(repository="acme/other"))
        done = run("list", **oidc)
        self.assertEqual(done.returncode, 7)
        self.assertIn('the claim "repository" of the ID token is "acme/other"', done.stderr)

    def test_the_command_line_takes_it_from_github(self):
        run = self.client()
        issued = [self.issuer.token(exp=int(time.time()) - 60)]  # the first one has expired
        with self.github(issued) as (github, asked):
            done = run("status", NEXAKEY_OIDC_AUDIENCE=AUDIENCE, **github)
            self.assertIn("trust", done.stdout, done)
            self.assertEqual(asked, [("Bearer of-the-runner", AUDIENCE)] * 2)
            self.assertEqual(run("list", **github).returncode, 7)  # the audience of the store's URL
            self.assertEqual(asked[-1][1], f"http://127.0.0.1:{self.port}")

    def client(self):
        """A function that runs a command with the server, and no settings but its own."""
        self.port = free_port()
        self.issuer.start()
        self.place.serve("--ca-file", self.issuer.ca, "--listen", f"127.0.0.1:{self.port}")
        env = {name: value for name, value in self.place.env.items() if not name.startswith("NEXAKEY_")}
        env |= {"NEXAKEY_STORE": f"http://127.0.0.1:{self.port}", "NEXAKEY_SYSTEM_CONFIG": "/nowhere"}

        def run(*words, **more):
            return subprocess.run([NEXAKEY, *words], env=env | more, capture_output=True, text=True,
                                  timeout=60)
        return run

    @contextlib.contextmanager
    def github(self, issued):
        """The service of GitHub Actions, which gives the tokens of `issued` first."""
        asked = []

        class Service(http.server.BaseHTTPRequestHandler):
            def do_GET(service):
                url = urllib.parse.urlsplit(service.path)
                audience = urllib.parse.parse_qs(url.query)["audience"][0]
                asked.append((service.headers["Authorization"], audience))
                token = issued.pop(0) if issued else self.issuer.token(aud=audience)
                body = json.dumps({"count": 1, "value": token}).encode()
                service.send_response(200)
                service.send_header("Content-Length", str(len(body)))
                service.end_headers()
                service.wfile.write(body)

            def log_message(self, *words):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Service) as service:
            threading.Thread(target=service.serve_forever, daemon=True).start()
            yield {"ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{service.server_port}/t?v=2",
                   "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner"}, asked
            service.shutdown()


class IdentitiesOnPostgres(OnPostgres):
    """The same with a store on PostgreSQL, whose tokens `serve` asks for by a function otherwise."""

    def test_an_identity_has_the_rights_of_a_trust(self):
        issuer = Issuer(self.place)
        issuer.start()
        self.place.nexakey("token", "trust", "deploy", "--issuer", issuer.url, "--audience", AUDIENCE,
                           "--role", "rotator", "--claim", "repository=acme/api")
        self.place.serve("--ca-file", issuer.ca)

        def status(path, token):
            connection = UnixConnection(f"{self.place.path}/nexakey.sock")
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status

        token = issuer.token()
        self.assertEqual((status("/v1/keys", token), status("/v1/audit", token)), (200, 403))
        self.assertEqual(status("/v1/self", self.key), 200)
        self.place.nexakey("rotate", "crm", "--grace", "1h", "--exec", "cat > /dev/null")
        self.place.nexakey("token", "untrust", "deploy", "-y")
        self.assertEqual(status("/v1/keys", token), 401)


if __name__ == "__main__":
    unittest.main()
