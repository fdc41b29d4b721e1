# SPDX-License-Identifier: MIT
"""Ten restarts of each kind at 20,000 datagrams a second: make soak runs this."""
from case import case, main
from restart import BATCH, end_as_asked, end_at_once, replace_many, restart_many

TIMES, RATE, PAUSE_S = 10, 20000, 1.0


@case(f"{TIMES} times --replace at {RATE:,} packets a second: none missing, none twice",
      seconds=120)
def _():
    replace_many(TIMES, RATE, PAUSE_S)


@case(f"{TIMES} times --replace of four queues and deciders: none missing, none twice",
      seconds=120)
def _():
    replace_many(TIMES, RATE, PAUSE_S, "-q", "0-3", "--deciders", "2")


@case(f"{TIMES} times kill -9 with the store at {RATE:,} packets a second: none twice, "
      "missing is what the dead held", seconds=120)
def _():
    restart_many(TIMES, RATE, PAUSE_S, end_at_once, BATCH)


@case(f"{TIMES} restarts as systemctl does them at {RATE:,} packets a second: none "
      "missing, none twice", seconds=120)
def _():
    restart_many(TIMES, RATE, PAUSE_S, end_as_asked, 0)


main()
