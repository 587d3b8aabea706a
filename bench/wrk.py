"""Runs wrk, which asks as a gateway does, with many keys over 64 connections."""

import pathlib
import re
import subprocess

SCRIPT = """
local values, n = {{}}, 0
for value in io.lines("{values}") do values[#values + 1] = value end
request = function()
  n = n + 1
  return wrk.format("GET", "/auth/nginx", {{
    ["{header}"] = values[n % #values + 1], ["X-Original-Method"] = "GET",
    ["X-Original-URI"] = "/v1/leads/7", ["X-Real-IP"] = "198.51.100.7" }})
end
"""


def make_script(path, header, values):
    """Writes a script of wrk, whose requests have the values of a header in turns."""
    listed = pathlib.Path(path).with_suffix(".values")
    listed.write_text("".join(f"{value}\n" for value in values))
    pathlib.Path(path).write_text(SCRIPT.format(header=header, values=listed))


def measure(script, port, seconds):
    """Requests a second, and the 99th percentile of the latency in milliseconds."""
    told = subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}", "--timeout", "60", "--latency",
                           "-s", script, f"http://127.0.0.1:{port}/"],
                          check=True, capture_output=True, text=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])
    if rate == 0 or "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit("not every request was answered with 200:\n" + told)
    slowest, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", told).groups()
    return rate, float(slowest) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
