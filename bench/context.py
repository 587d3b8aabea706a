"""What the parts of `bench/run` share."""

import dataclasses
import functools
import pathlib
import tempfile

import machine
from inputs import make_store
from report import Report


class NotRun(Exception):
    """Why a part was not run to its end."""


@dataclasses.dataclass
class Sizes:
    """How much is measured."""
    runs: int = dataclasses.field(default=5, metadata={"help": "runs, of which the median counts"})
    seconds: int = dataclasses.field(default=5, metadata={"help": "of each run of a server"})
    keys: int = dataclasses.field(default=100_000, metadata={"help": "keys of most parts"})
    listed: int = dataclasses.field(default=1_000_000, metadata={"help": "keys of list"})
    large: int = dataclasses.field(default=10_000_000, metadata={"help": "keys of large"})
    stalls: int = dataclasses.field(default=600, metadata={"help": "seconds of stalls"})
    files: int = dataclasses.field(default=1024, metadata={"help": "MiB of files of scan"})
    days: int = dataclasses.field(default=365, metadata={"help": "days of usage"})


QUICK = Sizes(runs=1, seconds=1, keys=10_000, listed=20_000, large=50_000, stalls=10, files=16,
              days=60)


class Context:
    """The sizes, the report, a folder for files, and whether docs/performance.md is written."""

    def __init__(self, sizes, folder, writes=False):
        self.sizes, self.folder, self.writes = sizes, folder, writes
        self.report = Report()

    def need(self, *programs):
        """The paths of programs, whose versions are reported. Throws NotRun if one is missing."""
        paths = [machine.find(program) for program in programs]
        if missing := [program for program, path in zip(programs, paths) if not path]:
            raise NotRun(f"needs {', '.join(missing)}")
        self.report.versions |= {program: machine.version(program, path)
                                 for program, path in zip(programs, paths)}
        return paths

    def built(self, target):
        """The path of what `bench/CMakeLists.txt` builds. Throws NotRun if it is missing."""
        path = machine.BUILD / "bench" / target
        if not path.exists():
            raise NotRun(f"needs {path.relative_to(machine.ROOT)}, of the target benchmarks")
        return path

    def new_folder(self):
        return pathlib.Path(tempfile.mkdtemp(dir=self.folder))

    @functools.cached_property
    def store(self):
        """A store, and its keys. Parts that change more than counts make a copy of it."""
        path = self.new_folder() / "keys.db"
        return path, make_store(machine.NEXAKEY, path, self.sizes.keys)
