# SPDX-License-Identifier: MIT
"""The ways nfqueue is built by its tools, one row each, and how to get them built."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

SANITIZER_FLAGS = "-fno-sanitize-recover=all -fno-omit-frame-pointer"

# name: (compiler, options of meson setup)
BUILDS = {
    "check": ("gcc", ["-Dbuildtype=release", "-Dwerror=true",
                      "-Dc_args=-D_FORTIFY_SOURCE=2"]),
    "asan": ("clang", ["-Dbuildtype=debugoptimized", "-Dwerror=true",
                       "-Db_sanitize=address,undefined", "-Db_lundef=false",
                       "-Dc_args=" + SANITIZER_FLAGS]),
    "tsan": ("clang", ["-Dbuildtype=debugoptimized", "-Dwerror=true",
                       "-Db_sanitize=thread", "-Db_lundef=false",
                       "-Dc_args=" + SANITIZER_FLAGS]),
    "coverage": ("gcc", ["-Dbuildtype=debug", "-Db_coverage=true",
                          "-Dc_args=-fprofile-update=atomic"]),
    "fuzz": ("clang", ["-Dbuildtype=debugoptimized", "-Dfuzz=true",
                       "-Db_sanitize=address,undefined", "-Db_lundef=false",
                       "-Dc_args=-fsanitize=fuzzer-no-link " + SANITIZER_FLAGS]),
    "tidy": ("clang", ["-Dbuildtype=debug"]),
}


def directory(name):
    return ROOT / f"build-{name}"


def configure(name):
    """Sets the build directory up; anew, if it was set up otherwise before."""
    compiler, options = BUILDS[name]
    build = directory(name)
    stamp = build / "configured-as"
    wanted = " ".join([compiler, *options])
    ready = (build / "build.ninja").exists()
    if ready and stamp.exists() and stamp.read_text() == wanted:
        # The list of tests is read before the compilation: bring it up to date.
        return run_quietly(["ninja", "-C", str(build), "build.ninja"])
    command = ["meson", "setup", *options, str(build), str(ROOT)]
    if (build / "meson-private").exists():
        command.insert(2, "--wipe")
    if not run_quietly(command, env={**os.environ, "CC": compiler}):
        return False
    stamp.write_text(wanted)
    return True


def compile(name):
    """Compiles; only what fails is shown."""
    return run_quietly(["meson", "compile", "-C", str(directory(name)),
                        "--ninja-args=--quiet"])


def run_quietly(command, **kwargs):
    """Runs a command, shows its output only if it failed. True if it succeeded."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, **kwargs)
    except FileNotFoundError:
        print(f"{command[0]}: not found; run tools/deps check", file=sys.stderr)
        return False
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode == 0


def test_environment():
    """Sanitizers shall end a test that they find something in, and say where."""
    end = "halt_on_error=1:abort_on_error=1:print_stacktrace=1"
    strict = "detect_stack_use_after_return=1:strict_string_checks=1"
    return {**os.environ,
            "ASAN_OPTIONS": f"{end}:{strict}",
            "UBSAN_OPTIONS": end,
            "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}


def wrapper(name):
    """Sanitizers of this age lose their way where addresses are very random."""
    if "-Db_sanitize" not in " ".join(BUILDS[name][1]):
        return []
    try:
        bits = int(pathlib.Path("/proc/sys/vm/mmap_rnd_bits").read_text())
    except (OSError, ValueError):
        return []
    can = subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0
    return ["--wrapper", "setarch -R"] if bits > 28 and can else []
