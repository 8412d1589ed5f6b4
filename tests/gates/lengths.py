#!/usr/bin/env python3
"""Names the functions over 60 lines and the files over 800, which ask for another look (a long table or a list of cases may
be right as it is), and refuses functions over 120 lines and files over 1,000."""
import re

from source import c_files, code, finish, name

FUNCTION, FUNCTION_LIMIT, FILE, FILE_LIMIT = 60, 120, 800, 1000


def functions(text):
    """(first line, lines, name) of each function: a body's braces stand alone in column 0."""
    start = None
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\w.*\(", line) and not line.rstrip().endswith(";"):
            start = number
            called = re.findall(r"(\w+)\s*\(", line)
        if line.startswith("}") and start:
            yield start, number - start + 1, called[0]
            start = None


violations, counted, long = [], 0, []
for path in c_files("src", "cli", "examples", "include", "tests/unit", "tests/support", "tests/fuzz"):
    text = code(path)
    lines = text.count("\n")
    if lines > FILE:
        (violations if lines > FILE_LIMIT else long).append(f"{name(path)}:1: {lines} lines")
    for first, length, function in functions(text):
        counted += 1
        if length > FUNCTION:
            (violations if length > FUNCTION_LIMIT else long).append(f"{name(path)}:{first}: {function} has {length} lines")
print("\n".join(f"look again: {line}" for line in long))
finish(violations, counted, "functions")
