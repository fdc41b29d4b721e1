# SPDX-License-Identifier: MIT
"""check-symbols finds each way in which headers, map and library can disagree."""
import pathlib
import subprocess

import lint
import tap

HEADER = """#define NFQUEUE_API __attribute__((visibility("default")))

/** One. Source: here. */
NFQUEUE_API int nfqueue_one(void);

/**
 * Two and three share their words.
 * Source: there.
 */
NFQUEUE_API int nfqueue_two(void);
NFQUEUE_API int nfqueue_three(int number);

/** Inline. Source: here. */
static inline int nfqueue_inline(void)
{
\treturn 0;
}
"""
MAP = """/* no_symbol; */
NFQUEUE_0.1 {
global:
\tnfqueue_one;
\tnfqueue_two;
local:
\t*;
};
NFQUEUE_0.2 {
global:
\tnfqueue_three;
} NFQUEUE_0.1;
"""
SOURCE = """#include "include/a.h"
int nfqueue_one(void) { return 1; }
int nfqueue_two(void) { return 2; }
int nfqueue_three(int number) { return number; }
int hidden(void) { return 3; }
"""
CLEAN = {"include/a.h": HEADER, "a.map": MAP, "a.c": SOURCE}

AGREE = "headers and map agree"
BUILT = "map and library agree"
DOCUMENTED = "each public function has a docstring with Source:"
NEEDED = "the library needs no other than it should"

# (title, file, text to be replaced, by what, rule that must fail, what it must say)
PLANTED = [
    ("a function missing in the map", "include/a.h", "/** Inline",
     "/** More. Source: x. */\nNFQUEUE_API\nint nfqueue_more(void);\n\n/** Inline", AGREE,
     "nfqueue_more: in the headers, not in the map"),
    ("a symbol that no header declares", "include/a.h", "NFQUEUE_API int nfqueue_two",
     'extern __attribute__((visibility("default"))) int nfqueue_two', AGREE,
     "nfqueue_two: in the map, not in the headers"),
    ("a symbol that is not built", "a.c", "int nfqueue_one(void) { return 1; }", "",
     BUILT, "nfqueue_one: in the map, not in the library"),
    ("a symbol named twice", "a.map", "\tnfqueue_two;",
     "\tnfqueue_two;\n\tnfqueue_two;", "the map names each symbol once",
     "nfqueue_two: twice"),
    ("a docstring without Source", "include/a.h", "/** One. Source: here. */",
     "/** One. */", DOCUMENTED, "a.h:4: the docstring of nfqueue_one() has no Source:"),
    ("a function without a docstring", "include/a.h", "/** One. Source: here. */",
     "/* Source: a plain comment. */", DOCUMENTED, "nfqueue_one() has no docstring"),
    ("an inline function without a docstring", "include/a.h",
     "/** Inline. Source: here. */", "", DOCUMENTED, "nfqueue_inline() has no docstring"),
]


def build(root, *extra):
    return subprocess.run(
        ["gcc", "-shared", "-fPIC", "-fvisibility=hidden", "-Wl,--version-script=a.map",
         "-Wl,--no-as-needed", "-o", "a.so", "a.c", *extra],
        cwd=root, capture_output=True, text=True)


def run(root, *args):
    root = pathlib.Path(root)
    return lint.run("check-symbols", "--headers", root / "include",
                    "--map", root / "a.map", "--library", root / "a.so",
                    "--needed", r"libc\.so\.\d+", *args)


def check(writer, title, files, rule, words, *libraries):
    with lint.temporary() as root:
        lint.plant(root, files)
        built = build(root, *libraries)
        if built.returncode:
            writer.result(title, [built.stderr])
            return
        lint.expect(writer, title, run(root), rule, words)


def main():
    writer = tap.Writer()
    check(writer, "headers, map and library that agree pass", CLEAN, None, "")
    for title, name, old, new, rule, words in PLANTED:
        assert old in CLEAN[name]
        check(writer, title, {**CLEAN, name: CLEAN[name].replace(old, new)}, rule, words)
    leaky = {**CLEAN, "a.map": MAP.replace("local:\n\t*;\n", "")}
    leaky["a.c"] = SOURCE.replace("int hidden", "NFQUEUE_API int hidden")
    check(writer, "a symbol that leaks", leaky, BUILT,
          "hidden: in the library, not in the map")
    check(writer, "a library too many", CLEAN, NEEDED, "libm.so.6 is needed", "-lm")
    writer.finish()


main()
