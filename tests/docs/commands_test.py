#!/usr/bin/env python3
"""Commands that the documents show but no test runs have options that the binary has. NEXAKEY is in
the environment."""

import os
import re
import subprocess
import unittest

from markdown import DOCUMENTS, ROOT, blocks

NEXAKEY = os.path.abspath(os.environ["NEXAKEY"])
EXAMPLES = sorted([*ROOT.glob("packaging/debian/*.service"),
                   *ROOT.glob("packaging/debian/examples/*.service")])
COMMAND = re.compile(r"(?<![\w./-])(?<!--target )(?:/usr/bin/)?nexakey"
                     r"((?: +--?[a-z-]+ [^-\s]\S*)*) +([a-z]+)([^|;&()]*)")
OPTION = re.compile(r"(?<=\s)(--[a-z][a-z-]*|-[a-z])(?=[\s=]|$)")
LANGUAGES = ("sh", "console", "crontab", "ini", "bash")


def help_of(*words):
    return subprocess.run([NEXAKEY, *words, "--help"], capture_output=True, text=True, check=True).stdout


def commands(text):
    """The commands in a text, each with its options; lines that a backslash continues are one."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = re.sub(r"'[^']*'|\"[^\"]*\"", "''", re.sub(r"(^|\s)#.*", "", line))
        for before, name, rest in COMMAND.findall(line):
            yield name, OPTION.findall(before + " " + rest)


class Commands(unittest.TestCase):
    def setUp(self):
        examples, self.globals = help_of().split("Global options:")
        groups = examples.split("Examples:")[1].split("\n\n", 1)[1]
        self.names = set(re.findall(r"^  ([a-z]+) ", groups, re.MULTILINE))

    def check(self, where, text):
        for name, options in commands(text):
            with self.subTest(where=where, command=name):
                self.assertIn(name, self.names | {"help"})
                known = self.globals + help_of(name)
                # `token create` and the others have a help of their own.
                for word in re.findall(rf"nexakey {name} ([a-z]+)\b", text):
                    if re.search(rf"^  {word} ", known, re.MULTILINE):
                        known += help_of(name, word)
                for option in options:
                    self.assertRegex(known, rf"(?<![\w-]){option}(?![\w-])")

    def test_documents(self):
        found = 0
        for document in DOCUMENTS:
            for block in blocks(document):
                if block.info.split()[:1] and block.info.split()[0] in LANGUAGES:
                    self.check(f"{document.name}:{block.line}", block.text)
                    found += len(list(commands(block.text)))
        self.assertGreater(found, 60)

    def test_units(self):
        for unit in EXAMPLES:
            self.check(unit.name, unit.read_text())
        self.assertEqual(len(EXAMPLES), 3)


if __name__ == "__main__":
    unittest.main()
