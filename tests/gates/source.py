"""What the gates share: the project's C files, with comments and strings blanked, and a verdict that can fail.

A gate is a program `gate.py [ROOT]`: it prints one line a violation, `file:line: what`, and ends with 1 if there was one,
or if it found nothing to look at. ROOT is the project's folder, or a small made-up one (self_test.py).
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2])


def c_files(*folders):
    """The .c, .h and .def files below the folders, sorted."""
    return sorted(f for folder in folders for f in (ROOT / folder).rglob("*") if f.suffix in (".c", ".h", ".def"))


_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def code(path):
    """The text of a C file with comments and the insides of strings turned into blanks: lines keep their numbers.
    The names in #include "..." stay."""
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")

    def blank(match):
        found = match.group(0)
        line = lines[text.count("\n", 0, match.start())]
        if found[0] == '"' and line.lstrip().startswith("#include"):
            return found
        return "".join(c if c == "\n" else " " for c in found)

    return _TOKEN.sub(blank, text)


def numbered(path):
    """(line number, line) of code(path)."""
    return enumerate(code(path).split("\n"), 1)


def name(path):
    return path.relative_to(ROOT).as_posix()


def finish(violations, looked_at, what):
    """Prints the violations and ends the program with the verdict."""
    for line in violations:
        print(line)
    print(f"{len(violations)} violations in {looked_at} {what}")
    sys.exit(1 if violations or not looked_at else 0)
