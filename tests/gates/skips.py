#!/usr/bin/env python3
"""No test passes without having run: a test asks for what it needs by NEEDS (support/needs.h) or lack (support/needs.py) alone,
and each such test stands in tests/skips.txt, each line of which names one."""
import re

from source import ROOT, c_files, code, finish, name

SKIPS = re.compile(r"\bskip\s*\(\s*\)|\bskipTest\s*\(|@unittest\.skip|\bskip(If|Unless)\s*\(|\bSkipTest\b")
SILENT = re.compile(r"\bif \(!?\w*(_has_bf16|_has_int8|builtin_cpu_supports|access|stat)\([^;{]*\) *return;")
ASKS = re.compile(r'\bNEEDS\s*\(\s*"([^"]+)"')
LACKS = re.compile(r'\black\(\s*"([^"]+)",\s*"([^"]+)",\s*"([^"]+)"')
EACH = re.compile(r"\bneeds_each_or_skip\s*\(")  # tests made of a table: their lines are patterns
FUNCTION = re.compile(r"^static void (\w+)\(void \*\*state\)")

table = ROOT / "tests/skips.txt"
rows = [line.split() for line in table.read_text().splitlines() if line.strip() and not line.startswith("#")] if table.exists() else []
violations = [f"tests/skips.txt: {' '.join(row)}: not need, program, test" for row in rows if len(row) != 3]
patterns = {(row[1], row[2]) for row in rows if len(row) == 3 and "*" in row[2]}
listed, asked, tables = {tuple(row) for row in rows if "*" not in row[-1]}, {}, set()
for path in c_files("tests/unit", "tests/support", "tests/cli"):
    test = None
    if EACH.search(code(path)) and "support" not in path.parts:
        tables.add(path.stem)
    whole, blank = path.read_text(encoding="utf-8").split("\n"), code(path).split("\n")
    for number, (line, bare) in enumerate(zip(whole, blank), 1):
        at = FUNCTION.match(line)
        test = at[1] if at else None if bare.startswith("}") else test
        if name(path) != "tests/support/needs.c" and (SKIPS.search(bare) or (test and SILENT.search(bare))):
            violations.append(f"{name(path)}:{number}: a test skips by NEEDS alone, or is not counted")
        if ASKS.search(line) and "NEEDS" in bare:
            asked[(ASKS.search(line)[1], path.stem, test)] = f"{name(path)}:{number}"
for path in sorted((ROOT / "tests").rglob("*.py")):
    if "gates" in path.parts:
        continue
    text = path.read_text(encoding="utf-8")
    if SKIPS.search(text):
        violations.append(f"{name(path)}: a test skips by lack() alone, or is not counted")
    asked.update((found, name(path)) for found in LACKS.findall(text))
violations += [f"{where}: {test} may be skipped without {need}: it is not in tests/skips.txt"
               for (need, program, test), where in sorted(asked.items()) if (need, program, test) not in listed]
violations += [f"tests/skips.txt: {' '.join(row)}: there is no such test, or it does not ask for that"
               for row in sorted(listed - set(asked))]
violations += [f"tests/skips.txt: {program} {pattern}: the program has no table of tests (needs_each_or_skip)"
               for program, pattern in sorted(patterns) if program not in tables]
violations += [f"{program}: needs_each_or_skip, but no pattern in tests/skips.txt"
               for program in sorted(tables - {program for program, _ in patterns})]
finish(violations, len(asked) + len(patterns), "tests that may be skipped")
