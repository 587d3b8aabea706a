"""`scan` beside ripgrep. Both search the same files for keys, and the same git history (ripgrep
what git cat-file prints of it), warm. nexakey also looks for keys that are encoded."""

import subprocess
import time

import machine
import report as figures
from context import NotRun
from inputs import make_sources

PATTERN = "fc_live_[0-9A-Za-z]{28}"


def make_tree(folder, size):
    """A git work tree with about `size` bytes of files that look like sources."""
    make_sources(folder, size)
    git = ["git", "-C", folder, "-c", "user.name=bench", "-c", "user.email=bench@example.com",
           "-c", "gc.auto=0", "-c", "core.looseCompression=1"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "all"], check=True)
    subprocess.run([*git, "repack", "-q", "-a", "-d", "--window=0"], check=True)


def timed(command, folder):
    start = time.perf_counter()
    # ripgrep ends with 1 when it finds nothing.
    done = subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL)
    if done.returncode not in (0, 1):
        raise NotRun(f"{command[0]} ended with {done.returncode}")
    return time.perf_counter() - start


def scan(context):
    """A work tree and its history."""
    context.need("git", "rg")
    folder = context.new_folder()
    make_tree(folder, context.sizes.files << 20)
    command = [machine.NEXAKEY, "scan", "--offline", "--quiet"]
    rg = ["rg", "--hidden", "--glob", "!.git"]
    of_git = f"git cat-file --batch-all-objects --batch | rg --text '{PATTERN}'"
    cases = [
        (f"`scan`, a work tree of {context.sizes.files:,} MiB", command,
         "ripgrep, the pattern of a plain key", [*rg, PATTERN], 0.95),
        ("`scan --no-ignore`, the same", [*command, "--no-ignore"],
         "`rg --no-ignore`", [*rg, "--no-ignore", PATTERN], None),
        ("`scan --history`, the same in one commit", [*command, "--history"],
         "`git cat-file --batch-all-objects --batch | rg --text`", ["sh", "-c", of_git], 0.99),
    ]
    for name, ours, peer, theirs, reach in cases:
        pairs = [(timed(ours, folder), timed(theirs, folder))
                 for _ in range(context.sizes.runs + 1)]
        # The first run warms up.
        context.report.add_pairs(name, figures.SECONDS, peer, pairs[1:], reach)
