"""The command around the library: which option lands where, output, progress, signals. COMMAND is linked with stub.c."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time

from graft_cli import VERBS, CommandTest, handles_signals, main

TRAIN = ["train", "DATA", "--out", "RUN"]


class Landing(CommandTest):
    def test_train_defaults(self):
        got = self.document(*TRAIN)
        self.assertEqual((got["width"], got["height"], got["data"]["width"]), (160, 160, 160))
        self.assertEqual((got["weights"], got["fine_tune_at"], got["train"]["fine_tune_epochs"]), ("-", -1, 0))
        self.assertEqual((got["train"]["epochs"], got["train"]["lr"], got["train"]["report"]), (10, 1e-4, 1))

    def test_train_options(self):
        got = self.document(*TRAIN, *"""--model m --weights w.h5 --alpha 0.35 --size 160x192 --batch 8 --epochs 3 --lr 1e-3
            --optimizer sgd --fine-tune-at 100 --fine-tune-epochs 4 --fine-tune-lr 1e-5 --fine-tune-optimizer adamw
            --dropout 0.5 --augment flip --cache auto --memory 2G --cache-dir C --seed 18446744073709551615 --threads 3
            --precision bf16 --force --test-from-validation 20% --split 0.7,0.2,0.1 --antialias --bad-images skip
            --max-bad 2.5% --allow-truncated --no-exif --allow-empty-class --on-nan skip:7 --checkpoint-seconds 0.5
            --no-report --allow-nonfinite --head mlp:64 --cut -2 --preprocess caffe --batch-norm fixed""".split())
        seed = 18446744073709551615
        self.assertEqual(got, {
            "run": "-", "model": "m", "weights": "w.h5", "alpha": 0.35, "width": 160, "height": 192, "classes": 0,
            "dropout": 0.5, "seed": seed, "precision": "bf16", "fine_tune_at": 100, "fine_tune_at_name": "-",
            "fine_tune_last": -1, "allow_nonfinite": 1, "threads": 3,
            "head": "mlp:64", "cut": "-2", "preprocess": "caffe", "labels": "-", "channels": 0,
            "settings": {"data.antialias": "1", "train.optimizer": "sgd", "train.fine_tune_optimizer": "adamw", "train.augment": "flip",
                         "train.on_nan": "skip:7", "train.batch_norm": "fixed"},
            "data": {"width": 160, "height": 192, "antialias": 0, "split": [0.7, 0.2, 0.1], "test_from_validation": 0.2,
                     "batch": 8, "seed": seed, "cache": 0, "memory_limit": 2 << 30, "cache_dir": "C", "skip_bad": 1,
                     "max_bad": 0.025, "allow_truncated": 1, "ignore_exif": 1, "allow_empty_class": 1},
            "train": {"out": "RUN", "force": 1, "batch": 8, "epochs": 3, "fine_tune_epochs": 4, "lr": 1e-3,
                      "fine_tune_lr": 1e-5, "optimizer": "-", "fine_tune_optimizer": "-", "augment": "-",
                      "seed": seed, "on_nan": "-", "checkpoint_seconds": 0.5, "report": 0}})

    def test_sizes_and_boundaries(self):
        self.assertEqual(self.document(*TRAIN, "--fine-tune-at", "block_3_add")["fine_tune_at_name"], "block_3_add")
        self.assertEqual(self.document(*TRAIN, "--fine-tune-last", "54")["fine_tune_last"], 54)
        for text, size in {"512M": 512 << 20, "1.5GiB": 3 << 29, "2gB": 2 << 30, "3000000": 3000000, "1024K": 1 << 20}.items():
            self.assertEqual(self.document(*TRAIN, "--memory", text)["data"]["memory_limit"], size)
        self.assertEqual(self.document(*TRAIN, "--bad-images", "skip", "--max-bad", "0.5")["data"]["max_bad"], 0.5)

    def test_other_verbs(self):
        self.assertEqual(self.document("resume", "R", "--data", "D", "--threads", "2"),
                         {"run": "R", "data": "D", "threads": 2, "settings": {}})
        got = self.document("eval", "R", "D", "--split", "test")
        self.assertEqual((got["path"], got["split"]), ("D", "test"))
        got = json.loads(self.good("predict", "R", "--top", "2", "--json", "--", "--a.jpg", "b").out)
        self.assertEqual((got["n"], got["top"]), (2, 2))
        got = self.document("features", "--size", "96", "--layer", "x", "--out", "f.npy", "a", "b", "c")
        self.assertEqual((got["width"], got["layer"], got["out"], got["n"]), (96, "x", "f.npy", 3))
        got = self.document("augment", "a.jpg", "--out", "f.png", "--seed", "5", "--grid", "4")
        self.assertEqual((got["image"], got["out"], got["seed"], got["settings"]), ("a.jpg", "f.png", 5, {"augment.grid": "4"}))
        got = self.document("summary", "mobilenet_v2", "--size", "96", "--fine-tune-at", "100")
        self.assertEqual((got["model"], got["classes"], got["width"], got["fine_tune_at"]), ("mobilenet_v2", 2, 96, 100))
        self.assertEqual(self.document("summary", "./RUN")["run"], "./RUN")
        got = self.document("bench", "--batch", "8", "--steps", "5", "--augment", "none")
        self.assertEqual((got["batch"], got["steps"], got["settings"]), (8, 5, {"bench.augment": "none"}))
        got = self.document("inspect", "D", "--split", "0.5,0.5", "--no-exif")
        self.assertEqual((got["data"]["split"], got["data"]["ignore_exif"]), ([0.5, 0.5, 0], 0))
        self.assertEqual(got["settings"], {"data.ignore_exif": "1"})

    def test_heads(self):
        self.assertEqual(self.document(*TRAIN)["head"], "linear")
        self.assertEqual(self.document(*TRAIN, "--keep-top")["head"], "keep")
        self.assertEqual(self.document(*TRAIN, "--cut", "block_3_add")["cut"], "block_3_add")

    def test_export(self):
        os.mkdir(os.path.join(self.dir, "RUN"))
        endings = {"keras": "model.keras", "onnx": "model.onnx", "safetensors": "model.pytorch.safetensors",
                   "npz": "model.npz", "labels": "model.txt"}
        for to, name in endings.items():
            got = self.document("export", "RUN", "--to", to)
            self.assertEqual((got["run"], got["file"], got["to"], got["pictures"]), ("RUN", f"RUN/{name}", to, "-"))
        got = self.document("export", "RUN", "--out", "x.keras", "--check", "P")
        self.assertEqual((got["file"], got["to"], got["pictures"]), ("x.keras", "-", "P"))
        self.assertIn("--to", self.refused(2, "E3001", "export", "RUN"))
        self.assertIn("--out", self.refused(2, "E3001", "export", "./other", "--to", "onnx"))  # no folder to write into

    def test_convert(self):
        got = self.document("convert", "IN.h5", "OUT.onnx", "--labels", "L", "--preprocess", "tf")
        self.assertEqual((got["model"], got["weights"], got["head"], got["file"]), ("IN.h5", "-", "keep", "OUT.onnx"))
        self.assertEqual((got["labels"], got["preprocess"]), ("L", "tf"))
        got = self.document("convert", "w.pth", "OUT", "--to", "npz", "--model", "resnet18", "--classes", "7", "--size", "64x96")
        self.assertEqual((got["model"], got["weights"], got["classes"], got["to"]), ("resnet18", "w.pth", 7, "npz"))
        self.assertEqual((got["width"], got["height"]), (64, 96))
        self.assertEqual(self.document("convert", "./RUN", "OUT.npz")["run"], "./RUN")
        got = self.document("convert", "bert.ckpt", "OUT.safetensors")
        self.assertEqual((got["checkpoint"], got["file"]), ("bert.ckpt", "OUT.safetensors"))
        self.assertEqual(self.document("convert", "w.ckpt", "OUT.safetensors", "--model", "resnet18")["weights"], "w.ckpt")

    def test_what_is_there_is_not_overwritten(self):
        with open(os.path.join(self.dir, "f.onnx"), "w") as f:
            f.write("mine")
        for verb in (["export", "RUN", "--out", "f.onnx"], ["convert", "IN.h5", "f.onnx"]):
            self.assertIn("is there already", self.refused(2, "E3001", *verb))
            self.assertEqual(self.document(*verb, "--force")["file"], "f.onnx")

    def test_models(self):
        got = self.document("models")
        self.assertEqual((got["models"], got["time"], got["names"], got["first"]), ([], 0, 0, ""))
        told = self.document("models", "vgg16", "--time", "xception")
        self.assertEqual((told["time"], told["names"], told["first"]), (1, 2, "vgg16"))

    def test_predict_takes_a_network_of_a_file(self):
        self.assertEqual(self.good("predict", "model.onnx", "a.jpg", "--labels", "L").out, "a.jpg\tcats\t0.875000\n")


class Output(CommandTest):
    def test_predictions_are_a_line_each(self):
        self.assertEqual(self.good("predict", "R", "a.jpg", "bad\n.jpg").out,
                         "a.jpg\tcats\t0.875000\nbad\\x0A.jpg\t\terror: the image file is empty\n")

        self.assertEqual(self.good("predict", "R", "a.jpg", "--top", "2").out, "a.jpg\tcats\t0.875000\tdogs\t0.125000\n")

    def test_bad_pictures_of_inspect_end_with_3(self):
        done = self.graft("inspect", "D", "--json", env={"STUB_BAD": "2"})
        self.assertEqual((done.status, json.loads(done.out)["bad"]), (3, 2))
        self.assertIn("graft: error E1120: 2 images cannot be used", done.err)
        self.assertEqual(self.graft("inspect", "D").status, 0)

    def test_errors_of_the_library(self):
        for status in (3, 4, 5, 7, 8, 70):
            for verb in ("train", "resume", "predict", "eval", "summary", "features", "inspect", "bench"):
                message = self.refused(status, f"E{status * 100 + 1000}", verb, *VERBS[verb], env={"STUB_FAIL": str(status)})
                self.assertIn('stub "failed"\nwith \u00e9 and \\xFF and \\x1B[31m\nhint: do\\x09nothing\n', message)

    def test_a_document_that_cannot_be_written_is_an_error(self):
        for verb, arguments in VERBS.items():
            with open("/dev/full", "w") as full:
                done = subprocess.run([self.binary, verb, *arguments, "--json"], stdout=full, stderr=subprocess.PIPE,
                                      cwd=self.dir)
            self.assertEqual(done.returncode, 5, verb)
            self.assertIn(b"E5003", done.stderr)
            reader, writer = os.pipe()
            os.close(reader)
            for more, status in (["--json"], 5), ([], 0):
                done = subprocess.run([self.binary, verb, *arguments, *more], stdout=writer, stderr=subprocess.PIPE,
                                      cwd=self.dir)
                self.assertEqual(done.returncode, status, (verb, more))
            os.close(writer)

    def test_a_closed_output_does_not_stop_a_run(self):  # D9
        done = subprocess.run(["sh", "-c", 'exec "$0" train DATA --out RUN >&- 2>&- <&-', self.binary], cwd=self.dir)
        self.assertEqual(done.returncode, 0)


class Hints(CommandTest):
    HINT = "copy it; --allow-truncated pads it; `graft train --bad-images skip` and `graft bench --nope`; --max-pixels raises it; or -- go"

    def hint(self, verb, hint):
        return self.graft(verb, *VERBS[verb], env={"STUB_FAIL": "3", "STUB_HINT": hint}).err.partition("hint: ")[2].strip()

    def test_a_clause_with_an_option_that_the_verb_lacks_is_left_away(self):
        self.assertEqual(self.hint("train", self.HINT), "copy it; --allow-truncated pads it; --max-pixels raises it; or -- go")
        self.assertEqual(self.hint("bench", self.HINT), "copy it; or -- go")
        self.assertEqual(self.hint("bench", "`graft train --bad-images skip` does; --bad-images skip does"),
                         "`graft train --bad-images skip` does")
        self.assertEqual(self.hint("bench", "--max-pixels raises it"), "")
        self.assertEqual(self.hint("resume", "begin anew: graft train DATA --model RUN"), "begin anew: graft train DATA --model RUN")
        self.assertEqual(self.hint("train", "another --out, resume it (graft resume), or --force"),
                         "another --out, resume it (graft resume), or --force")
        self.assertEqual(self.hint("predict", "`python -m tool --tflite F --output G` makes it; `graft convert --nope`"),
                         "`python -m tool --tflite F --output G` makes it")
        self.assertEqual(self.hint("predict", "(--layout classes, if so); x--layout is no option"), "x--layout is no option")

    def test_every_option_in_the_librarys_hints_is_one_of_some_verb(self):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")
        options = {o for verb in VERBS for o in re.findall(r"^\s+--([a-z-]+)", self.good(verb, "--help").out, re.M)}
        named = set()
        for folder, _, files in os.walk(root):
            for name in files:
                if name.endswith(".c") and name not in ("page.c", "package.c"):  # CSS, and the options of pip
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        for literals in re.findall(r'(?:"(?:[^"\\\n]|\\.)*"\s*)+', f.read()):
                            text = re.sub(r"`(?!graft )[^`]*`", "", re.sub(r'"\s*"', "", literals))
                            named |= set(re.findall(r"(?<![a-z-])--([a-z][a-z-]+)", text))
        self.assertGreater(len(named & options), 10)
        self.assertLessEqual(named, options)


class Progress(CommandTest):
    def test_a_pipe_gets_a_line_an_epoch(self):
        done = self.good(*TRAIN)
        lines = [line for line in done.out.splitlines() if line.startswith("epoch")]
        self.assertEqual(lines, [
            "epoch  1/2  loss 0.5000  accuracy 0.7500  val_loss 0.2500  val_accuracy 0.8750  2.5 s  100 images/s",
            "epoch  2/2  fine-tuning  loss 0.5000  accuracy 0.7500  val_loss 0.2500  val_accuracy 0.8750  2.5 s  100 images/s"])
        self.assertEqual(len(done.out.splitlines()), 3)
        self.assertNotIn("\r", done.out + done.err)
        self.assertIn("graft: warning: one class has few images: \\x1B[2Jcats\n", done.err)

    def test_with_json_progress_is_on_standard_error(self):
        done = self.good(*TRAIN, "--json")
        json.loads(done.out)
        self.assertEqual(len(re.findall(r"^epoch  \d/2 ", done.err, re.M)), 2)

    def on_terminal(self, columns, env):
        """What a run draws on a terminal that is so wide."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        clean = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR")}
        child = subprocess.Popen([self.binary, *TRAIN, "--weights", "w"], stdin=slave, stdout=slave, stderr=slave,
                                 cwd=self.dir, env={**clean, "TERM": "xterm", **env})
        os.close(slave)
        text = b""
        try:
            while block := os.read(master, 4096):
                text += block
        except OSError:  # the other end is closed
            pass
        os.close(master)
        self.assertEqual(child.wait(), 0)
        return text.decode()

    def test_a_line_is_drawn_and_never_wraps(self):
        plain = re.compile(r"\x1b\[[0-9;]*m")
        for columns in (1, 8, 20, 40, 60, 80, 120, 200):
            for env in ({}, {"LANG": "en_US.UTF-8"}, {"LANG": "en_US.UTF-8", "NO_COLOR": "1"}):
                text = self.on_terminal(columns, env)
                drawn = [plain.sub("", part) for part in re.findall(r"\r([^\r\n]*?)\x1b\[K", text)]
                self.assertGreaterEqual(len(drawn), 9)
                for line in drawn:
                    self.assertLess(len(line), columns, line)
                if not env:
                    self.assertTrue(text.isascii())
                if "NO_COLOR" in env:
                    self.assertNotRegex(text, r"\x1b\[[0-9;]*m")
                if columns >= 80:
                    self.assertIn("\u2588" if env else "#", text)
                    self.assertEqual("\x1b[32m" in text, "NO_COLOR" not in env)
                if columns >= 120:
                    for word in ("epoch  1/2", "50/100", "loss 0.5000", "accuracy 0.7500", "0:05 left", "1234 images/s"):
                        self.assertTrue(any(word in line for line in drawn), word)
                    self.assertTrue(any(line.startswith("checking images") for line in drawn))

    def test_a_dumb_terminal_gets_lines(self):
        text = self.on_terminal(80, {"TERM": "dumb"})
        self.assertNotIn("\x1b[K", text)
        self.assertEqual(len(re.findall(r"^epoch  \d/2 ", text, re.M)), 2)


class Signals(CommandTest):
    def start(self, *arguments, env=None, **more):
        child = subprocess.Popen([self.binary, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.dir,
                                 env={**os.environ, "STUB_STEPS": "300", **(env or {})}, **more)
        handles_signals(child.pid)
        time.sleep(0.5)  # into its steps
        self.assertIsNone(child.poll())
        return child

    def test_stopped_politely(self):  # E4, E5, E6
        for number, status, word in ((signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated"),
                                     (signal.SIGHUP, 143, "terminated")):
            child = self.start(*TRAIN, "--json")
            child.send_signal(number)
            out, err = child.communicate(timeout=10)
            self.assertEqual(child.returncode, status)
            self.assertIn(f"graft: {word}: stopped at epoch 1\nhint: graft resume RUN\n", err.decode())
            error = json.loads(out)["error"]
            self.assertEqual((error["code"], error["status"]), (word, status))

    def test_interrupted_twice_ends_at_once(self):  # E5
        child = self.start(*TRAIN, env={"STUB_DEAF": "1", "STUB_STEPS": "3000"})
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.assertIsNone(child.poll())
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=10)  # its steps take 30 seconds
        self.assertEqual(child.returncode, 130)

    def test_pipe_and_stop_signals_do_not_hurt(self):  # E6
        child = self.start(*TRAIN)
        child.send_signal(signal.SIGPIPE)
        child.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        child.send_signal(signal.SIGCONT)
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=10)
        self.assertEqual(child.returncode, 143)

    def test_nohup_is_respected(self):
        child = self.start(*TRAIN, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        child.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.assertIsNone(child.poll())
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=10)
        self.assertEqual(child.returncode, 143)


if __name__ == "__main__":
    main()
