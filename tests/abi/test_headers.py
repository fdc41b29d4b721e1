# SPDX-License-Identifier: MIT
"""check-headers finds headers that lean on others, are no C++, or document wrongly."""
import lint
import tap

CLEAN = "#ifndef A_H\n#define A_H\n#include <stdint.h>\nint f(uint32_t a);\n#endif\n"

# (title, text of the header, names of the compilers that must complain)
PLANTED = [
    ("a clean header passes", CLEAN, []),
    ("a header that leans on others", CLEAN.replace("#include <stdint.h>\n", ""),
     ["gcc", "g++", "clang", "clang++"]),
    ("a header that is no C++", CLEAN.replace("uint32_t a", "uint32_t class"),
     ["g++", "clang++"]),
    ("a header without a guard", "struct s { int a; };\n",
     ["gcc", "g++", "clang", "clang++"]),
    ("a header with extensions", CLEAN.replace("#endif", "struct e { };\n#endif"),
     ["gcc", "clang"]),
    ("a docstring that lies", CLEAN.replace("int f(", "/** @return x */\nvoid f("),
     ["clang", "clang++"]),
]


def main():
    writer = tap.Writer()
    for title, text, compilers in PLANTED:
        with lint.temporary() as root:
            lint.plant(root, {"a.h": text})
            failed, output, _ = lint.run("check-headers", root)
        wanted = [f"a.h compiles alone with {name}" for name in compilers]
        writer.result(title, [] if failed == wanted else [f"failed: {failed}", output])
    with lint.temporary() as root:
        lint.expect(writer, "no header at all fails", lint.run("check-headers", root),
                    "something was tested", "nothing was")
    writer.finish()


main()
