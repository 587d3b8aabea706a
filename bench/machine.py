"""The machine: what it is, and the time and memory that processes take on it."""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
NEXAKEY = pathlib.Path(os.environ.get("NEXAKEY", BUILD / "cli" / "nexakey"))
HERTZ = os.sysconf("SC_CLK_TCK")

# How the programs tell their version.
VERSIONS = {"git": "--version", "nginx": "-v", "pgbench": "--version", "rg": "--version",
            "sqlite3": "--version", "wrk": "-v"}


def version(program, path):
    """The version of a program, as in "sqlite3 3.40.1"."""
    told = subprocess.run([path, VERSIONS[program]], capture_output=True, text=True, check=False)
    return f"{program} {re.search(r'[0-9]+[.][0-9.]*[0-9]', told.stdout + told.stderr)[0]}"


def description():
    """The processor, the distribution and the kernel."""
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    processor = model[1] if model else platform.machine()
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    kernel = re.match(r"[0-9.]*[0-9]", platform.release())[0]
    return f"{len(os.sched_getaffinity(0))} cores of {processor}, {system}, Linux {kernel}"


def commit():
    """The commit of these sources."""
    told = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], check=False,
                          capture_output=True, text=True).stdout.strip()
    return told or "unknown"


def find(program):
    """The path of a program; nothing if it is missing."""
    if program == "pgbench":  # the same on all distributions, unlike the one in PATH
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"),
                       key=lambda path: float(path.parts[-3]))
        return found[-1] if found else None
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def timed(command, **options):
    """Seconds that a command takes, from its start to its end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, **options)
    return time.perf_counter() - start


def on_cores(*cores):
    """An option of subprocess: the process runs on these cores."""
    return {"preexec_fn": lambda: os.sched_setaffinity(0, cores)}


def cores():
    """The cores that this process may use; other work is more often on the first ones."""
    return sorted(os.sched_getaffinity(0), reverse=True)


def move(pid, cores):
    """Moves all threads of a process to these cores."""
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def family(pid):
    """A process and those that it has started."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *map(int, children.split())]


def cpu_seconds(pid):
    """The processor time of a process and of those that it has started, also of the ended ones."""
    ticks = 0
    # The process itself is read last: if another one ends before that, its time is among that of
    # the ended ones.
    for member in reversed(family(pid)):
        try:
            stat = pathlib.Path(f"/proc/{member}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # The command, in parentheses, may have spaces.
        fields = stat.rpartition(")")[2].split()
        own, ended = fields[11:13], fields[13:15]
        ticks += sum(map(int, own + ended if member == pid else own))
    return ticks / HERTZ


def ended_seconds():
    """The processor time of the processes that this one has started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def peak_memory(command):
    """The peak resident memory of a command in MiB, as the kernel reports it while it runs."""
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, resident_peak(process.pid))
            time.sleep(0.02)
    return peak


def resident_peak(pid):
    """The largest resident memory of a process so far, in MiB; 0: it has ended."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0
