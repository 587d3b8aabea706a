"""A PostgreSQL server whose wall clock is that of a test (libfaketime)."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

import clock

SERVER = Path(__file__).parents[1] / "support" / "postgres"


class StoppedPostgres:
    """The server, with a database for each store."""

    def __init__(self, folder):
        self.folder = f"{folder}/server"
        self.clock = Path(folder, "clock")
        self.made = 0

    def command(self, what, **variables):
        subprocess.run([SERVER, what, self.folder], check=True, env=os.environ | variables)

    def set_clock(self, moment):
        """Stops the clock at a moment (a datetime in UTC)."""
        # Renamed, so that the server reads one of the two moments.
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(clock.at(moment)["FAKETIME"] + "\n")
        fresh.chmod(0o644)
        fresh.rename(self.clock)

    def new_store(self):
        """The URL of a new database."""
        self.made += 1
        subprocess.run(["psql", "-qX", "-h", self.folder, "-U", "postgres", "-c",
                        f"CREATE DATABASE store{self.made}"], check=True)
        return f"postgresql://postgres@/store{self.made}?host={self.folder}"


@contextlib.contextmanager
def stopped_postgres(moment):
    """The server, whose clock stands at `moment`."""
    with tempfile.TemporaryDirectory(prefix="nexakey-clock-") as folder:
        os.chmod(folder, 0o711)
        server = StoppedPostgres(folder)
        server.set_clock(moment)
        # Without shared memory, which would belong to another user than the server's.
        server.command("start", **clock.COMMON, FAKETIME_TIMESTAMP_FILE=str(server.clock),
                       FAKETIME_NO_CACHE="1", FAKETIME_DISABLE_SHM="1")
        try:
            yield server
        finally:
            server.command("remove")
