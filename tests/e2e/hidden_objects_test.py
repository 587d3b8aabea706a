#!/usr/bin/env python3
"""No content of a repository hides a key: scan reports what it did not search."""

import os
import unittest

from repository import LEAKED, NEXAKEY, Home


class HiddenObjects(Home):
    def setUp(self):
        super().setUp()
        self.key = self.create("crm")

    def make_history(self):
        """A history in which a key was added and removed, and a later commit."""
        self.write("sub/clean", "clean\n")
        leaked = self.commit("leak", "sub/leak", self.key)
        self.git("rm", "--quiet", "sub/leak")
        self.commit("removed")
        self.commit("third", "sub/third", "third\n")
        return leaked

    def clone(self, *options):
        """Changes to a clone of the repository."""
        self.git("config", "uploadpack.allowFilter", "true")
        clone = self.home / "clone"
        self.git("-c", "protocol.file.allow=always", "clone", "--quiet", *options,
                 f"file://{self.repository}", str(clone))
        self.repository = clone

    def lose(self, name):
        object_id = self.git("rev-parse", name)
        (self.repository / ".git/objects" / object_id[:2] / object_id[2:]).unlink()

    def assert_told(self, message, *words, status=1, **options):
        done = self.run_in(NEXAKEY, "scan", *words, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, message)
        self.assertRegex(done.stderr, r"\A(nexakey: .+\n)+(no leaked keys\n)?\Z")
        return done.stdout

    # Objects that are missing

    def test_partial_clone(self):
        self.make_history()
        self.clone("--filter=blob:none")
        for words in (["--history"], ["--history", "HEAD"]):
            self.assert_told("the repository does not have 1 of its objects", *words)
        self.assertEqual(self.scan("--history", "HEAD~1..HEAD"), [])
        said = self.commit(f"I said {self.key}")
        for words in (["--history"], ["--history", "HEAD"]):
            places = [place for place, _ in self.scan(*words, status=LEAKED, warns=True)]
            self.assertEqual([place.split(":")[0] for place in places], [said])

    def test_partial_clone_without_trees(self):
        self.make_history()
        self.clone("--filter=tree:0", "--no-checkout")
        for words in (["--history"], ["--history", "HEAD"]):
            self.assert_told("the repository does not have \\d+ of its objects", *words)
        self.assert_told("unable to read tree|could not fetch", "--staged")

    def test_partial_clone_that_has_everything(self):
        self.commit("first", "a.txt", "a\n")
        self.clone("--filter=blob:none")
        for words in (["--history"], ["--history", "HEAD"], ["--staged"]):
            self.assertEqual(self.scan(*words), [])

    def test_shallow_clone(self):
        self.make_history()
        self.clone("--depth", "2")
        for words in (["--history"], ["--history", "HEAD"]):
            self.assert_told("shallow clone", *words)
        self.assertEqual(self.scan("--history", "HEAD~1..HEAD"), [])
        self.git("-c", "protocol.file.allow=always", "fetch", "--quiet", "--unshallow")
        for words in (["--history"], ["--history", "HEAD"]):
            self.assertEqual(len(self.scan(*words, status=LEAKED)), 1)

    def test_shallow_file_in_another_form(self):
        """git takes the id at the beginning of a line, in upper or lower case."""
        self.make_history()
        whole = self.repository
        self.clone("--depth", "2")
        for repository in (self.repository, whole):
            self.repository = repository
            commit = self.git("rev-parse", "HEAD~1")
            for line in (f"{commit}\n", f"{commit.upper()}\n", f"{commit}\r\n", commit,
                         f"{commit} behind it\n", f"{commit}0000\n", f"{commit}\0\n",
                         f"{'0' * 40}{' ' * 983}{commit}\n", f"{'0' * 40}\n\t{commit}\n",
                         f"{commit}{'0' * 24}\n"):
                (repository / ".git/shallow").write_text(line)
                for words in (["--history", "HEAD"], ["--history", "main"]):
                    with self.subTest(repository=repository.name, line=line):
                        self.assert_told("shallow clone|bad shallow line", *words)

    def test_lost_objects(self):
        leaked = self.make_history()
        missing, commit_message = "the repository does not have \\d+ of its objects", "git: (fatal|error): "
        for lost, message in ((f"{leaked}:sub/leak", missing), (f"{leaked}:sub", missing),
                              (leaked, commit_message)):
            self.lose(lost)
            for words in (["--history"], ["--history", "HEAD"]):
                with self.subTest(lost=lost, words=words):
                    self.assert_told(message, *words)

    def test_alternate_that_is_gone(self):
        self.make_history()
        clone = self.home / "clone"
        self.git("clone", "--quiet", "--shared", str(self.repository), str(clone))
        self.repository.rename(self.home / "moved")
        self.repository = clone
        self.commit_alone()
        for words in (["--history"], ["--history", "HEAD"]):
            self.assert_told("object directory|not a valid object|bad object|unable to read", *words)

    def commit_alone(self):
        """A branch whose objects are complete."""
        tree = self.git("mktree", input="")
        commit = self.git("commit-tree", "-m", "alone", tree)
        (self.repository / ".git/refs/heads/alone").write_text(commit + "\n")

    def test_staged_objects_are_lost(self):
        """An object that cannot be read does not affect the others."""
        self.commit("first", "a", "a\n")
        for name in ("b", "c", "e"):
            self.write(name, f"staged {name}\n")
        self.write("d", self.key)
        self.git("add", "--all")
        for promisor in ("false", "true"):
            if promisor == "true":
                self.git("config", "remote.origin.url", "file:///")
                self.git("config", "remote.origin.promisor", "true")
            else:
                self.lose(":b")
                object_id = self.git("rev-parse", ":c")
                damaged = self.repository / ".git/objects" / object_id[:2] / object_id[2:]
                damaged.chmod(0o600)
                damaged.write_bytes(damaged.read_bytes()[:10])
            with self.subTest(promisor=promisor):
                done = self.run_in(NEXAKEY, "scan", "--staged")
                self.assertEqual(done.returncode, LEAKED, done.stderr)
                self.assertIn("d:1:1", done.stdout)
                self.assertRegex(done.stderr, r"(?m)^nexakey: b was not searched completely: ")
                self.assertRegex(done.stderr, r"(?m)^nexakey: c was not searched completely: ")
                self.assertEqual(done.stderr.count("\n"), 2, done.stderr)

    # What stands in for objects

    def test_replaced_and_grafted(self):
        leaked = self.make_history()
        clean = self.git("hash-object", "-w", "sub/clean")
        self.git("replace", self.git("rev-parse", f"{leaked}:sub/leak"), clean)
        self.git("replace", leaked, "HEAD")
        (self.repository / ".git/info/grafts").write_text(self.git("rev-parse", "HEAD") + "\n")
        for words in (["--history"], ["--history", "HEAD"]):
            self.assertEqual(self.scan(*words, status=LEAKED), [(f"{leaked}:sub/leak:1:1", "crm")])

    def test_more_paths_than_can_be_named(self):
        """A tree of six levels with ten times the same in each has a million paths."""
        mode, kind, object_id = "100644", "blob", self.git("hash-object", "-w", "--stdin",
                                                           input=self.key)
        for _ in range(6):
            entries = "".join(f"{mode} {kind} {object_id}\t{name}\n" for name in range(10))
            mode, kind, object_id = "040000", "tree", self.git("mktree", input=entries)
        commit = self.git("commit-tree", "-m", "bomb", object_id)
        (self.repository / ".git/refs/heads/main").write_text(commit + "\n")
        done = self.run_in(NEXAKEY, "scan", "--history", "--quiet")
        self.assertEqual(done.returncode, LEAKED, done.stderr)
        self.assertIn("too many paths", done.stderr)

    # Revisions that are not what their names say

    def test_ambiguous_name(self):
        """git takes a file of .git, and then a tag, before a branch of the same name."""
        leaked = self.make_history()
        clean = self.git("commit-tree", "-m", "clean", self.git("mktree", input=""))
        self.git("config", "core.warnAmbiguousRefs", "false")
        git_folder = self.repository / ".git"
        for path in ("refs/tags/main", "main", "refs/main"):
            (git_folder / path).write_text(clean + "\n")
            for revision in ("main", f"{clean}..main", "main^{tree}"):
                with self.subTest(path=path, revision=revision):
                    self.assert_told("refname 'main' is ambiguous. Name it in full", "--history",
                                     revision)
            self.assertEqual(self.scan("--history", "refs/heads/main", status=LEAKED),
                             [(f"{leaked}:sub/leak:1:1", "crm")])
            (git_folder / path).unlink()
        short = self.git("rev-parse", "--short", "main")
        self.git("tag", short, clean)
        self.assert_told(f"refname '{short}' is ambiguous", "--history", short)

    def test_name_that_leads_nowhere(self):
        self.make_history()
        clean = self.git("commit-tree", "-m", "clean", self.git("mktree", input=""))
        self.git("update-ref", "refs/remotes/main/HEAD", clean)
        (self.repository / ".git/refs/heads/main").write_text("ref: refs/heads/nothing\n")
        self.assert_told("ignoring dangling symref refs/heads/main", "--history", "main")

    # The index

    def test_settings_of_diff(self):
        """Staged files are found from a subfolder, whatever git diff is set to."""
        self.write("moved", "".join(f"line {n}\n" for n in range(50)))
        self.commit("first", "sub/a", "a\n")
        self.write(".gitattributes", "* diff=x -text binary\n")
        self.write("top", self.key)
        self.write("sub/a", f"a\n{self.key}\n")
        self.write("sub/\u00fc \t", self.key)
        self.git("mv", "moved", "sub/moved")
        self.write("sub/moved", (self.repository / "sub/moved").read_text() + self.key)
        self.git("add", "--all")
        (self.repository / "order").write_text("nothing\n")
        for name, value in {
                "diff.relative": "true", "diff.noprefix": "true", "diff.mnemonicPrefix": "true",
                "diff.renames": "copies", "diff.ignoreSubmodules": "all", "diff.submodule": "log",
                "diff.orderFile": str(self.repository / "order"), "diff.external": "false",
                "diff.x.textconv": "false", "diff.context": "0", "diff.colorMoved": "zebra",
                "diff.wordRegex": ".", "diff.statGraphWidth": "1", "diff.dirstat": "lines",
                "diff.autoRefreshIndex": "false", "diff.wsErrorHighlight": "all",
                "color.ui": "always", "color.diff": "always", "core.quotePath": "false",
                "core.abbrev": "4", "core.ignoreCase": "true", "core.fileMode": "false",
                "status.relativePaths": "true", "status.showUntrackedFiles": "no",
                "core.whitespace": "tab-in-indent"}.items():
            self.git("config", name, value)
        places = sorted(["top:1:1", "sub/a:2:1", "sub/\u00fc \ufffd:1:1", "sub/moved:51:1"])
        for folder in (self.repository, self.repository / "sub"):
            found = self.scan("--staged", cwd=folder, status=LEAKED)
            self.assertEqual(sorted(place for place, _ in found), places)

    def test_flags_of_the_index(self):
        self.commit("first", "flagged", "a\n")
        self.write("flagged", self.key)
        self.git("add", "flagged")
        for flag in ("--assume-unchanged", "--skip-worktree"):
            self.git("update-index", flag, "flagged")
            self.assertEqual(self.scan("--staged", status=LEAKED), [("flagged:1:1", "crm")])
            self.assertEqual(self.scan(status=LEAKED), [("flagged:1:1", "crm")])
        self.git("commit", "--quiet", "--message", "second")
        self.write("intended", self.key)
        self.git("add", "--intent-to-add", "intended")  # git commit does not take it
        self.assertEqual(self.scan("--staged"), [])
        self.assertIn(("intended:1:1", "crm"), self.scan(status=LEAKED))

    def test_merge_conflict(self):
        self.commit("first", "a", "a\n")
        self.git("checkout", "--quiet", "-b", "side")
        self.commit("side", "a", self.key)
        self.git("checkout", "--quiet", "main")
        self.commit("main", "a", "main\n")
        self.assertNotEqual(self.run_in("git", "merge", "side").returncode, 0)
        self.assert_told("a was not searched completely: it has a merge conflict", "--staged")
        self.assertEqual(len(self.scan(status=LEAKED)), 1)

    def test_link_of_the_index_that_is_a_file(self):
        (self.repository / "link").symlink_to("nowhere")
        self.git("add", "link")
        (self.repository / "link").unlink()
        self.write("link", self.key)
        self.assertEqual(self.scan(status=LEAKED), [("link:1:1", "crm")])

    def test_file_where_the_index_has_a_submodule(self):
        head = self.commit("first", "a", "a\n")
        for name in ("s", "folder/s", "gone/s", "link", "pipe", "empty"):
            self.git("update-index", "--add", "--cacheinfo", f"160000,{head},{name}")
        self.write("s", self.key)
        self.write("folder/s", self.key)
        self.write("gone", self.key)  # a file where the index has a folder
        (self.repository / "link").symlink_to("a")
        os.mkfifo(self.repository / "pipe")
        (self.repository / "empty").mkdir()
        places = [(f"{path}:1:1", "crm") for path in ("folder/s", "gone", "s")]
        self.assertEqual(self.scan(status=LEAKED), places)

    def test_folder_where_the_index_has_a_submodule(self):
        head = self.commit("first", "a", "a\n")
        for name in ("plain", "repository", "link"):
            self.git("update-index", "--add", "--cacheinfo", f"160000,{head},{name}")
        self.run_in("git", "init", "--quiet", "repository")
        self.write("plain/x", self.key)
        self.write("repository/x", self.key)
        (self.repository / "link").symlink_to("plain")
        self.assertEqual(self.scan(status=LEAKED),
                         [("plain/x:1:1", "crm"), ("repository/x:1:1", "crm")])

    def test_folder_where_the_index_has_a_file(self):
        for name in ("plain", "repository", "both"):
            self.write(name, "a file\n")
        head = self.commit("first", "folder/gone", "gone\n")
        for name in ("plain", "repository", "both", "folder/gone"):
            (self.repository / name).unlink()
            self.write(f"{name}/x", self.key)
        self.run_in("git", "init", "--quiet", "repository")
        entry = self.git("ls-files", "--stage", "both").split()
        self.git("update-index", "--index-info", input=(
            f"0 {'0' * 40}\tboth\n100644 {entry[1]} 1\tboth\n160000 {head} 2\tboth\n"))
        places = [(f"{path}/x:1:1", "crm") for path in ("both", "folder/gone", "plain", "repository")]
        self.assertEqual(self.scan(status=LEAKED), places)

    def test_file_where_the_index_has_a_folder(self):
        self.commit("first", "folder/a", "a\n")
        (self.repository / "folder/a").unlink()
        (self.repository / "folder").rmdir()
        self.write("folder", self.key)
        self.assertEqual(self.scan(status=LEAKED), [("folder:1:1", "crm")])

    # Which folder and which repository

    def test_work_tree_that_is_elsewhere(self):
        """core.worktree names another folder: git lists that one, and scan searches this one."""
        elsewhere = self.home / "elsewhere"
        elsewhere.mkdir()
        self.write("a/untracked", self.key)
        self.write("a/tracked", self.key)
        self.git("add", "a/tracked")
        places = [("a/tracked:1:1", "crm"), ("a/untracked:1:1", "crm")]
        for worktree in (elsewhere, "/", self.home):
            self.git("config", "core.worktree", str(worktree))
            with self.subTest(worktree=worktree):
                self.assertEqual(self.scan(status=LEAKED), places)
                self.assertEqual(len(self.scan("a", status=LEAKED)), 2)
                plain = self.home / "plain"
                plain.mkdir(exist_ok=True)
                self.repository.rename(plain / "inner")
                found = self.scan(cwd=plain, status=LEAKED)
                self.assertEqual(found, [(f"inner/{place}", name) for place, name in places])
                (plain / "inner").rename(self.repository)

    def test_linked_work_tree(self):
        leaked = self.make_history()
        linked = self.home / "linked"
        self.git("worktree", "add", "--quiet", "-b", "side", str(linked))
        (linked / "staged").write_text(self.key)
        (linked / "untracked").write_text(self.key)
        self.run_in("git", "add", "staged", cwd=linked)
        self.assertEqual(self.scan("--staged", cwd=linked, status=LEAKED), [("staged:1:1", "crm")])
        self.assertEqual(self.scan(cwd=linked, status=LEAKED),
                         [("staged:1:1", "crm"), ("untracked:1:1", "crm")])
        self.assertEqual(self.scan("--history", "HEAD", cwd=linked, status=LEAKED),
                         [(f"{leaked}:sub/leak:1:1", "crm")])
        self.assertEqual(self.scan("--staged"), [])

    def test_push_that_is_being_received(self):
        """A pre-receive hook sees the objects of the push, which are not in the repository yet."""
        server = self.home / "server.git"
        self.git("init", "--quiet", "--bare", str(server))
        hook = server / "hooks/pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nread -r old new ref\nexec nexakey scan --history \"$new\"\n")
        hook.chmod(0o755)
        self.commit("clean", "a", "a\n")
        self.git("push", "--quiet", str(server), "main")
        leaked = self.commit("leak", "b", self.key)
        done = self.run_in("git", "push", str(server), "main")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"{leaked}:b:1:1", done.stderr)

    def test_bare_repository(self):
        leaked = self.make_history()
        bare = self.home / "bare.git"
        self.git("clone", "--quiet", "--bare", str(self.repository), str(bare))
        self.assert_told("safe.bareRepository.*: if you trust the bare repository, set GIT_DIR",
                         "--history", cwd=bare)
        self.env["GIT_DIR"] = str(bare)
        self.assertEqual(self.scan("--history", cwd=self.home, status=LEAKED),
                         [(f"{leaked}:sub/leak:1:1", "crm")])

    @unittest.skipIf(os.geteuid() != 0, "only root gives files away")
    def test_repository_of_another_user(self):
        """git refuses it; the user's own settings say whose repositories are trusted."""
        self.commit("first", "a", self.key)
        os.chown(self.repository, 12345, 12345)
        os.chown(self.repository / ".git", 12345, 12345)
        for words in (["--history"], ["--staged"], ["--history", "HEAD"]):
            self.assert_told("dubious ownership", *words)
        self.assertEqual(len(self.scan(status=LEAKED)), 1)
        for trusted in ({"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
                         "GIT_CONFIG_VALUE_0": "*"}, {"SUDO_UID": "12345"}):
            env = dict(self.env)
            self.env |= trusted
            self.assertEqual(len(self.scan("--history", status=LEAKED)), 1)
            self.env = env
        (self.home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
        self.assertEqual(len(self.scan("--history", status=LEAKED)), 1)


if __name__ == "__main__":
    unittest.main()
