#!/usr/bin/env python3
"""What is registered by a line in src/ROOM/LIST.def is known to its own file and to that list alone. Each list ends with the
hook of the extension tests (tests/extend/LIST.def); its table stands in src/ROOM/LIST.c, with its lookup and nothing else; no
other source names a member's object, or has its name as a text of its own."""
import re

from source import ROOT, c_files, code, finish, name

# Texts that are also a member's name, and what they are there.
ALSO = {
    ("src/api/model.c", "mobilenet_v2"): "the default of a field of version 0.1",
    ("cli/settings.c", "mobilenet_v2"): "the same",
    ("src/api/train.c", "adam"): "the default of a field of version 0.1",
    ("src/api/train.c", "rmsprop"): "the same",
    ("src/api/bench.c", "adam"): "the same",
    ("src/api/bench.c", "rmsprop"): "the same",
}
# Lists whose members other sources may name: lowering says which operation computes a layer, variants what they stand for.
NAMED = {"ops", "settings", "errors", "variants"}
TOLD = {"optimizers", "architectures", "random_changes"}  # whose names are no words of other trades
ALL_OF_IT = {"settings"}  # the file of the table has more in it
LONGEST = 60  # lines of a table's file

HOOK = '#ifdef GF_EXTEND\n#include "extend/{}.def"\n#endif\n'
MEMBER = re.compile(r"^(GF_[A-Z_]+)\((\w+)\)", re.M)
violations, members = [], 0


def texts(path):
    """(line, text) of each string of a C file, comments left out."""
    raw = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), path.read_text(encoding="utf-8"), flags=re.S)
    for number, line in enumerate(raw.split("\n"), 1):
        if not line.lstrip().startswith("#include"):
            for text in re.findall(r'"((?:\\.|[^"\\])*)"', line):
                yield number, text


sources = [p for p in c_files("src", "cli")]
codes = {p: code(p) for p in sources}
raws = {p: p.read_text() for p in sources}
everything = "\n".join(raws.values())
quoted = {p: list(texts(p)) for p in sources if p.suffix != ".def"}

for path in sources:
    if path.suffix != ".def" or "GF_EXTEND" not in path.read_text():
        continue
    text, table, stem = path.read_text(), path.with_suffix(".c"), path.stem
    if HOOK.format(stem) not in text:
        violations.append(f'{name(path)}:1: its hook is not #include "extend/{stem}.def"')
    if not table.exists() or f'#include "{path.parent.name}/{path.name}"' not in table.read_text():
        violations.append(f"{name(path)}:1: {name(table)} with the table is wanted")
        continue
    if stem not in ALL_OF_IT and table.read_text().count("\n") > LONGEST:
        violations.append(f"{name(table)}:1: the table and its lookup alone are wanted")
    if stem in NAMED:
        continue
    macro = None
    for macro, x in MEMBER.findall(text):
        members += 1
        found = re.search(rf"#define {macro}\((\w+)\)\s+extern const (\w+) (\w+)##\1;", everything)
        if not found:
            violations.append(f"{name(path)}:1: {macro}(x) declares no object")
            break
        kind, object_ = found[2], found[3] + x
        homes = [p for p in sources if f"const {kind}" in codes[p] and (
                     re.search(rf"const {kind}\b[^;{{]*\b{object_}\b\s*=", codes[p]) or
                     (p.suffix == ".c" and re.search(rf"const {kind} {found[3]}\w*##", codes[p])))]
        if not homes:
            violations.append(f"{name(path)}:1: {object_} is in no file")
            continue
        for p in sources:
            if p not in homes and object_ in codes[p] and re.search(rf"\b{object_}\b", codes[p]):
                number = codes[p][: re.search(rf"\b{object_}\b", codes[p]).start()].count("\n") + 1
                violations.append(f"{name(p)}:{number}: {object_} is named outside of its file and {name(path)}")
        told = re.search(rf'\b{object_}\b\s*=\s*\{{[^;]*?\.name\s*=\s*"([^"]+)"', raws[homes[0]], re.S)
        for p in sources:
            for number, word in quoted.get(p, []):
                if (told and word == told[1] and path.stem in TOLD and p not in homes and (name(p), word) not in ALSO and
                        path.parent.name + p.parent.name != "imageimage" and not re.search(rf'\.name = "{word}"', raws[p])):
                    violations.append(f'{name(p)}:{number}: "{word}" is a member of {name(path)}')
finish(violations, members, "members of lists")
