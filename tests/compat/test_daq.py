# SPDX-License-Identifier: MIT
"""libdaq's nfq module, the one Snort 2 uses: test_daq.py LIBRARY --tool daq_inspect."""
import daq
from existing import both, main

daq.register("libdaq's nfq", daq.Module("nfq", daq.debian_modules, 7, ["queue=7"]), both)
main()
