# SPDX-License-Identifier: MIT
"""What nfqueue says and does when it cannot: exit status, words, nothing touched."""
from case import case, is_real_root, main, need, same, sh
from program import Running, as_ordinary_user, nfqueue, sees_queues, tables

EXIT_FAILED, EXIT_BUSY, EXIT_PRIVILEGE, EXIT_NOT_SUPPORTED = 1, 3, 4, 5
QUEUE = "queue input if udp port 5000"


def nothing_touched():
    same(sh("nft list ruleset"), "", "rules")


@case("a bad policy: exit status 1, the rule's number, nothing touched")
def _():
    done = nfqueue("run", QUEUE, "drop if bogus bogus")
    same(done.returncode, EXIT_FAILED, "exit status")
    need("rule 2:1:" in done.stderr, done.stderr)
    nothing_touched()


@case("a match too long for the kernel: exit status 1, said so, nothing touched")
def _():
    ports = " or ".join(f"udp port {port}" for port in range(100, 140))
    done = nfqueue("run", f"queue input if {ports}", "accept")
    same(done.returncode, EXIT_FAILED, "exit status")
    need("64" in done.stderr, done.stderr)
    nothing_touched()


@case("a policy file that is not there: exit status 1 and its name")
def _():
    done = nfqueue("run", "-f", "/nonexistent/policy.nfq")
    same(done.returncode, EXIT_FAILED, "exit status")
    need("/nonexistent/policy.nfq" in done.stderr, done.stderr)


@case("a queue that another process has: exit status 3, and whose it is")
def _():
    with Running("run", "-q", "7", QUEUE, "accept") as first:
        before = sh("nft list ruleset")
        for queues in ("7", "6-8"):
            done = nfqueue("run", "-q", queues, "queue input if udp port 6000", "accept")
            same(done.returncode, EXIT_BUSY, f"exit status: {done.stderr}")
            owner = str(first.pid) if sees_queues() else "another process"
            need(owner in done.stderr, f"no {owner} in:", done.stderr)
        same(sh("nft list ruleset"), before, "the first one's rules")
        first.stop()


@case("no privilege: exit status 4, and what to do, for run, rules and stat")
def _():
    commands = [["run", QUEUE, "accept"], ["rules", "list"], ["rules", "clean"]]
    for command in commands:
        done = as_ordinary_user(*command)
        same(done.returncode, EXIT_PRIVILEGE, f"{command}: {done.stderr}")
        need("CAP_NET_ADMIN" in done.stderr, command, done.stderr)
        need("root" in done.stderr, command, done.stderr)
    if is_real_root() or not sees_queues():
        done = as_ordinary_user("stat")
        same(done.returncode, EXIT_PRIVILEGE, f"stat: {done.stderr}")
        need("root" in done.stderr, done.stderr)
    nothing_touched()


@case("no nfnetlink_queue in sight: stat ends with exit status 5 and the module's name")
def _():
    done = nfqueue("stat", prefix=[
        "sh", "-c", 'mount -t tmpfs none /proc/$$/task/$$/net && exec "$@"', "sh"])
    same(done.returncode, EXIT_NOT_SUPPORTED, "exit status")
    need("modprobe nfnetlink_queue" in done.stderr, done.stderr)


@case("the greatest numbers that are allowed work")
def _():
    with Running("run", "-q", "65535", "--max-length", "65536", "--batch", "1024",
                 "--copy-range", "65535", QUEUE, "accept") as run:
        same(tables(), ["nfqueue-65535"], "tables")
        run.stop()


main()
