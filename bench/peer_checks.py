"""What bench/peers finds out beside the rates: how exact a limit is, how soon a key is refused."""

import http.client
import threading
import time
import typing

LIMIT = 100  # requests in a window
WINDOW = 60  # seconds
# When requests are sent, in seconds. The first request opens a fixed window, whose end the others
# cross: by two bursts, or by a burst and requests at one and a half a second, with which a bucket
# fills again. An exact window admits 100 in any 60 seconds, and all of one a second.
EDGE = [0] + 120 * [57.5] + 120 * [60.5]
REFILL = [0] + 99 * [57.5] + [60.5 + n / 1.5 for n in range(84)]
STEADY = list(range(120))
SETTLED = 0.5  # seconds of refusals after which a key is revoked
LONGEST = 60  # seconds until then


class Answer(typing.NamedTuple):
    status: int
    sent: float  # both are times of time.monotonic()
    received: float


class Client:
    """A connection, which is opened again if the server closes it, as in a reload."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, key):
        try:
            return self._ask(key)
        except (http.client.HTTPException, ConnectionError):
            self.connection.close()
            return self._ask(key)

    def _ask(self, key):
        sent = time.monotonic()
        self.connection.request("GET", "/auth/nginx", headers={
            "X-Api-Key": key, "X-Original-Method": "GET", "X-Original-URI": "/v1/leads/7",
            "X-Real-IP": "198.51.100.7"})
        response = self.connection.getresponse()
        response.read()
        # nginx's auth_request knows only 401 and 403, so nexakey has the status in a header.
        status = int(response.getheader("X-Nexakey-Status", response.status))
        return Answer(status, sent, time.monotonic())


def check_keys(server):
    """A key is admitted, an unknown one is not."""
    client = Client(server.port)
    unknown = client.ask("fc_live_" + 28 * "0").status
    if client.ask(server.keys[0]).status != 200 or unknown not in (401, 403):
        raise SystemExit(f"{server.name} does not tell keys from others")


def check_limit(server, key):
    """The first 100 requests of a key are admitted, one of the next has 429."""
    client = Client(server.port)
    statuses = [client.ask(key).status for _ in range(LIMIT + 10)]
    if set(statuses[:LIMIT]) != {200} or 429 not in statuses[LIMIT:]:
        raise SystemExit(f"{server.name} does not have a limit of {LIMIT}")


def ask_at(server, key, times, start):
    """The answers to requests with a key at these times."""
    client = Client(server.port)
    answers = []
    for at in times:
        time.sleep(max(0, start + at - time.monotonic()))
        answers.append(client.ask(key))
    return answers


def most_admitted(answers):
    """The most admissions within a window. Those from the sending of the first request to the
    response to the last are counted, so that a slow response never adds to them."""
    admitted = [answer for answer in answers if answer.status == 200]
    first = most = 0
    for last, answer in enumerate(admitted):
        while answer.received - admitted[first].sent >= WINDOW:
            first += 1
        most = max(most, last - first + 1)
    return most


class Limits(typing.NamedTuple):
    most: int  # admitted in any 60 seconds; 100 are allowed
    refused: int  # of 120 at one a second, which are within the limit


def measure_limits(servers):
    """The `Limits` of servers with `LIMIT`, all at once, in two minutes."""
    answers = {}

    def run(server, pattern, key, times, start):
        answers[server.name, pattern] = ask_at(server, key, times, start)

    for server in servers:
        check_keys(server)
        check_limit(server, server.keys[1])
    patterns = {"edge": EDGE, "refill": REFILL, "steady": STEADY}
    start = time.monotonic() + 1
    threads = [threading.Thread(target=run, args=(server, pattern, key, times, start))
               for server in servers
               for key, (pattern, times) in zip(server.keys[2:], patterns.items())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {server.name: Limits(
        max(most_admitted(answers[server.name, pattern]) for pattern in ("edge", "refill")),
        sum(answer.status != 200 for answer in answers[server.name, "steady"]))
        for server in servers}


def revocation_delay(server, key):
    """Milliseconds from the start of a revocation to the last request that is admitted."""
    client = Client(server.port)
    if client.ask(key).status != 200:
        raise SystemExit(f"{server.name} refuses a key before it is revoked")
    revocation = threading.Thread(target=server.revoke, args=(key,))
    start = last_admitted = time.monotonic()
    revocation.start()
    while True:
        answer = client.ask(key)
        if answer.status == 200:
            last_admitted = answer.received
        elif not revocation.is_alive() and answer.received > last_admitted + SETTLED:
            return 1000 * (last_admitted - start)
        if answer.received > start + LONGEST:
            raise SystemExit(f"{server.name} does not refuse a revoked key")
