"""examples/finetune.c: fine-tunes on generated images and labels one. Arguments: COMMAND, the example's program."""

import os
import subprocess
import sys

import pictures
from graft_cli import CommandTest, main

PROGRAM = os.path.abspath(sys.argv.pop(2))


class Example(CommandTest):
    def run_example(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], cwd=self.dir, capture_output=True, text=True, timeout=600)

    def test_trains_and_predicts(self):
        data = pictures.data_set(f"{self.dir}/data", train=8, validation=4)
        self.good("train", data, "--epochs", "1", "--no-report", "--out", "base")  # random weights as a file
        picture = f"{data}/train/dark/000.png"
        done = self.run_example(data, "base/model.safetensors", "run", picture)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(sum(line.startswith("epoch ") for line in lines), 20)
        self.assertRegex(lines[-1], r"/dark/000\.png: (dark|bright) \([01]\.\d{3}\)$")
        self.assertTrue(os.path.exists(f"{self.dir}/run/report.html"))

    def test_errors_are_told(self):
        self.assertEqual(self.run_example().returncode, 2)
        pictures.data_set(f"{self.dir}/data", train=2, validation=1)
        done = self.run_example("data", "none.h5", "run", "a.png")
        self.assertIn(done.returncode, (4, 5))
        self.assertIn("none.h5", done.stderr)


if __name__ == "__main__":
    main()
