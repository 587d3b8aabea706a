"""Decisions on PostgreSQL: through `serve` (256 connections), through the store (`verify --batch`,
two processes), and by the same statement alone, sent by pgbench over two connections.

First the server has a core for itself, as it has its own machine in production, and the clients
have another one: with new tables, whose statistics autovacuum has not made yet, and later. Then all
share both cores.
"""

import contextlib
import random
import re
import subprocess
import time

import machine
import report as figures
import servers
import wrk
from context import NotRun
from parts.decisions import two_cores

PORT = 18085
CONNECTIONS = 256
BATCH = 128
CLIENTS = 2  # of pgbench, and processes of `verify --batch`
WARM_UP = 3  # times the seconds of a run
SETTINGS = ("fsync=on", "shared_buffers=256MB", "max_wal_size=4GB")
# Keys whose text can be computed from their number.
KEY = "fc_live_{:028}"
MAKE_KEYS = """
INSERT INTO nexakey.api_keys (id, hash, last_four, name, workspace, scopes, whitelist, rate_limit,
                              labels, description, created_at, revoke_reason)
SELECT n, sha256(('fc_live_' || lpad(n::text, 28, '0'))::bytea), lpad((n % 10000)::text, 4, '0'),
       'key ' || n, 'default', 3, '', 100, '', '', n, ''
FROM generate_series(1, {keys}) AS n;
DO 'BEGIN
      PERFORM nexakey.look_up(ARRAY(SELECT hash FROM nexakey.api_keys), nexakey.format());
    END';
"""
# The statement of a batch of random keys, as the store sends it.
DECIDE = """
WITH picked AS (
  SELECT DISTINCT 1 + floor(random() * {keys})::bigint AS id FROM generate_series(1, {batch})
), asked AS (
  SELECT array_agg(id ORDER BY id) AS ids, array_agg(stamp ORDER BY id) AS stamps,
         count(*)::integer AS n
  FROM picked JOIN nexakey.api_keys USING (id)
)
SELECT count(*) FROM asked, nexakey.decide(
  ids, stamps, array_fill(1, ARRAY[n]), array_fill(100::bigint, ARRAY[n]),
  array_fill(60::bigint, ARRAY[n]), '{{}}', '{{}}', '{{}}', '{{}}',
  ARRAY(SELECT generate_series(1, n)), array_fill(1, ARRAY[n]), array_fill(0, ARRAY[n]),
  array_fill('GET /v1/leads/{{id}}'::text, ARRAY[n]), array_fill('192.0.2.7'::text, ARRAY[n]), true,
  nexakey.format(), ARRAY(SELECT generate_series(1, n)));
"""


class Rates:
    """Measures decisions a second, on the cores of the clients."""

    def __init__(self, context, server, cores):
        self.pgbench, = context.need("pgbench")
        self.server, self.cores = server, cores
        self.seconds, self.keys = context.sizes.seconds, context.sizes.keys
        self.folder = context.new_folder()
        numbers = random.Random(1).sample(range(1, self.keys + 1), self.keys)
        self.script = wrk.make_script(self.folder / "wrk.lua", "Authorization",
                                      [f"Bearer {KEY.format(number)}" for number in numbers],
                                      premade=True)

    def by_pgbench(self, batch):
        script = self.folder / "decide.sql"
        script.write_text(DECIDE.format(keys=self.keys, batch=batch))
        told = subprocess.run(
            [self.pgbench, "--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}",
             f"--time={self.seconds}", f"--file={script}", self.server.url], check=True,
            capture_output=True, text=True, **machine.on_cores(*self.cores)).stdout
        return batch * float(re.search(r"tps = ([\d.]+)", told)[1])

    def by_serve(self, seconds=None):
        return wrk.measure(self.script, PORT, seconds or self.seconds, CONNECTIONS,
                           **machine.on_cores(*self.cores))

    def by_store(self, expected):
        """`verify --batch` with the requests of about the time of a run."""
        count = int(expected * self.seconds / CLIENTS)
        rng = random.Random()
        requests = self.folder / "requests"
        requests.write_text("".join(
            f'{{"key":"{KEY.format(rng.randint(1, self.keys))}","path":"/v1/leads/7"}}\n'
            for _ in range(count)))
        start = time.perf_counter()
        processes = []
        for _ in range(CLIENTS):
            with open(requests) as lines:
                processes.append(subprocess.Popen(
                    [machine.NEXAKEY, "--store", self.server.url, "verify", "--batch"],
                    stdin=lines, stdout=subprocess.DEVNULL, **machine.on_cores(*self.cores)))
        if any([process.wait() for process in processes]):
            raise NotRun("verify --batch failed")
        return CLIENTS * count / (time.perf_counter() - start)


def compare(context, rates, serving, situation):
    """Adds the figures of one situation."""
    served, stored, cpu = [], [], []
    for _ in range(context.sizes.runs):
        peer = rates.by_pgbench(BATCH)
        before = [machine.cpu_seconds(pid) for pid in (serving.pid, rates.server.pid)]
        told = rates.by_serve()
        after = [machine.cpu_seconds(pid) for pid in (serving.pid, rates.server.pid)]
        cpu.append([1e6 * (b - a) / told.requests for a, b in zip(before, after)])
        served.append((told.rate, peer))
        stored.append((rates.by_store(peer), peer))
    add = context.report.add_pairs
    peer = f"pgbench, the same statement, {BATCH} at a time"
    add(f"PostgreSQL, {situation}: `serve`, {CONNECTIONS} connections", figures.RATE, peer, served,
        0.75)
    add(f"PostgreSQL, {situation}: `verify --batch`, {CLIENTS} processes", figures.RATE, peer,
        stored, 0.75)
    add(f"PostgreSQL, {situation}: processor time of a decision of `serve`", figures.CPU,
        "the server", cpu, 0.5)


@contextlib.contextmanager
def server_with(context, keys, cores=None):
    """A server that runs on some cores, with a store of so many keys."""
    folder = context.new_folder()
    for parent in (context.folder, folder):
        parent.chmod(0o711)  # the user postgres goes through it
    with servers.Postgres(folder / "server", *SETTINGS) as server:
        if cores:
            server.run_on(cores)
        subprocess.run([machine.NEXAKEY, "--store", server.url, "create", "first", "--scope",
                        "read,write", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        server.execute(MAKE_KEYS.format(keys=keys))
        yield server


def postgres(context):
    """All situations, one after the other, on one server."""
    context.need("pgbench", "wrk")
    clients, of_server = ({core} for core in two_cores())
    with server_with(context, context.sizes.keys, of_server) as server:
        server.execute("ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf()")
        rates = Rates(context, server, clients)
        with servers.serve(server.url, PORT, **machine.on_cores(*clients)) as serving:
            # The server reads the keys, and each gets its rows.
            rates.by_serve(WARM_UP * context.sizes.seconds)
            compare(context, rates, serving, "new tables")
            # What autovacuum does after a while.
            server.execute("ALTER SYSTEM RESET autovacuum; SELECT pg_reload_conf(); VACUUM ANALYZE")
            compare(context, rates, serving, "a core of its own")
            one = [rates.by_pgbench(1) for _ in range(context.sizes.runs)]
            context.report.add("PostgreSQL, a core of its own: pgbench, one at a time",
                               figures.RATE, sorted(one)[len(one) // 2])
            both = clients | of_server
            server.run_on(both)
            machine.move(serving.pid, both)
            rates.cores = both
            compare(context, rates, serving, "the same cores")
