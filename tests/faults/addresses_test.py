#!/usr/bin/env python3
"""Whitelists against Python's ipaddress: addresses_test.py [ADDRESSES], with NEXAKEY and
NEXAKEY_TEST_POSTGRES in the environment.

Batches of verify ask about address texts of all kinds, valid and not, for keys whose whitelists
have ranges of all kinds; through SQLite, a server, and PostgreSQL if there is one. An address is
admitted exactly if ipaddress has it in one of the ranges.
"""

import ipaddress
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import figure
from secret_home import IN_MEMORY, NEXAKEY, Home, served

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from transcripts import database_on

ADDRESSES = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
KEYS = 12
MAPPED = ipaddress.ip_network("::ffff:0:0/96")


def random_range(source):
    if source.random() < 0.5:
        length = source.choice((0, 1, 7, 8, 9, 15, 16, 23, 24, 25, 30, 31, 32))
        return ipaddress.ip_network((source.getrandbits(32), length), strict=False)
    length = source.choice((0, 1, 16, 32, 48, 63, 64, 65, 95, 97, 120, 127, 128))
    return ipaddress.ip_network((source.getrandbits(128), length), strict=False)


def near(source, ranges):
    """An address in a range, at its edges or beside it, or any other."""
    network = source.choice(ranges)
    size = 32 if network.version == 4 else 128
    first, last = int(network.network_address), int(network.broadcast_address)
    number = source.choice((first, last, first - 1, last + 1, source.randint(first, last), source.getrandbits(size)))
    number %= 1 << size
    return ipaddress.IPv4Address(number) if size == 32 else ipaddress.IPv6Address(number)


def spelled(source, address):
    """The address in one of its spellings, or as text that is none."""
    text = str(address)
    way = source.randrange(12)
    if address.version == 6:
        text = (text, address.exploded, text.upper(), f"::ffff:{ipaddress.IPv4Address(int(address) & 0xffffffff)}")[way % 4]
    if way < 8:
        return text
    at = source.randrange(len(text) + 1)
    return source.choice((text[:at] + source.choice("0:.g/ %-x١") + text[at:], text[:at], text + "/32", f"0{text}",
                          text.replace(".", ".0", 1), f"[{text}]", f" {text}", text + "%eth0", "", text + "\0"))


def is_admitted(text, ranges):
    """By ipaddress; an IPv4 address in an IPv6 address is that IPv4 address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 6 and address.scope_id:
        return None
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address.version == network.version and address in network for network in ranges)


def questions(source, keys):
    for _ in range(ADDRESSES):
        key, ranges = source.choice(keys)
        text = spelled(source, near(source, ranges))
        yield {"key": key, "method": "GET", "path": "/", "ip": text}, is_admitted(text, ranges)


def ask(home, asked):
    lines = "".join(json.dumps(question) + "\n" for question, _ in asked)
    done = subprocess.run([NEXAKEY, "verify", "--batch", "--dry-run"], env=home.env, input=lines, capture_output=True,
                          text=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked), (len(answers), done.stderr[-300:])
    return answers


def differences(home, backend, source):
    keys = []
    for number in range(KEYS):
        ranges = [random_range(source) for _ in range(source.choice((1, 2, 5, 40)))]
        words = [word for each in ranges for word in ("--allow-ip", str(each))]
        keys.append((home.done("create", f"k{number}", "--scope", "read", "-q", *words).strip(), ranges))
    asked = list(questions(source, keys))
    wrong = 0
    for (question, wanted), answer in zip(asked, ask(home, asked)):
        # What is not an address is refused, as an invalid request or as an address that is not allowed.
        if bool(answer.get("allowed")) != bool(wanted) or (wanted is not None and "allowed" not in answer):
            wrong += 1
            if wrong < 10:
                print(f"{backend}: {question['ip']!r}: {answer} in the place of {wanted}", file=sys.stderr)
    return wrong


def main():
    source = random.Random(int(os.environ.get("NEXAKEY_SEED", "1")))
    tempfile.tempdir = IN_MEMORY
    wrong, backends = 0, ["SQLite", "a server"]
    with Home() as home:
        wrong += differences(home, "SQLite", source)
    with Home() as home, served(home) as path:
        with Home(f"unix:{path}", NEXAKEY_TOKEN_FILE=f"{home.path}/admin.token") as client:
            wrong += differences(client, "a server", source)
    if server := os.environ.get("NEXAKEY_TEST_POSTGRES"):
        backends.append("PostgreSQL")
        with database_on(server) as url, Home(url) as home:
            wrong += differences(home, "PostgreSQL", source)
    figure.report(12, f"address texts against Python's ipaddress, through {', '.join(backends)}",
                  ADDRESSES * len(backends), {"differences": wrong})


if __name__ == "__main__":
    main()
