"""Runs wrk, which asks a server as a gateway does, with many keys over keep-alive connections."""

import re
import subprocess
import typing

CONNECTIONS = 64
SCRIPT = """
local values, requests, n = {{}}, {{}}, 0
for value in io.lines("{values}") do values[#values + 1] = value end
local function make(value)
  return wrk.format("GET", "{path}", {{
    ["{header}"] = value, ["X-Original-Method"] = "GET",
    ["X-Original-URI"] = "/v1/leads/7", ["X-Real-IP"] = "198.51.100.7" }})
end
init = function()
  for i = 1, {premade} do requests[i] = make(values[i]) end
end
request = function()
  n = n + 1
  local i = math.floor(n / {in_a_row}) % #values + 1
  return requests[i] or make(values[i])
end
"""
# All latencies as numbers; by itself, wrk does not tell the p99.99.
DONE = """
done = function(summary, latency)
  local errors = summary.errors
  print(("load: %d %d %d %d %d %d"):format(summary.requests, summary.duration,
    latency:percentile(99), latency:percentile(99.99), latency.max,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
"""


class Load(typing.NamedTuple):
    """What a server did under load. Latencies are in milliseconds."""
    requests: int
    rate: float  # a second
    p99: float
    p9999: float
    slowest: float


def make_script(file, header, values, path="/auth/nginx", in_a_row=1, premade=False):
    """Writes a script of wrk, whose requests have the values of a header in turns, each `in_a_row`
    times. If they are made before the load begins, wrk itself takes less time. Returns its file."""
    listed = file.with_suffix(".values")
    listed.write_text("".join(f"{value}\n" for value in values))
    file.write_text(SCRIPT.format(values=listed, header=header, path=path, in_a_row=in_a_row,
                                  premade=len(values) if premade else 0) + DONE)
    return file


def command(script, port, seconds, connections=CONNECTIONS):
    """The command that sends requests to a port of this machine for a time."""
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "60", "-s", script,
            f"http://127.0.0.1:{port}/"]


def read(told):
    """What wrk told with a script that ends with DONE. Throws SubprocessError if not every request
    was answered with success."""
    requests, duration, *latencies, errors = map(int, re.search(
        r"load: (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", told).groups())
    if errors or not requests:
        raise subprocess.SubprocessError(
            f"{errors} of {requests} requests were not answered with success:\n{told}")
    return Load(requests, requests / (duration / 1e6), *(latency / 1000 for latency in latencies))


def measure(script, port, seconds, connections=CONNECTIONS, **options):
    """Sends requests for a time, and returns what the server did."""
    return read(subprocess.run(command(script, port, seconds, connections), check=True,
                               capture_output=True, text=True, **options).stdout)
