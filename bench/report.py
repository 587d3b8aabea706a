"""The figures of a run: what each is compared with, what is to be reached, and the table of
docs/performance.md."""

import re
import statistics
import textwrap
import typing

import machine

BEGIN, END = "<!-- bench/run -->\n", "<!-- end of bench/run -->\n"
HEAD = ("| what | nexakey | beside | ratio | to reach |\n"
        "| --- | --- | --- | --- | --- |\n")


class Unit(typing.NamedTuple):
    """What a figure is measured in."""
    name: str
    compared: str  # what of the peer a ratio refers to
    is_rate: bool = False  # more is better


RATE = Unit("a second", "its rate", is_rate=True)
SECONDS = Unit("s", "its time")
MILLISECONDS = Unit("ms", "its time")
MICROSECONDS = Unit("µs", "its time")
CPU = Unit("µs of processor time", "its processor time")
MEMORY = Unit("MiB", "its memory")
BYTES = Unit("bytes", "its size")


def rounded(number):
    """A number with three significant digits."""
    return f"{float(f'{number:.3g}'):,.10g}"


def in_words(ratio, unit):
    """A ratio, as in "0.34 of its rate" or "4.3 times its time"."""
    if ratio < 0.1:
        return f"{ratio:.2g} of {unit.compared}"
    if ratio < 1.5:
        return f"{ratio:.2f} of {unit.compared}"
    return f"{ratio:.1f} times {unit.compared}"


def sign(unit):
    return "≥" if unit.is_rate else "≤"


class Row(typing.NamedTuple):
    """A line of the table, as text."""
    what: str
    nexakey: str
    beside: str = ""
    ratio: str = ""
    reach: str = ""
    is_short: bool = False

    def line(self):
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in self[:5]) + " |\n"

    def __str__(self):
        beside = f"; {self.beside}" if self.beside else ""
        ratio = f"; {self.ratio}" if self.ratio else ""
        reach = f" ({self.reach})" if self.reach else ""
        short = ", NOT REACHED" if self.is_short else ""
        return f"{self.what}: {self.nexakey}{beside}{ratio}{reach}{short}"


class Report:
    """Prints rows, and knows which of them fall short."""

    def __init__(self):
        self.rows = []
        self.not_run = {}  # part: why
        self.versions = {}  # of programs

    def add_pairs(self, what, unit, peer, pairs, reach=None):
        """A comparison. `pairs`: what nexakey and the peer had when they took turns. The ratio is
        the median of those of the pairs, so that a machine that is slower for a while does not
        favour either."""
        ours, theirs = (statistics.median(column) for column in zip(*pairs))
        ratio = statistics.median(a / b for a, b in pairs)
        is_short = reach is not None and (ratio < reach if unit.is_rate else ratio > reach)
        self._add(Row(what, f"{rounded(ours)} {unit.name}",
                      f"{peer}: {rounded(theirs)} {unit.name}", in_words(ratio, unit),
                      f"{sign(unit)} {reach}" if reach is not None else "", is_short))

    def add(self, what, unit, value, reach=None, note=""):
        """A figure that has no peer."""
        is_short = reach is not None and (value < reach if unit.is_rate else value > reach)
        self._add(Row(what, f"{rounded(value)} {unit.name}" + (f" ({note})" if note else ""),
                      reach=f"{sign(unit)} {reach} {unit.name}" if reach is not None else "",
                      is_short=is_short))

    def _add(self, row):
        self.rows.append(row)
        print(row, flush=True)

    def written_into(self, text, replace_all):
        """A document with the rows in its table, in place of those of the same name or of all."""
        before, rest = text.split(BEGIN)
        table, after = rest.split(END)
        lines = {} if replace_all else {line.split(" | ")[0]: line for line in re.findall(
            r"^\| (?!what |--- ).*\n", table, re.MULTILINE)}
        lines |= {line.split(" | ")[0]: line for line in (row.line() for row in self.rows)}
        return (before + BEGIN + HEAD + "".join(lines.values()) + "\n" + self.measured_with() + END
                + after)

    def measured_with(self):
        """The machine and the versions, in lines of at most 100 characters."""
        versions = "".join(f", {version}" for _, version in sorted(self.versions.items()))
        return textwrap.fill(f"Measured on {machine.description()}{versions}; commit"
                             f" {machine.commit()}.", 100) + "\n"

    def falls_short(self):
        """What was not reached or not run, a line each."""
        return ([f"not reached: {row.what}" for row in self.rows if row.is_short]
                + [f"not run: {part}: {why}" for part, why in self.not_run.items()])
