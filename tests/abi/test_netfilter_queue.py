# SPDX-License-Identifier: MIT
"""Our libnetfilter_queue.so.1 is upstream's to a program that was linked with that.

Usage: test_netfilter_queue.py LIBRARY
Against the list of what upstream exports, and against upstream itself if it is here.
"""
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))
import elf  # noqa: E402
import tap  # noqa: E402

GOLDEN = HERE / "libnetfilter_queue.symbols"
NAME = "libnetfilter_queue.so.1"
NEWER = "# What came after it."


def golden():
    """Kind by name: of 1.0.5, and of what came after it."""
    old, new = GOLDEN.read_text().split(NEWER)
    return [dict(reversed(line.split()) for line in part.splitlines()
                 if line and line[0] != "#") for part in (old, new)]


def exported(library):
    """Kind by name, as in the list; an object's size counts, as programs have a copy."""
    output = subprocess.run(["nm", "-DS", "--defined-only", str(library)],
                            capture_output=True, text=True, check=True).stdout
    kinds = {}
    for line in output.splitlines():
        _, size, kind, name = line.split()
        kinds[name] = kind if kind == "T" else f"{kind}:{int(size, 16)}"
    return kinds


def differences(one, other):
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield f"{name}: {one.get(name)}, should be {other.get(name)}"


def find_upstream():
    """Upstream's library, as the loader finds it, or None."""
    output = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True)
    for line in output.stdout.splitlines():
        if line.strip().startswith(NAME + " "):
            return line.split("=> ")[1]
    return None


def compare_abi(upstream, library):
    done = subprocess.run(["abidiff", "--no-added-syms", upstream, library],
                          capture_output=True, text=True)
    return [done.stdout + done.stderr] if done.returncode else []


def check_upstream(writer, library):
    titles = ("upstream exports what the list says", "both need the same libraries",
              "abidiff finds nothing that has changed")
    upstream = find_upstream()
    if not upstream:
        for title in titles:
            writer.skip(title, "upstream's library is not installed: tools/deps check")
        return
    writer.result(titles[0], list(differences(exported(upstream), golden()[0])))
    needed = [set(elf.needed_libraries(path)) for path in (upstream, library)]
    writer.result(titles[1], [] if needed[0] == needed[1] else [str(needed)])
    if shutil.which("abidiff"):
        writer.result(titles[2], compare_abi(upstream, library))
    else:
        writer.skip(titles[2], "abidiff is not installed: tools/deps check")


def main():
    library = sys.argv[1]
    writer = tap.Writer()
    old, new = golden()
    writer.result("the list has 84 symbols, and 4 that are newer",
                  [] if (len(old), len(new)) == (84, 4) else [f"{len(old)}, {len(new)}"])
    writer.result("ours exports these and no other",
                  list(differences(exported(library), old | new)))
    check_upstream(writer, library)
    writer.finish()


main()
