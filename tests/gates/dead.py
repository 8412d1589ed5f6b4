#!/usr/bin/env python3
"""Nothing is shipped that nothing uses. A function or constant that a file of src/ shows to others is used by another file of
src/, or by itself and a test (else it is dead, or should be static); each value of an enum, and each error number, is used
somewhere in src/. dead.py ROOT BUILD-FOLDER"""
import pathlib
import re
import subprocess
import sys

from source import ROOT, c_files, code, finish, name

# What tests alone look at, and what is not used yet: the lists may only shrink (a name that is used after all is a violation).
OBSERVED = "tests see by it what is promised and shows in no other way"
OWN = "its own file's alone: may become static"
SYMBOLS = {  # symbol -> why it may be
    "gf_cache_has_file": OBSERVED,
    "gf_cache_in_memory": OBSERVED,
    "gf_checkpoint_writer_failures": OBSERVED,
    "gf_checkpoint_writer_safe_step": OBSERVED,
    "gf_engine_grads": OBSERVED,
    "gf_head_logits": OBSERVED,
    "gf_image_format_of": OBSERVED,
    "gf_image_probe": OBSERVED,
    "gf_index_bytes": OBSERVED,
    "gf_keras_h5_write": OBSERVED,
    "gf_api_resolve_boundary": OWN,
    "gf_cache_file_bytes": OWN,
    "gf_cpu_count": OWN,
    "gf_export_at": OWN,
    "gf_folder_at": OWN,
    "gf_graph_is_between": OWN,
    "gf_html_data": OWN,
    "gf_keras_h5_put": OWN,
    "gf_preprocess_at": OWN,
}
PLACES = "its place counts: the ones around it are used"
VALUES = {  # enum value -> why it may be
    "NOTHING": PLACES,
    "GF_ONNX_ATTR_TENSOR": PLACES,
    "GF_ONNX_ATTR_GRAPH": PLACES,
    "GF_ONNX_ATTR_FLOATS": PLACES,
    "EXPAND_NORM": PLACES,
    "EXPAND_ACT": PLACES,
    "DEPTHWISE_NORM": PLACES,
    "PROJECT_NORM": PLACES,
    "ALIASED": PLACES,
    "GF_GRAY_SUM": PLACES,
}

def symbols():
    """(those that each object file defines for others, those that it wants of others), by file."""
    defined, wanted = {}, {}
    for archive in sorted(pathlib.Path(sys.argv[2]).glob("libgf_*.a")):
        member = ""
        table = subprocess.run(["nm", "-g", archive], check=True, capture_output=True, text=True).stdout
        for line in table.splitlines():
            words = line.split()
            if line.endswith(":"):
                member = f"{archive.stem.removeprefix('libgf_')}/{line.rsplit(':', 1)[0].removesuffix('.o').removesuffix('.c')}"
            elif len(words) == 2 and words[0] == "U":
                wanted.setdefault(words[1], set()).add(member)
            elif len(words) == 3 and words[1] in "TRDBVWi" and "." not in words[2]:
                defined[words[2]] = member
    return defined, wanted


def enum_values(text):
    """(line number, name) of each value of the enums in a file's code."""
    for body in re.finditer(r"\benum\b(?:\s+\w+)?\s*\{([^}]*)\}", text):
        for value in re.finditer(r"(?:^|,)\s*(\w+)", body[1]):
            yield text.count("\n", 0, body.start(1) + value.start(1)) + 1, value[1], body.span(1)


violations, looked = [], 0
public = "".join(code(path) for path in c_files("include"))
tests = set(re.findall(r"\w+", "".join(code(path) for path in c_files("tests/unit", "tests/fuzz", "tests/support"))))
sources = {path.relative_to(ROOT / "src").with_suffix("").as_posix(): code(path) for path in c_files("src") if path.suffix == ".c"}
defined, wanted = symbols()
for symbol, file in sorted(defined.items()):
    own = sources.get(file)
    if own is None:
        continue  # made by a generator
    looked += 1
    inside = len(re.findall(rf"\b{symbol}\b", own)) > 1
    used = bool(wanted.get(symbol, set()) - {file} or re.search(rf"\b{symbol}\b", public) or (inside and symbol in tests))
    if used == (symbol in SYMBOLS):
        violations.append(f"src/{file}.c: {symbol} " + (
            "is used after all: take it off the list in gates/dead.py" if used else
            "should be static" if inside else "is dead" + (": tests alone use it" if symbol in tests else "")))

texts = {path: code(path) for path in c_files("src", "include") if path.suffix != ".def"}
words = {}
for path, text in texts.items():
    for word in re.findall(r"\w+", text):
        words[word] = words.get(word, 0) + 1
for path, text in texts.items():
    for line, value, _ in enum_values(text):
        looked += 1
        if (words[value] > 1) == (value in VALUES):
            violations.append(f"{name(path)}:{line}: {value} " + ("is used after all: take it off the list in gates/dead.py"
                                                                  if words[value] > 1 else "is never used"))
errors = ROOT / "src/base/errors.def"
for line, text in enumerate(errors.read_text(encoding="utf-8").splitlines() if errors.exists() else [], 1):
    entry = re.match(r"GF_E\((\w+),", text)
    if entry:
        looked += 1
        parts = entry[1].split("_")  # a macro may put the name together
        if not {f"GF_E_{entry[1]}", *("_".join(parts[k:]) for k in range(len(parts)))} & set(words):
            violations.append(f"src/base/errors.def:{line}: nothing ever tells GF_E_{entry[1]}")
finish(violations, looked, "functions, constants, enum values and error numbers")
