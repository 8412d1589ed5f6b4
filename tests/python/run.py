#!/usr/bin/env python3
"""The Python package as its users have it: the wheel is made, installed into a new environment, and tested there, with neither the
build folder's nor the system's own libraries in reach. run.py ROOT BUILD [TEST ...]"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT, BUILD = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(ROOT / "tests/support"))
from needs import lack  # noqa: E402

TOOLS = ["numpy", "pillow", "scikit-learn", "mypy"]
failures = []


def check(what, ok, told=""):
    print(("ok      " if ok else "FAILED  ") + what + (f":\n{told}" if told and not ok else ""), flush=True)
    if not ok:
        failures.append(what)


def run(*command, **environment):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env={**os.environ, **environment}, cwd="/")
    return done.returncode, done.stdout + done.stderr


def main(place):
    code, told = run(sys.executable, ROOT / "scripts/wheel.py", BUILD, place / "dist")
    check(f"the wheel is made: {told.strip()}", code == 0, told)
    wheel = next((place / "dist").glob("*.whl"))
    check("it is at most 30 MB", wheel.stat().st_size <= 30e6, f"{wheel.stat().st_size}")
    tag = re.search(r"-py3-none-manylinux_2_(\d+)_x86_64\.whl$", wheel.name)
    check("its tag is one of manylinux, not above 2_36", tag is not None and int(tag[1]) <= 36, wheel.name)
    why = lack("pip", "run.py", "the_installed_wheel")
    if why:
        print(f"skipped: {why}")
        return
    run(sys.executable, "-m", "venv", place / "venv")
    python = place / "venv/bin/python"
    code, told = run(python, "-m", "pip", "install", "-q", *TOOLS)
    check("numpy and the tests' tools are there", code == 0, told)
    code, told = run(python, "-m", "pip", "install", "-q", "--no-index", wheel)
    check("the wheel installs, from no index", code == 0, told)
    code, told = run(python, "-m", "pip", "check")
    check("pip finds nothing missing", code == 0, told)
    loaded(python)
    clean = {"GRAFT_ROOT": str(ROOT), "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1", "GRAFT_LIBRARY": "", "LD_LIBRARY_PATH": ""}
    names = sys.argv[3:] or ["discover", "-s", str(ROOT / "tests/python"), "-p", "test_*.py"]
    done = subprocess.run([python, "-W", "error::ResourceWarning", "-m", "unittest", *names], cwd=ROOT / "tests/python", env={**os.environ, **clean})
    check("all tests of the installed package", done.returncode == 0)
    code, told = run(python, "-m", "mypy", "--strict", "--cache-dir", place / "mypy", ROOT / "python/graft", ROOT / "examples/python")
    check("mypy --strict finds nothing", code == 0, told)


LOADED = r"""
import re
def files():
    return set(re.findall(r"\s(/\S+\.so\S*)$", open("/proc/self/maps").read(), re.M))
import numpy, ctypes, shutil, tempfile, json, csv  # what Python's own modules bring
before = files()
import graft
print("\n".join(sorted(files() - before)))
"""


def loaded(python):
    """Every library that graft brings into the process is the wheel's, or one that each Linux has."""
    code, told = run(python, "-c", LOADED)
    package = str(python.parents[1])
    system = re.compile(r"/(ld-linux-x86-64|lib(c|m|dl|rt|pthread|resolv|util|gcc_s|stdc\+\+))\.so|/lib-dynload/")
    own = [line for line in told.split() if line.startswith(package)]
    foreign = [line for line in told.split() if not line.startswith(package) and not system.search(line)]
    check("its libraries are its own", code == 0 and len(own) > 10 and not foreign, told)


with tempfile.TemporaryDirectory(prefix="graft-wheel-") as name:
    main(pathlib.Path(name).resolve())
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
