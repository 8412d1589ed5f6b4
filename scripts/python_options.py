#!/usr/bin/env python3
"""python/graft/_options.py: the options of graft.train as a TypedDict, out of the library's own table (graft_option_at).
python_options.py LIBRARY writes it; with --check it only says whether it is what it would write."""
import os
import pathlib
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUT = ROOT / "python/graft/_options.py"
SECTIONS = ("train", "model", "data")
OWN = {"batch", "seed", "split", "precision"}  # parameters of graft.train's own
TYPES = {"FLAG": "bool", "WHOLE": "int", "SEED": "int", "REAL": "float", "SHARE": "float | str", "BYTES": "int | str",
         "FILE": "str | os.PathLike[str]", "FOLDER": "str | os.PathLike[str]"}
LISTS = {"augment", "hooks", "metrics", "groups", "class_weight"}  # also as lists, or as a dictionary


def kind(row):
    if row.kind == "CHOICE":
        return f"Literal[{', '.join(repr(c) for c in row.choices)}]".replace("'", '"')
    if row.kind == "TEXT":
        more = " | Sequence[str]" if row.bare in LISTS else ""
        return f"str{more}{' | Mapping[str, float]' if row.bare == 'class_weight' else ''}"
    return TYPES[row.kind]


def text(rows):
    lines = ['"""Options of graft.train by name. Made by scripts/python_options.py of the library\'s table: change that."""', "",
             "from __future__ import annotations", "", "import os", "from collections.abc import Mapping, Sequence",
             "from typing import Literal, TypedDict", "", "", "class TrainOptions(TypedDict, total=False):"]
    for section in SECTIONS:
        for row in rows:
            if row.section == section and row.bare not in OWN:
                lines += [f"    # {line}" for line in textwrap.wrap(row.help + (f" [{row.default}]" if row.default else ""), 120)]
                lines.append(f"    {row.bare}: {kind(row)} | None")
    return "\n".join(lines) + "\n"


os.environ["GRAFT_LIBRARY"] = str(pathlib.Path([a for a in sys.argv[1:] if a != "--check"][0]).resolve())
sys.path.insert(0, str(ROOT / "python/graft"))
sys.path.insert(0, str(ROOT / "python"))
import types  # noqa: E402

package = types.ModuleType("graft")  # its parts without numpy, which this needs not
package.__path__ = [str(ROOT / "python/graft")]
sys.modules["graft"] = package
from graft import _settings  # noqa: E402

made = text(_settings.rows())
if "--check" not in sys.argv:
    OUT.write_text(made, encoding="utf-8")
elif not OUT.exists() or OUT.read_text(encoding="utf-8") != made:
    print(f"{OUT.relative_to(ROOT)} is not what the table of options gives: run scripts/python_options.py build/libgraft.so")
    sys.exit(1)
