#!/usr/bin/env python3
"""What the documents quote is there: `src/ops/cpu.h` and `cpu.h` are files of the project, a link's target exists. Left alone are
patterns (NAME, *, ...) and what a user's own files or a run's are called (no folder of the project, no source's ending)."""
import re

from source import ROOT, finish

FOLDERS = "bench cli cmake docs examples include scripts share src tests tools".split()
SOURCE = re.compile(r"^[\w.-]+\.(c|h|def|cmake|sh)$")
SKIPPED = {"build", ".deps", ".git"}
MADE = {"bench/results.json", "bench/results_nets.json"}  # by `make bench`

documents = [path for path in [*ROOT.glob("*.md"), *ROOT.glob("*/**/*.md")] if not SKIPPED & set(path.relative_to(ROOT).parts) and
             not any(part.startswith("build") for part in path.relative_to(ROOT).parts)]
files = {path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*")}
names = {path.rsplit("/", 1)[-1] for path in files}
violations, looked = [], 0


def wrong(word):
    """What is wrong with a quoted word; None: nothing, or it is no file's name."""
    word = word.strip().rstrip(".,:;").removeprefix("./").split("#")[0]
    if not word or word in MADE or word.startswith("build/") or re.search(r"[A-Z]{2,}(?![a-z])|[*<>{}$|]|\.\.\.", word.replace("README", "").replace("CMakeLists", "")):
        return None
    if word.split("/")[0] in FOLDERS and "/" in word:
        return None if word.rstrip("/") in files or word.rstrip("/") in FOLDERS else word
    if SOURCE.match(word) and word not in names:
        return word
    return None


for path in sorted(documents):
    place = path.relative_to(ROOT).as_posix()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for quoted in re.findall(r"`([^`]+)`", line):
            for word in quoted.split():
                looked += 1
                if wrong(word):
                    violations.append(f"{place}:{number}: there is no {wrong(word)}")
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            looked += 1
            target = target.split("#")[0]
            if target and not re.match(r"\w+:", target) and not (path.parent / target).exists():
                violations.append(f"{place}:{number}: the link's {target} does not exist")
finish(violations, looked, "quoted words and links")
