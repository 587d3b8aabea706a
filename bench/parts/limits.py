"""Keys with four windows, beside keys with the limit of a minute alone."""

import random

import machine
import report as figures
from inputs import FOUR_WINDOWS, copy_of
from parts.decisions import decide, write_requests
from parts.postgres import KEY, server_with

REQUESTS_PER_KEY = 5


def processor_time(work, server=None):
    """Seconds that `work` takes of its processes and of a server's."""
    def seconds():
        return machine.ended_seconds() + (machine.cpu_seconds(server.pid) if server else 0)

    before = seconds()
    work()
    return seconds() - before


def compare(context, what, count, with_four, with_one, server=None):
    """Adds the figure of two functions that decide `count` requests each."""
    pairs = [[1e6 * processor_time(work, server) / count for work in (with_four, with_one)]
             for _ in range(context.sizes.runs)]
    context.report.add_pairs(f"{what}: processor time of a decision with four windows", figures.CPU,
                             "with one", pairs, 1.1)


def on_sqlite(context):
    store, keys = context.store
    one = copy_of(store, context.folder)
    four = copy_of(store, context.folder, FOUR_WINDOWS)
    count = REQUESTS_PER_KEY * len(keys)
    requests = write_requests(one.parent, keys, count)[0]
    compare(context, "`verify --batch`", count, lambda: decide(four, requests),
            lambda: decide(one, requests))


def on_postgres(context):
    folder = context.new_folder()
    keys = context.sizes.keys // 2
    count = REQUESTS_PER_KEY * keys
    rng = random.Random(1)

    def requests_of(first):
        """Requests for the keys from a number on."""
        path = folder / f"requests.{first}"
        path.write_text("".join(
            f'{{"key":"{KEY.format(rng.randrange(first, first + keys))}","path":"/v1/leads/7"}}\n'
            for _ in range(count)))
        return path

    with server_with(context, 2 * keys) as server:
        server.execute(f"UPDATE nexakey.api_keys SET limits = '{FOUR_WINDOWS}' WHERE id > {keys}")
        server.execute("VACUUM ANALYZE")
        one, four = requests_of(1), requests_of(1 + keys)
        for requests in (one, four):  # each key gets its rows
            decide(server.url, requests)
        compare(context, "PostgreSQL, `verify --batch`", count,
                lambda: decide(server.url, four), lambda: decide(server.url, one), server)


def limits(context):
    on_sqlite(context)
    on_postgres(context)
