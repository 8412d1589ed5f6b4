#!/usr/bin/env python3
"""docs/errors.md is what scripts/errors.py makes of src/base/errors.def, and every number is in its block, once."""
import re
import subprocess
import sys

from source import ROOT, finish

violations, seen, block = [], {}, []
for number, line in enumerate((ROOT / "src/base/errors.def").read_text().splitlines(), 1):
    heading = re.match(r"/\* .*\d{4}", line)
    if heading:
        block = [(int(a), int(b)) for a, b in re.findall(r"(\d{4})-(\d{4})", line)]
    entry = re.match(r"GF_E\((\w+), (\d+),", line)
    if not entry:
        continue
    value = int(entry[2])
    if value in seen:
        violations.append(f"src/base/errors.def:{number}: {value} is {seen[value]} already")
    if block and not any(a <= value <= b for a, b in block):
        violations.append(f"src/base/errors.def:{number}: {entry[1]} {value} is outside of its block")
    seen[value] = entry[1]
made = subprocess.run([sys.executable, ROOT / "scripts/errors.py"], check=True, capture_output=True, text=True).stdout
page = ROOT / "docs/errors.md"
if not page.exists() or page.read_text() != made:
    violations.append("docs/errors.md is not current: scripts/errors.py > docs/errors.md")
finish(violations, len(seen), "errors")
