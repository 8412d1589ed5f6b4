#!/usr/bin/env python3
"""docs/map.md is true: each symbol and option that a row quotes is in the sources, and each folder of src has a row. Files are
docs_files.py's."""
import re

from source import ROOT, finish

PLACES = ["src", "cli", "include", "tests", "cmake", "tools", "scripts", "examples", "docs/design", "Makefile", "CMakeLists.txt"]
ENDINGS = {".c", ".h", ".def", ".py", ".txt", ".cmake", ".map", ".sh", ".md", ""}
parts = []
for place in PLACES:
    path = ROOT / place
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else []
    parts += [p.read_text(encoding="utf-8", errors="ignore") for p in files if p.suffix in ENDINGS and p.stat().st_size < 1 << 20]
sources = set(re.findall(r"\w+", "\n".join(parts)))

violations, looked = [], 0
text = (ROOT / "docs/map.md").read_text(encoding="utf-8")
for number, line in enumerate(text.split("\n"), 1):
    for quoted in re.findall(r"`([^`]+)`", line):
        for word in re.findall(r"(?<![\w./*-])[A-Za-z_]\w*(?![\w./]*\.(?:c|h|def|py|md|txt|sh|cmake|map|json|csv)\b)(?![\w*/-])", quoted):
            looked += 1
            pattern = re.search(r"NAME|ROOM|VERB|LIST|WHAT|TARGET|DIR|RUN", word) or word.endswith("_")
            gate = (ROOT / "tests/gates" / f"{word.removeprefix('gate_')}.py").exists()
            if not pattern and not gate and ("_" in word or "gf" in word) and word not in sources:
                violations.append(f"docs/map.md:{number}: there is no {word}")
for room in sorted(p.name for p in (ROOT / "src").iterdir() if p.is_dir()):
    looked += 1
    if f"`{room}`" not in text:
        violations.append(f"docs/map.md:1: no row has the room {room}")
finish(violations, looked, "quoted words and rooms")
