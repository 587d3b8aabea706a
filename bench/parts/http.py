"""`nexakey serve` over HTTP, beside nginx."""

import concurrent.futures
import os
import struct
import subprocess
import threading
import time

import machine
import report as figures
import servers
import wrk
from hold_times import HoldTimes
from inputs import make_store
from parts.decisions import MAX_HOLD

KEYS = 10_000
RATE_LIMIT = 100_000  # is not reached
NGINX_PORT, NEXAKEY_PORT, TWO_LOOPS_PORT, THROUGH_NGINX_PORT, THROUGH_NEXAKEY_PORT = range(
    18081, 18086)

RETURN_200 = "server {{ listen {address}; location / {{ return 200; }} }}"
# How docs/gateways/nginx.conf asks. The response of the API is one that takes nginx little.
AUTH_REQUEST = """
  upstream {name} {{ server unix:{socket}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ auth_request /_auth; empty_gif; }}
    location = /_auth {{
      internal;
      proxy_pass http://{name}/auth/nginx;
      proxy_http_version 1.1;
      proxy_pass_request_body off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Original-URI $request_uri;
      proxy_set_header X-Real-IP $remote_addr;
    }}
  }}
"""


def make_served(context, count=KEYS):
    """A store, and the values of the header `Authorization` with its keys."""
    store = context.new_folder() / "keys.db"
    keys = make_store(machine.NEXAKEY, store, count, RATE_LIMIT)
    return store, [f"Bearer {key}" for key in keys]


def serve(context):
    """/auth/nginx against nginx's `return 200`."""
    context.need("nginx", "wrk")
    store, values = make_served(context)
    script = wrk.make_script(store.parent / "wrk.lua", "Authorization", values)
    return_200 = RETURN_200.format(address=f"127.0.0.1:{NGINX_PORT}")
    with (servers.nginx(context.new_folder(), return_200, NGINX_PORT),
          servers.serve(store, NEXAKEY_PORT)):
        pairs = [[wrk.measure(script, port, context.sizes.seconds)
                  for port in (NEXAKEY_PORT, NGINX_PORT)] for _ in range(context.sizes.runs)]
    add = context.report.add_pairs
    add(f"`serve`: `/auth/nginx`, {KEYS:,} keys, {wrk.CONNECTIONS} connections, all windows exact,"
        " all counted", figures.RATE, f"nginx's `return 200`, {os.cpu_count()} processes",
        [[one.rate for one in pair] for pair in pairs], 0.81)
    add("`serve`: p99 of these responses", figures.MILLISECONDS, "the same",
        [[one.p99 for one in pair] for pair in pairs], 1.7)


def loops(context):
    """serve with two loops, against one. The load takes as much time as a loop, so that a rate says
    little with fewer than four cores; processor time does."""
    context.need("wrk")
    store, values = make_served(context)
    script = wrk.make_script(store.parent / "wrk.lua", "Authorization", values)
    with (servers.serve(store, NEXAKEY_PORT) as one,
          servers.serve(store, TWO_LOOPS_PORT, "--loops", "2") as two):
        def measure(port, process):
            before = machine.cpu_seconds(process.pid)
            told = wrk.measure(script, port, context.sizes.seconds)
            return told.rate, 1e6 * (machine.cpu_seconds(process.pid) - before) / told.requests

        pairs = [(measure(TWO_LOOPS_PORT, two), measure(NEXAKEY_PORT, one))
                 for _ in range(context.sizes.runs)]
    rates, processor_times = zip(*(zip(*pair) for pair in pairs))
    add = context.report.add_pairs
    add(f"`serve --loops 2` and the load on {os.cpu_count()} cores", figures.RATE, "one loop", rates)
    add("`serve --loops 2`: processor time of a request", figures.CPU, "one loop", processor_times)


def auth_request(context):
    """nginx that asks nexakey about each request, against nginx that asks another nginx."""
    context.need("nginx", "wrk")
    store, values = make_served(context)
    script = wrk.make_script(store.parent / "wrk.lua", "Authorization", values, path="/")
    folder = context.new_folder()
    sockets = {"nexakey": folder / "nexakey", "second": folder / "second"}
    ports = {"nexakey": THROUGH_NEXAKEY_PORT, "second": THROUGH_NGINX_PORT}
    front = "".join(AUTH_REQUEST.format(name=name, socket=sockets[name], port=ports[name])
                    for name in ports)
    return_200 = RETURN_200.format(address=f"unix:{sockets['second']}")
    with (servers.serve(store, sockets["nexakey"]) as nexakey,
          servers.nginx(context.new_folder(), return_200, sockets["second"]) as second,
          servers.nginx(context.new_folder(), front, THROUGH_NEXAKEY_PORT)):
        def measure(name, process):
            """Requests a second, and microseconds of processor time of the server that decides."""
            before = machine.cpu_seconds(process.pid)
            told = wrk.measure(script, ports[name], context.sizes.seconds)
            return told.rate, 1e6 * (machine.cpu_seconds(process.pid) - before) / told.requests

        pairs = [(measure("nexakey", nexakey), measure("second", second))
                 for _ in range(context.sizes.runs)]
    rates, processor_times = zip(*(zip(*pair) for pair in pairs))
    add = context.report.add_pairs
    add(f"nginx with `auth_request` to `serve` over a Unix socket, {wrk.CONNECTIONS} connections",
        figures.RATE, "`auth_request` to a second nginx, `return 200`", rates, 0.85)
    add("`auth_request`: processor time of `serve`, a request", figures.CPU, "the second nginx",
        processor_times, 1.3)


STALL_KEYS = 200_000
# So that there are windows of new keys all the time, and files for them are made again and again.
IN_A_ROW = 50
PAUSE = 0.1  # seconds between changes
SERIAL_OFFSET = 80  # of the windows file, docs/file-formats.md


def change_until(stopped, store, env):
    """Creates, edits and revokes keys, and flushes the journal. Returns how many changes it made,
    and how long the slowest took, in milliseconds."""
    def run(*words):
        return subprocess.run([machine.NEXAKEY, "--store", store, *words], check=True, env=env,
                              capture_output=True, text=True).stdout

    times = []
    while not stopped.wait(PAUSE):
        name = f"change {len(times)}"
        for words in (["create", name, "--scope", "read", "--quiet"],
                      ["edit", name, "--description", "changed", "--quiet"],
                      ["revoke", name, "--yes", "--quiet"]):
            start = time.perf_counter()
            run(*words)
            times.append(1000 * (time.perf_counter() - start))
        run("usage", "--quiet")
    return len(times), max(times, default=0)


def serial_of(store):
    """The serial of the windows file: it has been made anew as often, less one."""
    with open(f"{store}-windows", "rb") as file:
        return struct.unpack_from("<Q", file.read(SERIAL_OFFSET + 8), SERIAL_OFFSET)[0]


def stalls(context):
    """The slowest responses at full rate, while the store changes, and how long its lock is held.
    """
    context.need("wrk")
    store, values = make_served(context, STALL_KEYS)
    script = wrk.make_script(store.parent / "wrk.lua", "Authorization", values,
                             in_a_row=IN_A_ROW)
    times = HoldTimes(context.built("hold_times.so"), store.parent / "times")
    stopped = threading.Event()
    with (servers.serve(store, NEXAKEY_PORT, env=times.env),
          concurrent.futures.ThreadPoolExecutor() as pool):
        changes = pool.submit(change_until, stopped, store, times.env)
        try:
            told = wrk.measure(script, NEXAKEY_PORT, context.sizes.stalls)
        finally:
            stopped.set()
        count, slowest = changes.result()
    elapsed, processor = times.elapsed, times.processor
    add = context.report.add
    seconds = context.sizes.stalls
    add(f"`serve`, {seconds} seconds at full rate, with changes, flushes, checkpoints and rebuilds"
        " of the windows file: p99.99", figures.MILLISECONDS, told.p9999, 20,
        f"{told.requests:,} requests, {count:,} changes, {serial_of(store) - 1} rebuilds")
    add("`serve` under this load: the slowest response", figures.MILLISECONDS, told.slowest)
    add("`serve` under this load: the slowest change", figures.MILLISECONDS, slowest)
    add("`serve` under this load: p99 of the holds of the live lock", figures.MILLISECONDS,
        elapsed.quantile(0.99) / 1e6)
    add("`serve` under this load: the longest hold of the live lock", figures.MILLISECONDS,
        elapsed.max / 1e6, MAX_HOLD, f"{figures.rounded(processor.max / 1e6)} ms of processor time")
