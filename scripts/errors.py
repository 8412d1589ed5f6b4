#!/usr/bin/env python3
"""Makes docs/errors.md of src/base/errors.def: scripts/errors.py > docs/errors.md"""
import pathlib
import re

STATUS = {  # thousands digit -> exit code, what it means, what was kept
    1: (3, "The data set is bad", "Nothing was written but the report."),
    2: (4, "A weight or model file was refused", "Nothing was written."),
    3: (2, "Usage or configuration", "Nothing was written."),
    5: (5, "Memory, disk, files, threads", "The last checkpoint is intact; `graft resume` goes on."),
    6: (6, "Network or integrity", "What came is kept as `.part`, never under the final name."),
    7: (7, "Training diverged", "The last finite checkpoint is kept; NaN is never saved as latest or best."),
    8: (8, "A worker process died", "All were stopped; the run can be resumed."),
    9: (70, "A bug in graft", "The last checkpoint is intact. Please report it with the message."),
}
table = (pathlib.Path(__file__).resolve().parents[1] / "src/base/errors.def").read_text()
errors = sorted((int(n), title) for n, title in re.findall(r'GF_E\(\w+, (\d+),\s*"((?:\\.|[^"])*)"\)', table))

print("""# Errors

Every failure has a number, a message that names the file, the place, what was found and what was wanted, and most have a hint:

    graft: error E1207: pets/cat/0412.jpg: JPEG ends early: ...
    hint: ...

The thousands digit gives the exit code, which is also the `graft_status` that the library returns. With `--json` the same
stands on stdout as `{"error":{"code":"E1207","status":3,"message":"...","hint":"..."}}`. Exit codes without an error number:
0 done, 130 and 143 stopped by SIGINT or SIGTERM with a checkpoint at that very step.

This page is made from `src/base/errors.def` by `scripts/errors.py`; numbers are never used again.""")
for digit, (code, title, kept) in STATUS.items():
    rows = [(number, text) for number, text in errors if number // 1000 == digit]
    if rows:
        print(f"\n## Exit code {code}: {title}\n\n{kept}\n\n| code | meaning |\n|---|---|")
        for number, text in rows:
            print(f"| E{number} | {text} |")
