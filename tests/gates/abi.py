#!/usr/bin/env python3
"""What version 0.1 declared is declared as it was, and its functions are those of the version node GRAFT_0.1. Its headers are
kept in tests/fixtures/abi/0.1; the sizes of structs and values of enums are tests/abi/layout.c's business."""
import re

from source import ROOT, c_files, code, finish


def declarations(folder):
    """Each function and struct of the public headers, in one spelling."""
    found = set()
    for path in c_files(folder):
        text = re.sub(r"^\s*#.*?(?<!\\)$", "", code(path), flags=re.M | re.S)
        found |= {" ".join(d.split()) for d in re.findall(r"\bGRAFT_API\b[^;]*;", text)}
        found |= {" ".join(d[0].split()) for d in re.findall(r"(typedef struct (\w+)\s*\{.*?\}\s*\2;)", text, flags=re.S)}
    return found


def node(name):
    """The functions of a version node."""
    path = ROOT / "cmake/exports.map"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    at = re.search(re.escape(name) + r"\s*\{(.*?)\}", text, flags=re.S)
    return set(re.findall(r"(\w[\w*]*)\s*;", at[1].split("local:")[0])) if at else set()


old, today = declarations("tests/fixtures/abi/0.1/graft"), declarations("include/graft")
functions = {re.search(r"(\w+)\s*\(", d)[1] for d in old if d.startswith("GRAFT_API")}
violations = [f"0.1 declared: {d}" for d in sorted(old - today)]
violations += [f"cmake/exports.map: {f} is of 0.1, but not in GRAFT_0.1" for f in sorted(functions - node("GRAFT_0.1"))]
violations += [f"cmake/exports.map: {f} is in GRAFT_0.1, but was not in 0.1" for f in sorted(node("GRAFT_0.1") - functions)]
finish(violations, len(old), "declarations of 0.1")
