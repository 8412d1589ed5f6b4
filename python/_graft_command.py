"""The command `graft` of the wheel: its own program, which is part of the package. The package itself is not imported."""

from __future__ import annotations

import importlib.util
import os
import sys


def main() -> None:
    spec = importlib.util.find_spec("graft")
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    program = os.path.join(folders[0], "bin", "graft") if folders else ""
    if not os.path.exists(program):
        sys.exit("graft: the command is not part of this installation")
    os.execv(program, ["graft", *sys.argv[1:]])
