#!/usr/bin/env python3
"""No function is longer than 60 lines and no file longer than 600, but those named here, each with the length that it may not
go beyond: the list may only shrink."""
import re

from source import c_files, code, finish, name

FUNCTION, FILE = 60, 600
LONGER = {}  # a file, or file: function -> its limit


def functions(text):
    """(first line, lines, name) of each function: a body's braces stand alone in column 0."""
    start = None
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\w.*\(", line) and not line.rstrip().endswith((";", "= {")):
            start = number
            called = re.findall(r"(\w+)\s*\(", line)
        if line.startswith("}") and start:
            yield start, number - start + 1, called[0]
            start = None


violations, counted, over = [], 0, set()


def check(where, key, lines, limit, what):
    if lines <= limit:
        return
    over.add(key)
    if lines > LONGER.get(key, limit):
        violations.append(f"{where}: {what} has {lines} lines, {LONGER.get(key, limit)} are allowed")


for path in c_files("src", "cli", "examples", "include", "tests/unit", "tests/support", "tests/fuzz"):
    text = code(path)
    check(f"{name(path)}:1", name(path), text.count("\n"), FILE, "the file")
    for first, length, function in functions(text):
        counted += 1
        check(f"{name(path)}:{first}", f"{name(path)}: {function}", length, FUNCTION, function)
for key in sorted(set(LONGER) - over):
    print(f"look again: {key} is short enough now: take it off the list in gates/lengths.py")
finish(violations, counted, "functions")
