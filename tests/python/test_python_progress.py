"""How far a call is: on a terminal, in a pipe, in a notebook."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import types
from unittest import mock

from common import PLACE, SMALL, Case, data, graft, python, quiet
from graft import _lib, _progress

CODE = """
import graft, warnings
warnings.simplefilter("ignore")
graft.train(%r, out=%r, **%r)
"""


def told(**values):
    return _lib.Progress(**{"loss": float("nan"), "accuracy": float("nan"), "val_loss": float("nan"), "val_accuracy": float("nan"),
                            "seconds_left": -1.0, **values})


class Told(Case):
    def test_a_pipe_gets_a_line_for_each_epoch(self):
        status, out, errors = python(CODE % (data(), str(PLACE / "piped"), {**SMALL, "progress": None}))
        self.assertEqual((status, out), (0, ""))
        lines = errors.splitlines()
        self.assertEqual(len(lines), 2, errors)
        for i, line in enumerate(lines, 1):
            self.assertRegex(line, rf"^epoch {i}/2  loss [\d.]+  accuracy [\d.]+  val_loss [\d.]+  val_accuracy [\d.]+  [\d.]+ s$")

    def test_a_terminal_gets_a_bar_that_never_wraps(self):
        for columns in (20, 80, 200):
            master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "COLUMNS": str(columns)}
            child = subprocess.Popen([sys.executable, "-c", CODE % (data(), str(PLACE / f"terminal{columns}"), {**SMALL, "progress": True})],
                                     stdin=slave, stdout=slave, stderr=slave, env=environment)
            os.close(slave)
            text = b""
            try:
                while block := os.read(master, 4096):
                    text += block
            except OSError:  # the other end is closed
                pass
            os.close(master)
            self.assertEqual(child.wait(), 0, text.decode())
            drawn = re.findall(r"\r([^\r\n]*?)\x1b\[K", text.decode())
            self.assertTrue(any(drawn))
            self.assertTrue(all(len(line) < columns for line in drawn), drawn)
            self.assertEqual(len(re.findall(r"^epoch \d/2 .*val_loss", text.decode().replace("\x1b[K", "\n"), re.M)), 2)

    def test_no_means_none(self):
        with mock.patch("sys.stderr", io.StringIO()) as err:
            quiet(graft.train, data(), out=PLACE / "silent", **SMALL)
            self.assertEqual(err.getvalue(), "")

    def test_a_notebook_gets_html(self):
        shown = []

        class Place:
            def update(self, what):
                shown.append(what._repr_html_())

        def display(what, display_id=False):
            shown.append(what._repr_html_())
            return Place()

        ipython, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
        ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
        module.display = display
        with mock.patch.dict(sys.modules, {"IPython": ipython, "IPython.display": module}), mock.patch("sys.stderr", io.StringIO()) as err:
            bar = _progress.Bar()
            bar.show(told(stage=_lib.STAGES.index("TRAIN"), done=3, total=6, epoch=1, epochs=2, loss=0.5))
            bar.epoch(told(stage=_lib.STAGE_EPOCH, epoch=1, epochs=2, val_loss=0.25, seconds=1.0))
            bar.show(told(stage=_lib.STAGES.index("REPORT")))
            bar.close()
            self.assertEqual(err.getvalue(), "")
        self.assertIn('value="0.500"', shown[0])
        self.assertIn("loss 0.5000", shown[0])
        self.assertIn("writing the report", shown[1])
        self.assertIn("val_loss 0.2500", shown[-1])
        self.assertNotIn("<progress", shown[-1])
