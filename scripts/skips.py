#!/usr/bin/env python3
"""What a ctest run skipped, and whether that is what tests/skips.txt expects on this machine. skips.py BUILD JUNIT RECORDS:
RECORDS is the file that GRAFT_SKIPS named during the run, JUNIT what ctest wrote. Names what was skipped and why, then each
difference; the last line is "SKIPPED DIFFERENCES"."""
import collections
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as tree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/support"))
import needs  # noqa: E402

OWN = {"record": "test_digests", "processor": "test_golden_runs"}  # need: the program that finds out by itself
build, junit, records = map(pathlib.Path, sys.argv[1:4])
TABLE = needs.table()


def programs_run():
    """(program, instruction set) of each test that ran."""
    ran = {case.get("name") for case in tree.parse(junit).getroot().findall(".//testcase") if case.get("status") in ("run", "fail")}
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True, text=True)
    for test in json.loads(shown.stdout)["tests"]:
        if test["name"] not in ran:
            continue
        properties = {p["name"]: p["value"] for p in test["properties"]}
        own = dict(pair.split("=", 1) for pair in properties.get("ENVIRONMENT", []))
        isa = own.get("ONEDNN_MAX_CPU_ISA", os.environ.get("ONEDNN_MAX_CPU_ISA", ""))
        yield from ((os.path.basename(word), isa) for word in test["command"][:2])


def tests_of(program, pattern):
    """The tests that a line of the table means."""
    if "*" not in pattern:
        return [pattern]
    listed = subprocess.run([build / "tests" / program, "--tests"], check=True, capture_output=True, text=True).stdout
    return fnmatch.filter(listed.split(), pattern)


def lacking(isa):
    """need: why it is not here, under an instruction set."""
    wanted = {need for need, _, _ in TABLE}
    why = {need: needs.lacking(need) for need in wanted & needs.KNOWN}
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": isa} if isa else os.environ
    told = subprocess.run([build / "tests/lacking", *sorted(wanted - needs.KNOWN - set(OWN))], env=environment, check=True,
                          capture_output=True, text=True).stdout
    why.update(line.split("\t") for line in told.splitlines())
    for need, program in ((need, program) for need, program in OWN.items() if (program, isa) in ran):
        why[need] = subprocess.run([build / "tests" / program, "--lacking", need], env=environment, check=True,
                                   capture_output=True, text=True).stdout.strip()
    return {need: reason for need, reason in why.items() if reason}


ran = set(programs_run())
why = {isa: lacking(isa) for isa in {isa for _, isa in ran}}
expected = {(program, test, need, isa) for need, program, pattern in TABLE for name, isa in ran
            if name == program and need in why[isa] for test in tests_of(program, pattern)}
lines = records.read_text(encoding="utf-8").splitlines() if records.exists() else []
skipped = {tuple(line.split("\t")) for line in lines}
groups = collections.defaultdict(list)
for program, test, need, isa in sorted(skipped):
    groups[isa, need].append(f"{program}: {test}")
for (isa, need), names in sorted(groups.items()):
    where = f" under {isa}" if isa else ""
    print(f"   {len(names)} skipped{where} without {need} ({why.get(isa, {}).get(need, 'which is here')}): {', '.join(names)}")
wrong = [f"{t} of {p} was skipped without {n} {i}, which tests/skips.txt does not expect here" for p, t, n, i in skipped - expected]
wrong += [f"{t} of {p} should be skipped without {n} {i} by tests/skips.txt, but was not" for p, t, n, i in expected - skipped]
print("\n".join(f"   WRONG: {line}" for line in sorted(wrong)), end="\n" if wrong else "")
print(len(skipped), len(wrong))
