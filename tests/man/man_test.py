#!/usr/bin/env python3
"""Compares the manual with the binary: man_test.py CHECK NEXAKEY FOLDER.

lint        mandoc reports no problem in any page
commands    each command has a page, nexakey.1 names it, each page is of a command and is installed
options     each option of a command is described in its page, those of all commands in nexakey.1
documented  each option that a page describes or mentions exists
topics      `help environment`, `exit-status` and `output` name what the sections of nexakey.1 name
api         nexakey-api.7 has each operation of the contract, and no other
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys


class Binary:
    """The commands and options of the binary, from its help."""

    def __init__(self, path):
        self.path = path
        self.commands = self.complete("")
        self.globals = self.options()

    def complete(self, *words):
        output = subprocess.run(
            [self.path, "__complete", *words], check=True, capture_output=True, text=True
        ).stdout
        values = [line.split("\t")[0] for line in output.splitlines() if not line.startswith(":")]
        return set(values)

    def options(self, *command):
        """The options, long and short, that a command takes."""
        long_names = self.complete(*command, "--")
        help_text = subprocess.run(
            [self.path, *command, "--help"], check=True, capture_output=True, text=True
        ).stdout
        short_names = set(re.findall(r"^  (-[A-Za-z]), --", help_text, re.MULTILINE))
        return long_names | short_names

    def topic(self, name):
        return subprocess.run(
            [self.path, "help", name], check=True, capture_output=True, text=True
        ).stdout

    def own_options(self, command):
        """The options that only this command has, including those of its subcommands."""
        options = self.options(command)
        if command in ("whitelist", "policy", "token"):
            for sub in self.complete(command, ""):
                options |= self.options(command, sub)
        return options - self.globals


class Page:
    """The options that a page has."""

    def __init__(self, path):
        self.name = path.name
        self.text = path.read_text(encoding="utf-8")
        items = "\n".join(re.findall(r"^\.It (Fl .*)$", self.text, re.MULTILINE))
        self.described = self.options_in(items)
        self.mentioned = self.options_in(self.text)

    @staticmethod
    def options_in(text):
        # Fl Fl name in a macro, --name in an example
        macros = re.findall(r"\bFl (Fl )?([a-z][a-z-]*)", text)
        literal = re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)
        return {("--" if double else "-") + name for double, name in macros} | set(literal)


def pages_in(folder):
    return {path.stem: Page(path) for path in sorted(folder.glob("*.1"))}


def check_lint(_binary, folder):
    if not shutil.which("mandoc"):
        return ["mandoc is missing: apt-get install mandoc"]
    # mandoc finds the pages that a page refers to in the same folder.
    names = sorted(path.name for path in folder.glob("*.[17]"))
    result = subprocess.run(
        ["mandoc", "-T", "lint", *names], cwd=folder, capture_output=True, text=True
    )
    problems = (result.stdout + result.stderr).splitlines()
    if result.returncode != 0 and not problems:
        problems.append(f"mandoc ended with {result.returncode}")
    return problems


def check_commands(binary, folder):
    pages = pages_in(folder)
    wanted = {"nexakey"} | {f"nexakey-{command}" for command in binary.commands}
    problems = [f"{name}.1 is missing" for name in sorted(wanted - pages.keys())]
    problems += [f"{name}.1 is of no command" for name in sorted(pages.keys() - wanted)]
    overview = pages["nexakey"].text
    for command in sorted(binary.commands):
        if f".It Ic {command}\n" not in overview or f".Xr nexakey-{command} 1" not in overview:
            problems.append(f"nexakey.1 does not name {command}")
    installed = (folder / "CMakeLists.txt").read_text(encoding="utf-8").split()
    problems += [f"{name}.1 is not installed" for name in pages if f"{name}.1" not in installed]
    return problems


def check_options(binary, folder):
    pages = pages_in(folder)
    problems = []

    def compare(page, options):
        for option in sorted(options - page.described):
            problems.append(f"{page.name} does not describe {option}")

    compare(pages["nexakey"], binary.globals)
    for command in sorted(binary.commands):
        if page := pages.get(f"nexakey-{command}"):  # else `commands` fails
            compare(page, binary.own_options(command))
    return problems


def check_documented(binary, folder):
    own = {f"nexakey-{command}": binary.own_options(command) for command in binary.commands}
    own["nexakey"] = binary.globals
    everything = set().union(*own.values())
    problems = []
    for name, page in pages_in(folder).items():
        for option in sorted(page.described - own.get(name, set())):
            problems.append(f"{page.name} describes {option}, which is none of its options")
        for option in sorted(page.mentioned - everything):
            problems.append(f"{page.name} mentions {option}, which does not exist")
    return problems


def check_topics(binary, folder):
    page = (folder / "nexakey.1").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^\.Sh ([A-Z ]+)\n(.*?)(?=^\.Sh )", page, re.MULTILINE | re.DOTALL))

    def items(section, macro):
        """The terms of a list of a section."""
        lists = re.findall(rf"^\.It {macro} ?(.*)$", sections[section], re.MULTILINE)
        return {term for line in lists for term in re.split(r" ?, ", line)}

    codes = re.search(r"with one of the codes\n(.*?)\.\n", sections["OUTPUT"], re.DOTALL).group(1)
    wanted = {
        "environment": items("ENVIRONMENT", "Ev"),
        "exit-status": items("EXIT STATUS", ""),
        "output": items("OUTPUT", "Cm") | set(re.findall(r"[a-z_]{6,}", codes)),
    }
    problems = []
    for topic, words in wanted.items():
        text = binary.topic(topic)
        missing = [word for word in words if not re.search(rf"(?<!\w){word}(?!\w)", text)]
        problems += [f"help {topic} does not have {word}" for word in sorted(missing)]
    named = set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", binary.topic("environment")))
    problems += [f"nexakey.1 does not describe {name}"
                 for name in sorted(named - wanted["environment"])]
    statuses = re.findall(r"^  ((?:\d+(?:, )?)+)  ", binary.topic("exit-status"), re.MULTILINE)
    named = {status for line in statuses for status in line.split(", ")}
    problems += [f"nexakey.1 does not describe exit status {status}"
                 for status in sorted(named - wanted["exit-status"])]
    return problems


def check_api(_binary, folder):
    page = (folder / "nexakey-api.7").read_text(encoding="utf-8")
    contract = json.loads((folder.parent / "server" / "openapi.json").read_text(encoding="utf-8"))
    wanted = {
        (method.upper(), path)
        for path, item in contract["paths"].items()
        for method in item
        if method != "parameters"
    }
    described = {
        (method, path)
        for method, paths in re.findall(r"^\.It Li ([A-Z]+) Pa (.*)$", page, re.MULTILINE)
        for path in paths.split(" , ")
    }
    problems = [f"nexakey-api.7 lacks {' '.join(route)}" for route in sorted(wanted - described)]
    problems += [f"nexakey-api.7 has {' '.join(route)}, which does not exist"
                 for route in sorted(described - wanted)]
    if "nexakey-api.7" not in (folder / "CMakeLists.txt").read_text(encoding="utf-8"):
        problems.append("nexakey-api.7 is not installed")
    return problems


CHECKS = {
    "lint": check_lint,
    "commands": check_commands,
    "options": check_options,
    "documented": check_documented,
    "topics": check_topics,
    "api": check_api,
}


def main():
    check, binary, folder = sys.argv[1:]
    problems = CHECKS[check](Binary(binary), pathlib.Path(folder))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
