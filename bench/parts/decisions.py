"""Decisions without a server: `verify --batch`, and the lock that processes share."""

import hashlib
import re
import shutil
import statistics
import subprocess
import time

import machine
import report as figures
from context import NotRun
from hold_times import HoldTimes
from inputs import make_requests, make_store

LOOP = "a loop in C that only looks the key up, 64 to a transaction"
BYTES_OF_A_KEY = 500  # in the store, and in its log while it is made
MAX_HOLD = 5  # milliseconds
CORES = (4, 8, 16)


def write_requests(folder, keys, count):
    """Files of requests for `verify --batch`, and of the hashes of their keys for the peer."""
    requests, hashes = folder / f"requests.{count}", folder / f"hashes.{count}"
    with open(requests, "w") as lines, open(hashes, "w") as hex_lines:
        for key, request in make_requests(keys, count):
            lines.write(request)
            hex_lines.write(hashlib.sha256(key.encode()).hexdigest() + "\n")
    return requests, hashes


def decide(store, requests, *words, **options):
    """Seconds that `verify --batch` takes."""
    with open(requests) as lines:
        return machine.timed([machine.NEXAKEY, "--store", store, "verify", "--batch", *words],
                             stdin=lines, stdout=subprocess.DEVNULL, **options)


def compare_with_loop(context, key_count, store, keys, count):
    loop = context.built("select_loop")
    requests, hashes = write_requests(store.parent, keys, count)
    alone = machine.on_cores(machine.cores()[0])
    pairs = []
    for _ in range(context.sizes.runs):
        ours = count / decide(store, requests, **alone)
        told = subprocess.run([loop, store, hashes], check=True, capture_output=True, **alone)
        pairs.append((ours, count / float(told.stdout.split()[2])))
    context.report.add_pairs(f"`verify --batch` on one core, {key_count:,} keys, windows exact, all"
                             " counted", figures.RATE, LOOP, pairs, 0.55)


def batch(context):
    store, keys = context.store
    compare_with_loop(context, len(keys), store, keys, 5 * len(keys))


def large(context):
    """Many keys, against the loop and against fewer keys. Making the store takes minutes, and 3 GiB
    of memory."""
    count = context.sizes.large
    free = shutil.disk_usage(context.folder).free
    if free < count * BYTES_OF_A_KEY:
        raise NotRun(f"needs {count * BYTES_OF_A_KEY >> 30} GiB in TMPDIR")
    few, few_keys = context.store
    asked = 5 * len(few_keys)
    folder = context.new_folder()
    store = folder / "keys.db"
    keys = make_store(machine.NEXAKEY, store, count)
    context.report.add(f"size of a key in a store of {count:,} keys", figures.BYTES,
                       store.stat().st_size / count)
    compare_with_loop(context, count, store, keys, asked)
    # Counts would also take longer for requests with more different keys.
    requests = [write_requests(store.parent, keys, asked)[0],
                write_requests(few.parent, few_keys, asked)[0]]
    alone = machine.on_cores(machine.cores()[0])
    times = [[1e6 / asked * decide(one, file, "--dry-run", **alone)
              for one, file in zip((store, few), requests)] for _ in range(context.sizes.runs)]
    context.report.add_pairs(f"a decision of `verify --batch --dry-run`, {count:,} keys",
                             figures.MICROSECONDS, f"{len(few_keys):,} keys", times, 1.5)
    shutil.rmtree(folder)


class Deciders:
    """Processes that decide for one store, on a core each."""

    def __init__(self, context):
        store, keys = context.store
        self.count = 2 * len(keys)
        self.requests = write_requests(store.parent, keys, self.count)[0]
        self.command = [machine.NEXAKEY, "--store", store, "verify", "--batch"]

    def run(self, cores, env=None):
        """Decisions a second of all processes, and seconds of processor time of a decision."""
        before = machine.ended_seconds()
        start = time.perf_counter()
        processes = []
        for core in cores:
            with open(self.requests) as lines:
                processes.append(subprocess.Popen(self.command, stdin=lines, env=env,
                                                  stdout=subprocess.DEVNULL,
                                                  **machine.on_cores(core)))
        if any([process.wait() for process in processes]):
            raise NotRun("verify --batch failed")
        elapsed = time.perf_counter() - start
        processor = machine.ended_seconds() - before
        decisions = len(cores) * self.count
        return decisions / elapsed, processor / decisions


def two_cores():
    cores = machine.cores()[:2]
    if len(cores) < 2:
        raise NotRun("needs two cores")
    return cores


def processes(context):
    """Two processes against one."""
    deciders, cores = Deciders(context), two_cores()
    # One core may have more other work than the other.
    pairs = [(deciders.run(cores)[0],
              statistics.mean(deciders.run([core])[0] for core in cores))
             for _ in range(context.sizes.runs)]
    context.report.add_pairs("`verify --batch` by two processes for one store, a core each",
                             figures.RATE, "one process", pairs, 1.8)


def locks(context):
    """How long two processes hold the live lock, and what more cores could reach."""
    library = context.built("hold_times.so")
    deciders, cores = Deciders(context), two_cores()
    times = HoldTimes(library, context.new_folder() / "times")
    costs = [deciders.run(cores, env=times.env)[1] for _ in range(context.sizes.runs)]
    elapsed, processor = times.elapsed, times.processor
    decisions = context.sizes.runs * len(cores) * deciders.count
    # A process that has a core for itself holds the lock for as long as it works.
    held, cost = processor.sum / 1e9 / decisions, statistics.median(costs)
    add = context.report.add
    add("two processes: p99 of the holds of the live lock", figures.MILLISECONDS,
        elapsed.quantile(0.99) / 1e6)
    add("two processes: the longest hold of the live lock", figures.MILLISECONDS,
        elapsed.max / 1e6, MAX_HOLD, f"{figures.rounded(processor.max / 1e6)} ms of processor time")
    add("two processes: processor time of a decision", figures.MICROSECONDS, cost * 1e6,
        note=f"{figures.rounded(held * 1e6)} µs under the lock, which is held for"
             f" {figures.rounded(elapsed.sum / 1e3 / decisions)} µs")
    for count in CORES:
        add(f"{count} processes, a core each: at most, by these times", figures.RATE,
            min(count / cost, 1 / held), note=f"{min(count, cost / held):.1f} times one core")


def windows(context):
    """Decisions about new keys while the windows move to larger files."""
    program = context.built("bench_windows")
    told = subprocess.run([program, str(10 * context.sizes.keys)], check=True, capture_output=True,
                          text=True).stdout
    slowest, p9999, turn = map(float, re.search(
        r"slowest decision ([\d.]+) ms, p99.99 ([\d.]+) ms,.* slowest turn ([\d.]+) ms",
        told).groups())
    add = context.report.add
    add("windows of 100,000 new keys a second: processor time of the slowest turn",
        figures.MILLISECONDS, turn, MAX_HOLD)
    add("windows of new keys: p99.99 of the decisions", figures.MILLISECONDS, p9999, 20,
        f"slowest {figures.rounded(slowest)} ms")
