# SPDX-License-Identifier: MIT
"""A policy file that is changed, and read again."""
import pathlib
import tempfile

from case import same
from program import nfqueue

EXIT_FAILED = 1


class Policy:
    """A policy file that can be changed."""

    def __init__(self, *rules):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".nfq")
        self.path = pathlib.Path(self.file.name)
        self.write(*rules)

    def write(self, *rules):
        self.path.write_text("\n".join(rules) + "\n")


def reload(*args):
    """Returns what it says."""
    done = nfqueue("reload", *args)
    same(done.returncode, 0, f"exit status of reload: {done.stderr}")
    return done.stdout


def refused(*args):
    """The same, when the old policy goes on."""
    done = nfqueue("reload", *args)
    same(done.returncode, EXIT_FAILED, f"exit status of reload: {done.stdout}")
    same(done.stdout, "", "standard output")
    return done.stderr
