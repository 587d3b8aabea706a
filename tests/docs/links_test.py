#!/usr/bin/env python3
"""The documents refer to existing files, headings, and sources that are named in `backquotes`."""

import re
import unittest

from markdown import DOCUMENTS, ROOT, anchors, links, prose

# `core/key.h`, `store/sqlite/`, `docs/remote.md`: paths within the sources.
TOP_FOLDERS = sorted(path.name for path in ROOT.iterdir() if path.is_dir())
SOURCE = re.compile(r"`((?:%s)/[\w./-]*)`" % "|".join(map(re.escape, TOP_FOLDERS)))


class Documents(unittest.TestCase):
    def test_links_lead_to_files_and_headings(self):
        broken = []
        for document in DOCUMENTS:
            for number, target in links(document):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, anchor = target.partition("#")
                path = (document.parent / name).resolve() if name else document
                if not path.exists() or (anchor and anchor not in anchors(path)):
                    broken.append(f"{document.name}:{number}: {target}")
        self.assertEqual(broken, [])

    def test_references_are_defined(self):
        undefined = []
        for document in DOCUMENTS:
            lines = [(number, re.sub(r"`[^`]*`", "", line)) for number, line in prose(document)]
            defined = {match[1] for _, line in lines if (match := re.match(r"\[([^\]]+)\]: \S", line))}
            undefined += [f"{document.name}:{number}: {name}" for number, line in lines
                          for name in re.findall(r"\]\[([^\]]+)\]", line) if name not in defined]
        self.assertEqual(undefined, [])

    def test_sources_that_are_named_exist(self):
        missing = [f"{document.name}:{number}: {name}" for document in DOCUMENTS
                   if document.name != "CHANGELOG.md"  # names earlier sources
                   for number, line in prose(document) for name in SOURCE.findall(line)
                   if "NAME" not in name and not name.startswith(".git/")
                   and not (ROOT / name).exists()]
        self.assertEqual(missing, [])

    def test_every_document_is_reached_from_the_readme(self):
        reached, open_documents = set(), [ROOT / "README.md"]
        while open_documents:
            document = open_documents.pop()
            if document not in reached and document.suffix == ".md":
                reached.add(document)
                open_documents += [(document.parent / target.partition("#")[0]).resolve()
                                   for _, target in links(document)
                                   if not re.match(r"[a-z]+:|#", target)]
        self.assertEqual([path.name for path in DOCUMENTS if path not in reached], [])

    def test_the_readme_is_short(self):
        self.assertLessEqual(len((ROOT / "README.md").read_text().splitlines()), 200)

    def test_lines_fit(self):
        long = [f"{document.name}:{number}" for document in DOCUMENTS
                for number, line in prose(document)
                if len(line) > 100 and not line.startswith(("|", "["))]
        self.assertEqual(long, [])


if __name__ == "__main__":
    unittest.main()
