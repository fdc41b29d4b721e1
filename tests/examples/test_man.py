# SPDX-License-Identifier: MIT
"""The manual pages are clean, and tell of every command, option and function:
test_man.py ROOT NFQUEUE."""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT, NFQUEUE = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, str(ROOT / "tools"))
import tap  # noqa: E402

# Page: the headers whose functions it names
API = {"libnfqueue.3": ["engine.h", "packet.h", "queue.h", "verdict.h", "version.h",
                        "view.h"],
       "libnfqueue-rules.3": ["rules.h"]}
ESCAPES = {r"\e": "\\", r"\-": "-", r"\(dq": '"', r"\&": ""}


def page(name):
    return (ROOT / "man" / name).read_text()


def literal_blocks(text):
    blocks = re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", text, re.M)
    for escape, character in ESCAPES.items():
        blocks = [block.replace(escape, character) for block in blocks]
    return blocks


def run(*arguments, text=None):
    return subprocess.run([NFQUEUE, *arguments], input=text, capture_output=True,
                          text=True, timeout=30)


def check_lint(writer, path):
    """By mandoc, which knows more; by man where it is not there."""
    command = ["mandoc", "-Tlint", "-W", "warning", str(path)]
    if not shutil.which("mandoc"):
        command = ["man", "--warnings", "-l", str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    output = done.stderr if command[0] == "man" else done.stdout + done.stderr
    problems = output.splitlines()
    if done.returncode and not problems:
        problems = [f"exit status {done.returncode}"]
    writer.result(f"{path.name} is clean", problems)


def check_installed(writer):
    listed = (ROOT / "man" / "meson.build").read_text()
    writer.result("all pages are installed", [
        f"add {path.name} to man/meson.build" for path in pages()
        if f"'{path.name}'" not in listed])


def pages():
    return sorted((ROOT / "man").glob("*.[1-8]"))


def commands():
    listed = run("--help").stdout.split("\n\n")[2]
    return re.findall(r"^  (\w+) +\S.*$", listed, re.M)


def check_command(writer, command):
    """Its page and the list in nfqueue(1) are there; the page has every option."""
    name = f"nfqueue-{command}.1"
    if not (ROOT / "man" / name).exists():
        writer.result(f"{name} is there", [f"write man/{name}"])
        return
    text = page(name)
    problems = []
    usage = run(command, "--help").stdout
    for option in re.findall(r"(?<![\w-])--([a-z][a-z-]+)", usage):
        if f"Fl -{option}" not in text:
            problems.append(f"no .Fl -{option}")
    if f"Xr nfqueue-{command} 1" not in page("nfqueue.1"):
        problems.append("nfqueue.1 does not point to it")
    writer.result(f"{name} names every option", sorted(set(problems)))


def check_api(writer, name):
    text, problems = page(name), []
    for header in API[name]:
        source = (ROOT / "include" / "nfqueue" / header).read_text()
        source = re.sub(r"/\*.*?\*/", "", source, flags=re.S)
        for function in re.findall(r"NFQUEUE_API[^;(]*?\b(nfqueue_\w+)\(", source):
            if not re.search(rf"^\.F[no] {function}\b", text, re.M):
                problems.append(f"{header}: no {function}")
    writer.result(f"{name} names every function", problems)


def check_policies(writer):
    """Each example of the language is a good policy."""
    examples = page("nfqueue-policy.5").split(".Sh EXAMPLES")[1]
    problems = [] if literal_blocks(examples) else ["no example found"]
    for policy in literal_blocks(examples):
        done = run("check", "-", text=policy)
        if done.returncode or done.stderr:
            problems += [policy, done.stderr]
    writer.result("nfqueue-policy.5: the examples have no errors", problems)


def check_error(writer, name):
    """The error that the page shows is what the program says to that line."""
    wrong = "queue input if tcp port 23\nmrak 7 if tcp dst port 23\n"
    said = run("check", "-", text=wrong).stderr.replace("standard input:", "telnet.nfq:")
    blocks = literal_blocks(page(name))
    problems = [] if said and any(said in block for block in blocks) else [said]
    writer.result(f"{name} shows an error as it is", problems)


def check_first(writer):
    text = (ROOT / "examples" / "first.c").read_text()
    first = text[text.index("#include"):]
    writer.result("libnfqueue.3 shows first.c as it is", [] if first in literal_blocks(
        page("libnfqueue.3")) else ["paste examples/first.c anew, from its #include on"])


def main():
    writer = tap.Writer()
    for path in pages():
        check_lint(writer, path)
    check_installed(writer)
    names = commands()
    writer.result("the command has commands", [] if "run" in names else [str(names)])
    for command in names:
        check_command(writer, command)
    for name in API:
        check_api(writer, name)
    check_policies(writer)
    for name in ("nfqueue-policy.5", "nfqueue-check.1"):
        check_error(writer, name)
    check_first(writer)
    writer.finish()


main()
