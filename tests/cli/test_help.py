# SPDX-License-Identifier: MIT
"""Help, usage errors and man pages: what a person meets first."""
import re

from case import Arguments, case, main, need, same
from program import nfqueue

EXIT_USAGE = 2


def commands():
    """The commands that `nfqueue --help` names."""
    text = nfqueue("--help").stdout
    return re.findall(r"^  (\w+) +\S", text.split("COMMAND", 1)[1].split("COMMAND")[0],
                      re.M)


def usage(*args, words):
    done = nfqueue(*args)
    same(done.returncode, EXIT_USAGE, f"exit status of nfqueue {' '.join(args)}")
    need(words in done.stderr, f"nfqueue {args} does not say '{words}':", done.stderr)
    same(done.stdout, "", f"standard output of nfqueue {' '.join(args)}")


@case("nfqueue --help, -h and help name the commands, run and demo among them", net=False)
def _():
    texts = {nfqueue(word).stdout for word in ("--help", "-h", "help")}
    same(len(texts), 1, "different texts")
    need({"run", "check", "stat", "rules", "demo"} <= set(commands()), commands())


@case("each command has its help, in three ways", net=False)
def _():
    for command in commands():
        ways = [(command, "--help"), (command, "-h"), ("help", command)]
        done = [nfqueue(*way) for way in ways]
        same([way.returncode for way in done], [0, 0, 0], f"exit status, {command}")
        same(len({way.stdout for way in done}), 1, f"different texts, {command}")
        need(f"nfqueue {command}" in done[0].stdout and "--help" in done[0].stdout,
             done[0].stdout)
        need(max(map(len, done[0].stdout.splitlines())) <= 90, "wide lines in", command)


@case("nfqueue --version says the version", net=False)
def _():
    need(re.fullmatch(r"nfqueue \d+\.\d+\.\d+\n", nfqueue("--version").stdout),
         nfqueue("--version"))


@case("no command, and an unknown one: the commands are listed", net=False)
def _():
    usage(words="nfqueue COMMAND")
    usage("frobnicate", words="there is no command 'frobnicate'")
    usage("help", "frobnicate", words="there is no command 'frobnicate'")


@case("an unknown option of any command is refused with the way to its help", net=False)
def _():
    for command in commands():
        usage(command, "--frobnicate", words="--frobnicate")
        usage(command, "--frobnicate", words=f"nfqueue {command} --help")


@case("words that a command does not want are refused", net=False)
def _():
    usage("exec", words="which program?")
    usage("exec", "--gso", "--", words="which program?")
    for size in ("0", "x", "2G", "-1", ""):
        usage("exec", f"--rcvbuf={size}", "--", "true", words="--rcvbuf")
    usage("stat", "now", words="'now'")
    usage("demo", "now", words="'now'")
    usage("rules", words="'list' or 'clean'")
    usage("rules", "wash", words="'wash'")
    usage("check", words="which file?")
    usage("reload", "now", words="'now'")
    usage("reload", "-q", "65536", words="65535")
    usage("flows", "wash", words="'flush'")
    usage("flows", "flush", "--json", words="'flush'")
    usage("reload", "--json", words="--json")
    usage("run", words="-f FILE")
    usage("run", "-f", "/dev/null", "accept", words="'accept'")


BAD_NUMBERS = {
    "--queue": (["65536", "-1", "x", "", "3-1", "1-", "-", "0x10000", " 1", "1 ", "1-2-3",
                 "99999999999999999999"], "65535"),
    "--max-length": (["0", "65537", "x", "", "1.5", "+1", "4294967297"], "65536"),
    "--copy-range": (["0", "65536", "-1"], "65535"),
    "--batch": (["0", "1025", "64k"], "1024"),
    "--socket-buffer": (["x", "k", "-1", "1x", "4kk", "2g", "99999999999g"], "8M"),
    "--socket-buffer-max": (["x", "-1", "99999999999g"], "8M"),
    "--deciders": (["251", "-1", "x"], "250"),
    "--ring": (["0", "x", "65537"], "65536"),
    "--busy-poll": (["-1", "x", "1000001"], "1000000"),
    "--flow-mask": (["0", "2", "x", "0x1ffffffff"], "at least two"),
    "--overload": (["", "Drop", "block"], "'wait', 'drop' or 'accept'"),
    "--on-crash": (["", "opened", "OPEN"], "'open' or 'closed'"),
}


@case("a number out of its range is refused, and the range is told", net=False)
def _():
    for option, (values, words) in BAD_NUMBERS.items():
        for value in values:
            usage("run", f"{option}={value}", "accept", words=words)
            usage("run", f"{option}={value}", "accept", words=option)
        usage("run", option, words=option)


def man(name):
    path = Arguments.source / "man" / f"{name}.1"
    need(path.is_file(), f"there is no man/{name}.1")
    text = path.read_text().replace("\\-", "-").replace("\\&", "")
    return re.sub(r"\bFl -(?=\w)", "--", text)     # mdoc(7): Fl -json is --json


@case("each command has a man page, and nfqueue(1) names it", net=False)
def _():
    for command in commands():
        need(f"nfqueue-{command}" in man("nfqueue"), f"nfqueue.1 without {command}")
        man(f"nfqueue-{command}")


@case("each option is in its man page", net=False)
def _():
    for command in commands():
        page = man(f"nfqueue-{command}")
        for option in set(re.findall(r"--[a-z][a-z-]*", nfqueue(command, "-h").stdout)):
            need(re.search(re.escape(option) + r"(?![a-z-])", page),
                 f"nfqueue-{command}.1 without {option}")


main()
