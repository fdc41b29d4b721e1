# SPDX-License-Identifier: MIT
"""The C code in README.md is that of the examples, and links lead somewhere:
test_readme.py ROOT."""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(ROOT / "tools"))
import tap  # noqa: E402

LINK = re.compile(r"\]\(([^)#\s]+)\)")


def check_code(writer, readme):
    """The first block is all of first.c but its comments; each is part of an example."""
    blocks = re.findall(r"^```c\n(.*?)^```$", readme, re.M | re.S)
    examples = {path.name: path.read_text() for path in (ROOT / "examples").glob("*.c")}
    first = examples["first.c"]
    problems = []
    if not blocks or blocks[0] != first[first.index("#include"):]:
        problems.append("paste examples/first.c anew, from its #include on")
    writer.result("README.md begins with first.c as it is", problems)
    problems = [f"in no example: {block}" for block in blocks
                if not any(block in text for text in examples.values())]
    writer.result("all C code in README.md is part of an example", problems)


def check_links(writer, page):
    path = ROOT / page
    targets = [target for target in LINK.findall(path.read_text()) if "://" not in target]
    problems = [f"{page}: there is no {target}" for target in targets
                if not (path.parent / target).exists()]
    writer.result(f"the links in {page} lead somewhere", problems)


def main():
    writer = tap.Writer()
    check_code(writer, (ROOT / "README.md").read_text())
    for page in ("README.md", *sorted(f"doc/{path.name}"
                                      for path in (ROOT / "doc").glob("*.md"))):
        check_links(writer, page)
    writer.finish()


main()
