"""What runs do, end to end on small generated images: COMMAND is linked with the library."""

import csv
import glob
import gzip
import hashlib
import json
import math
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import time

import pictures
from graft_cli import CommandTest, handles_signals, main

HERE = os.path.dirname(os.path.abspath(__file__))
WEIGHTS = os.path.join(HERE, "..", "fixtures", "mobilenet_v2_a035_96_no_top.h5.gz")
NETWORK = os.path.join(HERE, "..", "fixtures", "exchange", "batch_norm.json")
SMALL = ["--alpha", "0.35", "--size", "96"]
KILLS = int(os.environ.get("GRAFT_TEST_KILLS", "20"))  # the random moments at which a run is killed


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def bits(run):
    """What must be equal in equal runs: the model, and the history but for its clocks."""
    with open(f"{run}/history.csv", newline="") as f:
        rows = [[v for k, v in row.items() if k not in ("seconds", "images_per_second")] for row in csv.DictReader(f)]
    return digest(f"{run}/model.safetensors"), rows


def npy(path):
    """The shape and values of a little-endian float32 .npy file."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x93NUMPY\x01\x00"
    (n,) = struct.unpack("<H", data[8:10])
    header = eval(data[10:10 + n].decode(), {})
    assert header["descr"] == "<f4" and header["fortran_order"] is False
    return header["shape"], [v for (v,) in struct.iter_unpack("<f", data[10 + n:])]


class RunTest(CommandTest):
    @classmethod
    def setUpClass(cls):
        import tempfile
        cls.holder = tempfile.TemporaryDirectory(prefix="graft-run-")
        cls.addClassCleanup(cls.holder.cleanup)
        cls.shared = cls.holder.name
        cls.data = pictures.data_set(f"{cls.shared}/data", train=12, validation=8)
        cls.weights = f"{cls.shared}/base.h5"
        with gzip.open(WEIGHTS) as packed, open(cls.weights, "wb") as f:
            shutil.copyfileobj(packed, f)

    def train_arguments(self, out, *more, epochs=1, fine_tune_epochs=1, data=None):
        return ["train", data or self.data, *SMALL, "--weights", self.weights, "--batch", "8", "--epochs", epochs,
                "--fine-tune-epochs", fine_tune_epochs, "--fine-tune-at", "100", "--lr", "1e-3", "--seed", "7",
                "--no-report", "--out", out, *more]

    def train(self, out, *more, **settings):
        env = settings.pop("env", None)
        return self.document(*self.train_arguments(out, *more, **settings), env=env)


class FromRandomWeights(CommandTest):
    """A small network with batch normalisation that measures its batches, and what then is made of its statistics."""

    def setUp(self):
        super().setUp()
        self.data = pictures.data_set(f"{self.dir}/data", ("bright", "dark", "grey"), train=12, validation=4)

    def arguments(self, out, *more):
        return ["train", self.data, "--model", NETWORK, "--keep-top", "--fine-tune-at", "0", "--epochs", "0", "--batch", "12",
                "--fine-tune-epochs", "20", "--fine-tune-optimizer", "adam", "--fine-tune-lr", "0.01", "--seed", "3",
                "--no-report", "--out", out, *more]

    def batch_norm(self, run):
        with open(f"{self.dir}/{run}/config.json") as f:
            return json.load(f)["train"]["batch_norm"]

    def test_it_learns(self):
        got = self.document(*self.arguments("run"))
        self.assertEqual(self.batch_norm("run"), "batch")
        self.assertGreaterEqual(got["validation"]["accuracy"], 0.9)
        again = self.document("eval", "run", self.data, "--split", "validation")  # folded, by the statistics that moved
        self.assertEqual(again["accuracy"], got["validation"]["accuracy"])
        self.assertAlmostEqual(again["loss"], got["validation"]["loss"], delta=1e-4)
        self.good("export", "run", "--to", "keras", "--out", "network.keras")
        self.good(*self.arguments("one", "--threads", "1"))
        self.assertEqual(bits(f"{self.dir}/one"), bits(f"{self.dir}/run"))

    def test_batches_of_one_are_warned_about(self):
        done = self.good(*self.arguments("run", "--batch", "1", "--fine-tune-epochs", "1"))
        self.assertIn("batches of one image", done.err)
        self.assertNotIn("batches of one image", self.good(*self.arguments("two", "--fine-tune-epochs", "1")).err)

    def test_fixed_is_another_run(self):
        self.good(*self.arguments("run", "--fine-tune-epochs", "1"))
        self.good(*self.arguments("fixed", "--fine-tune-epochs", "1", "--batch-norm", "fixed"))
        self.assertEqual(self.batch_norm("fixed"), "fixed")
        self.assertNotEqual(bits(f"{self.dir}/run")[0], bits(f"{self.dir}/fixed")[0])


class OneRun(RunTest):
    """A run and what can be done with it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_folder = f"{cls.shared}/run"
        test = cls("train")
        more = "--test-from-validation 0.5 --lr 0.005 --fine-tune-lr 1e-5 --augment flip --dropout 0 --json".split()
        done = subprocess.run([cls.binary, *map(str, test.train_arguments(cls.run_folder, *more, epochs=10))],
                              capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        cls.result, cls.messages = json.loads(done.stdout), done.stderr

    def test_train_result(self):
        got = self.result
        self.assertEqual((got["run"], got["epochs"]), (self.run_folder, 11))
        for part in ("before", "validation", "test"):
            self.assertTrue(math.isfinite(got[part]["loss"]) and 0 <= got[part]["accuracy"] <= 1, part)
        self.assertGreater(got["seconds"], 0)
        self.assertGreater(got["peak_rss_mb"], 10)
        self.assertGreaterEqual(got["validation"]["accuracy"], 0.75)
        self.assertLess(got["validation"]["loss"], got["before"]["loss"] / 2)
        self.assertEqual(len([line for line in self.messages.splitlines() if line.startswith("epoch ")]), 11)

    def test_run_folder(self):
        for name in ("config.json", "classes.txt", "history.csv", "metrics.json", "model.safetensors", "checkpoint"):
            self.assertTrue(os.path.exists(f"{self.run_folder}/{name}"), name)
        self.assertEqual(glob.glob(f"{self.run_folder}/**/*.tmp", recursive=True), [])
        with open(f"{self.run_folder}/classes.txt") as f:
            self.assertEqual(f.read(), "bright\ndark\n")
        with open(f"{self.run_folder}/history.csv", newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(list(rows[0]), "epoch,phase,lr,loss,accuracy,val_loss,val_accuracy,seconds,images_per_second".split(","))
        self.assertEqual([int(row["epoch"]) for row in rows], list(range(1, 12)))
        with open(f"{self.run_folder}/config.json") as f:
            self.assertEqual(json.load(f)["train"]["batch_norm"], "fixed")  # the weights came from a file

    def test_the_last_line_is_the_page_to_open(self):
        with_page = [word for word in self.train_arguments("run", epochs=1, fine_tune_epochs=0) if word != "--no-report"]
        self.assertEqual(self.good(*with_page).out.splitlines()[-1].split(), ["report", "run/report.html"])
        self.assertTrue(os.path.isfile(f"{self.dir}/run/report.html"))
        self.assertEqual(self.good("resume", self.run_folder).out.splitlines()[-1].split(), ["run", self.run_folder])

    def test_resume_of_a_run_that_ended_tells_it_again(self):
        again = self.document("resume", self.run_folder)
        for key in ("run", "before", "validation", "test", "epochs"):
            self.assertEqual(again[key], self.result[key])

    def test_eval(self):
        got = self.document("eval", self.run_folder, self.data, "--split", "train")
        self.assertEqual((got["images"], [sum(row) for row in got["confusion"]]), (24, [12, 12]))
        self.assertEqual(sum(got["confusion"][i][i] for i in range(2)), round(got["accuracy"] * 24))
        self.assertEqual(self.document("eval", self.run_folder, f"{self.data}/validation")["images"], 16)
        self.assertEqual(self.document("eval", self.run_folder, self.data)["images"], 40)
        self.assertIn("accuracy", self.good("eval", self.run_folder, self.data).out)

    def test_predict(self):
        names = [f"{self.data}/train/bright/003.png", f"{self.data}/train/dark/004.png"]
        got = self.document("predict", self.run_folder, *names, "--top", "2")["predictions"]
        self.assertEqual([p["path"] for p in got], names)
        for p in got:
            self.assertEqual((p["label"], p["probability"]), (p["top"][0]["label"], p["top"][0]["probability"]))
            self.assertEqual({t["label"] for t in p["top"]}, {"bright", "dark"})
            self.assertAlmostEqual(sum(t["probability"] for t in p["top"]), 1, places=5)
        lines = self.good("predict", self.run_folder, *names).out.splitlines()
        for line, p in zip(lines, got, strict=True):
            self.assertEqual(line.split("\t")[:2], [p["path"], p["label"]])
            self.assertAlmostEqual(float(line.split("\t")[2]), p["probability"], places=5)
        alone = self.document("predict", f"{self.run_folder}/model.safetensors", *names)["predictions"]
        self.assertEqual([p["probability"] for p in alone], [p["probability"] for p in got])

    def test_predict_folders_and_bad_pictures(self):
        got = self.document("predict", self.run_folder, f"{self.data}/validation")["predictions"]
        self.assertEqual(len(got), 16)
        self.assertGreaterEqual(sum(f"/{p['label']}/" in p["path"] for p in got), 12)
        bad = pictures.write(f"{self.dir}/bad.png", b"\x89PNG\r\n\x1a\n" + bytes(20))
        good = f"{self.data}/train/dark/000.png"
        got = self.document("predict", self.run_folder, bad, good)["predictions"]
        self.assertIn("error", got[0])
        self.assertNotIn("error", got[1])
        self.assertEqual(self.graft("predict", self.run_folder, bad).status, 3)
        none = f"{self.dir}/none.png"
        got = self.document("predict", self.run_folder, none, good, f"{self.dir}/nowhere/")["predictions"]
        self.assertEqual([p["path"] for p in got], [none, good, f"{self.dir}/nowhere/"])
        self.assertEqual(["error" in p for p in got], [True, False, True])
        self.assertIn("not found", got[0]["error"])
        lines = self.good("predict", self.run_folder, none, good).out.splitlines()
        self.assertEqual([line.split("\t")[0] for line in lines], [none, good])
        self.assertIn("\t\terror: ", lines[0])
        self.assertEqual(lines[1].split("\t")[1], "dark")
        self.refused(3, "E1101", "predict", self.run_folder, none)
        self.refused(3, "E1101", "features", "--size", "32", "--out", "f.npy", good, none)

    def test_every_verb_that_takes_long_stops_on_request(self):
        """Exit codes 130 and 143, and words that fit: a checkpoint is told of by runs alone."""
        many = [f"{self.data}/train"] * 400
        calls = [["predict", self.run_folder, *many], ["features", "--size", "96", "--out", f"{self.dir}/f.npy", *many],
                 ["bench", "--size", "96", "--steps", "100000"], ["models", "--time"],
                 list(map(str, self.train_arguments(f"{self.dir}/stopped", epochs=100000)))]
        for arguments in calls:
            for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
                with self.subTest(verb=arguments[0], signal=number):
                    more = ["--force"] if arguments[0] == "train" else []
                    child = subprocess.Popen([self.binary, *arguments, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    handles_signals(child.pid)
                    time.sleep(0.3)
                    child.send_signal(number)
                    _, err = child.communicate(timeout=60)
                    self.assertEqual(child.returncode, status, err)
                    self.assertIn(b"graft: interrupted: " if status == 130 else b"graft: terminated: ", err)
                    self.assertEqual(b"graft resume" in err, arguments[0] == "train" and b"steps" in err, err)
                    self.assertNotIn(b"a checkpoint was written", err)
        self.assertFalse(os.path.exists(f"{self.dir}/f.npy"))

    def test_predict_starts_quickly(self):
        """Work, not the clock: a second is many times what any AVX2 machine needs, and a fraction of what timing choices,
        calibrating or reading the data again would take."""
        took = []
        for _ in range(3):
            begin = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.good("predict", self.run_folder, f"{self.data}/train/dark/000.png", "--threads", "1")
            end = resource.getrusage(resource.RUSAGE_CHILDREN)
            took.append(end.ru_utime - begin.ru_utime + end.ru_stime - begin.ru_stime)
        self.assertLess(min(took), 3 if os.environ.get("GRAFT_TEST_SLOW") else 1)

    def test_summary_of_the_run(self):
        got = self.document("summary", self.run_folder)
        self.assertEqual(got["layers"], 154)
        self.assertEqual(got["total_params"], got["trainable_params"] + got["non_trainable_params"])

    def test_an_old_run_is_not_overwritten(self):  # D3
        before = bits(self.run_folder)
        self.refused(2, "E3006", *self.train_arguments(self.run_folder))
        self.assertEqual(bits(self.run_folder), before)
        copy = f"{self.dir}/copy"
        shutil.copytree(self.run_folder, copy)
        self.assertEqual(self.train(copy, "--force")["epochs"], 2)


class Verbs(RunTest):
    def test_summary_counts(self):
        options = ["summary", "mobilenet_v2", "--size", "160", "--classes", "2"]
        self.assertEqual(self.document(*options), {"layers": 154, "total_params": 2259265, "trainable_params": 1281,
                                                   "non_trainable_params": 2257984, "trainable_variables": 2})
        for boundary in (["--fine-tune-at", "100"], ["--fine-tune-last", "54"]):
            got = self.document(*options, *boundary)
            self.assertEqual((got["trainable_params"], got["trainable_variables"]), (1862721, 56))
        text = self.good(*options).out
        for word in ("Conv1", "block_16_project_BN", "2,259,265"):
            self.assertIn(word, text)

    def test_augment(self):
        photo = sorted(glob.glob(f"{self.data}/train/*/*.png"))[0]
        call = ["augment", photo, "--augment", "light", "--grid", "5", "--size", "40", "--out", f"{self.dir}/sheet.png"]
        got = self.document(*call)
        self.assertEqual((got["images"], got["columns"], got["size"], got["augment"]), (5, 3, 40, "light"))
        with open(f"{self.dir}/sheet.png", "rb") as f:
            first = f.read()
        self.assertEqual((first[:4], int.from_bytes(first[16:20], "big"), int.from_bytes(first[20:24], "big")),
                         (b"\x89PNG", 3 * 44 - 4, 2 * 44 - 4))
        self.refused(2, "E3001", *call)
        for seed, same in (("0", True), ("1", False)):
            self.good(*call, "--force", "--seed", seed, "--threads", "1")
            with open(f"{self.dir}/sheet.png", "rb") as f:
                self.assertEqual(f.read() == first, same)
        self.assertIn("zoom", self.refused(2, "E3002", "augment", photo, "--augment", "zom=0.1", "--out", f"{self.dir}/x.png"))
        self.refused(2, "E3006", "augment", photo, "--out", photo, "--force")

    def test_features(self):
        names = sorted(glob.glob(f"{self.data}/train/*/*.png"))[:3]
        call = ["features", *SMALL, "--weights", self.weights, "--precision", "f32"]
        self.document(*call, "--out", f"{self.dir}/a.npy", *names)
        shape, values = npy(f"{self.dir}/a.npy")
        self.assertEqual(shape, (3, 1280))
        self.assertTrue(all(map(math.isfinite, values)) and len(set(values)) > 100)
        self.document(*call, "--out", f"{self.dir}/b.npy", *names[::-1], "--threads", "1")
        turned = npy(f"{self.dir}/b.npy")[1]
        self.assertEqual(values[:1280], turned[2560:])
        self.document(*call, "--out", f"{self.dir}/c.npy", "--layer", "block_2_add", *names)
        self.assertEqual(npy(f"{self.dir}/c.npy")[0], (3, 24, 24, 8))
        self.refused(2, "E3001", *call, "--out", f"{self.dir}/a.npy", *names)
        self.good(*call, "--out", f"{self.dir}/a.npy", names[0], "--force")
        self.assertEqual(npy(f"{self.dir}/a.npy")[0], (1, 1280))
        self.refused(2, "E3103", *call, "--out", f"{self.dir}/d.npy", "--layer", "block_99", names[0])
        self.assertFalse(os.path.exists(f"{self.dir}/d.npy"))

    def test_gray_images(self):
        """The kernels' sum gives the features of the gray image's RGB copy, which PNG files of equal channels are; their mean
        gives others. What has no effect is refused."""
        rows = [bytes(3 * [(x * 7 + y * 5) % 256]) for y in range(90) for x in range(80)]
        image = pictures.write(f"{self.dir}/gray.png", pictures.png(80, 90, [b"".join(rows[80 * y:80 * y + 80])
                                                                           for y in range(90)]))
        call = ["features", *SMALL, "--weights", self.weights, "--precision", "f32", image, "--out"]
        found = {}
        for name, more in (("rgb", []), ("sum", ["--channels", "1"]), ("mean", ["--channels", "1", "--gray-kernels", "mean"])):
            self.good(*call, f"{self.dir}/{name}.npy", *more)
            found[name] = npy(f"{self.dir}/{name}.npy")[1]
        largest = max(map(abs, found["rgb"]))
        off = {name: max(abs(a - b) for a, b in zip(found["rgb"], found[name])) / largest for name in ("sum", "mean")}
        self.assertLessEqual(off["sum"], 1e-4)
        self.assertGreater(off["mean"], 0.01)
        self.refused(2, "E3001", *call, f"{self.dir}/x.npy", "--gray-kernels", "mean")

    def test_pictures_that_are_not_square(self):
        self.train(f"{self.dir}/run", "--size", "96x64", "--precision", "f32")  # width, height
        with open(f"{self.dir}/run/config.json") as f:
            model = json.dumps(json.load(f))
        self.assertIn('"width": 96, "height": 64', model)
        self.assertIn("(None, 64, 96, 3)", self.good("summary", f"{self.dir}/run").out)
        name = sorted(glob.glob(f"{self.data}/validation/*/*.png"))[0]
        self.good("features", *SMALL, "--size", "96x64", "--weights", self.weights, "--out", f"{self.dir}/f.npy",
                  "--layer", "block_2_add", name)
        self.assertEqual(npy(f"{self.dir}/f.npy")[0], (1, 16, 24, 8))
        before = self.document("predict", f"{self.dir}/run", name)["predictions"][0]["top"]
        self.good("export", f"{self.dir}/run", "--to", "onnx", "--out", f"{self.dir}/run.onnx")
        after = self.document("predict", f"{self.dir}/run.onnx", name)["predictions"][0]["top"]
        for old, new in zip(before, after, strict=True):
            self.assertEqual(old["label"], new["label"])
            self.assertAlmostEqual(old["probability"], new["probability"], delta=1e-4)
        for wrong in ("96x", "x64", "96x64x3", "96,64", "16x96"):
            self.refused(2, "E3002", "summary", "mobilenet_v2", "--size", wrong)

    def test_inspect(self):
        got = self.document("inspect", self.data)
        self.assertIn("40", json.dumps(got))
        self.assertIn("bright", self.good("inspect", self.data).out)
        data = shutil.copytree(self.data, f"{self.dir}/data")
        pictures.write(f"{data}/train/dark/empty.png", b"")
        pictures.write(f"{data}/train/dark/page.png", b"<!DOCTYPE html><p>404")
        done = self.graft("inspect", data, "--json")
        self.assertEqual(done.status, 3)
        for name in ("empty.png", "page.png"):
            self.assertIn(name, json.dumps(json.loads(done.out)))
        self.assertIn("graft: error E1120: 2 images", done.err)

    def test_bench(self):
        got = self.document("bench", *SMALL, "--batch", "8", "--steps", "3", "--fine-tune-at", "100", "--threads", "2")
        for key in ("frozen_step_ms", "fine_tune_step_ms", "images_per_second", "gflops", "peak_gflops", "peak_rss_mb"):
            self.assertGreater(got[key], 0, key)


class Refusals(RunTest):
    GRAMMARS = [  # option, value, code, a word of the message or hint: the library's own parser speaks, before anything is opened
        ("optimizer", "adamm", "E3301", "adam, adamw, rmsprop, sgd"), ("optimizer", "Adam", "E3301", "sgd"),
        ("fine-tune-optimizer", "tiger", "E3301", "rmsprop"), ("optimizer", "sgd:beta_1=0.5", "E3302", "momentum"),
        ("optimizer", "sgd:momentum=2", "E3302", "from 0 to 1"), ("optimizer", "sgd:", "E3302", "options"),
        ("optimizer", "adam:amsgrad=yes", "E3302", "0 or 1"), ("on-nan", "skip", "E3303", "skip:N"),
        ("on-nan", "skip:0", "E3303", "skip:N"), ("on-nan", "skip:x", "E3303", "skip:N"), ("on-nan", "go", "E3303", "stop"),
        ("on-nan", "skip:1000000000", "E3303", "999999999"), ("augment", "flop", "E3002", "flip"),
        ("augment", "rotate", "E3002", "rotate"), ("augment", "rotate=0.6", "E3002", "0.5"), ("augment", "flip,", "E3002", "flip"),
        ("augment", "rotate=nan", "E3002", "0.5"), ("augment", "none,flap", "E3002", "flip"),
    ]

    def test_texts_with_a_grammar(self):
        for option, value, code, word in self.GRAMMARS:
            with self.subTest(option=option, value=value):
                more = ["--fine-tune-at", "100"] if option == "fine-tune-optimizer" else []
                self.assertIn(word, self.refused(2, code, "train", "/nowhere", "--out", "r", f"--{option}", value, *more))
        self.assertIn("flip", self.refused(2, "E3002", "bench", "--augment", "flop"))

    def test_an_optimizer_with_options(self):
        self.train("run", "--optimizer", "sgd:momentum=0.9,nesterov=1,weight_decay=1e-4", "--on-nan", "skip:999999999", epochs=1,
                   fine_tune_epochs=0)
        with open(f"{self.dir}/run/config.json") as f:
            config = json.load(f)["train"]
        self.assertEqual((config["optimizer"], config["on_nan"]),
                         ("sgd:momentum=0.9,nesterov=1,weight_decay=1e-4", "skip:999999999"))

    def test_data(self):
        os.mkdir(f"{self.dir}/empty")
        for data in (f"{self.dir}/none", self.weights, f"{self.dir}/empty"):
            done = self.graft(*self.train_arguments("run", data=data), "--json")
            self.assertEqual((done.status, json.loads(done.out)["error"]["status"]), (3, 3), data)
        self.assertFalse(os.path.exists(f"{self.dir}/run/model.safetensors"))

    def test_bad_pictures_are_all_listed_before_training(self):
        data = shutil.copytree(self.data, f"{self.dir}/data")
        with open(f"{data}/train/dark/000.png", "rb") as f:
            good = f.read()
        for name, content in (("empty", b""), ("cut", good[:len(good) // 2]), ("text", b"hello")):
            pictures.write(f"{data}/train/dark/{name}.png", content)
        done = self.graft(*self.train_arguments("run", data=data))
        self.assertEqual(done.status, 3)
        for name in ("empty.png", "cut.png", "text.png"):
            self.assertIn(name, done.err)
        self.assertNotIn("epoch", done.out)
        self.assertEqual(self.graft(*self.train_arguments("run", "--bad-images", "skip", data=data)).status, 3)
        got = self.train("run", "--bad-images", "skip", "--max-bad", "20%", data=data)
        self.assertEqual(got["epochs"], 2)

    def test_weights(self):
        with open(self.weights, "rb") as f:
            cut = pictures.write(f"{self.dir}/cut.h5", f.read(100000))
        for weights in (cut, f"{self.dir}/none.h5", pictures.write(f"{self.dir}/text.h5", b"hello")):
            done = self.graft(*self.train_arguments("run", "--weights", weights))
            self.assertEqual(done.status, 5 if "none" in weights and done.status == 5 else 4, done.err)
        self.assertEqual(self.graft(*self.train_arguments("run", "--alpha", "0.5")).status, 4)
        self.assertFalse(os.path.exists(f"{self.dir}/run"))

    def test_models_and_layers(self):
        self.refused(2, "E3101", *self.train_arguments("run", "--model", "mobilenet_v9"))
        self.refused(2, "E3103", *self.train_arguments("run", "--fine-tune-at", "block_99_add"))
        self.assertFalse(os.path.exists(f"{self.dir}/run"))

    def test_out_that_cannot_be_written(self):  # D3
        pictures.write(f"{self.dir}/file", b"x")
        pictures.write(f"{self.dir}/full/notes.txt", b"x")
        for out in ("file", "full"):
            self.refused(2, "E3006", *self.train_arguments(out))
        done = self.graft(*self.train_arguments("/proc/graft/run"))
        self.assertIn(done.status, (2, 5))
        self.assertNotIn("epoch", done.out)

    def test_runs_that_are_none(self):
        for call in (["resume", "none"], ["eval", "none", self.data], ["predict", "none", "a.png"], ["summary", "./none"]):
            done = self.graft(*call)
            self.assertIn(done.status, (2, 4), call)
            self.assertIn("none", done.err)


class Bits(RunTest):
    """Equal runs, in any number of threads and with any stops between, give equal bits. Augmentation and dropout are on."""

    EPOCHS = {"epochs": 3, "fine_tune_epochs": 3}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reference = f"{cls.shared}/reference"
        test = cls("train")
        begin = time.monotonic()
        subprocess.run([cls.binary, *map(str, test.train_arguments(cls.reference, **cls.EPOCHS))], check=True,
                       capture_output=True, timeout=300)
        cls.seconds = time.monotonic() - begin

    def start(self, out, *more, env=None):
        arguments = [self.binary, *map(str, self.train_arguments(out, *more, **self.EPOCHS))]
        return subprocess.Popen(arguments, cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_twice_and_threads(self):
        for threads in (0, 1, 2, 4):
            self.train(f"{self.dir}/{threads}", "--threads", threads, **self.EPOCHS)
            self.assertEqual(bits(f"{self.dir}/{threads}"), bits(self.reference), threads)

    def test_caches(self):
        for cache in ("memory", "disk", "none"):
            where = ["--cache-dir", f"{self.dir}/cache"] if cache == "disk" else []
            self.train(f"{self.dir}/{cache}", "--cache", cache, *where, **self.EPOCHS)
            self.assertEqual(bits(f"{self.dir}/{cache}"), bits(self.reference), cache)

    def test_another_seed_is_another_run(self):
        self.train("other", "--seed", "8", **self.EPOCHS)
        self.assertNotEqual(bits(f"{self.dir}/other")[0], bits(self.reference)[0])

    def test_stopped_politely_and_resumed(self):  # E4, E5
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)):
            out = f"{self.dir}/{status}-{number}"
            child = self.start(out)
            self.assertIn(b"epoch", child.stdout.readline())
            child.send_signal(number)
            begin = time.monotonic()
            _, err = child.communicate(timeout=60)
            self.assertLess(time.monotonic() - begin, 10)
            self.assertEqual(child.returncode, status, err)
            self.assertIn("resume", err.decode())
            self.good("resume", out)
            self.assertEqual(bits(out), bits(self.reference), number)

    def test_terminated_while_pictures_are_checked(self):  # E4
        data = pictures.data_set(f"{self.dir}/many", train=300, validation=20)
        child = subprocess.Popen([self.binary, *map(str, self.train_arguments("run", data=data, epochs=1000))], cwd=self.dir,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        handles_signals(child.pid)
        time.sleep(0.1)
        child.terminate()
        _, err = child.communicate(timeout=10)
        self.assertEqual(child.returncode, 143, err)

    def test_killed_at_random_moments_and_resumed(self):  # E1
        moments = random.Random(20)
        for i in range(KILLS):
            out = f"{self.dir}/{i}"
            child = self.start(out, "--checkpoint-seconds", "0")
            time.sleep(moments.random() * self.seconds)
            child.kill()
            child.communicate()
            again = self.graft("resume", out, "--threads", moments.choice([1, 2, 4]))
            if again.status:  # killed before it was a run: there is nothing to resume, and it says so
                self.assertEqual(glob.glob(f"{out}/config.json") + glob.glob(f"{out}/checkpoint/ckpt-*.graft"), [], again.err)
                self.assertIn("error E3007", again.err)
                self.train(out, "--force", **self.EPOCHS)
            self.assertEqual(bits(out), bits(self.reference), f"kill {i}")
            shutil.rmtree(out)

    def test_killed_again_and_again(self):  # E1
        out = f"{self.dir}/run"
        child = self.start(out, "--checkpoint-seconds", "0")
        self.assertIn(b"epoch", child.stdout.readline())
        child.kill()
        child.communicate()
        for i in range(4):
            child = subprocess.Popen([self.binary, "resume", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(self.seconds * 0.35)
            child.kill()
            child.wait()
        self.good("resume", out)
        self.assertEqual(bits(out), bits(self.reference))

    def test_a_damaged_checkpoint_is_passed_over(self):  # E18
        out = f"{self.dir}/run"
        child = self.start(out, "--checkpoint-seconds", "0")
        for _ in range(3):
            self.assertIn(b"epoch", child.stdout.readline())
        child.kill()
        child.communicate()
        newest = max((p for p in glob.glob(f"{out}/checkpoint/*") if not p.endswith(".tmp")), key=os.path.getmtime)
        with open(newest, "r+b") as f:
            f.seek(os.path.getsize(newest) // 2)
            byte = f.read(1)[0]
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([byte ^ 16]))
        done = self.good("resume", out)
        self.assertIn("graft: warning: ", done.err)
        self.assertEqual(bits(out), bits(self.reference))

    def test_moved_run_and_data(self):  # E19
        out, data = f"{self.dir}/run", shutil.copytree(self.data, f"{self.dir}/data")
        child = subprocess.Popen([self.binary, *map(str, self.train_arguments(out, data=data, **self.EPOCHS))],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn(b"epoch", child.stdout.readline())
        child.terminate()
        child.communicate(timeout=60)
        os.rename(out, f"{self.dir}/run2")
        os.rename(data, f"{self.dir}/data2")
        self.assertEqual(self.graft("resume", f"{self.dir}/run2").status, 3)
        self.good("resume", f"{self.dir}/run2", "--data", f"{self.dir}/data2")
        self.assertEqual(bits(f"{self.dir}/run2"), bits(self.reference))

    def test_two_runs_on_one_folder(self):  # D7
        out = f"{self.dir}/run"
        child = self.start(out)
        self.assertIn(b"epoch", child.stdout.readline())
        child.send_signal(signal.SIGSTOP)  # it must not end before the second begins
        message = self.refused(2, "E3004", "resume", out)
        self.assertIn(str(child.pid), message)
        child.send_signal(signal.SIGCONT)
        child.terminate()
        child.communicate(timeout=60)


class Faults(RunTest):
    """What goes wrong outside of graft while a run runs."""

    EPOCHS = {"epochs": 3, "fine_tune_epochs": 3}

    def limited(self, out, kind, limit, *more):
        """A run with a limit of the operating system."""
        return subprocess.run([self.binary, *map(str, self.train_arguments(out, *more, **self.EPOCHS))], cwd=self.dir,
                              capture_output=True, text=True, timeout=300,
                              preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)))

    def test_no_file_can_be_large(self):  # E7: the end is reached, but the model cannot be written
        done = self.limited("run", resource.RLIMIT_FSIZE, 32768)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("graft: error E500", done.stderr)
        self.assertFalse(os.path.exists(f"{self.dir}/run/model.safetensors"))

    def test_checkpoints_cannot_be_written(self):  # E7: the run goes on and ends well, as the model itself fits
        done = self.limited("run", resource.RLIMIT_FSIZE, 2 << 20)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("graft: warning: ", done.stderr)
        self.assertEqual(glob.glob(f"{self.dir}/run/checkpoint/*.tmp"), [])
        self.train("free", **self.EPOCHS)
        self.assertEqual(bits(f"{self.dir}/run"), bits(f"{self.dir}/free"))

    def test_few_descriptors(self):  # E17
        done = self.limited("run", resource.RLIMIT_NOFILE, 32, "--threads", "8")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.train("free", **self.EPOCHS)
        self.assertEqual(bits(f"{self.dir}/run"), bits(f"{self.dir}/free"))

    def vanish(self, *more, images=1):
        """A run in which images go away after the first epoch."""
        name = "".join(more) + str(images)
        data = shutil.copytree(self.data, f"{self.dir}/data{name}")
        arguments = self.train_arguments(f"run{name}", "--cache", "none", *more, data=data, epochs=30)
        child = subprocess.Popen([self.binary, *map(str, arguments)], cwd=self.dir, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        self.assertIn("epoch", child.stdout.readline())
        for i in range(images):
            os.remove(f"{data}/train/dark/{3 + i:03d}.png")
        _, err = child.communicate(timeout=120)
        self.assertIn("graft: warning: E1121: train/dark/003.png: ", err)
        return child.returncode, err

    def test_a_picture_vanishes(self):  # A21
        status, err = self.vanish("--bad-images", "skip", "--max-bad", "10%")
        self.assertEqual(status, 0, err)
        status, err = self.vanish()  # 1 % of 40 images: one may go, of a set as small as this too
        self.assertEqual(status, 0, err)
        status, err = self.vanish("--bad-images", "skip", "--max-bad", "0")
        self.assertEqual(status, 3, err)
        self.assertIn("graft: error E1122: ", err)
        status, err = self.vanish(images=2)
        self.assertEqual(status, 3, err)
        self.assertIn("2 of 40 images were lost during the run, at most 1 (1 %) are allowed", err)

    def test_small_stacks(self):
        """ulimit -s of 64 and 32 KiB (the loader of programs itself needs some 20), with a report and a foreign weight file."""
        self.train("free", **self.EPOCHS)
        small = [4 << 20] if os.environ.get("GRAFT_TEST_SLOW") else [64 << 10, 32 << 10]  # sanitizers themselves want more
        for limit in small:
            run = f"run{limit}"
            arguments = [word for word in self.train_arguments(run, **self.EPOCHS) if word != "--no-report"]
            done = subprocess.run([self.binary, *map(str, arguments)], cwd=self.dir, capture_output=True, text=True, timeout=300,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (limit, limit)))
            self.assertEqual(done.returncode, 0, f"{limit}: {done.stderr}")
            self.assertTrue(os.path.exists(f"{self.dir}/{run}/report.html"))
            self.assertEqual(bits(f"{self.dir}/{run}"), bits(f"{self.dir}/free"))

    def test_too_little_memory_is_told_in_numbers(self):  # D5: before anything is taken or written
        done = self.graft("train", self.data, "--size", "1024", "--batch", "4096", "--precision", "f32", "--fine-tune-at", "0",
                          "--epochs", "1", "--fine-tune-epochs", "1", "--out", "run")
        self.assertEqual(done.status, 5, done.err)
        self.assertRegex(done.err, r"error E5001: .* takes \d+ MB more, \d+ MB are free")
        self.assertFalse(os.path.exists(f"{self.dir}/run/config.json"))

    def test_weights_that_are_not_finite(self):  # C26
        self.train("run")
        with open(f"{self.dir}/run/model.safetensors", "rb") as f:
            data = f.read()
        (n,) = struct.unpack("<Q", data[:8])
        header, body = json.loads(data[8:8 + n]), bytearray(data[8 + n:])
        del header["__metadata__"]  # the digest of the tensors is in it
        begin, end = header["Conv_1/kernel"]["data_offsets"]
        body[begin + 8:begin + 16] = struct.pack("<ff", math.nan, math.inf)
        text = json.dumps(header).encode()
        bad = pictures.write(f"{self.dir}/bad.safetensors", struct.pack("<Q", len(text)) + text + bytes(body))
        message = self.refused(4, "E2003", *self.train_arguments("other", "--weights", bad))
        self.assertIn(f"Conv_1/kernel (2 of {(end - begin) // 4})", message)
        self.assertFalse(os.path.exists(f"{self.dir}/other"))
        self.good("features", *SMALL, "--weights", bad, "--allow-nonfinite", "--out", "f.npy", f"{self.data}/train/dark/000.png")


if __name__ == "__main__":
    main()
