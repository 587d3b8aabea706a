#!/usr/bin/env python3
"""The drill: a CI job without a stored secret gets a key that lives an hour, uses it through nginx
and leaks it in a commit. The pre-commit hook and the scan of CI find it, the scan revokes it, nginx
refuses the next request, and the audit log tells all of it."""

import http.server
import json
import os
import subprocess
import threading
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import recipes
from issuer import Issuer
from place import NEXAKEY, ApiServer, Place, certificate, free_port

ROOT = Path(__file__).parents[2]
RUN = "repo:acme/api:ref:refs/heads/main"
SCAN = "repo:acme/security:ref:refs/heads/main"


class Api(http.server.BaseHTTPRequestHandler):
    """The API behind the gateway."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Drill(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.close)
        self.folder = Path(self.place.path)
        self.issuer = Issuer(self.place)
        self.issuer.start()
        self.trust("deploy", "creator", "repository=acme/api", "ref=refs/heads/main")
        self.trust("scanner", "admin", "repository=acme/security")
        self.port = free_port()
        self.place.serve("--ca-file", self.issuer.ca, "--listen", f"127.0.0.1:{self.port}",
                         "--access-log", f"unix:{self.folder}/access.sock")
        api = ApiServer(("127.0.0.1", 0), Api)
        threading.Thread(target=api.serve_forever, daemon=True).start()
        self.addCleanup(api.shutdown)
        certificate(self.folder, "server")
        self.gateway = recipes.start("nginx", self.place, api.server_port)[0]
        self.repository = self.folder / "repository"
        self.repository.mkdir()

    def trust(self, name, role, *claims):
        words = [word for claim in claims for word in ("--claim", claim)]
        self.place.nexakey("token", "trust", name, "--issuer", self.issuer.url, "--audience",
                           "https://keys.example.com", "--role", role, *words)

    def job(self, **claims):
        """The environment of a CI job: no token of nexakey, an ID token in a file."""
        file = self.folder / "id.token"
        file.write_text(self.issuer.token(**claims))
        kept = {name: os.environ[name] for name in ("ASAN_OPTIONS", "TSAN_OPTIONS") if name in os.environ}
        return kept | {"PATH": f"{Path(NEXAKEY).parent}:{os.environ['PATH']}", "HOME": str(self.folder),
                       "LC_ALL": "C.UTF-8", "NEXAKEY_STORE": f"http://127.0.0.1:{self.port}",
                       "NEXAKEY_OIDC_TOKEN_FILE": str(file), "NEXAKEY_SYSTEM_CONFIG": "/nowhere",
                       "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a",
                       "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
                       "GIT_COMMITTER_EMAIL": "a@example.com"}

    def run_in(self, env, *command):
        return subprocess.run(command, cwd=self.repository, env=env, capture_output=True, text=True,
                              timeout=300)

    def done(self, env, *command):
        result = self.run_in(env, *command)
        self.assertEqual(result.returncode, 0, (command, result))
        return result.stdout

    def ask(self, key):
        request = urllib.request.Request(f"http://127.0.0.1:{self.gateway}/v1/leads/7",
                                         headers={"Authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def install_hook(self, env):
        """As a team does: from a repository that has .pre-commit-hooks.yaml, at a revision."""
        hooks = self.folder / "hooks"
        hooks.mkdir()
        text = ROOT.joinpath(".pre-commit-hooks.yaml").read_text()
        hooks.joinpath(".pre-commit-hooks.yaml").write_text(text)
        for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "hooks"), ("tag", "v1")):
            self.done(env, "git", "-C", str(hooks), *words)
        self.repository.joinpath(".pre-commit-config.yaml").write_text(
            f"repos:\n  - repo: {hooks}\n    rev: v1\n    hooks:\n      - id: nexakey-scan\n")
        self.done(env, "pre-commit", "install")

    def test_the_drill(self):
        job = self.job(sub=RUN)
        key = self.done(job, NEXAKEY, "create", "deploy-8123", "--scope", "read", "--expires", "1h",
                        "-q").strip()
        self.assertEqual(self.ask(key), 200)

        scanner = self.job(sub=SCAN, repository="acme/security")
        self.done(scanner, "git", "init", "-q")
        self.install_hook(scanner)
        self.done(scanner, "git", "add", "-A")
        self.done(scanner, "git", "commit", "-qm", "hooks")
        self.repository.joinpath("deploy.sh").write_text(f"curl -H 'Authorization: Bearer {key}'\n")
        self.done(scanner, "git", "add", "-A")
        refused = self.run_in(scanner, "git", "commit", "-qm", "deploy")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("deploy.sh:1:", refused.stdout + refused.stderr)
        self.assertNotIn(key, refused.stdout + refused.stderr)
        self.done(scanner, "git", "commit", "-qm", "deploy", "--no-verify")

        found = self.run_in(scanner, NEXAKEY, "scan", "--history", "-o", "sarif")
        self.assertEqual(found.returncode, 8, found)
        result = json.loads(found.stdout)["runs"][0]["results"][0]
        self.assertEqual(result["level"], "error")
        location = result["locations"][0]["physicalLocation"]
        self.assertEqual(location["artifactLocation"]["uri"], "deploy.sh")
        self.assertEqual(location["region"]["startLine"], 1)
        self.assertNotIn(key, found.stdout)

        self.done(scanner, NEXAKEY, "scan", "--history", "--revoke", "--yes", "-q")
        self.assertEqual(self.ask(key), 401)
        self.assertEqual(self.run_in(scanner, NEXAKEY, "scan", "--history").returncode, 0)

        entries = json.loads(self.place.nexakey("audit", "-o", "json"))["entries"]
        told = [(entry["action"], entry["actor"].split(" (")[0], entry["actor"].split(" as ")[-1])
                for entry in entries if entry["subject"].startswith("key_")]
        self.assertEqual(told, [("create", "deploy", RUN), ("revoke", "scanner", SCAN)])
        reason = entries[-1]["details"]["revoke_reason"]["to"]
        self.assertIn("leaked: ", reason)
        self.assertIn("deploy.sh:1:", reason)
        self.place.nexakey("audit", "--check")


if __name__ == "__main__":
    unittest.main()
