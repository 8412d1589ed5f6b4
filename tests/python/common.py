"""What the tests of the Python package share: images, a run, the command to compare with. The package is the installed one."""

import atexit
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import warnings

ROOT = pathlib.Path(os.environ.get("GRAFT_ROOT") or pathlib.Path(__file__).resolve().parents[2])
sys.path += [str(ROOT / "tests/cli"), str(ROOT / "tests/support")]
os.environ.setdefault("GRAFT_OFFLINE", "1")

import pictures  # noqa: E402

PLACE = pathlib.Path(tempfile.mkdtemp(prefix="graft-python-"))
os.environ["XDG_CACHE_HOME"] = str(PLACE / "cache")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
owner = os.getpid()
atexit.register(lambda: os.getpid() == owner and shutil.rmtree(PLACE, ignore_errors=True))

import graft  # noqa: E402

SMALL = dict(model="mobilenet_v2", size=32, alpha=0.35, epochs=2, batch=8, lr=0.01, seed=3, precision="f32", report=False, progress=False,
             threads=2)
_made = {}


def quiet(call, *arguments, **named):
    """The call, whose backbone of random weights is warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", graft.Warning)
        return call(*arguments, **named)


def data():
    """A folder of 24 + 12 images of two classes."""
    if "data" not in _made:
        _made["data"] = pictures.data_set(str(PLACE / "data"))
    return _made["data"]


def run():
    """A run on it, with a report."""
    if "run" not in _made:
        _made["run"] = quiet(graft.train, data(), out=str(PLACE / "run"), **{**SMALL, "report": True})
    return _made["run"]


def model():
    if "model" not in _made:
        _made["model"] = graft.load(run().path, threads=2)
    return _made["model"]


def images(n=4):
    return [f"{data()}/validation/{name}/{i:03d}.png" for i in range(n // 2) for name in ("dark", "bright")]


def command(*arguments):
    """The JSON of `graft ARGUMENTS --json`, by the command that came with the package."""
    program = os.environ.get("GRAFT_COMMAND") or str(pathlib.Path(sys.executable).parent / "graft")
    done = subprocess.run([program, *map(str, arguments), "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def python(code, **environment):
    """Runs the code in a process of its own: (exit code, what it printed, errors)."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), **environment})
    return done.returncode, done.stdout, done.stderr


class Case(unittest.TestCase):
    longMessage = True

    def refused(self, kind, code, call, *arguments, **named):
        """The error, of that kind and number, which has a hint."""
        with self.assertRaises(kind) as caught:
            call(*arguments, **named)
        self.assertEqual(caught.exception.code, code, str(caught.exception))
        return caught.exception
