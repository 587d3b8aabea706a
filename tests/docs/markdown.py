"""Parses the Markdown of documents: fenced blocks, headings and links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])

FENCE = re.compile(r"^```(?P<info>.*)$")
HIDDEN = re.compile(r"^<!-- run$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass
class Block:
    """A fenced block, or the lines of a comment `<!-- run`, which no reader sees."""
    line: int
    info: str
    lines: list[str]

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)


def blocks(path):
    """The blocks of a document, in order."""
    found, open_block, end = [], None, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if open_block is not None:
            if line == end:
                found.append(open_block)
                open_block = None
            else:
                open_block.lines.append(line)
        elif fence := FENCE.match(line):
            open_block, end = Block(number, fence["info"], []), "```"
        elif HIDDEN.match(line):
            open_block, end = Block(number, "sh run", []), "-->"
    if open_block is not None:
        raise ValueError(f"{path}:{open_block.line}: the block does not end")
    return found


def prose(path):
    """The lines outside of blocks, with their numbers."""
    end = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if end is not None:
            end = None if line == end else end
        elif FENCE.match(line):
            end = "```"
        elif HIDDEN.match(line):
            end = "-->"
        else:
            yield number, line


def anchors(path):
    """The anchors that GitHub gives to the headings of a document."""
    found = {}
    for _, line in prose(path):
        if heading := re.match(r"#{1,6} (.*)$", line):
            anchor = re.sub(r"[^\w\- ]", "", heading[1].lower()).replace(" ", "-")
            count = found.get(anchor, 0)
            found[anchor] = count + 1
            yield f"{anchor}-{count}" if count else anchor


def links(path):
    """The targets of links, with the numbers of their lines."""
    for number, line in prose(path):
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            yield number, target
