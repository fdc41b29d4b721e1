# SPDX-License-Identifier: MIT
"""check-layers and check-format find what is planted, and nothing in a clean tree."""
import lint
import tap

SPDX = "/* SPDX-License-Identifier: MIT */\n"
CLEAN = {
    "include/nfqueue/version.h": SPDX + "#include <stddef.h>\n",
    "include/nfqueue/view.h": SPDX + "#include <nfqueue/version.h>\n",
    "include/nfqueue/queue.h": SPDX + "#include <nfqueue/version.h>\n",
    "src/wire/wire.h": SPDX + "#include <stdint.h>\n",
    "src/wire/wire.c": SPDX + '#include "wire.h"\n#include "wire/wire.h"\n'
                       "\nint f(int a)\n{\n\treturn a;\n}\n",
    "src/packet/view.c": SPDX + "#include <nfqueue/view.h>\n"
                         "#include <nfqueue/version.h>\n",
    "src/queue/queue.h": SPDX,
    "src/queue/queue.c": SPDX + '#include "queue.h"\n#include "wire/wire.h"\n'
                         "#include <libmnl/libmnl.h>\n#include <nfqueue/queue.h>\n",
    "src/engine/engine.c": SPDX + '#include "queue/queue.h"\n',
    "policy/policy.h": SPDX,
    "cli/main.c": SPDX + '#include "policy/policy.h"\n#include <nfqueue/queue.h>\n'
                  "#if 1\n#endif\n",
    "tests/unit/a.c": SPDX + '#include "wire/wire.h"\n',
    "tools/run": "#!/bin/sh\n# SPDX-License-Identifier: MIT\n",
}
INCLUDES = "each layer includes only what it may know"
BODY = "int f(int a)\n{\n%s\treturn a;\n}\n"
MACHINE = "/" + "home/somebody/nfqueue"

# What is planted: (title, path, text, the rule that must fail, what it must say)
PLANTED = [
    ("wire knows no public header", "src/wire/a.c", "#include <nfqueue/version.h>\n",
     INCLUDES, "src/wire/a.c:2: src/wire may not know include/nfqueue/version.h"),
    ("wire knows no socket", "src/wire/a.c", "#include <sys/socket.h>\n",
     INCLUDES, "no <sys/socket.h>"),
    ("packet allocates nowhere but in its one file", "src/packet/a.c",
     "#include <stdlib.h>\n", INCLUDES, "works on bytes alone: no <stdlib.h>"),
    ("and that file knows no socket", "src/packet/edit_memory.c",
     "#include <sys/socket.h>\n", INCLUDES, "no <sys/socket.h>"),
    ("packet knows no public header but those of bytes", "src/packet/a.c",
     "#include <nfqueue/queue.h>\n", INCLUDES, "src/packet may not know"),
    ("queue does not know packet", "src/queue/a.c", '#include "packet/b.h"\n',
     INCLUDES, '"packet/b.h" is not in this tree'),
    ("engine does not know wire", "src/engine/a.c", '#include "wire/wire.h"\n',
     INCLUDES, "src/engine may not know src/wire/wire.h"),
    ("engine does not know wire by a detour", "src/engine/a.c",
     '#include "../wire/wire.h"\n', INCLUDES, "src/engine may not know src/wire/wire.h"),
    ("rules does not know queue", "src/rules/a.c", '#include "queue/queue.h"\n',
     INCLUDES, "src/rules may not know src/queue/queue.h"),
    ("queue does not know libnftnl", "src/queue/a.c", "#include <libnftnl/table.h>\n",
     INCLUDES, "src/queue may not know <libnftnl/table.h>"),
    ("policy knows no layer", "policy/a.c", '# include "src/wire/wire.h"\n',
     INCLUDES, "policy may not know src/wire/wire.h"),
    ("cli knows no layer", "cli/a.c", '#include "queue/queue.h"\n',
     INCLUDES, "cli may not know src/queue/queue.h"),
    ("examples do not know policy", "examples/a.c", '#include "policy/policy.h"\n',
     INCLUDES, "examples may not know policy/policy.h"),
    ("nobody includes a source", "src/queue/a.c", '#include "queue/queue.c"\n',
     INCLUDES, "src/queue may not know src/queue/queue.c"),
    ("public headers know no layer", "include/nfqueue/a.h", '#include "wire/wire.h"\n',
     INCLUDES, "include/nfqueue/a.h:2"),
    ("public headers include each other as installed", "include/nfqueue/a.h",
     '#include "view.h"\n', INCLUDES, "include/nfqueue/a.h:2: write <view.h>"),
    ("public headers exist", "cli/a.c", "#include <nfqueue/none.h>\n",
     INCLUDES, "there is no public header <nfqueue/none.h>"),
    ("no #if in a function", "src/wire/a.c", BODY % "# ifdef X\n\ta = 1;\n# endif\n",
     "no #if inside a function", "src/wire/a.c:4: #if inside f()"),
    ("no long function", "tests/unit/b.c", BODY % ("\ta++;\n" * 60),
     "no function is longer than 60 lines", "f() has 63 lines"),
    ("no wide line", "src/wire/a.c", "\t/* " + "x" * 80 + " */\n",
     "no line is wider than 90 columns", "src/wire/a.c:2: 94 columns"),
    ("no path of a machine", "doc/a.md", f"see {MACHINE}\n",
     "no file names a path of somebody's machine", "doc/a.md:2"),
    ("no source without a license", "src/wire/a.c", None,
     "each source names its license", "src/wire/a.c:1"),
]


def check_planted(writer, title, name, text, rule, words):
    planted = "\n" if text is None else SPDX + text
    with lint.temporary() as root:
        lint.plant(root, {**CLEAN, name: planted})
        lint.expect(writer, title, lint.run("check-layers", root), rule, words)


def check_format(writer):
    badly = SPDX + "int  f( void );\n"
    for title, files, rule in (
            ("a formatted tree passes check-format", CLEAN, None),
            ("check-format finds a badly formatted file", {**CLEAN, "cli/a.c": badly},
             "all C files are formatted")):
        with lint.temporary() as root:
            style = (lint.ROOT / ".clang-format").read_text()
            lint.plant(root, {**files, ".clang-format": style})
            outcome = lint.run("check-format", root)
        if "# SKIP" in outcome[1]:
            writer.skip(title, outcome[1].split("# SKIP ")[1].splitlines()[0])
        else:
            lint.expect(writer, title, outcome, rule, "cli/a.c:2" if rule else "")


def main():
    writer = tap.Writer()
    with lint.temporary() as root:
        lint.plant(root, CLEAN)
        outcome = lint.run("check-layers", root)
    lint.expect(writer, "a clean tree passes", outcome, None, "")
    with lint.temporary() as root:
        lint.expect(writer, "an empty tree fails", lint.run("check-layers", root),
                    "there are sources to look at", "no C file")
    for row in PLANTED:
        check_planted(writer, *row)
    check_format(writer)
    writer.finish()


main()
