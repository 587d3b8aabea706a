#!/usr/bin/env python3
"""Keys in real archives, in names and links, and the outputs of scan that other programs read."""

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
import unittest
import zipfile
import zlib
from pathlib import Path

import jsonschema

from repository import LEAKED, NEXAKEY, Home

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = "".join(f"{number} of the lines\n" for number in range(3000)).encode()


def zipped(members, comment=b"", method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.comment = comment
    return file.getvalue()


def tarred(name, content=b"", link=None):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        if link is not None:
            member.type, member.linkname = tarfile.SYMTYPE, link
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


class Forms(Home):
    def setUp(self):
        super().setUp()
        self.key = self.create("crm")
        self.folder = self.home / "files"
        self.folder.mkdir()

    def findings(self, *words, status=LEAKED, warns=False, cwd=None):
        done = self.run_in(NEXAKEY, "scan", "-o", "jsonl", *words, cwd=cwd or self.folder)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(bool(done.stderr), warns, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def assert_each_found(self, contents, status=LEAKED, warns=False):
        """Each content has the key, and is reported once. Returns the findings by name."""
        found = {}
        for name, content in contents.items():
            (self.folder / name).write_bytes(content)
            with self.subTest(name=name):
                places = self.findings(name, status=status, warns=warns)
                self.assertEqual([place["name"] for place in places], ["crm"], places)
                found[name] = places[0]
            (self.folder / name).unlink()
        return found


class Archives(Forms):
    def test_bytes_and_members(self):
        key = self.key.encode()
        packed = zipped({"a/b": b"key=" + key})
        found = self.assert_each_found({
            "comment.zip": zipped({"a": b"nothing"}, comment=b"by " + key),
            "stored.zip": zipped({"a": b"\n" + key}, method=zipfile.ZIP_STORED),
            "app.pyz": b"#!/usr/bin/env python3\n" + packed,
            "photo.jpg": b"\xff\xd8\xff\xe0" + os.urandom(5000) + packed,
            "two.zip": zipped({"a": b"nothing"}) + packed,
            "trailing.zip": packed + os.urandom(50),
            "text-behind.zip": zipped({"a": b"nothing"}) + b"\n" + key,
            "two.gz": gzip.compress(b"nothing") + b"junk" + gzip.compress(key),
            "two.bz2": bz2.compress(b"") + b"\0\0" + bz2.compress(key),
            "behind.xz": lzma.compress(key) + b"\n",
            "installer.sh": b"#!/bin/sh\n" + NUMBERS + gzip.compress(tarred("x", key)),
            "far.bin": bytes(300_000) + packed + bytes(300_000),
            "gz-tar": gzip.compress(b"nothing") + tarred("x", packed),
            "object": zlib.compress(b"blob 3000\0" + NUMBERS + key),
            "old.lzma": lzma.compress(key, format=lzma.FORMAT_ALONE),
            "deep": gzip.compress(zipped({"m.tgz": gzip.compress(tarred("x", packed))})),
            "name.tar": tarred(f"x/{self.key}.txt"),
            "link.tar": tarred("l", link=f"https://u:{self.key}@example.com/"),
            "name.zip": zipped({self.key: b""}),
        })
        self.assertEqual(found["stored.zip"]["place"], "stored.zip!a:2:1")
        self.assertEqual(found["app.pyz"]["place"], "app.pyz!a/b:1:5")
        self.assertEqual(found["name.tar"]["in"], "name")
        self.assertEqual(found["link.tar"]["in"], "link")
        self.assertIsNone(found["link.tar"]["line"])

    def test_by_other_programs(self):
        (self.folder / "big").write_bytes(NUMBERS + self.key.encode() + b"\n" + NUMBERS)
        package = self.folder / "p"
        (package / "DEBIAN").mkdir(parents=True)
        shutil.copy(self.folder / "big", package / "x")
        (package / "DEBIAN/control").write_text(
            "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.com>\nDescription: x\n")
        commands = {"a.lz4": "lz4 -q big a.lz4", "a.lz": "lzip -c big > a.lz",
                    "a.zst": "zstd -q big -o a.zst", "a.deb": "dpkg-deb -b p a.deb",
                    "a.cpio": "echo big | cpio -o > a.cpio", "a.Z": "compress -c big > a.Z",
                    "a.tar.zst": "tar --zstd -cf a.tar.zst big"}
        for name, command in commands.items():
            program = command.split(" | ")[-1].split()[0]
            with self.subTest(name=name):
                if shutil.which(program) is None:
                    self.skipTest(f"{program} is not installed")
                subprocess.run(command, shell=True, cwd=self.folder, check=True, capture_output=True)
                found = self.findings(name)
                self.assertEqual([place["name"] for place in found], ["crm"])
                self.assertEqual(found[0]["line"], 3001)

    def test_empty_ones_are_whole(self):
        for name, content in {"a.gz": gzip.compress(b""), "b.xz": lzma.compress(b""),
                              "c.bz2": bz2.compress(b""), "d.zip": zipped({})}.items():
            (self.folder / name).write_bytes(content)
        self.assertEqual(self.findings("-q", ".", status=0), [])

    def test_what_is_cut_off_is_searched_and_told(self):
        key = self.key.encode()
        for size in (1000, 20_000, len(NUMBERS)):
            packed = gzip.compress(NUMBERS[:size] + key + b"\n" + NUMBERS)
            (self.folder / "cut.gz").write_bytes(packed[:-len(packed) // 4])
            with self.subTest(size=size):
                self.assertEqual(len(self.findings("cut.gz", warns=True)), 1)

    def test_what_is_not_searched_is_told(self):
        self.commit("first", "big", NUMBERS.decode())
        self.git("bundle", "create", "--quiet", str(self.folder / "a.bundle"), "HEAD")
        (self.folder / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c\0\4" + os.urandom(100))
        self.git("gc", "--quiet")
        pack = next((self.repository / ".git/objects/pack").glob("*.pack"))
        shutil.copy(pack, self.folder / "a.pack")
        for name in ("a.bundle", "a.7z", "a.pack"):
            with self.subTest(name=name):
                self.assertEqual(self.findings(name, status=1, warns=True), [])

    def test_a_folder_of_git_that_is_named(self):
        self.git("config", "remote.origin.url", f"https://u:{self.key}@example.com/")
        self.commit("first", "a", self.key + "\n")
        paths = {place["path"] for place in self.findings(".git", cwd=self.repository)}
        self.assertIn(".git/config", paths)
        self.assertTrue(any(path.startswith(".git/objects/") for path in paths), paths)

    def test_pairs_of_encodings(self):
        text = f'key: "{self.key}"\n'.encode()
        encodings = {"base64": base64.b64encode, "lines": base64.encodebytes,
                     "hex": lambda data: data.hex().encode(), "gzip": gzip.compress,
                     "xz": lzma.compress, "zip": lambda data: zipped({"a": data}),
                     "utf16": lambda data: data.decode("latin-1").encode("utf-16-le")}
        binary = ("gzip", "xz", "zip", "utf16")
        contents = {f"{inner}-in-{outer}": encodings[outer](encodings[inner](text))
                    for inner in encodings for outer in encodings
                    if not (outer == "utf16" and inner in binary)}
        self.assert_each_found(contents)


class Names(Forms):
    def test_in_folders_and_repositories(self):
        self.write(f"sub/{self.key}/a", "x")
        self.write(f"sub/{self.key}/b", "x")
        (self.repository / "l").symlink_to(f"https://u:{self.key}@example.com/")
        expected = [("link", "l"), ("name", "sub/fc_live_…")]
        for words in (["--no-ignore"], []):
            found = self.findings(*words, cwd=self.repository)
            self.assertEqual([(place["in"], place["place"]) for place in found], expected)
        self.git("add", "--all")
        found = self.findings("--staged", cwd=self.repository)
        self.assertEqual([(place["in"], place["place"]) for place in found], expected)
        self.assertEqual(self.findings("l", cwd=self.repository)[0]["in"], "link")
        commit = self.commit("first")
        self.git("branch", f"feature/{self.key}")
        places = {place["place"] for place in self.findings("--history", cwd=self.repository)}
        self.assertEqual(places, {f"{commit}:l:1:11", f"{commit}:sub/fc_live_…",
                                  "refs/heads/feature/fc_live_…"})


class Outputs(Forms):
    def test_sarif(self):
        (self.folder / "a b.txt").write_text(f"\nkey={self.key}\nfc_live_0123456789abcdefghijklmnABCD\n")
        (self.folder / "z.zip").write_bytes(zipped({"m": self.key}))
        done = self.run_in(NEXAKEY, "scan", "-o", "sarif", cwd=self.folder)
        self.assertEqual(done.returncode, LEAKED, done.stderr)
        self.assertNotIn(self.key, done.stdout)
        log = json.loads(done.stdout)
        self.assertEqual(set(log), {"$schema", "version", "runs"})
        self.assertEqual(log["version"], "2.1.0")
        (run,) = log["runs"]
        driver = run["tool"]["driver"]
        self.assertEqual(driver["name"], "nexakey")
        self.assertRegex(driver["version"], r"\A\d+\.\d+\.\d+\Z")
        (rule,) = driver["rules"]
        self.assertTrue({"id", "shortDescription", "help", "defaultConfiguration"} <= set(rule))
        levels = {}
        for result in run["results"]:
            self.assertEqual(set(result), {"ruleId", "ruleIndex", "level", "message", "locations",
                                           "partialFingerprints"})
            self.assertEqual(result["ruleId"], rule["id"])
            self.assertTrue(result["message"]["text"])
            (location,) = result["locations"]
            place = location["physicalLocation"]
            region = place["region"]
            levels[(place["artifactLocation"]["uri"], region["startLine"], region["startColumn"])] = \
                result["level"]
        self.assertEqual(levels, {("a%20b.txt", 2, 5): "error", ("a%20b.txt", 3, 1): "note",
                                  ("z.zip", 1, 1): "error"})
        self.assertEqual(len({result["partialFingerprints"]["keySha256/v1"]
                              for result in run["results"]}), 2)
        # Those parts of the schema of the standard that concern the log; or SARIF_SCHEMA, the whole.
        schema = os.environ.get("SARIF_SCHEMA", Path(__file__).with_name("sarif.schema.json"))
        jsonschema.validate(log, json.loads(Path(schema).read_text()))

    def test_sarif_is_for_scan(self):
        done = self.run_in(NEXAKEY, "list", "-o", "sarif")
        self.assertEqual(done.returncode, 2)
        self.assertIn("list has no output format sarif", done.stderr)

    def test_baseline(self):
        (self.folder / "a").write_text("fc_live_0123456789abcdefghijklmnABCD\n")
        (self.folder / "b").write_text(self.key)
        baseline = self.home / "baseline"
        self.assertEqual(len(self.findings("--write-baseline", str(baseline))), 2)
        text = baseline.read_text()
        self.assertNotIn(self.key, text)
        self.assertRegex(text, r"\A# .*\n[0-9a-f]{64} a:1:1\n\Z")
        # A live key is never accepted.
        self.assertEqual([place["path"] for place in self.findings("--baseline", str(baseline))],
                         ["b"])
        self.findings("--offline", "--write-baseline", str(baseline))
        self.assertEqual(len(baseline.read_text().splitlines()), 3)
        self.assertEqual(self.findings("--offline", "--baseline", str(baseline), status=0), [])
        self.assertEqual(len(self.findings("--baseline", str(baseline))), 1)
        baseline.write_text("fc_live_x\n")
        done = self.run_in(NEXAKEY, "scan", "--baseline", str(baseline), cwd=self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn("baseline:1: not the SHA-256 of a key", done.stderr)

    def rule(self, scanner):
        done = self.run_in(NEXAKEY, "scan", "--print-rules", scanner)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def assert_matches(self, expression):
        for text in (self.key, f"k='{self.key}'", f"x{self.key}\n", f"{self.key}_"):
            self.assertEqual(re.search(expression, text).group(1), self.key)
        for text in (self.key[:-1], f"{self.key}a", self.key.replace("live", "test"), ""):
            self.assertIsNone(re.search(expression, text))

    def test_rules(self):
        (rule,) = tomllib.loads(self.rule("gitleaks"))["rules"]
        self.assertEqual((rule["secretGroup"], rule["keywords"]), (1, ["fc_live_"]))
        self.assert_matches(rule["regex"])
        text = self.rule("trufflehog")
        self.assertIn("GET /v1/self", text)
        self.assert_matches(re.search(r"key: '(.*)'", text).group(1))
        done = self.run_in(NEXAKEY, "scan", "--print-rules", "other")
        self.assertEqual(done.returncode, 2)
        self.assertIn("use gitleaks or trufflehog", done.stderr)

    def test_pre_commit(self):
        if shutil.which("pre-commit") is None:
            self.skipTest("pre-commit is not installed")
        hooks = self.home / "hooks"
        hooks.mkdir()
        shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
        for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "hooks"]):
            self.run_in("git", *words, cwd=hooks)
        self.commit("clean", "a.txt", "nothing\n")
        for content, status in (("nothing new\n", 0), (self.key, 1)):
            self.write("b.txt", content)
            self.git("add", "b.txt")
            done = self.run_in("pre-commit", "try-repo", str(hooks), "nexakey-scan")
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn("b.txt:1:1", done.stdout)


if __name__ == "__main__":
    unittest.main()
