#!/usr/bin/env python3
"""Completion in the shells themselves: completion_test.py bash|zsh|fish.

Each shell runs in a pseudo-terminal. The test types a line and presses the tab key; then it inserts
`printf` before the line, so that the shell itself prints the words of the line.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

PROMPT = "ready>"
START = {
    "bash": """PS1='ready''>'; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'
               source <(nexakey completion bash)""",
    "bash-completion": """PS1='ready''>'; bind 'set enable-bracketed-paste off'
               bind 'set bell-style none'; source /usr/share/bash-completion/bash_completion
               source <(nexakey completion bash)""",
    "zsh": """autoload -U compinit; compinit -u -D; unset zle_bracketed_paste; setopt no_beep
              source <(nexakey completion zsh); PROMPT='ready''>'""",
    "fish": """function fish_prompt; echo -n 'ready''>'; end; set -g fish_autosuggestion_enabled 0
               set -g fish_greeting; nexakey completion fish | source""",
}
COMMAND = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "bash-completion": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
PACKAGE = {
    "bash": ("bash", "bash"),
    "bash-completion": ("/usr/share/bash-completion/bash_completion", "bash-completion"),
    "zsh": ("zsh", "zsh"),
    "fish": ("fish", "fish"),
}
TIME_LIMIT = 20
ROWS = 50  # for all commands: a shell scrolls those that do not fit


class Shell:
    """A shell in a pseudo-terminal."""

    def __init__(self, name, home, env):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(home)
            termios.tcsetwinsize(0, (ROWS, 80))
            os.execvpe(COMMAND[name][0], COMMAND[name], env)
        self.output = ""
        for line in START[name].splitlines():
            self.type(line.strip() + "\n")
        self.wait_for(re.escape(PROMPT))

    def type(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern):
        """The output up to and including a pattern."""
        give_up = time.monotonic() + TIME_LIMIT
        while not (found := re.search(pattern, self.output, re.DOTALL)):
            left = max(0, give_up - time.monotonic())
            if not select.select([self.terminal], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in {self.output!r}")
            self.output += os.read(self.terminal, 65536).decode("utf-8", "replace")
        text, self.output = self.output[:found.end()], self.output[found.end():]
        return text

    def complete(self, line):
        """The words of the line after the tab key."""
        self.type(line + "\t")
        # Inserts a command at the start of the line and another one at its end.
        self.type("\x01printf '<%s>' \x05 ; printf '<e%s>' nd\n")
        text = self.wait_for(r"<end>.*?" + re.escape(PROMPT))
        return re.findall(r"<([^<>]*)>", text[text.rindex("<nexakey>"):])[1:-1]

    def offers(self, line):
        """The output after pressing the tab key twice."""
        self.type(line + "\t\t")
        time.sleep(0.5)
        self.type("\x15echo e''nd\n")
        return self.wait_for(r"end\r\n.*?" + re.escape(PROMPT))

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.process, 0)


def make_store(env, *arguments):
    subprocess.run(["nexakey", "create", "--scope", "read", "--quiet", *arguments], env=env,
                   check=True, stdout=subprocess.DEVNULL)


def ask(env, *arguments):
    return subprocess.run(["nexakey", *arguments], env=env, check=True, capture_output=True,
                          text=True).stdout.strip()


def cases(env):
    """Lines, and the words they are completed to."""
    crm = ask(env, "show", "crm", "-q")
    yield "nexakey crea", ["create"]
    yield "nexakey whitelist re", ["whitelist", "remove"]
    yield "nexakey create --rate", ["create", "--rate-limit"]
    yield "nexakey --works", ["--workspace"]
    yield "nexakey list --all", ["list", "--all-workspaces"]
    # Values of options
    yield "nexakey --output t", ["--output", "table"]
    yield "nexakey -o t", ["-o", "table"]
    yield "nexakey list --output=t", ["list", "--output=table"]
    yield "nexakey list --status su", ["list", "--status", "suspended"]
    yield "nexakey list --status=su", ["list", "--status=suspended"]
    yield "nexakey completion f", ["completion", "fish"]
    yield "nexakey help whitel", ["help", "whitelist"]
    yield "nexakey help exit", ["help", "exit-status"]
    yield "nexakey usage --by h", ["usage", "--by", "hour"]
    # Keys and workspaces
    yield "nexakey show cr", ["show", "crm"]
    yield f"nexakey show {crm[:12]}", ["show", crm]
    yield "nexakey show two", ["show", "two words"]
    yield r"nexakey show two\ w", ["show", "two words"]
    yield 'nexakey show "two w', ["show", "two words"]
    yield "nexakey show 'two w", ["show", "two words"]
    yield "nexakey show a:", ["show", "a:b=c"]
    yield "nexakey show a:b=", ["show", "a:b=c"]
    yield "nexakey show dol", ["show", "dollar $HOME `id`"]
    yield "nexakey show Zo", ["show", "Zoë"]
    yield "nexakey revoke crm two", ["revoke", "crm", "two words"]
    yield "nexakey whitelist add cr", ["whitelist", "add", "crm"]
    yield "nexakey list -w el", ["list", "-w", "elsewhere"]
    yield "nexakey -w elsewhere show o", ["-w", "elsewhere", "show", "other"]
    yield "nexakey show --store other.db s", ["show", "--store", "other.db", "stored"]
    yield "nexakey show --store=other.db s", ["show", "--store=other.db", "stored"]
    yield "nexakey show --store=sqlite:other.db s", ["show", "--store=sqlite:other.db", "stored"]
    # Files
    yield "nexakey --store oth", ["--store", "other.db"]
    yield "nexakey --store=oth", ["--store=other.db"]
    yield "nexakey --store sqlite:oth", ["--store", "sqlite:other.db"]
    yield "nexakey --store=sqlite:oth", ["--store=sqlite:other.db"]
    yield "nexakey verify --key-file a\\ f", ["verify", "--key-file", "a file"]
    # No candidates, and nothing is executed
    yield "nexakey create cr", ["create", "cr"]
    yield "nexakey show --store missing.db cr", ["show", "--store", "missing.db", "cr"]
    yield "nexakey show '$(touch run)' cr", ["show", "$(touch run)", "cr"]


def check(name, home, env):
    shell = Shell(name, home, env)
    failures = []
    for line, expected in cases(env):
        words = shell.complete(line)
        if words != expected:
            failures.append(f"{name}: {line!r} came to {words}, not {expected}")
    for line, expected in (
        ("nexakey ", ["create", "list", "show", "edit", "revoke", "whitelist", "usage", "verify"]),
        ("nexakey show ", ["crm", "two", "key_"]),
        ("nexakey verify --", ["--batch", "--explain", "--store", "--output"]),
    ):
        shown = shell.offers(line)
        failures += [f"{name}: {line!r} does not offer {word}: {shown!r}"
                     for word in expected if word not in shown]
    shell.close()
    if Path(home, "run").exists():
        failures.append(f"{name}: what was typed was run")
    return failures


def main():
    failures = []
    name = sys.argv[1]
    program, package = PACKAGE[name]
    if not (shutil.which(program) or Path(program).exists()):
        sys.exit(f"{name} is missing: apt-get install {package}")
    with tempfile.TemporaryDirectory(prefix="nexakey-") as home:
        env = {
            "PATH": f"{Path(os.environ['NEXAKEY']).resolve().parent}:{os.environ['PATH']}",
            "HOME": home, "NEXAKEY_SYSTEM_CONFIG": "/nowhere",
            "LC_ALL": "C.UTF-8", "TERM": "xterm", "COLUMNS": "200",
        }
        for key in ("crm", "two words", "a:b=c", "dollar $HOME `id`", "Zoë"):
            make_store(env, key)
        make_store(env, "other", "--workspace", "elsewhere")
        make_store(env, "stored", "--store", f"{home}/other.db")
        Path(home, "a file").touch()
        failures = check(name, home, env)
    print("\n".join(failures) or f"{name} completes as it should")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
