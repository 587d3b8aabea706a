#!/usr/bin/env python3
"""A wrong example in a document is reported with its place. NEXAKEY is in the environment."""

import os
import tempfile
import unittest
from pathlib import Path

import blocks

NEXAKEY = os.path.abspath(os.environ["NEXAKEY"])
CREATE = "$ nexakey create crm --scope read --key-file crm.key --quiet\n"


class Blocks(unittest.TestCase):
    def run_text(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "document.md")
            path.write_text(text)
            return blocks.run_document(path, NEXAKEY)

    def assert_fails(self, text, message):
        with self.assertRaisesRegex(blocks.Failure, message):
            self.run_text(text)

    def test_only_marked_blocks_run(self):
        self.assertEqual(self.run_text("```sh\nfalse\n```\n\n```console\n$ false\nx\n```\n"), 0)

    def test_output_is_compared(self):
        self.assertEqual(self.run_text("```console run\n$ echo a; echo b >&2\na\nb\n```\n"), 1)
        self.assert_fails("x\n```console run\n$ echo a\nb\n```\n", r"line 3: \$ echo a\n[^$]*-b\n\+a$")
        self.assert_fails("```console run\n$ echo a\n```\n", "line 2")
        self.assert_fails("```console run\n$ true\na\n```\n", "line 2")

    def test_dots_stand_for_lines(self):
        self.assertEqual(self.run_text("```console run\n$ seq 9\n1\n...\n9\n```\n"), 1)
        self.assert_fails("```console run\n$ seq 9\n1\n...\n8\n```\n", "line 2")

    def test_each_command_of_a_script_has_to_succeed(self):
        self.assertEqual(self.run_text("```sh run\ntrue\nfalse || true\n```\n"), 1)
        self.assert_fails("```sh run\nfalse\ntrue\n```\n", "line 1")
        self.assert_fails("<!-- run\nfalse\n-->\n", "line 1")

    def test_blocks_share_a_shell_and_a_home(self):
        text = "```sh run\nx=1\ncd /\n```\n<!-- run\ny=2\n-->\n```console run\n$ echo $x$y $PWD ~\n12 / /home/ann\n$ (exit 3)\n$ echo $?\n3\n```\n"
        self.assertEqual(self.run_text(text), 3)
        self.assert_fails("```console run\n$ exit 3\n```\n", "bash ended")

    def test_what_the_background_prints_is_not_lost(self):
        text = "```sh run\n(sleep 0.2; echo late; touch done) &\n```\n"
        wait = "```sh run\nuntil [ -e done ]; do sleep 0.1; done\n```\n"
        self.assertEqual(self.run_text(text + wait + "```console run\n$ true\n```\n"), 3)
        self.assertEqual(self.run_text(text + "```console run\n$ wait; echo a\nlate\na\n```\n"), 2)

    def test_ids_are_examples(self):
        shown = "$ nexakey list --quiet\nkey_c44c9nbnsdjz\n"
        again = "$ nexakey show key_c44c9nbnsdjz --quiet\nkey_c44c9nbnsdjz\n"
        self.run_text(f"```console run\n{CREATE}{shown}{again}```\n")
        other = again.replace("\nkey_c44c9nbnsdjz", "\nkey_0t6vqk2m9x3a")
        two = CREATE + CREATE.replace("crm", "two")
        self.assert_fails(f"```console run\n{two}$ nexakey list --quiet\nkey_0t6vqk2m9x3a\n"
                          f"key_c44c9nbnsdjz\n{other}```\n", "show")
        self.assert_fails(f"```console run\n{CREATE}$ nexakey list --quiet\nkey_c44c9\n```\n", "list")

    def test_a_block_that_does_not_end(self):
        with self.assertRaisesRegex(ValueError, "does not end"):
            self.run_text("```sh run\ntrue\n")


if __name__ == "__main__":
    unittest.main()
