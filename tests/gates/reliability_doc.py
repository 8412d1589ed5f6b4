#!/usr/bin/env python3
"""Every test that docs/reliability.md names is there."""
import re

from source import ROOT, finish

texts = {path.stem: path.read_text(encoding="utf-8") for folder in ("unit", "cli", "python")
         for path in (ROOT / "tests" / folder).rglob("test_*") if path.suffix in (".c", ".py")}
violations, named = [], 0
for number, line in enumerate((ROOT / "docs/reliability.md").read_text().splitlines(), 1):
    for file, function in re.findall(r"`(test_\w+): (\w+)`", line):
        named += 1
        if not re.search(rf"\b{function}\s*\(", texts.get(file, "")):
            violations.append(f"docs/reliability.md:{number}: there is no {function} in {file}")
finish(violations, named, "tests named")
