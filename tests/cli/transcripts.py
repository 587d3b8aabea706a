#!/usr/bin/env python3
"""Runs transcripts: commands with their expected output and exit status.

    $ command                     run by bash, in the home of this transcript
    > more of it
    expected standard output
    ! expected standard error
    ? 2                           expected exit status; the default is 0
    # a comment

    $ [tty 60x24] command         in a terminal of that size
    $ [tty 60x24, types "y\\n"] command   typed once there is a prompt, or a note with Ctrl-D

A line `...` matches any lines, `...` in a line matches any text. <id>, <key>, <time> and the others
of KINDS match text of their kind; <id:name> also keeps it as $name for later commands, and matches
only the same text from then on. The home is shown as ~ and the escape character as ␛.

For each transcript, the runner also checks that keys and tokens occur only in the output of `create`
and `rotate` and in files they are written to, and never in a store.

The store is a file, or in PostgreSQL if NEXAKEY_TEST_POSTGRES is the folder of a server.
"""

import contextlib
import difflib
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

KINDS = {
    "id": r"key_[0-9a-hjkmnp-tv-z]{12}",
    "key": r"fc_live_[0-9A-Za-z]{28}",
    "token": r"nxk_[0-9A-Za-z]{40}",
    "tok": r"tok_[0-9a-hjkmnp-tv-z]{12}",
    "four": r"[0-9A-Za-z]{4}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "day": r"\d{4}-\d\d-\d\d",
    "unix": r"\d{10}",
    "n": r"\d+",
    "ago": r"(?:now|\d+ ?[a-z]+ ago)",
}
PLACEHOLDER = re.compile(r"<(%s)(?::(\w+))?>|\.\.\." % "|".join(KINDS))
WHOLE_SECRET = re.compile("|".join((KINDS["key"], KINDS["token"])))
TERMINAL = re.compile(r'\[tty (\d+)x(\d+)(?:, types "(.*?)")?\] ')
TIME_LIMIT = 300  # seconds; under a sanitizer each command takes a tenth of one


@dataclass
class Step:
    line: int
    command: str
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    status: int = 0


class Mismatch(Exception):
    """The difference between the expected and the actual output."""


def parse(text):
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("$ "):
            steps.append(Step(number, line[2:]))
        elif line.startswith("#") or not (steps or line):
            continue
        elif not steps:
            raise Mismatch(f"line {number} is not below a command: {line}")
        elif line.startswith("> ") and not (steps[-1].stdout or steps[-1].stderr):
            steps[-1].command += "\n" + line[2:]
        elif line == "!" or line.startswith("! "):
            steps[-1].stderr.append(line[2:])
        elif line.startswith("? "):
            steps[-1].status = int(line[2:])
        else:
            steps[-1].stdout.append(line)
    if not steps:
        raise Mismatch("it has no commands")
    for step in steps:
        while step.stdout and not step.stdout[-1]:
            step.stdout.pop()
    return steps


def match_line(pattern, line, captured):
    """The captures of a line; None if it does not match."""
    regex, names, at = "", {}, 0
    for hole in PLACEHOLDER.finditer(pattern):
        regex += re.escape(pattern[at:hole.start()])
        kind, name = hole.groups()
        if name in captured:
            regex += re.escape(captured[name])
        elif kind:
            regex += f"(?P<{name}>{KINDS[kind]})" if name else KINDS[kind]
        else:
            regex += ".*?"
        at = hole.end()
    found = re.fullmatch(regex + re.escape(pattern[at:]), line)
    return found.groupdict() if found else None


def match(patterns, lines, captured):
    """The same for several lines."""
    if not patterns:
        return {} if not lines else None
    if patterns[0] == "...":
        ends = (match(patterns[1:], lines[i:], captured) for i in range(len(lines) + 1))
        return next((end for end in ends if end is not None), None)
    found = match_line(patterns[0], lines[0], captured) if lines else None
    if found is None:
        return None
    rest = match(patterns[1:], lines[1:], captured | found)
    return None if rest is None else found | rest


def difference(what, patterns, lines, captured):
    def as_it_came(pattern):
        alike = (line for line in lines if match_line(pattern, line, captured) is not None)
        return pattern if pattern == "..." else next(alike, pattern)

    expected = [as_it_came(pattern) for pattern in patterns]
    return "\n".join(difflib.unified_diff(
        expected, lines, f"expected {what}", f"actual {what}", lineterm="", n=10))


def run_piped(command, home, env):
    done = subprocess.run(["bash", "-c", command], cwd=home, env=env, timeout=TIME_LIMIT,
                          stdin=subprocess.DEVNULL, capture_output=True)
    return done.stdout, done.stderr, done.returncode


def run_in_terminal(command, home, env, typed):
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(home)
        os.execvpe("bash", ["bash", "-c", command], env)
    output, give_up = b"", time.monotonic() + TIME_LIMIT
    while select.select([terminal], [], [], max(0, give_up - time.monotonic()))[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux: the other side is closed
            piece = b""
        if not piece:
            break
        output += piece
        if typed and (not output.endswith(b"\n") or b"Ctrl-D" in output):
            os.write(terminal, typed)
            typed = b""
    os.close(terminal)
    return output.replace(b"\r\n", b"\n"), b"", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def visible(output, home):
    text = output.decode("utf-8", "backslashreplace").replace(home, "~")
    return text.replace("\x1b", "␛").replace("\r", "␍").split("\n")


def run_step(step, home, env, captured):
    """Standard output, standard error and status."""
    env = env | captured
    terminal = TERMINAL.match(step.command)
    if terminal:
        columns, rows, typed = terminal.groups()
        # The size must be set before the command asks for it.
        command = f"stty cols {columns} rows {rows}; {step.command[terminal.end():]}"
        typed = (typed or "").encode().decode("unicode_escape").encode()
        out, err, status = run_in_terminal(command, home, env, typed)
    else:
        out, err, status = run_piped(step.command, home, env)
    out, err = visible(out, home), visible(err, home)
    for lines in (out, err):
        if lines[-1] == "":
            lines.pop()
    return out, err, status


def check_step(step, out, err, status, captured):
    problems = []
    for what, patterns, lines in (("stdout", step.stdout, out), ("stderr", step.stderr, err)):
        found = match(patterns, lines, captured)
        if found is None:
            problems.append(difference(what, patterns, lines, captured))
        else:
            captured |= found
    if status != step.status:
        problems.append(f"expected status {step.status}, actual status {status}")
    is_shown = WHOLE_SECRET.search("\n".join(out + err))
    if is_shown and not re.search(r"\b(create|rotate|cat)\b", step.command):
        problems.append("a whole key was printed, or a token")
    if problems:
        raise Mismatch(f"line {step.line}: $ {step.command}\n" + "\n".join(problems))


def check_stores(home, secrets):
    """Checks that the stores in this home contain no key and no token."""
    files = [path for path in Path(home).rglob("*") if path.is_file() and not path.is_symlink()]
    contents = {path: path.read_bytes() for path in files}
    stores = [path for path in files if ".db" in path.name]
    pattern = WHOLE_SECRET.pattern.encode()
    secrets = set(secrets).union(*(map(bytes.decode, re.findall(pattern, content))
                                   for path, content in contents.items() if path not in stores))
    for path in stores:
        if any(secret.encode() in contents[path] for secret in secrets):
            raise Mismatch(f"there is a whole key in {path.name}, or a token")


def environment(home, binary):
    kept = {name: os.environ[name] for name in ("LANG", "ASAN_OPTIONS", "TSAN_OPTIONS")
            if name in os.environ}
    return kept | {
        "PATH": f"{Path(binary).parent}:{os.environ['PATH']}",
        "HOME": home,
        "XDG_CONFIG_HOME": home + "/config",
        "XDG_DATA_HOME": home + "/data",
        "NEXAKEY_SYSTEM_CONFIG": home + "/etc/config.toml",
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
        "TZ": "America/St_Johns",  # reveals local times in the output
        "PYTHONDONTWRITEBYTECODE": "1",
        "TESTS": str(Path(__file__).parent.resolve()),
    }


@contextlib.contextmanager
def database_on(server):
    """Creates a database on the PostgreSQL server in this folder."""
    def psql(command):
        subprocess.run(["psql", "-qX", "-h", server, "-U", "postgres", "-c", command], check=True)

    name = f"transcript_{os.getpid()}"
    psql(f"CREATE DATABASE {name}")
    try:
        yield f"postgresql://postgres@/{name}?host={server}"
    finally:
        psql(f"DROP DATABASE {name} WITH (FORCE)")


def run_transcript(path, binary):
    captured, secrets = {}, []
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="nexakey-"))
        env = environment(home, binary)
        if server := os.environ.get("NEXAKEY_TEST_POSTGRES"):
            env["NEXAKEY_STORE"] = stack.enter_context(database_on(server))
            Path(env["XDG_DATA_HOME"]).mkdir()  # so that the home looks as with a file
        for step in parse(path.read_text()):
            out, err, status = run_step(step, home, env, captured)
            secrets += WHOLE_SECRET.findall("\n".join(out + err))
            check_step(step, out, err, status, captured)
        check_stores(home, secrets)


def main():
    binary = os.path.abspath(os.environ["NEXAKEY"])
    failed = 0
    for name in sys.argv[1:]:
        try:
            run_transcript(Path(name), binary)
        except (Mismatch, subprocess.TimeoutExpired) as problem:
            failed += 1
            print(f"{name}: {problem}\n")
    print(f"{len(sys.argv) - 1 - failed} transcripts passed, {failed} failed")
    return failed > 0 or len(sys.argv) == 1


if __name__ == "__main__":
    sys.exit(main())
