"""Tests that the runner of transcripts reports differences."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
import transcripts


def run(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "some.txt")
        path.write_text(text)
        transcripts.run_transcript(path, "/bin/true")


class RunnerTest(unittest.TestCase):
    def passes(self, text):
        run(text)

    def fails(self, text, *words):
        with self.assertRaises(transcripts.Mismatch) as caught:
            run(text)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_output_error_and_status(self):
        self.passes("$ echo out; echo err >&2; exit 3\nout\n! err\n? 3\n")
        self.fails("$ echo out\n", "+out")
        self.fails("$ echo out\nin\n", "-in", "+out", "line 1")
        self.fails("$ echo err >&2\n", "+err", "stderr")
        self.fails("$ exit 3\n", "expected status 0, actual status 3")
        self.fails("$ true\n? 3\n", "expected status 3, actual status 0")
        self.fails("$ echo; echo out\nout\n", "stdout")

    def test_no_commands(self):
        self.fails("", "no commands")
        self.fails("# only this\n", "no commands")
        self.fails("stray\n", "line 1")

    def test_placeholders(self):
        self.passes("$ echo key_0123456789ab\n<id:a>\n$ echo is $a\nis <id:a>\n")
        self.fails("$ echo key_0123456789ab\n<id:a>\n$ echo key_ba9876543210\n<id:a>\n", "line 3")
        self.fails("$ echo key_0123\n<id>\n", "-<id>")
        self.passes("$ echo a.c\na.c\n$ echo a b c\na ... c\n$ seq 5\n1\n...\n5\n")
        self.fails("$ echo abc\na.c\n", "+abc")
        self.fails("$ seq 5\n1\n...\n6\n", "-6")

    def test_terminal(self):
        self.passes('$ [tty 40x10] tput cols; test -t 0 && test -t 1\n40\n')
        self.passes('$ [tty 40x10, types "yes\\n"] read -p "sure? " x; echo $x\nsure? yes\nyes\n')

    def test_keys_where_they_do_not_belong(self):
        key = "fc_live_" + 28 * "0"
        self.fails(f"$ printf %s {key}\n{key}\n", "a whole key was printed")
        self.fails(f"$ printf %s {key} > k\n$ cp k keys.db\n", "whole key in keys.db")
        self.passes(f"$ printf %s {key} > k\n$ cat k\n<key>\n")


if __name__ == "__main__":
    unittest.main()
