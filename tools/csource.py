# SPDX-License-Identifier: MIT
"""What the lint programs need to know of a source tree and of C."""
import os
import pathlib
import re

SKIPPED_DIRS = re.compile(r"^(build.*|\..+|node_modules|__pycache__|target|dist|corpus"
                          r"|.*\.egg-info)$")
SOURCE_DIRS = ("include", "src", "policy", "capture", "compat", "cli", "bindings",
               "examples", "bench", "tests", "fuzz")


def files(root, top=""):
    """Every file below root/top that people wrote, as paths relative to root."""
    for folder, dirs, names in os.walk(pathlib.Path(root) / top):
        dirs[:] = sorted(d for d in dirs if not SKIPPED_DIRS.match(d))
        for name in sorted(names):
            yield (pathlib.Path(folder) / name).relative_to(root)


def c_files(root):
    for top in SOURCE_DIRS:
        yield from (path for path in files(root, top) if path.suffix in (".c", ".h"))


def read(path):
    return pathlib.Path(path).read_text(encoding="utf-8", errors="replace")


_COMMENT = re.compile(r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*"
                      | '(?:\\.|[^'\\\n])*'""", re.S | re.X)


def without_comments(text, strings=False):
    """The text with comments, and strings if asked for, blanked. Lines stay lines."""
    def blank(match):
        found = match[0]
        if found[0] == "/" or strings:
            return re.sub(r"[^\n]", " ", found)
        return found
    return _COMMENT.sub(blank, text)


def functions(text):
    """(name, first line, last line) of each function body in clang-formatted C: its
    braces stand alone in the first column."""
    lines = without_comments(text, strings=True).splitlines()
    start, head = None, ""
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{" and start is None:
            names = re.findall(r"(\w+)\s*\(", head)
            start, name = number, names[0] if names else "?"
        elif line.startswith("}") and start is not None:
            yield name, start, number
            start, head = None, ""
        elif start is None:
            head = head + " " + line if line.strip() and line[0] not in "#}" else ""
            head = "" if head.rstrip().endswith((";", "}")) else head
