# SPDX-License-Identifier: MIT
"""libdaq's ipq module, for libipq: test_ipq.py LIBIPQ --tool daq_inspect.

No distribution builds it any more, but it is in the sources that Debian's libdaq2 is made
of. What it never could, it says itself: IPv6.
"""
import io
import subprocess
import tarfile

import daq
from existing import ROOT, Prepared, fetch, main, ours

SOURCES = "http://deb.debian.org/debian/pool/main/d/daq/daq_2.0.7.orig.tar.gz"
SHA512 = ("9bedddbc2d952526ab4e1d65f4507eb914507f8b3b5702ecf7137f8a210c690703469162a117a7"
          "6cb8376a5639db46bd767fc48789ba7294a0bad26d4cd0ede2")
SOURCE = "daq-2.0.7/os-daq-modules/daq_ipq.c"


def compile_module(source, output, library):
    """Against our headers, and linked as libipq's programs are: by its soname."""
    subprocess.run(
        ["cc", "-w", "-shared", "-fPIC", "-DBUILDING_SO", "-DHAVE_DUMBNET_H",
         f"-I{ROOT}/compat/ipq/include", source, "-o", output, library, "-ldumbnet",
         "-lsfbpf"], check=True, timeout=100)


def prepare(folder, library):
    data, reason = fetch(SOURCES, SHA512)
    if data:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extract(SOURCE, folder)
        compile_module(folder / SOURCE, folder / "daq_ipq.so", library)
    return reason


def modules():
    daq.debian_modules()
    return Prepared.need()


daq.register("libdaq's ipq", daq.Module("ipq", modules, 0, []), ours)
main(prepare)
