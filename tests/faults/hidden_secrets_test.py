#!/usr/bin/env python3
"""Keys and tokens are searched in all that nexakey leaves or passes on: hidden_secrets_test.py, with
NEXAKEY in the environment.

Commands and a server run under strace, with good and bad secrets. A secret may be read, and written
to the standard output and to the file that the user names; it is searched in every other argument of
every system call, in arguments and environments of processes, in the files beside the store, in
logs and messages, and in a core file. It is searched as it is, in hexadecimal and in base64.
"""

import base64
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import figure
from secret_home import NEXAKEY, TIME_LIMIT, Home, wait_for_server, why_not_traced

PASSWORD = "pAssW0rdOfAStoreUrl"
READING = re.compile(r"(?:\d+ +)?(?:\[pid +\d+\] )?(?:<\.\.\. )?(read|readv|pread64|recvfrom|recvmsg|readlink)\b")
OUTPUT = re.compile(r"write\w*\((1<|\d+<[^>]*/(?:\.[^/>]*\.new|[^/>]*\.(?:key|token))>)")


def forms(secret):
    """The secret as it may be found: its random part, and other spellings of it."""
    part = secret.split("_")[-1].encode()
    # base64 at each of the three places of a group, without the characters that its neighbours change
    encoded = [base64.b64encode(b"x" * at + part)[(at and 4):-4] for at in range(3)]
    return [part, part.hex().encode(), *encoded]


class Search:
    """The secrets, and where they were found."""

    def __init__(self, home):
        self.home, self.secrets, self.hits, self.places, self.permitted = home, [], 0, 0, 0

    def add(self, secret):
        self.secrets += forms(secret.strip())

    def look(self, data, where):
        self.places += 1
        for form in self.secrets:
            if form in data:
                self.hits += 1
                at = data.index(form)
                print(f"found in {where}: {data[max(0, at - 200):at + 60]!r}", file=sys.stderr)

    def look_at_calls(self, log):
        """All system calls, but those that read, and those that write where the user asked."""
        for line in log.read_bytes().splitlines():
            text = line.decode("latin-1")
            if READING.match(text) or OUTPUT.search(text):
                self.permitted += any(form in line for form in self.secrets)
                continue
            self.look(line, f"a system call of {log.name}")


def traced_all(home, name):
    """Shows all calls with whole texts, arguments and environments."""
    return ["strace", "-f", "-v", "-y", "-qqq", "-s", "1000000", "-o", str(home.path / f"{name}.calls")]


def commands(home, search):
    """Runs commands that make, take and refuse secrets; keeps what they say on standard error."""
    key = home.done("create", "first", "--scope", "read", "-q")
    token = home.done("token", "create", "ops", "--role", "admin", "-q")
    search.add(key)
    search.add(token)
    (home.path / "token").write_text(token)
    os.chmod(home.path / "token", 0o600)
    bad = key.strip()[:-1]
    other = "fc_live_" + "Q7" * 14
    search.add(other)
    said = b""
    tries = [(("create", "a", "--scope", "read", "--key-file", "a.key", "-q"), ""),
             (("create", "b", "--scope", "read", "-o", "json"), ""),
             (("token", "create", "t", "--role", "auditor", "--secret-file", "t.token"), ""),
             (("rotate", "a", "--grace", "1h", "--key-file", "a.key"), ""),
             (("rotate", "b", "--yes", "-q"), ""),
             (("verify", "-v"), key), (("verify",), other), (("verify",), bad), (("verify", "-o", "json"), token),
             (("verify", "--batch"), '{"key":"%s"}\n{"key":"%s","method":7}\n{"key":"%s"' % (key.strip(), other, other)),
             (("show", "-"), key), (("show", "-"), other), (("revoke", "-", "-y"), key + other + "\n"),
             (("import", "--keys", "-", "--scope", "read"), other + "\n" + bad + "\n"),
             (("scan", "-"), f"x = {other}\n"), (("export",), ""), (("list", "-o", "json"), ""),
             (("audit", "-o", "jsonl"), ""), (("doctor",), ""),
             (("list", "--store", f"postgresql://ann:{PASSWORD}@127.0.0.1:1/x"), ""),
             (("list", "--store", f"postgresql://ann:{PASSWORD}@[::/x?y"), ""),
             (("list", "--store", "unix:nowhere.sock", "--token-file", "token"), "")]
    for number, (words, stdin) in enumerate(tries):
        name = f"{number}-{words[0]}"
        shown = {"create", "rotate", "token"}
        result = home.run(*words, stdin=stdin, under=traced_all(home, name))
        for file in ("a.key", "t.token"):
            if (home.path / file).exists():
                search.add((home.path / file).read_text())
        for secret in re.findall(r"(?:fc_live|nxk)_\w{20,}", result.stdout):
            search.add(secret)
        if words[0] not in shown:
            search.look(result.stdout.encode(), f"the output of {words[0]}")
        said += result.stderr.encode()
    search.look(said, "messages")
    return key.strip(), other, token.strip()


def ask(path, target, lines):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIME_LIMIT)
        connection.connect(path)
        connection.sendall((f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + lines + "\r\n").encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def server(home, search, key, other, token):
    """A server with logs, good and bad requests, and its end by a signal that leaves a core file."""
    path = f"{home.path}/serve.sock"
    log = open(home.path / "server.log", "wb")
    serve = subprocess.Popen(
        [*traced_all(home, "serve"), NEXAKEY, "serve", "--listen", f"unix:{path}", "--trusted-proxy", "unix",
         "--log", "json"], env=home.env, cwd=home.path, stdout=log,
        stderr=log, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)))
    wait_for_server(serve, path)
    forwarded = "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /x?api_key={}\r\nX-Forwarded-For: 198.51.100.7\r\n"
    for secret in (key, other, key[:-1] + "!", token):
        for lines in (f"Authorization: Bearer {secret}\r\n", f"X-Api-Key: {secret}\r\n",
                      f"Authorization: Basic {secret}\r\n", f"Authorization: Bearer {secret}\r\n" * 2):
            for target in ("/auth/forward", "/auth/nginx", "/v1/keys", "/healthz", "/v1/nothing"):
                search.look(ask(path, target, lines + forwarded.format("x")), f"the response of {target}")
    ask(path, f"/v1/keys?workspace={other}", f"Authorization: Bearer {token}\r\n")
    for child in Path(f"/proc/{serve.pid}/task/{serve.pid}/children").read_text().split():
        for name in ("cmdline", "environ"):
            search.look(Path(f"/proc/{child}/{name}").read_bytes(), name)
        os.kill(int(child), signal.SIGSEGV)
    serve.wait(TIME_LIMIT)
    log.close()


def main():
    if why := why_not_traced():
        figure.not_run(18, f"strace: {why}")
    with Home() as home:
        search = Search(home)
        search.secrets.append(PASSWORD.encode())
        key, other, token = commands(home, search)
        # The store's URL is an argument and is not shown; what follows must not have its password.
        server(home, search, key, other, token)
        calls = sorted(home.path.glob("*.calls"))
        for log in calls:
            if "postgresql" not in log.read_text(errors="replace"):
                search.look_at_calls(log)
        for file in home.path.rglob("*"):
            if file.is_file() and file not in calls and file.suffix not in (".key", ".token") and file.name != "token":
                search.look(file.read_bytes(), f"the file {file.name}")
        assert search.permitted > 20, "the secrets are not in what is read, either"
        figure.report(18, "system calls, files, logs, messages, responses, arguments, environments and cores "
                      f"searched for {len(search.secrets)} forms of secrets", search.places,
                      {"hits": search.hits})


if __name__ == "__main__":
    main()
