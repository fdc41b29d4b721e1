# SPDX-License-Identifier: MIT
"""An installed copy is all that a program needs: test_installed.py BUILD TEST-PROGRAM...

Installs into a folder of its own, compiles the examples with pkg-config's flags alone,
and runs their tests on what came out.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

BUILD, TESTS = pathlib.Path(sys.argv[1]), sys.argv[2:]
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import tap  # noqa: E402

# Program: the package it needs
EXAMPLES = {name: "nfqueue" for name in (
    "ask", "deciders", "edit", "first", "hold", "loop", "mark", "ranges", "reorder",
    "repeat", "stats")} | {"rules": "nfqueue nfqueue-rules"}
# The same on the libraries of old names, which have a folder of their own
CLASSIC = {name: "libnetfilter_queue libmnl" for name in (
    "deciders", "first", "mark", "ranges", "repeat")} | {"ipq": "libipq"}


def run(command, **kwargs):
    """The lines of a command's output if it failed, else none."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=250, **kwargs)
    return [] if done.returncode == 0 else [" ".join(command), *done.stdout.splitlines()]


def find(folder, name):
    found = sorted(folder.rglob(name))
    return found[0] if found else None


def environment(folder, package="nfqueue.pc", library="libnfqueue.so.0"):
    """pkg-config and the loader see the copy, and nothing of the build."""
    packages = find(folder, package)
    library = find(folder, library)
    return {**os.environ, "PKG_CONFIG_PATH": str(packages.parent) if packages else "",
            "PKG_CONFIG_SYSROOT_DIR": str(folder),
            "LD_LIBRARY_PATH": str(library.parent) if library else ""}


def flags(packages, env):
    done = subprocess.run(["pkg-config", "--cflags", "--libs", *packages.split()],
                          capture_output=True, text=True, env=env)
    return done.stdout.split()


def compile_command(compiler, source, packages, output, env):
    return [*compiler, "-Wall", "-Werror", "-pthread", "-o", str(output),
            str(ROOT / "examples" / source), *flags(packages, env)]


def build_examples(writer, programs, env):
    for name, packages in EXAMPLES.items():
        command = compile_command(["cc", "-std=gnu11"], f"{name}.c",
                                  packages, programs / name, env)
        writer.result(f"{name}.c compiles with pkg-config's flags alone",
                      run(command))


def build_classic(writer, programs, folder, names):
    """With our headers; returns what they run with."""
    env = environment(folder, "libipq.pc", "libipq.so.0")
    for name in names:
        command = compile_command(["cc", "-std=gnu11"], f"classic/{name}.c",
                                  CLASSIC[name], programs / name, env)
        writer.result(f"classic/{name}.c compiles with pkg-config's flags alone",
                      run(command))
    return env


def check_classic(writer, programs, folder):
    programs.mkdir()
    names = [name for name in CLASSIC
             if name == "ipq" or find(folder, "libnetfilter_queue.pc")]
    env = build_classic(writer, programs, folder, names)
    library = find(folder, "libnetfilter_queue.so.1")
    if library:
        writer.result("the classic ones pass their tests with the installed library",
                      run([TESTS[-1], str(programs), str(library)], env=env))


def run_tests(writer, title, programs, env):
    for test in TESTS:
        writer.result(f"{title}: {pathlib.Path(test).name}",
                      run([test, str(programs)], env=env))


def main():
    writer = tap.Writer()
    with tempfile.TemporaryDirectory(prefix="nfqueue-installed-") as temporary:
        folder = pathlib.Path(temporary) / "root"
        programs = pathlib.Path(temporary) / "bin"
        programs.mkdir()
        writer.result("meson installs", run(["meson", "install", "--no-rebuild", "-C",
                                             str(BUILD), "--destdir", str(folder)]))
        env = environment(folder)
        build_examples(writer, programs, env)
        run_tests(writer, "the examples pass their tests with the installed copy",
                  programs, env)
        command = compile_command(["g++", "-std=c++17"], "first.cc", "nfqueue",
                                  programs / "first", env)
        writer.result("first.cc compiles as C++17", run(command))
        run_tests(writer, "they pass them with first.cc in the place of first.c",
                  programs, env)
        check_classic(writer, programs / "classic", folder)
    writer.finish()


main()
