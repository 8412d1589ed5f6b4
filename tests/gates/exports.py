#!/usr/bin/env python3
"""What libgraft exports is what include/graft declares with GRAFT_API: no more, no less.
exports.py ROOT BUILD-FOLDER"""
import re
import subprocess
import sys

from source import c_files, code, finish

declared = set()
for path in c_files("include/graft"):
    text = re.sub(r"^\s*#.*?(?<!\\)$", "", code(path), flags=re.M | re.S)
    declared |= set(re.findall(r"\bGRAFT_API\b[^;(]*?(\w+)\s*\(", text))
listed = subprocess.run(["nm", "-D", "--defined-only", f"{sys.argv[2]}/libgraft.so"], check=True, capture_output=True,
                        text=True).stdout
names = {line.split()[-1].split("@")[0] for line in listed.splitlines() if line.split()[-2] != "A"}  # A: a version node
exported = names - {"_init", "_fini", "__bss_start", "_edata", "_end"}
finish([f"{n} is declared, not exported" for n in sorted(declared - exported)] +
       [f"{n} is exported, not declared" for n in sorted(exported - declared)], len(declared), "declared functions")
