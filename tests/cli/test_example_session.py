"""examples/session.c and examples/predict.py: labels as `graft predict` gives them. Arguments: COMMAND, the example's
program or the library."""

import json
import os
import subprocess
import sys
import threading

import pictures
from graft_cli import CommandTest, main

GIVEN = os.path.abspath(sys.argv.pop(2))
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples")


class Trained(CommandTest):
    def setUp(self):
        super().setUp()
        data = pictures.data_set(f"{self.dir}/data", train=4, validation=2)
        self.good("train", data, "--size", "32", "--alpha", "0.35", "--epochs", "1", "--no-report", "--out", "run")
        self.images = [f"{data}/train/{name}/00{i}.png" for name in ("dark", "bright") for i in range(2)]
        told = json.loads(self.good("predict", "run", *self.images, "--top", "2", "--json").out)
        self.wanted = [{top["label"]: top["probability"] for top in p["top"]} for p in told["predictions"]]


class Program(Trained):
    def test_labels_as_the_command_does(self):
        for path, wanted in zip(self.images, self.wanted):
            with open(path, "rb") as file:
                done = subprocess.run([GIVEN, "run"], cwd=self.dir, stdin=file, capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            got = dict(line.split("\t") for line in done.stdout.splitlines())
            self.assertEqual({label: float(p) for label, p in got.items()}.keys(), wanted.keys())
            for label, p in got.items():
                self.assertAlmostEqual(float(p), wanted[label], delta=1e-8)

    def test_errors_are_told(self):
        self.assertEqual(subprocess.run([GIVEN], capture_output=True).returncode, 2)
        done = subprocess.run([GIVEN, "run"], cwd=self.dir, input=b"no image", capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"E1202 image 0", done.stderr)


class Ctypes(Trained):
    def setUp(self):
        super().setUp()
        os.environ["GRAFT_LIBRARY"] = GIVEN
        sys.path.insert(0, EXAMPLES)
        import predict
        self.predict = predict

    def test_labels_as_the_command_does(self):
        done = subprocess.run([sys.executable, f"{EXAMPLES}/predict.py", "run", *self.images], cwd=self.dir, timeout=120,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        for line, path, wanted in zip(done.stdout.splitlines(), self.images, self.wanted):
            got_path, label, p = line.split("\t")
            self.assertEqual((got_path, label), (path, max(wanted, key=wanted.get)))
            self.assertAlmostEqual(float(p), wanted[label], delta=1e-8)
        bad = subprocess.run([sys.executable, f"{EXAMPLES}/predict.py", "run", "data/none.png"], cwd=self.dir, capture_output=True)
        self.assertNotEqual(bad.returncode, 0)

    def test_bytes_pixels_and_threads(self):
        session = self.predict.Session(f"{self.dir}/run")
        self.assertEqual(sorted(session.classes), sorted(self.wanted[0]))
        files = [open(path, "rb").read() for path in self.images]
        all_at_once, got = session.probabilities(files), {}

        def ask(i):
            got[i] = [session.probabilities([files[i]])[0] for _ in range(5)]

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(files))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for i in range(len(files)):
            self.assertEqual(got[i], [all_at_once[i]] * 5)
        bright, dark = bytes([220]) * 32 * 32 * 3, bytes([20]) * 32 * 32 * 3
        p = session.probabilities([(32, 32, bright), (32, 32, dark)])
        self.assertNotEqual(p[0], p[1])
        with self.assertRaisesRegex(self.predict.GraftError, "E3403"):
            session.probabilities([(32, 33, bright)])
        with self.assertRaisesRegex(self.predict.GraftError, "E1202 image 1"):
            session.probabilities([files[0], b"no image"])
        self.assertEqual(len(session.run("features", files)), len(files))
        session.close()


if __name__ == "__main__":
    main()
