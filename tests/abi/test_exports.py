# SPDX-License-Identifier: MIT
"""check-exports finds each way in which a stand-in can differ from what it should be."""
import pathlib
import subprocess

import lint
import tap

SOURCE = "int one(void) { return 1; }\nint two(void) { return 2; }\n"
MAP = "{\nglobal:\n\tone;\n\ttwo;\nlocal:\n\t*;\n};\n"
VERSIONED = "NAME_1 {\nglobal:\n\tone;\n\ttwo;\nlocal:\n\t*;\n};\n"

NAME = "it has the name that programs look for"
EXPORTS = "it exports what the map names, and nothing else"
VERSIONS = "its symbols have no versions"
NEEDED = "it needs no library that it should not"

# (title, map to link by, map to check by, soname, libraries, rule, what it must say)
PLANTED = [
    ("a library as it should be passes", MAP, MAP, "liba.so.1", [], None, ""),
    ("another name", MAP, MAP, "liba.so.2", [], NAME, "liba.so.2"),
    ("a symbol too many", MAP, MAP.replace("\ttwo;\n", ""), "liba.so.1", [], EXPORTS,
     "two: exported"),
    ("a symbol that is missing", MAP.replace("\ttwo;\n", ""), MAP, "liba.so.1", [],
     EXPORTS, "two: not exported"),
    ("a version", VERSIONED, MAP, "liba.so.1", [], VERSIONS, "NAME_1 is defined"),
    ("a library too many", MAP, MAP, "liba.so.1", ["-lm"], NEEDED, "libm.so.6 is needed"),
]


def build(root, soname, libraries):
    return subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wl,--version-script=link.map",
         f"-Wl,-soname,{soname}", "-Wl,--no-as-needed", "-o", "a.so", "a.c", *libraries],
        cwd=root, capture_output=True, text=True)


def check(writer, title, link_map, map_text, soname, libraries, rule, words):
    with lint.temporary() as root:
        lint.plant(root, {"a.c": SOURCE, "link.map": link_map, "a.map": map_text})
        built = build(root, soname, libraries)
        if built.returncode:
            writer.result(title, [built.stderr])
            return
        root = pathlib.Path(root)
        lint.expect(writer, title,
                    lint.run("check-exports", "--map", root / "a.map",
                             "--library", root / "a.so", "--soname", "liba.so.1",
                             "--needed", r"libc\.so\.\d+"), rule, words)


def main():
    writer = tap.Writer()
    for row in PLANTED:
        check(writer, *row)
    writer.finish()


main()
