#!/usr/bin/env python3
"""One word for one thing: the old words of docs/design/names.md do not come back, neither in names nor in comments, messages
or docs. The page's tables are the rule: `| old | now | where |`, where `where` is a pattern of paths (empty: everywhere)."""
import re

from source import ROOT, c_files, finish, name

TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|[A-Za-z_]\w*", re.S)
PUBLIC = {"pictures", "n_pictures"}  # members of graft_export_options, whose layout is that of version 0.1


def rows(page, heading):
    """(old, now, pattern of paths) of the table below a heading."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    part = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.S | re.M)
    found = []
    for line in part.group(1).splitlines() if part else []:
        cells = [c.strip().strip("`") for c in line.strip().strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 3:
            found.append((cells[0], cells[1], re.compile(cells[2].replace("\\|", "|"))))
    return found


def tokens(text):
    """(line, word) of every name, and of every word of a comment or of a text with spaces in it."""
    for match in TOKEN.finditer(text):
        found, line = match.group(), text.count("\n", 0, match.start()) + 1
        if found[0] == "'" or (found[0] == '"' and " " not in found):
            continue
        if found[0] in '"/':
            for word in re.finditer(r"(?<![\w\"./<-])[A-Za-z_]\w*(?!\w|\"|\.\w|\\\")", found):
                yield line + found.count("\n", 0, word.start()), word.group()
        else:
            yield line, found


page = ROOT / "docs/design/names.md"
words, names = rows(page, "Words"), rows(page, "Names")
violations, files = [], 0
for path in c_files("src", "cli", "include", "tests/unit", "tests/support"):
    files += 1
    here = name(path)
    old_words = {old: now for old, now, where in words if where.search(here)}
    old_names = {old: now for old, now, where in names if where.search(here)}
    for line, token in tokens(path.read_text(encoding="utf-8")):
        if token in PUBLIC:
            continue
        if token in old_names:
            violations.append(f"{here}:{line}: {token} is called {old_names[token]}")
            continue
        for part in token.split("_"):
            if part.lower() in old_words and part != "LANES":  # SIMD lanes are the field's word
                violations.append(f"{here}:{line}: {token}: say {old_words[part.lower()]}, not {part}")
if not words:
    violations.append("docs/design/names.md has no table of words")
finish(violations, files, "files")
