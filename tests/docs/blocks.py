#!/usr/bin/env python3
"""Runs the examples of a document: blocks.py DOCUMENT, with NEXAKEY in the environment.

Blocks whose info string has the word `run` are run by one bash, in order, in an empty home folder:

    ```sh run         a script; each command has to succeed
    ```console run    commands behind `$ `, continued behind `> `, and what they print in a terminal
                      of 100 columns; a line `...` stands for any lines
    <!-- run          a script that the reader does not see: what the document presupposes

Ids, keys, tokens, times and numbers of seconds in the document are examples, and columns may be wider
or narrower. An id that the document repeats must be the same id in the output each time; in a
command, it is replaced by the real one.
"""

import difflib
import fcntl
import os
import pty
import re
import secrets
import select
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import markdown

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
import transcripts  # noqa: E402

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TIME_LIMIT = 120  # seconds for a command, also of a binary with sanitizers

# The examples in a document, and the placeholders of transcripts.py that they become.
EXAMPLES = [
    (r"\b(?P<id>(?:key|tok)_[0-9a-hjkmnp-tv-z]{12})\b", lambda m: f"<{kind(m)}:{m['id']}>"),
    (r"\bfc_live_[0-9A-Za-z]{28}\b", "<key>"),
    (r"\bnxk_[0-9A-Za-z]{40}\b", "<token>"),
    (r"…[0-9A-Za-z]{4}\b", "…<four>"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time>"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:00:00Z", "<day>T<n>:00:00Z"),
    (r"\b\d{4}-\d\d-\d\d\b", "<day>"),
    (r"\b(?:now|\d+ (?:second|minute)s? ago)\b", "<ago>"),
    (r"(?<=X-RateLimit-Reset: )\d+", "<unix>"),
    (r"(?<=Retry-After: )\d+", "<n>"),
    (r"(?<=;t=)\d+", "<n>"),
    (r"\b[0-9a-f]{64}\b", "..."),
]


def kind(match):
    return "id" if match["id"].startswith("key_") else "tok"


def pattern_of(line):
    line = narrow(line)
    for example, placeholder in EXAMPLES:
        line = re.sub(example, placeholder, line)
    return line


def narrow(line):
    """A line with its columns as near to one another as they can be."""
    return re.sub(r"  +", "  ", line.rstrip())


class Failure(Exception):
    """What went wrong, and where."""


class Shell:
    """One bash for all blocks of a document."""

    def __init__(self, home, binary):
        self.home = str(home)
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("NEXAKEY", "XDG_"))}
        env |= {"HOME": self.home, "LC_ALL": "C.UTF-8", "TZ": "UTC", "USER": "ann",
                "TERM": "xterm-256color", "NO_COLOR": "1", "PAGER": "cat", "GIT_PAGER": "cat",
                "NEXAKEY_SYSTEM_CONFIG": f"{self.home}/none",
                "PATH": f"{Path(binary).parent}:{os.environ['PATH']}"}
        self.terminal, other_side = pty.openpty()
        fcntl.ioctl(other_side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.process = subprocess.Popen(["bash"], cwd=home, env=env, start_new_session=True,
                                        stdin=subprocess.PIPE, stdout=other_side, stderr=other_side)
        os.close(other_side)
        self.unread = b""

    def run(self, command, is_script):
        """What a command prints, and its status; None if bash ended with it."""
        mark = secrets.token_hex(16)
        # The command after this one finds the status of this one in `$?`.
        text = (("set -e\n" if is_script else "") + f"eval {shlex.quote(command)} </dev/null\n"
                f"__status=$?; printf '%s %d\\n' {mark} $__status; set +e; (exit $__status)\n")
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()
        output, give_up = self.unread, time.monotonic() + TIME_LIMIT
        end = re.compile(mark.encode() + rb" (\d+)\r\n")
        while not (done := end.search(output)):
            if not select.select([self.terminal], [], [], max(0, give_up - time.monotonic()))[0]:
                raise Failure(f"{command}: it still runs after {TIME_LIMIT} seconds")
            try:
                output += os.read(self.terminal, 65536)
            except OSError:  # how Linux reports that no process has the other side open
                return self.lines(output), None
        self.unread = output[done.end():]  # of a command in the background
        return self.lines(output[:done.start()]), int(done[1])

    def lines(self, output):
        text = COLOUR.sub("", output.decode("utf-8", "backslashreplace"))
        return text.replace(self.home, "/home/ann").splitlines()

    def close(self):
        """Ends bash and what it left in the background."""
        self.process.stdin.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.terminal)


def steps(block):
    """The commands of a `console` block, with the lines that they print."""
    found = []
    for number, line in enumerate(block.lines, block.line + 1):
        if line.startswith("$ "):
            found.append((number, line[2:], []))
        elif not found:
            raise Failure(f"line {number} is not below a command")
        elif line.startswith("> ") and not found[-1][2]:
            found[-1] = (found[-1][0], f"{found[-1][1]}\n{line[2:]}", [])
        else:
            found[-1][2].append(line)
    return found


def real(command, captured):
    """A command with the real ids in place of those of the document."""
    for example, value in captured.items():
        command = command.replace(example, value)
    return command


def run_script(shell, block, captured):
    output, status = shell.run(real(block.text, captured), is_script=True)
    if status != 0:
        raise Failure(f"line {block.line}: a command of this block failed:\n" + "\n".join(output))


def run_session(shell, block, captured):
    for line, command, expected in steps(block):
        output, status = shell.run(real(command, captured), is_script=False)
        if status is None:
            raise Failure(f"line {line}: $ {command}: bash ended:\n" + "\n".join(output))
        patterns = [pattern_of(text) for text in expected]
        found = transcripts.match(patterns, [narrow(text) for text in output], captured)
        if found is None:
            raise Failure(f"line {line}: $ {command}\n" + "\n".join(difflib.unified_diff(
                expected, output, "the document", "what it prints", lineterm="")))
        captured.update(found)


def run_document(path, binary):
    """Runs the marked blocks of a document, and returns how many there are."""
    marked = [block for block in markdown.blocks(path) if "run" in block.info.split()[1:]]
    captured = {}  # ids of the document, and the real ones
    with tempfile.TemporaryDirectory(prefix="nexakey-") as home:
        shell = Shell(home, binary)
        try:
            for block in marked:
                language = block.info.split()[0]
                {"sh": run_script, "console": run_session}[language](shell, block, captured)
        finally:
            shell.close()
    return len(marked)


def main():
    path, binary = Path(sys.argv[1]), os.path.abspath(os.environ["NEXAKEY"])
    for _ in range(2):
        day = time.gmtime().tm_yday
        try:
            count = run_document(path, binary)
            print(f"{path.name}: {count} blocks run")
            return count == 0
        except Failure as failure:
            print(f"{path.name}: {failure}")
        if time.gmtime().tm_yday == day:  # all counts are of the same day
            break
    return 1


if __name__ == "__main__":
    sys.exit(main())
