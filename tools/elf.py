# SPDX-License-Identifier: MIT
"""What a built library exports and needs, and what its symbol map says."""
import re
import subprocess

import csource


def map_symbols(text):
    """The global names of all version nodes."""
    names = []
    for body in re.findall(r"\{(.*?)\}", csource.without_comments(text), re.S):
        section = "global"
        for word in re.findall(r"[\w*]+[:;]", body):
            if word[-1] == ":":
                section = word[:-1]
            elif section == "global":
                names.append(word[:-1])
    return names


def library_symbols(library):
    """The names that the library defines for others."""
    output = subprocess.run(["nm", "-D", "--defined-only", str(library)],
                            capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in output.splitlines()]
    return {row[-1].split("@")[0] for row in rows if row[-2] not in "Aa"}


def dynamic(library, tag):
    """The names in [brackets] of this tag in the dynamic section: NEEDED, SONAME."""
    output = subprocess.run(["readelf", "-dW", str(library)],
                            capture_output=True, text=True, check=True).stdout
    return re.findall(rf"\({tag}\).*\[(.*)\]", output)


def needed_libraries(library):
    return dynamic(library, "NEEDED")


def version_nodes(library):
    """The names of the versions that it defines, its own name apart."""
    output = subprocess.run(["readelf", "-VW", str(library)],
                            capture_output=True, text=True, check=True).stdout
    definitions = output.partition("Version definition section")[2]
    definitions = definitions.partition("Version needs section")[0]
    return re.findall(r"Flags: none .*Name: (\S+)", definitions)
