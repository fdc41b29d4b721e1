# SPDX-License-Identifier: MIT
"""doc/porting.md names each old call, and ours as they are; its code is that of programs
which the tests run: test_porting.py ROOT."""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(ROOT / "tools"))
import tap  # noqa: E402

EXAMPLES = ROOT / "examples"
WHOLE = ("classic/first.c", "classic/ipq.c", "first.c")
OLD = re.compile(r"`((?:nfq|pktb|ipq)_\w+)`")
OURS = re.compile(r"`(nfqueue_\w+)\(\)`")


def rows(text):
    """The cells of all tables, but for their heads."""
    found = [[cell.strip() for cell in line.strip("|\n").split("|")]
             for line in text.splitlines() if line.startswith("|")]
    return [cells for cells in found
            if cells[0] not in ("old", "architecture") and set(cells[0]) != {"-"}]


def old_symbols():
    """All that our libraries of these names export."""
    maps = [ROOT / "compat" / name for name in ("netfilter_queue/libnetfilter_queue.map",
                                                "ipq/libipq.map")]
    return set(re.findall(r"\b((?:nfq|pktb|ipq)_\w+);",
                          "".join(path.read_text() for path in maps)))


def our_functions():
    text = "".join(path.read_text() for path in (ROOT / "include/nfqueue").glob("*.h"))
    return set(re.findall(r"\b(nfqueue_\w+)\(", text))


def check_old(writer, text):
    wanted = old_symbols()
    listed = [name for cells in rows(text) for name in OLD.findall(cells[0])]
    problems = [f"no row for {name}" for name in sorted(wanted - set(listed))]
    problems += [f"two rows for {name}" for name in sorted(set(listed))
                 if listed.count(name) > 1]
    problems += [f"unknown: {name}" for name in sorted(set(listed) - wanted)]
    if len(wanted) < 88 + 12:
        problems.append(f"only {len(wanted)} symbols found in compat/")
    writer.result("each old call has its row", problems)


def check_new(writer, text):
    """A row has a function of ours, or says that there is none, and why."""
    known, problems = our_functions(), []
    for cells in rows(text):
        if not OLD.search(cells[0]):
            continue
        if len(cells) != 3 or not (OURS.fullmatch(cells[1])
                                   or cells[1] == "-" and cells[2]):
            problems.append(" | ".join(cells))
    problems += [f"no such function: {name}" for name in OURS.findall(text)
                 if name not in known]
    writer.result("each row names a function that there is", problems)


def program(name):
    """Without the comment in front."""
    source = (EXAMPLES / name).read_text()
    return source[source.index("#include"):]


def check_code(writer, text):
    blocks = re.findall(r"^```c\n(.*?)^```$", text, re.M | re.S)
    problems = [f"not whole: {name}" for name in WHOLE if program(name) not in blocks]
    sources = [path.read_text() for path in EXAMPLES.rglob("*.c")]
    problems += [f"in no example: {block}" for block in blocks
                 if not any(block in source for source in sources)]
    writer.result("all code is that of examples", problems)


def lines_of_code(name):
    source = re.sub(r"/\*.*?\*/", "", (EXAMPLES / name).read_text(), flags=re.S)
    return sum(1 for line in source.splitlines() if line.strip())


def check_lines(writer, text):
    """The table tells how long they are; ours are shorter by as much as it is for."""
    problems, sums = [], [0, 0]
    pairs = [cells for cells in rows(text) if len(cells) == 5]
    for cells in pairs:
        for place in (1, 3):
            name = re.search(r"\]\(\.\./examples/(.*?)\)", cells[place])[1]
            lines = lines_of_code(name)
            sums[place // 2] += lines
            if cells[place + 1] != str(lines):
                problems.append(f"{name} has {lines} lines, not {cells[place + 1]}")
    if len(pairs) != 5 or sums[0] < 5 * sums[1]:
        problems.append(f"{len(pairs)} pairs, lines {sums}")
    writer.result("the lengths are those of the programs, five to one", problems)


def main():
    writer = tap.Writer()
    text = (ROOT / "doc/porting.md").read_text()
    check_old(writer, text)
    check_new(writer, text)
    check_code(writer, text)
    check_lines(writer, text)
    writer.finish()


main()
