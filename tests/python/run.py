#!/usr/bin/env python3
"""The Python package as its users have it: the wheel is made, installed into a new environment, and tested there, with neither the
build folder's nor the system's own libraries in reach. run.py ROOT BUILD"""
import concurrent.futures
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


def environment(place):
    """A new environment with the tools; returns what went wrong, or ""."""
    code, told = run(sys.executable, "-m", "venv", place / "venv")
    if code == 0:
        code, told = run(place / "venv/bin/python", "-m", "pip", "install", "-q", *TOOLS)
    return told if code else ""


def unittests(python, names):
    """The tests of these files, in a process of their own: what it told, or "" where all is well."""
    clean = {"GRAFT_ROOT": str(ROOT), "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1", "GRAFT_LIBRARY": "", "LD_LIBRARY_PATH": ""}
    done = subprocess.run([python, "-W", "error::ResourceWarning", "-m", "unittest", *names], cwd=ROOT / "tests/python", capture_output=True,
                          text=True, env={**os.environ, **clean})
    ran = re.search(r"^Ran (\d+) tests", done.stderr, re.M)
    print(f"        {ran[0] if ran else 'nothing ran'} of {len(names)} files", flush=True)
    return "" if done.returncode == 0 and ran and int(ran[1]) else done.stdout + done.stderr


def main(place):
    why = lack("pip", "run.py", "the_installed_wheel")
    with concurrent.futures.ThreadPoolExecutor() as together:
        tools = None if why else together.submit(environment, place)
        code, told = run(sys.executable, ROOT / "scripts/wheel.py", BUILD, place / "dist")
    check(f"the wheel is made: {told.strip()}", code == 0, told)
    wheel = next((place / "dist").glob("*.whl"))
    check("it is at most 30 MB", wheel.stat().st_size <= 30e6, f"{wheel.stat().st_size}")
    tag = re.search(r"-py3-none-manylinux_2_(\d+)_x86_64\.whl$", wheel.name)
    check("its tag is one of manylinux, not above 2_36", tag is not None and int(tag[1]) <= 36, wheel.name)
    if tools is None:
        print(f"skipped: {why}")
        return
    check("numpy and the tests' tools are there", not tools.result(), tools.result())
    python = place / "venv/bin/python"
    code, told = run(python, "-m", "pip", "install", "-q", "--no-index", wheel)
    check("the wheel installs, from no index", code == 0, told)
    code, told = run(python, "-m", "pip", "check")
    check("pip finds nothing missing", code == 0, told)
    loaded(python)
    files = sorted(path.stem for path in (ROOT / "tests/python").glob("test_*.py"))
    slow = [name for name in files if name.endswith("_threads")]
    with concurrent.futures.ThreadPoolExecutor() as together:
        halves = [together.submit(unittests, python, names) for names in (slow, sorted(set(files) - set(slow)))]
        typed = together.submit(run, python, "-m", "mypy", "--strict", "--cache-dir", place / "mypy", ROOT / "python/graft", ROOT / "examples/python")
    told = "".join(half.result() for half in halves)
    check("all tests of the installed package", not told, told)
    check("mypy --strict finds nothing", typed.result()[0] == 0, typed.result()[1])


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
