# SPDX-License-Identifier: MIT
"""What tshark and capinfos read of a capture: test_tshark.py ROOT WRITE_CAPTURE."""
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

ROOT, WRITE_CAPTURE = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
import tap  # noqa: E402

# What write_capture.c puts into each packet, as tshark's field has it.
FIELDS = {
    "nanoseconds": ("frame.time_epoch",
                    [f"1700000000.{123456789 + i}" for i in range(6)]),
    "interface names": ("frame.interface_name",
                        ["lo", "lo", "lo", "no interface", "lo", "no interface"]),
    "directions": ("frame.packet_flags_direction",
                   ["0x00000001", "0x00000002", "0x00000001", "0x00000000", "0x00000002",
                    "0x00000001"]),
    "packet types": ("sll.pkttype", ["0", "4", "3", "3", "4", "0"]),
    "lost packets": ("frame.drop_count", ["", "", "", "4", "", ""]),
    "comments": ("frame.comment",
                 ["accept, mark 7: mark 7 if udp", "drop: drop", "queue 5", "repeat",
                  "sent in other packets", "made here: duplicate"]),
    "verdicts": ("frame.verdict.ebpf_tc", ["0", "2", "5", "6", "4", ""]),
    "hardware addresses": ("sll.src.eth", ["02:00:00:00:00:01", "", "", "", "", ""]),
    "VLAN ids": ("vlan.id", ["", "", "5", "", "", ""]),
    "VLAN priorities": ("vlan.priority", ["", "", "5", "", "", ""]),
    "original lengths": ("frame.len", ["53", "53", "57", "53", "9020", "53"]),
    "captured lengths": ("frame.cap_len", ["50", "50", "54", "50", "50", "50"]),
    "destination ports": ("udp.dstport", ["53"] * 6),
}


def tool(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    return done.stdout if done.returncode == 0 else done.stdout + done.stderr


def check_field(writer, path, what, field, expected):
    seen = tool("tshark", "-n", "-r", path, "-T", "fields", "-e", field).split("\n")[:-1]
    writer.result(f"tshark reads the {what}",
                  [] if seen == expected else [f"{field}: {seen}, not {expected}"])


def check_words(writer, title, text, words):
    problems = [f"no '{word}'" for word in words if word not in text]
    writer.result(title, problems and [*problems, text])


def check(writer, path):
    done = subprocess.run([WRITE_CAPTURE, path], timeout=60)
    writer.result("a capture is written", [] if done.returncode == 0 else [str(done)])
    for what, (field, expected) in FIELDS.items():
        check_field(writer, path, what, field, expected)
    text = tool("tshark", "-n", "-r", path, "-V")
    check_words(writer, "tshark names the verdicts of tc", text,
                ["TC_ACT_OK", "TC_ACT_SHOT", "TC_ACT_QUEUED", "TC_ACT_REPEAT",
                 "TC_ACT_STOLEN"])
    check_words(writer, "capinfos knows who wrote it, and the packets of each interface",
                tool("capinfos", path),
                ["nfqueue test", platform.machine(), f"Linux {platform.release()}",
                 "Name = lo", "Number of packets = 4", "Number of packets = 2",
                 "nanoseconds (9)", "Number of stat entries = 1",
                 "Capture length = 54"])


def main():
    writer = tap.Writer()
    if not shutil.which("tshark"):
        writer.skip("tshark reads a capture", "tshark is not installed")
        writer.finish()
        return
    with tempfile.TemporaryDirectory(prefix="nfqueue-capture-") as folder:
        check(writer, folder + "/f.pcapng")
    writer.finish()


main()
