#!/usr/bin/env python3
"""Root administers the store of another user: its files belong to that user, and links planted by
the user do not lead root elsewhere."""

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

OWNER, GROUP = 47110, 47111  # of no user on the machine
TIME_LIMIT = 120
SIDE_FILES = ("-wal", "-shm", "-lock", "-usage", "-windows", "-reserve")


class RootAndOwner(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="nexakey-owner-")
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        self.top.chmod(0o755)
        # A copy that another user can run.
        self.binary = shutil.copy(os.environ["NEXAKEY"], self.top / "nexakey")
        self.home = self.make_folder("home", 0, 0)
        self.folder = self.make_folder("store", OWNER, GROUP)
        self.store = self.folder / "keys.db"

    def make_folder(self, name, user, group):
        path = self.top / name
        path.mkdir(mode=0o700)
        os.chown(path, user, group)
        return path

    def run_as(self, user, *words, status=0, stdin="", **variables):
        command = [self.binary, *map(str, words)]
        if user:
            command = ["setpriv", "--reuid", str(user), "--regid", str(GROUP), "--clear-groups",
                       *command]
        done = subprocess.run(
            command, input=stdin, text=True, capture_output=True, timeout=TIME_LIMIT, cwd="/",
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "XDG_CONFIG_HOME": "/nowhere",
                 "NEXAKEY_STORE": str(self.store), "NEXAKEY_SYSTEM_CONFIG": "/nowhere"} | variables)
        self.assertEqual(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def root(self, *words, **options):
        return self.run_as(0, *words, **options)

    def owner(self, *words, **options):
        return self.run_as(OWNER, *words, **options)

    def assert_owned(self, folder, user, group):
        for path in [folder, *folder.rglob("*")]:
            status = path.lstat()
            self.assertEqual((status.st_uid, status.st_gid), (user, group), path)

    def work(self, run):
        """Every kind of command that creates files of a store."""
        key = run("create", "crm", "--scope", "read", "--if-not-exists", "-q")
        run("verify", "-q", stdin=run("create", "--scope", "read", "-q"))
        run("edit", "crm", "--rate-limit", "5", "-q")
        run("usage", "-q")
        run("token", "create", "--role", "auditor", "-q")
        run("list", "-q")
        return key

    def test_what_root_makes_is_the_owners(self):
        self.work(self.root)
        for suffix in ("", *SIDE_FILES):
            self.assertTrue(Path(f"{self.store}{suffix}").exists(), suffix)
        self.assert_owned(self.folder, OWNER, GROUP)
        self.work(self.owner)
        self.root("doctor", "-q")
        self.owner("doctor", "-q")
        self.assert_owned(self.folder, OWNER, GROUP)
        for suffix in ("-usage", "-windows", "-reserve", "-lock"):
            Path(f"{self.store}{suffix}").unlink(missing_ok=True)
            self.root("verify", "-q", stdin=self.root("create", "--scope", "read", "-q"))
            self.assert_owned(self.folder, OWNER, GROUP)
        self.root("revoke", "crm", "--yes", "-q")
        self.work(self.owner)

    def test_folders_below_the_owners_are_the_owners(self):
        self.store = self.folder / "a" / "b" / "keys.db"
        self.work(self.root)
        self.assert_owned(self.folder, OWNER, GROUP)
        self.work(self.owner)

    def test_a_store_in_a_folder_of_root_is_roots(self):
        self.store = self.top / "mine" / "keys.db"
        self.work(self.root)
        self.assert_owned(self.store.parent, 0, 0)
        denied = self.owner("list", status=6)
        self.assertIn(f"cannot open {self.store}: permission denied: run it as the owner (root)",
                      denied)

    def test_a_file_in_a_folder_for_all_is_its_owners(self):
        shared = self.top / "shared"
        shared.mkdir()
        shared.chmod(0o1777)
        self.store = shared / "keys.db"
        self.owner("create", "--scope", "read", "-q")
        self.work(self.root)
        for path in shared.iterdir():
            self.assertEqual(path.stat().st_uid, OWNER, path)

    def test_a_config_file_that_may_not_be_read(self):
        folder = self.home / ".config" / "nexakey"
        folder.mkdir(parents=True)
        config = folder / "config.toml"
        config.write_text('workspace = "sales"')
        config.chmod(0o600)
        # The config file in another user's home is ignored; one that is named is read.
        self.owner("create", "--scope", "read", "-q", XDG_CONFIG_HOME="")
        self.home.chmod(0o755)
        self.assertIn(f"cannot read {config}: Permission denied",
                      self.owner("list", status=2, XDG_CONFIG_HOME=""))

    def test_the_log_names_the_administrator(self):
        self.root("create", "--scope", "read", "-q", SUDO_USER="ann")
        entry = json.loads(self.root("audit", "-o", "jsonl"))
        self.assertEqual(entry["actor"], "root (sudo by ann)")

    def test_what_the_administrator_names_is_opened_as_root(self):
        private = self.make_folder("private", 0, 0)
        key_file, export = private / "a.key", private / "export"
        self.root("create", "crm", "--scope", "read", "--key-file", key_file, "-q")
        self.assertEqual(stat.S_IMODE(key_file.stat().st_mode), 0o600)
        self.root("verify", "--key-file", key_file, "-q")
        self.root("rotate", "crm", "--grace", "1h", "--key-file", key_file, "-q")
        self.root("token", "create", "--role", "admin", "--secret-file", private / "t", "-q")
        self.root("export", export, "-q")
        self.root("import", export, "-q")
        self.root("import", "--keys", key_file, "--scope", "read", "--dry-run")
        self.root("scan", private, "--no-ignore", status=8)
        self.assert_owned(private, 0, 0)
        self.assert_owned(self.folder, OWNER, GROUP)

    def test_root_of_a_user_namespace(self):
        command = ["setpriv", "--reuid", str(OWNER), "--regid", str(GROUP), "--clear-groups",
                   "unshare", "--user", "--map-root-user"]
        if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
            self.skipTest("user namespaces are switched off")
        done = subprocess.run([*command, self.binary, "create", "--scope", "read", "-q"], cwd="/",
                              env={"HOME": str(self.home), "NEXAKEY_STORE": str(self.store),
                                   "NEXAKEY_SYSTEM_CONFIG": "/nowhere"},
                              capture_output=True, text=True, timeout=TIME_LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_owned(self.folder, OWNER, GROUP)

    def test_planted_links_lead_root_nowhere(self):
        victim = self.make_folder("victim", 0, 0)
        precious = victim / "precious"
        for suffix in ("", "-new", "-usage-new", "-windows-new", *SIDE_FILES):
            for name in (precious, victim / "absent"):
                with self.subTest(suffix=suffix, target=name.name):
                    shutil.rmtree(self.folder)
                    self.make_folder("store", OWNER, GROUP)
                    precious.write_text("precious")
                    if suffix != "":
                        self.owner("create", "--scope", "read", "-q")
                    planted = Path(f"{self.store}{suffix}")
                    planted.unlink(missing_ok=True)
                    planted.symlink_to(name)
                    os.lchown(planted, OWNER, GROUP)
                    for words in (("create", "--scope", "read", "-q"), ("list", "-q"),
                                  ("usage", "-q"), ("doctor", "-q")):
                        subprocess.run([self.binary, *words, "--store", self.store],
                                       capture_output=True, timeout=TIME_LIMIT,
                                       env={"HOME": str(self.home), "NEXAKEY_SYSTEM_CONFIG": "/nowhere"})
                    self.assertEqual(precious.read_text(), "precious")
                    self.assertEqual(list(victim.iterdir()), [precious])
                    self.assert_owned(victim, 0, 0)

    def test_root_lends_no_group_to_the_owner(self):
        victim = self.make_folder("victim", 0, 0)
        subprocess.run([self.binary, "create", "--scope", "read", "-q", "--store",
                        victim / "keys.db"], check=True, capture_output=True)
        victim.chmod(0o770)
        for path in victim.iterdir():
            path.chmod(0o660)
        link = self.folder / "link"
        link.symlink_to(victim)
        os.lchown(link, OWNER, GROUP)
        # After a chown of only the user, for an owner with and without an entry in passwd(5)
        for owner in (OWNER, pwd.getpwnam("daemon").pw_uid):
            os.chown(self.folder, owner, 0)
            os.lchown(link, owner, 0)
            self.store = link / "keys.db"
            self.assertIn("permission denied", self.root("list", status=6))
            self.store = link / "new.db"
            self.assertIn("permission denied", self.root("create", "--scope", "read", status=6))

    def test_a_link_of_root_through_the_owners_folder(self):
        victim = self.make_folder("victim", 0, 0)
        planted = self.folder / "store"
        planted.symlink_to(victim)
        os.lchown(planted, OWNER, GROUP)
        of_root = self.top / "link"
        for target in (planted, "store/store", "../" + self.top.name + "/store/store"):
            of_root.unlink(missing_ok=True)
            of_root.symlink_to(target)
            self.store = of_root / "keys.db"
            self.assertIn("permission denied", self.root("create", "--scope", "read", status=6))
            self.assertEqual(list(victim.iterdir()), [])
        planted.unlink()
        planted.mkdir()
        os.chown(planted, OWNER, GROUP)
        self.root("create", "--scope", "read", "-q")
        self.assert_owned(planted, OWNER, GROUP)

    def test_a_planted_folder_leads_root_nowhere(self):
        victim = self.make_folder("victim", 0, 0)
        link = self.folder / "link"
        link.symlink_to(victim)
        os.lchown(link, OWNER, GROUP)
        for name in ("keys.db", "sub/keys.db"):
            self.store = link / name
            self.assertIn("permission denied", self.root("create", "--scope", "read", status=6))
        self.assertEqual(list(victim.iterdir()), [])


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("not run: only root can act as another user")
        sys.exit()
    unittest.main()
