#!/usr/bin/env python3
"""Control characters, changes of direction and invalid bytes: terminal_test.py, with NEXAKEY in the
environment.

They come from each text column of a tampered store, from imports, from a remote server, from
arguments and file names, and from requests. None is in what a command writes to a terminal, or in
the log of a server.
"""

import contextlib
import json
import os
import pty
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import unicodedata

import figure
from secret_home import NEXAKEY, TIME_LIMIT, Home, wait_for_server


BAD = "a\x1b]0;x\x07\x1b[2J\r\x08\x7f\x9b31m\u202eb\u2066\u200f\u061c\u2028\ufeff\u00ad"
INVALID = b"a\xff\xfe\xc0\x80\xed\xa0\x80\x9b"
IS_LONG = "NEXAKEY_FIGURES" in os.environ  # all values in all columns, not one in each
COLORS = re.compile("\x1b\\[[0-9;]*m")
READING = (("list", "--status", "all"), ("list", "--status", "all", "-o", "json"), ("list", "-o", "jsonl"),
           ("list", "--status", "all", "--columns", "id,name,workspace,description,labels,whitelist"),
           ("show", "k"), ("show", "k", "-o", "json"), ("show", "{id}"), ("usage",), ("usage", "k"),
           ("usage", "{id}", "--by", "endpoint"), ("usage", "-o", "json"), ("audit",), ("audit", "-o", "jsonl"),
           ("audit", "--check"), ("token", "list"), ("token", "list", "-o", "json"), ("doctor",), ("export",),
           ("whitelist", "list", "{id}"), ("verify", "-v", "--key-file", "k.key"))
CHANGING = (("edit", "{id}", "--rate-limit", "7"), ("rotate", "{id}", "--grace", "1h"), ("revoke", "{id}", "-y"),
            ("token", "revoke", "t", "-y"), ("backup", "b.db"))


def bad_characters(data):
    """What of an output a terminal must not get."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "invalid bytes"
    text = COLORS.sub("", text.replace("\r\n", "\n"))
    return [hex(ord(c)) for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]


class Terminal:
    def __init__(self):
        self.count = self.hits = self.replaced = 0

    def check(self, data, where):
        self.count += 1
        self.replaced += "\ufffd".encode() in data or b"\\u" in data
        if found := bad_characters(data):
            self.hits += 1
            print(f"{where}: {found}: {data[-300:]!r}", file=sys.stderr)

    def run(self, home, where, *words, stdin=b""):
        """Runs a command in a terminal."""
        master, slave = pty.openpty()
        words = [word.encode() if isinstance(word, str) else word for word in words]
        process = subprocess.Popen([NEXAKEY, *words], env=home.env | {"TERM": "xterm", "LANG": "C.UTF-8"},
                                   cwd=home.path, stdin=subprocess.PIPE, stdout=slave, stderr=slave)
        os.close(slave)
        process.stdin.write(stdin)
        process.stdin.close()
        output = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            output += piece
        os.close(master)
        process.wait(TIME_LIMIT)
        self.check(output, f"{b' '.join(words)!r} {where}")
        assert process.returncode >= 0, (where, words, process.returncode)


def text_columns(database):
    for table, in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        for _, column, kind, *_ in database.execute(f"PRAGMA table_info({table})").fetchall():
            if kind.upper() == "TEXT":
                yield table, column


def fill(home):
    home.done("create", "k", "--scope", "read", "--key-file", "k.key", "-q", "--description", "x", "--label", "a=b",
              "--allow-ip", "127.0.0.1")
    home.done("create", "r", "--scope", "read", "-q", "-w", "other")
    home.done("revoke", "r", "-w", "other", "-y", "-q", "--reason", "left")
    home.done("token", "create", "t", "--role", "admin", "-q")
    home.run("verify", "--key-file", "k.key", "-q", "--ip", "127.0.0.1")
    home.done("usage", "-q")


def tampered(terminal):
    """Each text column of each table has bad characters."""
    with Home() as home:
        fill(home)
        ids = [key["id"] for key in home.keys("--name", "k")]
        with sqlite3.connect(home.path / "keys.db") as database:
            columns = list(text_columns(database))
        saved = {file: file.read_bytes() for file in home.path.glob("keys.db*")}
    values = (BAD.encode(), INVALID, b'{"a":"' + INVALID + b'"}', json.dumps({"a": BAD}).encode())
    for number, (table, column) in enumerate(columns):
        for value in values if IS_LONG else (values[number % 4],):
            with Home() as home:
                for file, data in saved.items():
                    path = home.path / file.name
                    path.touch(0o600)
                    path.write_bytes(data)
                home.run("usage", "-q")
                database = sqlite3.connect(home.path / "keys.db")
                database.execute("PRAGMA ignore_check_constraints = ON")
                try:
                    with database:
                        database.execute(f"UPDATE {table} SET {column} = CAST(? AS TEXT)", (value,))
                except sqlite3.Error:
                    continue
                finally:
                    database.close()
                for words in READING + CHANGING:
                    terminal.run(home, f"with bad {table}.{column}", *(word.format(id=ids[0]) for word in words))


def imported(terminal):
    """Each text of an export, and each line of a list of keys, has them."""
    with Home() as home:
        fill(home)
        lines = home.done("export").splitlines()
        for number, line in enumerate(lines):
            record = json.loads(line)
            for name, value in record.items():
                if isinstance(value, str):
                    for bad in (json.dumps(BAD).encode(), json.dumps(BAD, ensure_ascii=False).encode(), b'"' + INVALID + b'"'):
                        marked = json.dumps(record | {name: "@"}).encode().replace(b'"@"', bad)
                        text = b"\n".join([each.encode() for each in lines[:number]] + [marked] +
                                          [each.encode() for each in lines[number + 1:]])
                        terminal.run(home, f"with bad {name}", "import", "-", "--store", "new.db", stdin=text + b"\n")
        for text in (BAD.encode(), INVALID, b"fc_live_" + BAD.encode(), b"name,key\n" + BAD.encode() + b",x\n",
                     b'{"key":"x","name":"' + INVALID + b'"}\n', BAD.encode() + b",x\n"):
            for form in ("text", "csv", "json"):
                terminal.run(home, "of a list", "import", "--keys", "-", "--scope", "read", "--format", form, stdin=text)


def told(terminal):
    """Arguments, names of files, and what is verified."""
    with Home() as home:
        fill(home)
        for bad in (BAD.encode(), INVALID):
            for words in (("create", bad, "--scope", "read"), ("create", "n", "--scope", bad), ("show", bad),
                          ("edit", "k", "--label", bad), ("edit", "k", "--description", bad), (bad,), ("list", b"--" + bad),
                          ("list", "--store", bad), ("list", "--store", b"https://" + bad), ("list", "--workspace", bad),
                          ("import", bad), ("export", b"dir/" + bad), ("create", "n", "--scope", "read", "--key-file", b"no/" + bad),
                          ("verify", "--ip", bad), ("verify", "--path", bad), ("whitelist", "add", "k", bad),
                          ("scan", bad), ("token", "create", bad, "--role", "admin"), ("usage", "--since", bad)):
                terminal.run(home, "as an argument", *words)
            terminal.run(home, "as a key", "verify", stdin=bad)
            terminal.run(home, "in a batch", "verify", "--batch", stdin=bad + b"\n{\"key\":\"" + bad + b"\"}\n")
            name = bad.replace(b"/", b"").replace(b"\0", b"")
            (home.path / os.fsdecode(name)).write_text("x = fc_live_" + "Q7" * 14 + "\n")
            terminal.run(home, "as a file name", "scan", ".")
            os.unlink(home.path / os.fsdecode(name))


def remote(terminal):
    """A server answers with them, in the status line, the headers, JSON and errors."""
    with Home() as home:
        bodies = [json.dumps({"error": {"code": BAD, "message": BAD}}), BAD,
                  json.dumps({"error": {"code": "failed", "message": BAD, "hint": BAD}}),
                  json.dumps({"keys": [{"id": BAD, "name": BAD}], "next": BAD}),
                  json.dumps({"keys": [], "next": BAD, BAD: BAD}), '{"error":{"code":"x","message":"' + BAD + '"}}']
        answers = [(head.encode("utf-8") + b"\r\nContent-Type: application/json\r\nX: " + BAD.encode() +
                    b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)) + body
                   for head in ("HTTP/1.1 200 OK", "HTTP/1.1 403 " + BAD, "HTTP/1.1 500 x", BAD)
                   for body in [text.encode() for text in bodies] + [INVALID]]
        path = f"{home.path}/bad.sock"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(64)
        answer = []

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    try:
                        connection.recv(65536)
                        connection.sendall(answer[0])
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        token = home.path / "token"
        token.touch(0o600)
        token.write_text("nxk_" + "x" * 40 + "\n")
        for each in answers:
            answer[:] = [each]
            for words in (("list",), ("show", "key_000000000000"), ("create", "n", "--scope", "read"), ("audit",), ("doctor",)):
                if b" 500 " in each[:16] and words[0] != "list":
                    continue  # it is retried for long
                terminal.run(home, f"from a server: {each[:30]!r}", *words, "--store", f"unix:{path}", "--token-file", "token")
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def logged(terminal):
    """Requests have them; the log of the server does not."""
    with Home() as home:
        fill(home)
        for form in ("json", "text"):
            path, log = f"{home.path}/s.sock", home.path / f"{form}.log"
            with open(log, "wb") as file:
                server = subprocess.Popen([NEXAKEY, "serve", "--listen", f"unix:{path}", "--trusted-proxy", "unix",
                                           "--log", form], env=home.env, stdout=file, stderr=file)
                # A form of the log that this version does not have ends it.
                with contextlib.suppress(AssertionError):
                    wait_for_server(server, path)
                    for bad in (BAD.encode().replace(b"\r", b""), INVALID):
                        for request in (b"GET /" + bad + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                                        b"GET /auth/forward HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + bad +
                                        b"\r\nX-Forwarded-Uri: /" + bad + b"\r\nX-Forwarded-For: " + bad + b"\r\n\r\n",
                                        b"GET /auth/forward HTTP/1.1\r\nHost: " + bad + b"\r\nX-Forwarded-Method: " + bad +
                                        b"\r\n\r\n", bad + b" / HTTP/1.1\r\n\r\n"):
                            with socket.socket(socket.AF_UNIX) as connection:
                                connection.settimeout(5)
                                connection.connect(path)
                                connection.sendall(request)
                                connection.shutdown(socket.SHUT_WR)
                                try:
                                    while connection.recv(65536):
                                        pass
                                except OSError:
                                    pass
                    os.unlink(path)
                server.terminate()
                server.wait()
            terminal.check(log.read_bytes(), f"the log as {form}")


def main():
    terminal = Terminal()
    for source in (tampered, imported, told, remote, logged):
        source(terminal)
    assert terminal.replaced > 50, "the characters did not get as far as an output"
    figure.report(20, "outputs for tampered stores, imports, remote servers, arguments and requests", terminal.count,
                  {"with control, bidirectional or invalid characters": terminal.hits})


if __name__ == "__main__":
    main()
