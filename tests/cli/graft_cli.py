"""What the tests of the command share: running it, and reading what it says. Python's standard library alone."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

VERBS = {  # verb: arguments that make its command line complete
    "train": ["DATA", "--out", "RUN"],
    "advise": ["DATA"],
    "resume": ["RUN"],
    "eval": ["RUN", "DATA"],
    "predict": ["RUN", "a.jpg"],
    "clean": ["DATA"],
    "compare": ["RUN", "RUN"],
    "split": ["DATA", "OUT"],
    "summary": ["mobilenet_v2"],
    "features": ["a.jpg", "--out", "f.npy"],
    "inspect": ["DATA"],
    "bench": [],
    "augment": ["a.jpg", "--out", "f.png"],
    "fetch": ["mobilenet_v2"],
    "models": [],
    "export": ["RUN", "--to", "onnx", "--out", "f.onnx"],
    "convert": ["IN.h5", "OUT.onnx"],
    "labels": ["DATA", "OUT", "--to", "yolo"],
    "serve": ["RUN"],
}


def handles_signals(pid):
    """Waits until the process catches SIGTERM: before that, while it is loaded, a signal simply ends it."""
    for _ in range(3000):
        with open(f"/proc/{pid}/status") as f:
            caught = int(next(line for line in f if line.startswith("SigCgt")).split()[1], 16)
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)
    raise AssertionError("the command never began")


class CommandTest(unittest.TestCase):
    binary = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="graft-cli-")
        self.addCleanup(holder.cleanup)
        self.dir = holder.name

    def graft(self, *arguments, env=None, **more):
        """Runs the command in the test's folder; the result has status, out and err as text."""
        done = subprocess.run([self.binary, *map(str, arguments)], cwd=more.pop("cwd", self.dir), stdin=subprocess.DEVNULL,
                              capture_output=True, env={**os.environ, **(env or {})}, timeout=more.pop("timeout", 120),
                              **more)
        done.status = done.returncode
        done.out = done.stdout.decode()
        done.err = done.stderr.decode()
        return done

    def good(self, *arguments, **more):
        done = self.graft(*arguments, **more)
        self.assertEqual(done.status, 0, f"graft {arguments}: {done.err}")
        return done

    def document(self, *arguments, **more):
        """The one JSON document on standard output of a call that works."""
        return json.loads(self.good(*arguments, "--json", **more).out)

    def refused(self, status, code, *arguments, **more):
        """The message of a call that fails: the form on standard error, and the same as a document with --json."""
        plain = self.graft(*arguments, **more)
        self.assertEqual(plain.status, status, f"graft {arguments}: {plain.err}")
        self.assertEqual(plain.out, "", f"graft {arguments}")
        message = [line for line in plain.err.splitlines() if line.startswith("graft: error ")]
        self.assertEqual(len(message), 1, plain.err)
        self.assertTrue(message[0].startswith(f"graft: error {code}: "), message[0])
        as_json = self.graft(*arguments, "--json", **more)
        self.assertEqual(as_json.status, status)
        error = json.loads(as_json.out)["error"]
        self.assertEqual((error["code"], error["status"]), (code, status))
        self.assertIn(error["message"].splitlines()[0], message[0])
        return plain.err


def main(**settings):
    """The command's path is the first argument of the test program; `settings` become attributes of the tests."""
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} COMMAND [unittest options]")
    CommandTest.binary = os.path.abspath(sys.argv.pop(1))
    for name, value in settings.items():
        setattr(CommandTest, name, value)
    unittest.main(verbosity=1)
