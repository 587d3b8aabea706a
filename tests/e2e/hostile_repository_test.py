#!/usr/bin/env python3
"""scan runs no program that a repository names.

The tests plant a marker command in every setting, hook and file with which a repository can make git
run one, and run every mode of scan, which must not create the marker. For each attack that works on a
read-only command of git, a test first shows that plain git runs the command.
"""

import os
import shutil
import subprocess
import unittest
from pathlib import Path

from repository import LEAKED, NEXAKEY, Home

HOOKS = ("applypatch-msg", "commit-msg", "fsmonitor-watchman", "p4-changelist", "post-checkout",
         "post-commit", "post-index-change", "post-merge", "post-rewrite", "pre-applypatch",
         "pre-auto-gc", "pre-commit", "pre-push", "pre-rebase", "prepare-commit-msg",
         "proc-receive", "push-to-checkout", "reference-transaction", "sendemail-validate")

# Each runs a program. MARKER is replaced by its path, HOOKS by a folder with one for each hook.
SETTINGS = {
    "core.fsmonitor": "MARKER", "core.hooksPath": "HOOKS", "core.alternateRefsCommand": "MARKER",
    "core.pager": "MARKER", "core.editor": "MARKER", "core.askPass": "MARKER",
    "core.sshCommand": "MARKER", "core.gitProxy": "MARKER", "ssh.variant": "simple",
    "sequence.editor": "MARKER", "credential.helper": "!MARKER", "diff.external": "MARKER",
    "diff.x.command": "MARKER", "diff.x.textconv": "MARKER", "filter.x.clean": "MARKER",
    "filter.x.smudge": "MARKER", "filter.x.process": "MARKER", "filter.x.required": "true",
    "merge.x.driver": "MARKER", "gpg.program": "MARKER", "gpg.ssh.program": "MARKER",
    "gpg.x509.program": "MARKER", "gpg.ssh.defaultKeyCommand": "MARKER", "log.showSignature": "true",
    "interactive.diffFilter": "MARKER", "uploadpack.packObjectsHook": "MARKER",
    "remote.origin.uploadpack": "MARKER", "remote.origin.receivepack": "MARKER",
    "submodule.inner.update": "!MARKER", "tar.x.command": "MARKER", "hook.x.command": "MARKER",
    "hook.x.event": "post-index-change", "gc.auto": "1", "maintenance.auto": "true",
    "trace2.eventTarget": "HOOKS/trace", "fetch.bundleURI": "https://127.0.0.1:1/bundle",
    "fetch.writeCommitGraph": "true", "protocol.allow": "always", "protocol.ext.allow": "always",
    "protocol.file.allow": "always", "index.skipHash": "false", "feature.manyFiles": "true",
    **{f"alias.{name}": "!MARKER" for name in
       ("cat-file", "check-ignore", "diff", "diff-tree", "ls-files", "rev-list", "rev-parse")},
    **{f"pager.{name}": "MARKER" for name in
       ("cat-file", "check-ignore", "diff", "diff-tree", "ls-files", "rev-list", "rev-parse")},
}

# The program that git runs to fetch a missing object from a promisor remote.
TRANSPORTS = {
    "ext": {"remote.origin.url": "ext::MARKER"},
    "ssh": {"remote.origin.url": "ssh://127.0.0.1/x"},
    "proxy": {"remote.origin.url": "git://127.0.0.1/x"},
    "upload-pack": {"remote.origin.url": "file:///"},
    "instead": {"remote.origin.url": "https://127.0.0.1:1/x",
                "url.ext::MARKER.insteadOf": "https://127.0.0.1:1/x"},
}


class HostileRepository(Home):
    def setUp(self):
        super().setUp()
        self.key = self.create("crm")
        self.marked = self.home / "marked"
        self.marker = self.script(self.home / "marker")
        self.hooks = self.home / "hooks"
        for name in HOOKS:
            self.script(self.hooks / name)

    def script(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "$0 $*" >> {self.marked}\nexit 1\n')
        path.chmod(0o755)
        return path

    def plant(self, settings, git_folder=None):
        """Writes settings to a repository's configuration and its hooks."""
        git_folder = git_folder or self.repository / ".git"
        with open(git_folder / "config", "a") as config:
            for name, value in settings.items():
                section, name = name.split(".", 1)
                subsection, _, name = name.rpartition(".")
                lines = f'[{section} "{subsection}"]\n' if subsection else f"[{section}]\n"
                lines += f'{name} = "{value}"\n'
                config.write(lines.replace("MARKER", str(self.marker))
                             .replace("HOOKS", str(self.hooks)))
        for name in HOOKS:
            self.script(git_folder / "hooks" / name)

    def lose(self, object_id, git_folder=None):
        objects = (git_folder or self.repository / ".git") / "objects"
        (objects / object_id[:2] / object_id[2:]).unlink()

    def assert_attack_works(self, *words, **options):
        self.run_in("git", *words, **options)
        self.assertTrue(self.marked.exists(), f"git {words} does not run the marker")
        self.marked.unlink()

    def assert_nothing_runs(self, *modes):
        """Scans in each mode: a list of arguments, behind the folder where it is run."""
        for folder, *words in modes:
            with self.subTest(folder=folder, words=words):
                done = self.run_in(NEXAKEY, "scan", "--offline", *words, cwd=folder)
                ran = self.marked.read_text() if self.marked.exists() else ""
                self.marked.unlink(missing_ok=True)
                self.assertEqual(ran, "")
                self.assertIn(done.returncode, (0, 1, 8), done.stderr)

    def all_modes(self):
        top, sub = self.repository, self.repository / "sub"
        modes = [[], ["--no-ignore"], ["--staged"], ["--history"], ["--history", "HEAD"],
                 ["--history", "HEAD~1..HEAD"]]
        return [[folder, *words] for folder in (top, sub) for words in modes] + [
            [top, "sub"], [top, str(top)], [self.home, "repository"],
            [self.home, "repository/sub"], [self.home], [self.home, "--no-ignore"]]

    def make_commits(self):
        self.write(".gitattributes", "* filter=x diff=x merge=x\n")
        self.write(".gitignore", "ignored\n")
        self.write("sub/file", "first\n")
        self.write("cold/file", "cold\n")
        self.commit("first", "gone", f"was {self.key}\n")
        (self.repository / "gone").unlink()
        self.write("sub/file", "second\n")
        self.commit("second")
        self.write("sub/staged", "staged\n")
        self.write("sub/other", self.key)
        self.git("add", "--all")
        self.write("sub/untracked", self.key)
        self.write("ignored", self.key)

    def test_all_objects_are_there(self):
        self.make_commits()
        self.plant(SETTINGS)
        self.assert_attack_works("status")
        self.assert_nothing_runs(*self.all_modes())

    def test_objects_are_missing(self):
        self.make_commits()
        self.git("config", "core.repositoryFormatVersion", "1")
        lost = {"an old file": "HEAD~1:gone", "a staged file": ":sub/staged", "a tree": "HEAD:sub",
                "an old tree": "HEAD~1^{tree}", "the tree of HEAD": "HEAD^{tree}"}
        ids = {what: self.git("rev-parse", name) for what, name in lost.items()}
        whole = self.home / "whole"
        shutil.copytree(self.repository, whole)
        attacks = [("ext", what) for what in ids] + [(transport, "an old file")
                                                     for transport in TRANSPORTS]
        for transport, what in attacks:
            with self.subTest(transport=transport, lost=what):
                shutil.rmtree(self.repository)
                shutil.copytree(whole, self.repository)
                self.plant(TRANSPORTS[transport] | {
                    "core.sshCommand": "MARKER", "core.gitProxy": "MARKER",
                    "remote.origin.uploadpack": "MARKER", "protocol.ext.allow": "always",
                    "remote.origin.promisor": "true", "extensions.partialClone": "origin"})
                self.lose(ids[what])
                self.assert_attack_works("cat-file", "-t", ids[what])
                self.plant(SETTINGS)
                self.assert_nothing_runs(*self.all_modes())

    def test_sparse_index_without_its_trees(self):
        self.make_commits()
        self.git("commit", "--quiet", "--message", "third")
        cold = self.git("rev-parse", "HEAD:cold")
        self.git("sparse-checkout", "set", "--cone", "--sparse-index", "sub")
        self.plant(TRANSPORTS["ext"] | {
            "remote.origin.promisor": "true", "extensions.partialClone": "origin",
            "protocol.ext.allow": "always", "core.repositoryFormatVersion": "1"})
        self.lose(cold)
        self.assert_attack_works("ls-files", "--stage")
        self.plant(SETTINGS)
        self.assert_nothing_runs(*self.all_modes())

    def test_submodule(self):
        other = self.home / "other"
        self.run_in("git", "init", "--quiet", str(other))
        self.run_in("git", "commit", "--quiet", "--allow-empty", "--message", "first", cwd=other)
        self.make_commits()
        self.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other),
                 "sub/inner")
        inner = self.repository / "sub/inner"
        (inner / "file").write_text(self.key)
        self.plant(SETTINGS, self.repository / ".git/modules/sub/inner")
        self.plant({"submodule.sub/inner.update": "!MARKER", "status.submoduleSummary": "true",
                    "diff.submodule": "log", "diff.ignoreSubmodules": "none",
                    "submodule.recurse": "true"})
        self.assert_attack_works("status")
        self.assert_nothing_runs(*self.all_modes(), [self.repository, "sub/inner"], [inner],
                                 [inner, "--staged"], [inner, "--history"],
                                 [inner, "--history", "HEAD"])

    def test_repository_that_lies_in_a_folder(self):
        """In an untracked folder, and as one that git itself commits: a bare one."""
        self.make_commits()
        inner = self.repository / "sub/inner"
        shutil.copytree(self.repository, inner, ignore=shutil.ignore_patterns("sub"))
        self.plant(SETTINGS, inner / ".git")
        bare = self.repository / "sub/bare"
        shutil.copytree(self.repository / ".git", bare)
        (bare / "folder").mkdir()
        self.plant(SETTINGS | {"core.bare": "false", "core.worktree": str(bare)}, bare)
        for folder in (inner, bare):
            self.assert_attack_works("status", cwd=folder)
        modes = [[], ["--no-ignore"], ["--staged"], ["--history"], ["--history", "HEAD"]]
        self.assert_nothing_runs(*self.all_modes(), *(
            [folder, *words] for folder in (inner, bare, bare / "folder") for words in modes),
            *([self.repository, f"sub/{name}"] for name in ("inner", "bare", "bare/folder")))

    def test_program_called_git(self):
        """A relative folder of PATH does not make scan run a file of the repository."""
        self.make_commits()
        shutil.copy(self.marker, self.repository / "git")
        for path in (".", "", "sub/.."):
            self.env["PATH"] = f"{path}:{os.environ['PATH']}"
            self.assert_nothing_runs(*([self.repository, *words] for words in (
                [], ["--staged"], ["--history"], ["--history", "HEAD"])))


class Pipes(Home):
    """git hangs on a pipe in the place of a file. It is ended, and the search continues."""

    FILES = (".gitignore", ".git/HEAD", ".git/config", ".git/index", ".git/packed-refs",
             ".git/shallow", ".git/info/exclude", ".git/objects/info/alternates")
    TIME_LIMIT = 120  # seconds; less than the 5 minutes after which git would end anyway

    def start(self, folder, *words):
        process = subprocess.Popen([NEXAKEY, "scan", "--offline", *words], cwd=folder, env=self.env,
                                   text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def finish(self, process):
        """Returns its standard output and standard error."""
        return process.communicate(timeout=self.TIME_LIMIT)

    def test_pipe_in_the_place_of_a_file(self):
        self.commit("first", "tracked", self.create("crm"))
        modes = ([], ["--staged"], ["--history"], ["--history", "main"])
        scans = []
        for number, path in enumerate(self.FILES):  # all at once, because each waits
            folder = self.home / str(number)
            shutil.copytree(self.repository, folder)
            (folder / path).unlink(missing_ok=True)
            os.mkfifo(folder / path)
            scans += [(path, words, self.start(folder, *words)) for words in modes]
        for path, words, scan in scans:
            with self.subTest(path=path, words=words):
                out, err = self.finish(scan)
                if not words:
                    self.assertEqual(scan.returncode, LEAKED, err)
                    self.assertIn("tracked:1:1", out)
                elif words == ["--staged"]:
                    self.assertEqual(scan.returncode, 0 if path == ".gitignore" else 1, err)
                else:
                    self.assertTrue("tracked:1:1" in out or "hung and was ended" in err, out + err)
                    self.assertIn(scan.returncode, (1, LEAKED), err)

    def test_many_repositories_with_pipes(self):
        key = self.create("crm")
        for number in range(20):
            inner = self.home / "many" / str(number)
            self.run_in("git", "init", "--quiet", str(inner))
            (inner / "leak").write_text(key)
            (inner / ".git/config").unlink()
            os.mkfifo(inner / ".git/config")
        scan = self.start(self.home / "many")
        out, err = self.finish(scan)
        self.assertEqual(scan.returncode, LEAKED, err)
        self.assertEqual(out.count("leak:1:1"), 20)
        self.assertEqual(err.count("git hung in this repository"), 3, err)
        self.assertEqual(err.count("git hung too often"), 17, err)


class Environment(Home):
    SECRETS = {"NEXAKEY_KEY": "sesame1", "NEXAKEY_TOKEN": "sesame2", "PGPASSWORD": "sesame3",
               "AWS_SECRET_ACCESS_KEY": "sesame4", "NEXAKEY_STORE_PASSWORD": "sesame5"}

    def test_git_gets_no_secret(self):
        programs = self.home / "programs"
        programs.mkdir()
        seen = self.home / "seen"
        real = shutil.which("git")
        (programs / "git").write_text(f'#!/bin/sh\nenv >> {seen}\nexec {real} "$@"\n')
        (programs / "git").chmod(0o755)
        self.commit("first", "a.txt", "a\n")
        self.env |= self.SECRETS | {"GIT_TRACE": str(self.home / "trace"),
                                    "GIT_EXTERNAL_DIFF": "false", "GIT_SSH_COMMAND": "false"}
        self.env["PATH"] = f"{programs}:{os.environ['PATH']}"
        for words in ([], ["--staged"], ["--history"], ["--history", "HEAD"]):
            seen.unlink(missing_ok=True)
            done = self.run_in(NEXAKEY, "scan", "--offline", *words)
            self.assertEqual(done.returncode, 0, done.stderr)
            variables = seen.read_text()
            self.assertIn("GIT_NO_LAZY_FETCH=1", variables)
            self.assertIn(f"HOME={self.home}", variables)
            self.assertNotIn("sesame", variables)
            for name in ("GIT_TRACE", "GIT_EXTERNAL_DIFF", "GIT_SSH_COMMAND"):
                self.assertNotIn(f"{name}=", variables)
        self.assertFalse((self.home / "trace").exists())


if __name__ == "__main__":
    unittest.main()
