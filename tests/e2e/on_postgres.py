"""End-to-end tests whose store is on a PostgreSQL server of their own."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from place import Place

POSTGRES = Path(__file__).parent.parent / "support" / "postgres"


class OnPostgres(unittest.TestCase):
    """A place whose store is on its own PostgreSQL server."""

    settings = ()

    def setUp(self):
        # A path that is short enough for a socket, and that another user can access.
        self.folder = tempfile.TemporaryDirectory(prefix="nexakey-e2e-")
        os.chmod(self.folder.name, 0o711)
        self.addCleanup(self.folder.cleanup)
        self.addCleanup(self.postgres, "remove")
        self.postgres("start", *self.settings)
        self.place = Place()
        self.addCleanup(self.place.close)
        self.place.env["NEXAKEY_STORE"] = (
            f"postgresql://postgres@/postgres?host={self.folder.name}/server")
        self.key = self.place.create("crm", "--scope", "read", "--rate-limit", "100")

    def postgres(self, command, *arguments):
        subprocess.run([POSTGRES, command, f"{self.folder.name}/server", *arguments], check=True)

    def url_of(self, folder, **settings):
        """The URL of the store through the socket in a folder."""
        more = "".join(f"&{name}={value}" for name, value in settings.items())
        return f"postgresql://postgres@/postgres?host={folder}{more}"

    def sql(self, text):
        """The rows of a query, without the store."""
        done = subprocess.run(["psql", "--quiet", "--no-align", "--tuples-only", "--set",
                               "ON_ERROR_STOP=1", self.url_of(f"{self.folder.name}/server")],
                              input=text, capture_output=True, text=True, check=True)
        return done.stdout.split()
