"""What support/needs.h is for tests in C, for those in Python: lack("g++", PROGRAM, TEST) is None where g++ is here, else why
it is not; the skip is recorded then, and must be listed in tests/skips.txt."""
import os
import pathlib
import shutil

TABLE = pathlib.Path(__file__).resolve().parents[1] / "skips.txt"
PROGRAMS = {"g++": "no C++ compiler"}  # need: why it is lacking


def table():
    """(need, program, test) of each line of tests/skips.txt."""
    rows = [line.split() for line in TABLE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    for row in rows:
        assert len(row) == 3, f"{TABLE}: not need, program, test: {row}"
    return [tuple(row) for row in rows]


def lacking(need):
    return PROGRAMS[need] if shutil.which(need) is None else None


def lack(need, program, test):
    why = lacking(need)
    if why is None:
        return None
    assert (need, program, test) in table(), f"{test} needs {need}: tests/skips.txt does not list it as one that may be skipped"
    if os.environ.get("GRAFT_SKIPS"):
        with open(os.environ["GRAFT_SKIPS"], "a", encoding="utf-8") as f:
            f.write(f"{program}\t{test}\t{need}\t{os.environ.get('ONEDNN_MAX_CPU_ISA', '')}\n")
    return why
