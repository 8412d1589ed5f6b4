"""What support/needs.h is for tests in C, for those in Python: lack("g++", PROGRAM, TEST) is None where g++ is here, else why
it is not; the skip is recorded then, and must be listed in tests/skips.txt."""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TABLE = pathlib.Path(__file__).resolve().parents[1] / "skips.txt"
PROGRAMS = {"g++": "no C++ compiler", "chromium": "no Chromium"}  # need: why it is lacking


def table():
    """(need, program, test) of each line of tests/skips.txt."""
    rows = [line.split() for line in TABLE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    for row in rows:
        assert len(row) == 3, f"{TABLE}: not need, program, test: {row}"
    return [tuple(row) for row in rows]


def no_library_of_0_1():
    """Why the library of 0.1 (tests/fixtures/abi) cannot be loaded here."""
    root = TABLE.parents[1]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(root / ".deps/onednn/lib")}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "libgraft.so.0"
        path.write_bytes(gzip.decompress((root / "tests/fixtures/abi/0.1/libgraft.so.0.gz").read_bytes()))
        told = subprocess.run(["ldd", path], capture_output=True, text=True, env=environment).stdout
    missing = re.findall(r"(\S+) => not found", told)
    return f"0.1 was built with other libraries: no {', '.join(missing)} here" if missing else None


def no_int8():
    """Why nothing can be trained in int8 here: the processor, as far as ONEDNN_MAX_CPU_ISA allows it."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        has = any("avx512_vnni" in line.split() for line in f if line.startswith("flags"))
    held = os.environ.get("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_VNNI") in ("AVX2", "AVX512_CORE", "SSE41", "AVX")
    return None if has and not held else "no AVX-512 VNNI"


def no_packages():
    """Why pip gets no packages: numpy, which is asked of the index that it is configured with."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", folder, "numpy"],
                              capture_output=True, text=True)
    return None if done.returncode == 0 else "pip gets no numpy"


CHECKS = {"lib-0.1": no_library_of_0_1, "vnni": no_int8, "pip": no_packages}
KNOWN = {*PROGRAMS, *CHECKS}


def lacking(need):
    if need in CHECKS:
        return CHECKS[need]()
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
