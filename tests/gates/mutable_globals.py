#!/usr/bin/env python3
"""The library keeps no mutable globals: nothing of ours lies in .data, .bss or their thread-local sisters.
mutable_globals.py ROOT BUILD-FOLDER"""
import pathlib
import re
import subprocess
import sys

from source import finish

ALLOWED = {}  # symbol -> why
# section, size and name of a symbol in `objdump -t`; .data.rel.ro is constant once the loader is done
SYMBOL = re.compile(r"\s(\.data(?!\.rel\.ro)\S*|\.bss\S*|\.tbss\S*|\.tdata\S*|\*COM\*)\t([0-9a-f]+) +(?:\.hidden )?(\S+)$")

violations, symbols = [], 0
for archive in sorted(pathlib.Path(sys.argv[2]).glob("libgf_*.a")):
    table = subprocess.run(["objdump", "-t", archive], check=True, capture_output=True, text=True).stdout
    member = ""
    for line in table.splitlines():
        if ":     file format" in line:
            member = line.split(":")[0]
        symbols += "\t" in line
        found = SYMBOL.search(line)
        if found and int(found[2], 16) and found[3] not in ALLOWED:
            violations.append(f"{archive.name}({member}): {found[3]} in {found[1]} can be written to")
finish(violations, symbols, "symbols")
